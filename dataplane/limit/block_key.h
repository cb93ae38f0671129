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

/// Words of a key of this kind that are not zero always, and hashed.
[[nodiscard]] constexpr std::size_t block_key_words(BlockKeyKind kind) noexcept {
  switch (kind) {
    case BlockKeyKind::source_v6:
      return 3;
    case BlockKeyKind::flow_v6:
      return 5;
    case BlockKeyKind::source_v4:
    case BlockKeyKind::flow_v4:
      break;
  }
  return 2;
}

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

[[nodiscard]] std::uint64_t hash_of(const SipKey& key, const BlockKey& block) noexcept;

}  // namespace sluice
