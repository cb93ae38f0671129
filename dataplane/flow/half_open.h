// SYNs that were not answered yet: a small table of its own, so that a flood of them never costs a
// flow. Entries are of one direction of a flow key, because both sides may open at once, and of one
// sequence number: which of several SYNs arrived is for the other side's answer to tell. Worker
// only.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/memory_arena.h"
#include "dataplane/packet.h"

namespace sluice {

/// A free entry has no packets. `hash` is the keyed hash of the flow and stands for its key.
struct HalfOpen {
  std::uint64_t hash;
  TimeNs first_seen;
  std::uint32_t sequence;  ///< of the SYN
  std::uint32_t packet_number;
  std::uint32_t bytes : 24;   ///< of all its SYNs, saturating
  std::uint32_t packets : 8;  ///< saturating
  std::uint16_t last_after;   ///< last SYN, in coarse units after first_seen, saturating
  std::uint16_t in_port : 5;
  std::uint16_t window_scale : 4;  ///< kScaleNotOffered and kScaleUnknown of tcp_state.h included
  std::uint16_t is_scale_known : 1;
  std::uint16_t source_is_low : 1;
  std::uint16_t has_data : 1;
  std::uint16_t is_reset : 1;       ///< a reset spoke of it: it stands where no other needs room
  std::uint16_t has_displaced : 1;  ///< a SYN of the direction had to go for another one
};
static_assert(sizeof(HalfOpen) == 32 && std::is_trivially_copyable_v<HalfOpen>);

struct HalfOpenCounters {
  std::uint64_t created = 0;
  std::uint64_t completed = 0;  ///< became flows
  std::uint64_t refused = 0;    ///< answered by a reset
  std::uint64_t expired = 0;    ///< never answered
  std::uint64_t evicted = 0;    ///< made room for a newer one
  std::uint64_t active = 0;
};

class HalfOpenTable {
 public:
  HalfOpenTable() = default;
  [[nodiscard]] static Result<HalfOpenTable> create(std::uint32_t entries, MemoryArena& arena);

  void prefetch(std::uint64_t hash) const noexcept;

  /// Files a SYN, or counts it to the entry of the same SYN. A full place gives up its oldest
  /// entry; true if that was another flow's. Of a direction kSynsMax are kept, the newest ones.
  bool note(const Packet& syn, DurationNs timeout) noexcept;

  /// The SYN of that direction that `number` goes on from, or null. Valid until the next call that
  /// changes the table.
  [[nodiscard]] HalfOpen* find(const Packet& packet, bool source_is_low, std::uint32_t number,
                               DurationNs timeout) noexcept;
  /// True if a SYN of that direction had to go for others, so that `find` may miss it.
  [[nodiscard]] bool has_displaced(const Packet& packet, bool source_is_low,
                                   DurationNs timeout) const noexcept;
  void complete(HalfOpen& entry) noexcept;
  /// It stays in mind: who does not see the other side's packets can reset it too.
  void refuse(HalfOpen& entry) noexcept;

  /// Frees what has expired among the next `budget` entries.
  void sweep(TimeNs now, DurationNs timeout, std::uint32_t budget) noexcept;

  [[nodiscard]] const HalfOpenCounters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::uint32_t kWays = 4;
  static constexpr std::uint32_t kSynsMax = 4;  ///< of the eight entries that a hash can have
  struct alignas(128) Place {
    std::array<HalfOpen, kWays> entries;
  };
  using Places = std::array<std::uint32_t, 2>;

  [[nodiscard]] Places places_of(std::uint64_t hash) const noexcept;
  [[nodiscard]] HalfOpen& entry_for(const Packet& syn) noexcept;
  void note_displaced(const Packet& syn) noexcept;

  std::span<Place> places_;
  std::uint32_t hand_ = 0;  ///< next place to be swept
  HalfOpenCounters counters_;
};

}  // namespace sluice
