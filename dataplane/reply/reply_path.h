// The headers in front of a packet's own IP header, as a reply has to carry them: Ethernet, VLAN
// tags, PPPoE, MPLS, and the tunnels that the decoder entered. Pure functions; worker thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/packet.h"

namespace sluice {

enum class OuterKind : std::uint8_t { ethernet, pppoe, ipv4, ipv6, udp, gre, gtp_u };

/// A header that says where it goes, or how much follows.
struct OuterLayer {
  OuterKind kind;
  std::uint16_t offset;
};

struct ReplyPath {
  static constexpr std::size_t kLayersMax = 16;
  std::array<OuterLayer, kLayersMax> layers;
  std::uint8_t layer_count = 0;
  std::uint16_t bytes = 0;  ///< of all of them: up to the packet's own IP header
  /// MPLS labels and tunnel ids of GTP-U are those of one direction; nobody knows the other's.
  bool has_way_back = true;
};

/// Nothing where a header is not understood well enough to be written again: an 802.3 length, a
/// routing header, a tunnel that numbers its packets.
[[nodiscard]] std::optional<ReplyPath> reply_path_of(const Packet& packet) noexcept;

}  // namespace sluice
