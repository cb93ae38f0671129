// ICMP and ICMPv6: echoes are flows of their identifier, errors belong to the flow they quote.
#include "dataplane/decode/layer_walk.h"

namespace sluice {
namespace {

enum IcmpType : std::uint8_t {
  kEchoReply = 0,
  kUnreachable = 3,
  kSourceQuench = 4,
  kRedirect = 5,
  kEcho = 8,
  kTimeExceeded = 11,
  kParameterProblem = 12,
  kTimestamp = 13,
  kMaskReply = 18,
};
constexpr std::uint8_t kFragmentationNeeded = 4;

enum IcmpV6Type : std::uint8_t {
  kV6Unreachable = 1,
  kV6PacketTooBig = 2,
  kV6ParameterProblem = 4,
  kV6Echo = 128,
  kV6EchoReply = 129,
  kV6ListenerQuery = 130,
  kV6ListenerDone = 132,
  kV6RouterSolicitation = 133,
  kV6Redirect = 137,
  kV6ListenerReport2 = 143,
};

bool has_identifier(std::uint8_t type) noexcept {
  return type == kEcho || type == kEchoReply || (type >= kTimestamp && type <= kMaskReply);
}

bool is_error(std::uint8_t type) noexcept {
  return (type >= kUnreachable && type <= kRedirect) || type == kTimeExceeded ||
         type == kParameterProblem;
}

}  // namespace

LayerWalk::Step LayerWalk::icmp() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header) return short_of(8);
  const std::uint8_t type = header.u8<0>();
  packet_.icmp_type = type;
  enter_payload(8, cursor_.left() - 8);
  add_sum(kProtoIcmp, cursor_.left());
  cursor_.advance(8);
  if (has_identifier(type)) {
    packet_.source_port = packet_.destination_port = header.be16<4>();
    own_.source = own_.destination = header.be16<4>();
  }
  if (!is_error(type)) return Step::done;
  if (type == kUnreachable && header.u8<1>() == kFragmentationNeeded) packet_.set(kMustPass);
  return quoted_ipv4();
}

LayerWalk::Step LayerWalk::icmpv6() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header) return short_of(8);
  const std::uint8_t type = header.u8<0>();
  packet_.icmp_type = type;
  enter_payload(8, cursor_.left() - 8);
  add_sum(kProtoIcmpV6, cursor_.left());
  cursor_.advance(8);
  if (type == kV6Echo || type == kV6EchoReply) {
    packet_.source_port = packet_.destination_port = header.be16<4>();
    own_.source = own_.destination = header.be16<4>();
  }
  if (type >= kV6RouterSolicitation && type <= kV6Redirect) return neighbor_discovery();
  // RFC 2710 section 3: always with a hop limit of 1.
  exempt_if(hop_limit_ == 1 &&
            ((type >= kV6ListenerQuery && type <= kV6ListenerDone) || type == kV6ListenerReport2));
  if (type < kV6Unreachable || type > kV6ParameterProblem) return Step::done;
  if (type == kV6PacketTooBig) packet_.set(kMustPass);
  return quoted_ipv6();
}

/// RFC 4861: to IPv6 what ARP is to IPv4, as long as it did not cross a router.
LayerWalk::Step LayerWalk::neighbor_discovery() noexcept {
  if (hop_limit_ != 255 || depth_ > 0) return Step::done;
  exempt_if(true);
  if (config_.control_frames == FramePolicy::drop) packet_.drop(DropReason::control_frame_refused);
  return Step::done;
}

// A quote ends where the router cut it, so its length fields are not judged.

LayerWalk::Step LayerWalk::quoted_ipv4() noexcept {
  const auto header = cursor_.peek<20>();
  if (!header) return quote_short_of(20);
  const std::uint32_t header_bytes = (header.u8<0>() & 0x0fU) * 4U;
  if (header.u8<0>() >> 4 != 4 || header_bytes < 20) return refuse(DropReason::bad_l4_header);
  quoted_version_ = 4;
  quoted_l3_offset_ = static_cast<std::uint16_t>(cursor_.offset());
  cursor_.advance(header_bytes);
  const bool is_first = (header.be16<6>() & 0x1fff) == 0;
  return quoted_ports(header.u8<9>(), is_first);
}

LayerWalk::Step LayerWalk::quoted_ipv6() noexcept {
  const auto header = cursor_.peek<40>();
  if (!header) return quote_short_of(40);
  if (header.u8<0>() >> 4 != 6) return refuse(DropReason::bad_l4_header);
  quoted_version_ = 6;
  quoted_l3_offset_ = static_cast<std::uint16_t>(cursor_.offset());
  cursor_.advance(40);
  std::uint8_t next = header.u8<6>();
  bool is_first = true;
  for (unsigned i = 0; i < kExtensionHeadersMax && is_first; ++i) {
    const bool is_option = next == kProtoHopByHop || next == kProtoRouting ||
                           next == kProtoDestination || next == kProtoMobility;
    if (!is_option && next != kProtoFragment && next != kProtoAuth) break;
    const auto extension = cursor_.peek<8>();
    if (!extension) return quote_short_of(8);
    if (next == kProtoFragment) is_first = (extension.be16<2>() & 0xfff8) == 0;
    cursor_.advance(quoted_extension_bytes(next, extension.u8<1>()));
    next = extension.u8<0>();
  }
  return quoted_ports(next, is_first);
}

std::uint32_t LayerWalk::quoted_extension_bytes(std::uint8_t protocol,
                                                std::uint8_t length) noexcept {
  if (protocol == kProtoFragment) return 8;
  return protocol == kProtoAuth ? (length + 2U) * 4U : (length + 1U) * 8U;
}

/// The ports as quoted; `identify` turns the direction around.
LayerWalk::Step LayerWalk::quoted_ports(std::uint8_t protocol, bool is_first) noexcept {
  quoted_ = {.protocol = protocol};
  const bool has_ports = protocol == kProtoTcp || protocol == kProtoUdp || protocol == kProtoSctp;
  const bool is_echo = protocol == kProtoIcmp || protocol == kProtoIcmpV6;
  if (is_first && (has_ports || is_echo)) {
    const auto header = cursor_.peek<8>();  // RFC 792: at least 64 bits of the datagram
    if (!header) return quote_short_of(8);
    const std::uint8_t type = header.u8<0>();
    const bool names_flow =
        protocol == kProtoIcmp ? has_identifier(type) : type == kV6Echo || type == kV6EchoReply;
    if (has_ports) {
      quoted_.source = header.be16<0>();
      quoted_.destination = header.be16<2>();
    } else if (names_flow) {
      quoted_.source = quoted_.destination = header.be16<4>();
    }
    if (protocol == kProtoTcp) packet_.tcp_sequence = header.be32<4>();
  }
  packet_.set(kIcmpError);
  return Step::done;
}

LayerWalk::Step LayerWalk::quote_short_of(std::uint32_t count) noexcept {
  const bool is_cut = cursor_.shortage(count) == Shortage::past_end;
  return is_cut ? refuse(DropReason::bad_l4_header) : short_of(count);
}

}  // namespace sluice
