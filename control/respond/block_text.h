// What a block denies, as operators write it and as it is kept: a source address or prefix, or both
// ends of a flow in canonical order. Values and text only; control thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "dataplane/requests.h"

namespace sluice {

/// A source is `low` and `length`, and the rest is zero. A flow has no `length`; where its protocol
/// has no ports they are zero.
struct BlockTarget {
  std::array<std::uint8_t, 16> low{};
  std::array<std::uint8_t, 16> high{};
  std::uint16_t low_port = 0;
  std::uint16_t high_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t version = 4;
  BlockKind kind = BlockKind::source;
  std::uint8_t length = 0;
  friend constexpr bool operator==(const BlockTarget&, const BlockTarget&) noexcept = default;
};
static_assert(sizeof(BlockTarget) == 40 && std::has_unique_object_representations_v<BlockTarget>);

/// Shorter prefixes would deny a large part of everybody.
inline constexpr unsigned kBlockLengthMinV4 = 8;
inline constexpr unsigned kBlockLengthMinV6 = 16;

/// "192.0.2.1", "2001:db8::/32", "tcp 192.0.2.1:80 198.51.100.2:4242" (udp and sctp likewise, IPv6
/// as "[2001:db8::1]:80"), "icmp 192.0.2.1 198.51.100.2". The ends of a flow stand in any order.
[[nodiscard]] Result<BlockTarget> parse_block_target(std::string_view text);
/// Text that parses to the same target.
[[nodiscard]] std::string to_string(const BlockTarget& target);
/// Whether parsing could have made it; for bytes that come from a file.
[[nodiscard]] bool is_well_formed(const BlockTarget& target) noexcept;

/// The prefix of a source.
[[nodiscard]] IpPrefix source_of(const BlockTarget& target) noexcept;
/// The ends of a flow.
[[nodiscard]] IpAddress low_end_of(const BlockTarget& target) noexcept;
[[nodiscard]] IpAddress high_end_of(const BlockTarget& target) noexcept;
/// An address that is blocked, or an end of the flow, lies in `prefix`.
[[nodiscard]] bool touches(const BlockTarget& target, const IpPrefix& prefix) noexcept;
/// As the wire process is told of it.
[[nodiscard]] BlockEntry block_entry(const BlockTarget& target, std::uint64_t id,
                                     TimeNs until) noexcept;

}  // namespace sluice
