// Tunnels. GRE, IP in IP and 6in4 have protocol numbers of their own: what is malformed there is
// refused. VXLAN, Geneve and GTP-U have only a UDP port, which any client may have been given as
// its ephemeral port (a DNS answer may well go to port 4789), so a port alone proves nothing.
//
// The rule: a datagram to such a port is a tunnel when the fixed part of its header is what the
// specification has senders write (version, flags, reserved bits, a payload type that can be
// entered, and for GTP-U the length). Of random datagrams less than one in 2^20 look like that, and
// a datagram that does not is refused or not understood by the common tunnel end points, Linux
// among them, so that it hides nothing from sluice. It stays an ordinary UDP packet of its own
// flow. Past the fixed part there is no doubt left: options or extensions that contradict it, and
// every fault of the inner packet, are refused like any other.
//
// References: RFC 2784 and 2890 (GRE), RFC 7348 (VXLAN), RFC 8926 (Geneve), 3GPP TS 29.281 (GTP-U).
#include "dataplane/decode/layer_walk.h"

namespace sluice {
namespace {

constexpr std::uint16_t kInnerIpv4 = 0x0800;
constexpr std::uint16_t kInnerIpv6 = 0x86dd;
constexpr std::uint16_t kInnerEthernet = 0x6558;
constexpr std::uint16_t kInnerMpls = 0x8847;

constexpr std::uint16_t kGreChecksum = 0x8000;
constexpr std::uint16_t kGreKey = 0x2000;
constexpr std::uint16_t kGreSequence = 0x1000;
constexpr std::uint16_t kGreMustBeZero = 0x4c00;  // RFC 2784 section 2.3, less key and sequence
constexpr std::uint16_t kGreVersion = 0x0007;

constexpr std::uint8_t kVxlanValid = 0x08;
constexpr std::uint8_t kVxlanGroupPolicy = 0x88;  // Linux writes the group into reserved bytes

constexpr std::uint8_t kGtpUserData = 0xff;
constexpr std::uint8_t kGtpFixed = 0xf8;  // version 1, protocol type GTP, reserved bit 0
constexpr std::uint8_t kGtpOptional = 0x07;
constexpr std::uint8_t kGtpExtended = 0x04;

}  // namespace

LayerWalk::Step LayerWalk::enter_tunnel(Step inner) noexcept {
  if (config_.tunnel_key == TunnelKey::outer) return Step::done;
  if (depth_ >= config_.tunnel_depth || depth_ >= kTunnelDepthMax) {
    return refuse(DropReason::tunnel_too_deep);
  }
  ++depth_;
  vlan_tags_ = 0;
  return inner;
}

/// A payload type that sluice does not read ends the walk at the tunnel's own packet.
LayerWalk::Step LayerWalk::inner_of(std::uint16_t ether_type) noexcept {
  switch (ether_type) {
    case kInnerIpv4:
      return enter_tunnel(Step::ipv4);
    case kInnerIpv6:
      return enter_tunnel(Step::ipv6);
    case kInnerEthernet:
      return enter_tunnel(Step::ethernet);
    case kInnerMpls:
      return enter_tunnel(Step::mpls);
    default:
      return Step::done;
  }
}

// Version 1 is PPTP's (RFC 2637): it carries PPP, which may be compressed, and is not entered.
LayerWalk::Step LayerWalk::gre() noexcept {
  const auto header = cursor_.peek<4>();
  if (!header) return short_of(4);
  const std::uint16_t flags = header.be16<0>();
  const unsigned version = flags & kGreVersion;
  if (version == 1) return Step::done;
  if (version > 1 || (flags & kGreMustBeZero) != 0) return refuse(DropReason::bad_tunnel_header);
  const bool has_sum = (flags & kGreChecksum) != 0;
  const std::uint32_t header_bytes = 4U + (has_sum ? 4U : 0U) + ((flags & kGreKey) != 0 ? 4U : 0U) +
                                     ((flags & kGreSequence) != 0 ? 4U : 0U);
  if (!cursor_.has(header_bytes)) return short_of(header_bytes);
  if (has_sum) add_sum(kProtoGre, cursor_.left());
  enter_payload(header_bytes, cursor_.left() - header_bytes);
  cursor_.advance(header_bytes);
  return inner_of(header.be16<2>());
}

/// The cursor stands at the UDP payload.
LayerWalk::Step LayerWalk::udp_tunnel(std::uint16_t destination_port) noexcept {
  if (config_.tunnel_key == TunnelKey::outer) return Step::done;
  switch (destination_port) {
    case kPortVxlan:
      return vxlan();
    case kPortGeneve:
      return geneve();
    case kPortGtpU:
      return gtp_u();
    default:
      return Step::done;
  }
}

LayerWalk::Step LayerWalk::vxlan() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header || header.u8<7>() != 0) return Step::done;
  const std::uint8_t flags = header.u8<0>();
  const bool is_plain = flags == kVxlanValid && (header.be32<0>() & 0xffffff) == 0;
  if (!is_plain && flags != kVxlanGroupPolicy) return Step::done;
  cursor_.advance(8);
  return enter_tunnel(Step::ethernet);
}

LayerWalk::Step LayerWalk::geneve() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header || header.u8<7>() != 0) return Step::done;
  const std::uint16_t type = header.be16<2>();
  const bool can_enter = type == kInnerEthernet || type == kInnerIpv4 || type == kInnerIpv6;
  // Version 0, and six reserved bits behind the two flags.
  if (header.u8<0>() >> 6 != 0 || (header.u8<1>() & 0x3f) != 0 || !can_enter) return Step::done;
  const std::uint32_t option_bytes = (header.u8<0>() & 0x3fU) * 4U;
  cursor_.advance(8);
  if (option_bytes > cursor_.left()) return refuse(DropReason::bad_tunnel_header);
  if (!cursor_.has(option_bytes)) return short_of(option_bytes);
  Cursor rest = cursor_.slice(0, option_bytes);
  while (const auto option = rest.peek<4>()) {
    const std::uint32_t length = 4U + (option.u8<3>() & 0x1fU) * 4U;
    if (length > rest.left()) return refuse(DropReason::bad_tunnel_header);
    rest.advance(length);
  }
  cursor_.advance(option_bytes);
  return inner_of(type);
}

LayerWalk::Step LayerWalk::gtp_u() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header) return Step::done;
  const std::uint8_t flags = header.u8<0>();
  const bool is_user_data = (flags & kGtpFixed) == 0x30 && header.u8<1>() == kGtpUserData;
  if (!is_user_data || header.be16<2>() + 8U != cursor_.left()) return Step::done;
  cursor_.advance(8);
  if ((flags & kGtpOptional) != 0) {
    // Sequence, N-PDU number and next type stand together as soon as one of them is used.
    const auto optional = cursor_.peek<4>();
    if (!optional) return cursor_.left() < 4 ? refuse(DropReason::bad_tunnel_header) : short_of(4);
    cursor_.advance(4);
    const std::uint8_t next = (flags & kGtpExtended) != 0 ? optional.u8<3>() : std::uint8_t{0};
    if (gtp_extensions(next) == Step::done) return Step::done;
  }
  const auto first = cursor_.peek<1>();
  if (!first) return Step::done;
  const unsigned version = first.u8<0>() >> 4;
  if (version == 4) return enter_tunnel(Step::ipv4);
  return version == 6 ? enter_tunnel(Step::ipv6) : Step::done;  // else Ethernet or unstructured
}

/// TS 29.281 section 5.2.1: length in fours at the front, the type of the next at the back.
LayerWalk::Step LayerWalk::gtp_extensions(std::uint8_t type) noexcept {
  for (unsigned i = 0; type != 0; ++i) {
    if (i == kTunnelExtensionsMax) return refuse(DropReason::too_many_headers);
    const auto first = cursor_.peek<4>();
    if (!first && cursor_.left() >= 4) return short_of(4);
    const std::uint32_t bytes = first ? first.u8<0>() * 4U : 0U;
    if (bytes == 0 || bytes > cursor_.left()) return refuse(DropReason::bad_tunnel_header);
    const auto last = cursor_.slice(bytes - 1, 1).peek<1>();
    if (!last) return short_of(bytes);
    type = last.u8<0>();
    cursor_.advance(bytes);
  }
  return Step::ipv4;
}

}  // namespace sluice
