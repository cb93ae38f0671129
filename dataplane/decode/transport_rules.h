// Protocol numbers, well-known ports and TCP flags as the fast and the general path of the decoder
// judge them alike. Pure functions; worker thread.
#pragma once

#include <cstdint>

#include "dataplane/packet.h"

namespace sluice {

/// IANA protocol numbers that the decoder acts on.
enum IpProtocol : std::uint8_t {
  kProtoHopByHop = 0,
  kProtoIcmp = 1,
  kProtoIgmp = 2,
  kProtoIpv4 = 4,
  kProtoTcp = 6,
  kProtoUdp = 17,
  kProtoIpv6 = 41,
  kProtoRouting = 43,
  kProtoFragment = 44,
  kProtoGre = 47,
  kProtoAuth = 51,
  kProtoIcmpV6 = 58,
  kProtoNone = 59,
  kProtoDestination = 60,
  kProtoOspf = 89,
  kProtoVrrp = 112,
  kProtoSctp = 132,
  kProtoMobility = 135,
  kProtoHip = 139,
  kProtoShim6 = 140,
};

/// UDP destination ports behind which a tunnel may be (RFC 7348, RFC 8926, 3GPP TS 29.281).
enum TunnelPort : std::uint16_t { kPortVxlan = 4789, kPortGeneve = 6081, kPortGtpU = 2152 };

inline constexpr std::uint16_t kPortBgp = 179;

namespace detail {

/// One bit for each value of the six classic flags: SYN with FIN, SYN with RST, none at all.
consteval std::uint64_t bad_tcp_flag_sets() {
  std::uint64_t sets = 1;
  for (unsigned flags = 1; flags < 64; ++flags) {
    const bool has_syn = (flags & kSyn) != 0;
    if (has_syn && (flags & (kFin | kRst)) != 0) sets |= std::uint64_t{1} << flags;
  }
  return sets;
}

}  // namespace detail

[[nodiscard]] constexpr bool are_bad_tcp_flags(std::uint8_t flags) noexcept {
  return (detail::bad_tcp_flag_sets() >> (flags & 0x3f) & 1) != 0;
}

struct PortPair {
  std::uint16_t source;
  std::uint16_t destination;
};

/// How far a datagram has come, as far as it can prove that.
struct Reach {
  std::uint8_t hop_limit;
  bool is_group;  ///< to a multicast or broadcast address
};

/// DHCP and DHCPv6 on their link, PTP that stays on it, and single-hop BFD (RFC 5881 section 5).
/// What anybody could send from afar is not exempt.
[[nodiscard]] constexpr bool is_control_udp(PortPair ports, Reach reach) noexcept {
  switch (ports.destination) {
    case 67:
    case 68:
      return reach.is_group && (ports.source == 67 || ports.source == 68);
    case 546:
    case 547:
      return reach.is_group && (ports.source == 546 || ports.source == 547);
    case 319:
    case 320:
      return reach.hop_limit == 1;
    case 3784:
    case 3785:
      return reach.hop_limit == 255;
    default:
      return false;
  }
}

}  // namespace sluice
