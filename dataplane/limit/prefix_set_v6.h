// A set of IPv6 prefixes that answers "is this address covered by any of them" for a whole burst.
// Built once with a policy, then immutable: read by all workers at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/endian.h"
#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/limit/v6_filter.h"
#include "dataplane/memory_arena.h"

namespace sluice {

[[nodiscard]] inline V6Address v6_address(const std::uint8_t* sixteen_bytes) noexcept {
  return {load_be64(sixteen_bytes), load_be64(sixteen_bytes + 8)};
}
[[nodiscard]] V6Address v6_mask(unsigned length) noexcept;

struct V6Prefix {
  V6Address address;  ///< bits behind the length are zero
  std::uint8_t length;
  friend constexpr auto operator<=>(const V6Prefix&, const V6Prefix&) noexcept = default;
};

class PrefixSetV6 {
 public:
  PrefixSetV6() = default;
  /// `prefixes` may repeat and cover each other; the memory is the arena's. Fails (limit) where
  /// there is not so much memory.
  [[nodiscard]] static Result<PrefixSetV6> build(std::vector<V6Prefix> prefixes, const SipKey& key,
                                                 MemoryArena& arena);

  /// Bit i of the answer: `addresses[i]` is covered. At most `kV6BatchMax` addresses; each costs
  /// one filter word per length in use, and a table line only where the filter says so.
  [[nodiscard]] std::uint32_t covers(std::span<const V6Address> addresses) const noexcept;

  [[nodiscard]] bool is_empty() const noexcept { return lengths_.empty(); }
  /// Prefixes left after those that another covers were taken out.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  /// Slots of one length, in buckets of a cache line. Free slots repeat a member, so that there is
  /// no empty value to confuse with a key.
  struct Length {
    V6Address mask;
    std::uint64_t key_high;
    std::uint64_t key_low;
    std::uint64_t buckets;
    const std::uint64_t* slots;  ///< 8 words a bucket: 8 upper halves, or 4 addresses
    std::uint8_t bits;
    bool is_long;  ///< more than 64 bits: both halves are compared
  };
  /// What the filter let through.
  struct Candidate {
    const Length* length;
    std::uint32_t place;
    std::uint64_t hash;
  };
  class Builder;
  static constexpr std::size_t kChunk = 8;

  [[nodiscard]] static std::uint64_t hash_of(const Length& length,
                                             const V6Address& address) noexcept;
  [[nodiscard]] static bool stands_in(const Length& length, std::uint64_t bucket,
                                      const V6Address& key) noexcept;
  [[nodiscard]] static bool contains(const Length& length, const V6Address& address,
                                     std::uint64_t hash) noexcept;
  [[nodiscard]] std::uint32_t covers_by(std::span<const Length> lengths,
                                        std::span<const V6Address> addresses,
                                        const V6Filter::Batch& batch,
                                        std::uint32_t wanted) const noexcept;

  std::vector<Length> lengths_;  ///< most members first
  V6Filter filter_;
  std::size_t size_ = 0;
};

}  // namespace sluice
