// The small filter in front of the tables of IPv6 prefixes: says "surely not" of most addresses,
// for a whole batch at once and without touching a table. Built with a `PrefixSetV6`, then
// immutable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/memory_arena.h"

namespace sluice {

/// An IPv6 address as two numbers.
struct V6Address {
  std::uint64_t high;
  std::uint64_t low;
  friend constexpr auto operator<=>(const V6Address&, const V6Address&) noexcept = default;
};

inline constexpr std::size_t kV6BatchMax = 32;

/// Words to ask an arena for: large tables are whole huge pages, which the kernel gives only to
/// mappings of their size.
[[nodiscard]] constexpr std::size_t whole_pages(std::size_t words) noexcept {
  constexpr std::size_t kHugePageWords = (2U << 20) / sizeof(std::uint64_t);
  if (words < kHugePageWords / 2) return words;
  return (words + kHugePageWords - 1) / kHugePageWords * kHugePageWords;
}

class V6Filter {
 public:
  using Row = std::array<std::uint64_t, kV6BatchMax>;
  /// Addresses prepared for the filter that made it.
  struct Batch {
    alignas(32) std::array<Row, 4> words;  ///< of 32 bits, the first ones first
    alignas(32) std::array<Row, 4> sums;   ///< hashes of all words before
    std::size_t count;
  };
  /// Where to look for a batch's prefixes of one length, and for which bits.
  struct Probes {
    alignas(32) Row places;
    alignas(32) Row spreads;
  };

  V6Filter() = default;
  /// For `prefixes` prefixes; the memory is the arena's.
  [[nodiscard]] static Result<V6Filter> create(std::size_t prefixes, const SipKey& key,
                                               MemoryArena& arena);
  /// Only while it is built. Bits behind the length are zero.
  void add(const V6Address& address, unsigned length) noexcept;

  void prepare(std::span<const V6Address> addresses, Batch& batch) const noexcept;
  /// The lines that `may_cover` will read are on their way after it.
  void aim(const Batch& batch, unsigned length, Probes& probes) const noexcept;
  /// Bit i: a prefix of the probes' length that covers address i may have been added; without it
  /// none was, with it one was in all but about one case of a hundred.
  [[nodiscard]] std::uint32_t may_cover(const Probes& probes, std::size_t count) const noexcept;

 private:
  void prefetch(const Probes& probes, std::size_t count) const noexcept;

  std::span<std::uint64_t> bits_;
  std::array<std::uint32_t, 4> keys_{};       ///< odd
  std::array<std::uint64_t, 129> addends_{};  ///< by length
};

}  // namespace sluice
