// What a block is filed under: a masked source address, or a five-tuple in canonical order without
// its tracking domain. The keeper makes keys of blocks, workers make the same words of packets.
#pragma once

#include <array>
#include <cstdint>

#include "base/siphash.h"
#include "dataplane/requests.h"

namespace sluice {

enum class BlockKeyKind : std::uint8_t { source_v4 = 1, source_v6, flow_v4, flow_v6 };

/// No two keys of any kinds have the same words. Sources: the address (IPv4 as one number, IPv6 as
/// two) and `source_tail`. IPv4 flows: both words of their FlowId. IPv6 flows: the five words of
/// their FlowKey.
struct BlockKey {
  std::array<std::uint64_t, 5> words{};
  BlockKeyKind kind = BlockKeyKind::source_v4;
  std::uint8_t length = 0;  ///< of a source's prefix
};

[[nodiscard]] constexpr std::uint64_t source_tail(BlockKeyKind kind, unsigned length) noexcept {
  return static_cast<std::uint64_t>(kind) | std::uint64_t{length} << 8;
}

/// Flows of other protocols are blocked whatever stands where ports would: an echo's identifier.
[[nodiscard]] constexpr bool has_block_ports(std::uint8_t protocol) noexcept {
  return protocol == 6 || protocol == 17 || protocol == 132;
}

/// An IPv4 flow id without what does not belong to a block's key: its domain, and the identifier of
/// an echo.
[[nodiscard]] constexpr std::array<std::uint64_t, 2> flow_words_v4(std::uint64_t lo,
                                                                   std::uint64_t hi) noexcept {
  const bool has_ports = has_block_ports(static_cast<std::uint8_t>(hi >> 8));
  return {lo, hi & (has_ports ? 0xffffffff'0000ffff : 0xffff)};
}

/// The entry's prefix has no bits behind its length; low and high may stand in any order.
[[nodiscard]] BlockKey block_key(const BlockEntry& entry) noexcept;

/// Random numbers made of a key, however few of its bits are set, to hash sources with: two keyed
/// multiplications, the halves of each product folded. Half the price of SipHash; who gets
/// addresses blocked does not learn the numbers, and what stands in a table is compared in full.
class SourceHash {
 public:
  SourceHash() = default;
  explicit SourceHash(const SipKey& key) noexcept
      : first_(siphash13(key, std::array<std::uint64_t, 1>{1})),
        second_(siphash13(key, std::array<std::uint64_t, 1>{2})),
        factor_(siphash13(key, std::array<std::uint64_t, 1>{3}) | 1) {}

  /// Of a masked address.
  [[nodiscard]] std::uint64_t v4(std::uint64_t address, unsigned length) const noexcept {
    return fold(fold((address << 8 | length) ^ first_, factor_), factor_);
  }
  [[nodiscard]] std::uint64_t v6(std::uint64_t high, std::uint64_t low) const noexcept {
    return fold(fold(high ^ first_, low ^ second_) ^ high, factor_);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  [[nodiscard]] static std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
  }

  std::uint64_t first_ = 0;
  std::uint64_t second_ = 0;
  std::uint64_t factor_ = 1;
};

/// SipHash of a flow's key.
[[nodiscard]] std::uint64_t hash_flow(const SipKey& key, const BlockKey& block) noexcept;

}  // namespace sluice
