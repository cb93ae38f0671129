// Where one worker keeps what it knows of a source: a host, or a prefix of configured length,
// within a tracking domain. Bounded, taken at start, never grown. Owning worker only.
//
// 64 bytes of meter per source today; counters of later detectors share the index of the same slot.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/clock.h"
#include "base/endian.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/flow/flow.h"
#include "dataplane/limit/compiled_limits.h"
#include "dataplane/limit/token_bucket.h"
#include "dataplane/memory_arena.h"
#include "dataplane/packet.h"

namespace sluice {

/// Exact identity of a source; IPv4 in the lower half of `low`.
struct SourceKey {
  std::uint64_t high;
  std::uint64_t low;
  std::uint32_t realm;  ///< tracking domain and IP version; 0 = nobody
  friend constexpr bool operator==(const SourceKey&, const SourceKey&) noexcept = default;
};

/// The prefix that a source stands for.
[[nodiscard]] IpPrefix prefix_of(const SourceKey& source, const CompiledLimits& limits) noexcept;

/// Who sent the packet. Only where ip_version is 4 or 6.
[[nodiscard]] inline SourceKey source_of(const Packet& packet,
                                         const CompiledLimits& limits) noexcept {
  const std::uint32_t realm = std::uint32_t{packet.domain} << 8 | packet.ip_version;
  if (packet.ip_version == 4) {
    return {0, v4_addresses(packet).source & limits.source_mask_v4, realm};
  }
  const V6Pair pair = v6_addresses(packet);
  return {load_be64(pair.source) & limits.source_mask_v6_high,
          load_be64(pair.source + 8) & limits.source_mask_v6_low, realm};
}
/// Never 0.
[[nodiscard]] std::uint64_t source_hash(const SipKey& key, const SourceKey& source) noexcept;

/// `level`: by token_bucket.h as of `stamp`, where this worker alone limits; scaled tokens in hand,
/// where meters are shared and leased from; zero where shared meters are asked for every packet.
struct alignas(64) SourceEntry {
  std::uint64_t high;
  std::uint64_t low;
  std::uint32_t realm;
  std::uint32_t meter;  ///< slot in SharedMeters, or kNoSlot; to be checked by `hash`
  std::uint64_t hash;
  TimeNs stamp;  ///< last packet
  TokenPair level;
  std::uint32_t refused_ns;  ///< leased: so long from `stamp` the shared bucket has nothing
  std::uint32_t refused;     ///< packets over the limit; stays at its largest value

  [[nodiscard]] bool is(const SourceKey& key) const noexcept {
    return low == key.low && high == key.high && realm == key.realm;
  }
  [[nodiscard]] bool is_free() const noexcept { return realm == 0; }
  void note_refused(std::uint32_t packets) noexcept {
    refused = packets > ~refused ? ~0U : refused + packets;
  }
};
static_assert(sizeof(SourceEntry) == 64 && std::is_trivially_copyable_v<SourceEntry>);

class SourceTable {
 public:
  static constexpr std::uint32_t kWays = 16;

  struct Found {
    std::uint32_t slot;
    bool evicted;  ///< a source that was not idle long enough lost its place
  };

  SourceTable() = default;
  /// At least `capacity` entries, rounded up to sets of 16 of which there is a power of two.
  [[nodiscard]] static Result<SourceTable> create(std::uint32_t capacity, MemoryArena& arena);

  [[nodiscard]] SourceEntry& at(std::uint32_t slot) noexcept { return entries_[slot]; }
  [[nodiscard]] const SourceEntry& at(std::uint32_t slot) const noexcept { return entries_[slot]; }
  /// Slots kept elsewhere may be stale: whoever stands there now is compared.
  [[nodiscard]] bool holds(std::uint32_t slot, const SourceKey& key) const noexcept {
    return slot < entries_.size() && entries_[slot].is(key);
  }
  void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&tags_[set_of(hash)]); }
  void prefetch_slot(std::uint32_t slot) const noexcept {
    if (slot < entries_.size()) __builtin_prefetch(&entries_[slot], 0, 2);
  }

  /// The slot where the source most likely stands, or kNoSlot where it does not stand anywhere.
  [[nodiscard]] std::uint32_t guess(std::uint64_t hash) const noexcept;

  /// Always finds a place: in a full set the source that was silent longest makes room. Silent for
  /// `forget_after`, it lost nothing by that. A new entry has zero levels, no meter and stamp
  /// `now`.
  [[nodiscard]] Found find_or_create(const SourceKey& key, std::uint64_t hash, TimeNs now,
                                     DurationNs forget_after) noexcept;
  void release(std::uint32_t slot) noexcept;

  [[nodiscard]] std::uint32_t capacity() const noexcept {
    return static_cast<std::uint32_t>(entries_.size());
  }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

 private:
  struct alignas(32) Tags {
    std::array<std::uint16_t, kWays> of_way;  ///< 0 = free
  };
  [[nodiscard]] std::size_t set_of(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>(hash) & (tags_.size() - 1);
  }
  [[nodiscard]] Found take_place(std::size_t set, TimeNs now, DurationNs forget_after) noexcept;

  std::span<Tags> tags_;
  std::span<SourceEntry> entries_;
  std::uint32_t size_ = 0;
};

}  // namespace sluice
