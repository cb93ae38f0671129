// TCP, UDP, SCTP and what has no ports; which of them are control protocols.
#include "dataplane/decode/layer_walk.h"

namespace sluice {
namespace {

// Multicast or broadcast, by the IP header that the walk has found whole.
bool is_to_group(const Packet& packet) noexcept {
  if (packet.ip_version == 4) return v4_addresses(packet).destination >= 0xe0000000;
  return *v6_addresses(packet).destination == 0xff;
}

}  // namespace

LayerWalk::Step LayerWalk::transport_of(std::uint8_t protocol) noexcept {
  const bool is_v6 = packet_.ip_version == 6;
  packet_.l4_offset = static_cast<std::uint16_t>(cursor_.offset());
  enter_payload(0, cursor_.left());
  switch (protocol) {
    case kProtoTcp:
      return Step::tcp;
    case kProtoUdp:
      return Step::udp;
    case kProtoSctp:
      return Step::sctp;
    case kProtoIcmp:
      return is_v6 ? Step::done : Step::icmp;
    case kProtoIcmpV6:
      return is_v6 ? Step::icmpv6 : Step::done;
    case kProtoIpv4:
      return enter_tunnel(Step::ipv4);
    case kProtoIpv6:
      return enter_tunnel(Step::ipv6);
    case kProtoGre:
      return Step::gre;
    // RFC 2236 section 2 and RFC 5798 section 5.1.1.3 say with which TTL they travel: what does not
    // stay on its link does not get the exemption.
    case kProtoIgmp:
      exempt_if(hop_limit_ == 1);
      break;
    case kProtoVrrp:
      exempt_if(hop_limit_ == 255);
      break;
    case kProtoOspf:
      exempt_if(hop_limit_ == 1);
      break;
    default:
      break;
  }
  return Step::done;
}

void LayerWalk::exempt_if(bool is_control) noexcept {
  // What a tunnel carries was written by whoever sent it: its hop limits prove nothing.
  if (is_control && config_.exempt_control_protocols && depth_ == 0) packet_.set(kControlProtocol);
}

void LayerWalk::enter_ports(std::uint16_t source, std::uint16_t destination) noexcept {
  packet_.source_port = own_.source = source;
  packet_.destination_port = own_.destination = destination;
  packet_.set(kHasPorts);
}

void LayerWalk::enter_payload(std::uint32_t header_bytes, std::uint32_t payload_bytes) noexcept {
  packet_.payload_offset = static_cast<std::uint16_t>(packet_.l4_offset + header_bytes);
  packet_.payload_bytes = static_cast<std::uint16_t>(payload_bytes);
}

LayerWalk::Step LayerWalk::tcp() noexcept {
  const auto header = cursor_.peek<20>();
  if (!header) return short_of(20);
  const std::uint32_t header_bytes = (header.u8<12>() >> 4) * 4U;
  const std::uint16_t source = header.be16<0>();
  const std::uint16_t destination = header.be16<2>();
  if (header_bytes < 20 || header_bytes > cursor_.left() || source == 0 || destination == 0) {
    return refuse(DropReason::bad_l4_header);
  }
  enter_ports(source, destination);
  packet_.tcp_sequence = header.be32<4>();
  packet_.tcp_acknowledgement = header.be32<8>();
  packet_.tcp_flags = header.u8<13>();
  packet_.tcp_window = header.be16<14>();
  enter_payload(header_bytes, cursor_.left() - header_bytes);
  if (are_bad_tcp_flags(packet_.tcp_flags)) return refuse(DropReason::bad_tcp_flags);
  add_sum(kProtoTcp, cursor_.left());
  exempt_if(source == kPortBgp || destination == kPortBgp);
  cursor_.advance(20);
  return tcp_options(header_bytes - 20);
}

/// RFC 9293 section 3.1. Options that the capture lacks are not judged.
LayerWalk::Step LayerWalk::tcp_options(std::uint32_t option_bytes) noexcept {
  if (!cursor_.has(option_bytes)) return short_of(option_bytes);
  Cursor rest = cursor_.slice(0, option_bytes);
  while (const auto kind = rest.peek<1>()) {
    if (kind.u8<0>() == 0) break;  // end of list
    if (kind.u8<0>() == 1) {       // no operation
      rest.advance(1);
      continue;
    }
    const auto option = rest.peek<2>();
    if (!option || option.u8<1>() < 2 || option.u8<1>() > rest.left()) {
      return refuse(DropReason::bad_l4_header);
    }
    rest.advance(option.u8<1>());
  }
  return Step::done;
}

LayerWalk::Step LayerWalk::udp() noexcept {
  const auto header = cursor_.peek<8>();
  if (!header) return short_of(8);
  const std::uint32_t length = header.be16<4>();
  const std::uint16_t source = header.be16<0>();
  const std::uint16_t destination = header.be16<2>();
  if (length < 8 || length > cursor_.left() || destination == 0) {
    return refuse(DropReason::bad_l4_header);
  }
  enter_ports(source, destination);
  enter_payload(8, length - 8);
  if (header.be16<6>() != 0) {
    add_sum(kProtoUdp, length);
  } else if (packet_.ip_version == 6 && port_.checksums == ChecksumMode::verify) {
    return refuse(DropReason::bad_l4_checksum);  // RFC 8200 section 8.1; RFC 6936 allows tunnels
  }
  exempt_if(is_control_udp({source, destination}, {hop_limit_, is_to_group(packet_)}));
  cursor_.advance(8);
  cursor_.narrow(length - 8);
  return udp_tunnel(destination);
}

LayerWalk::Step LayerWalk::sctp() noexcept {
  const auto header = cursor_.peek<12>();
  if (!header) return short_of(12);
  const std::uint16_t source = header.be16<0>();
  const std::uint16_t destination = header.be16<2>();
  // RFC 9260 section 3.1: the port number 0 must not be used.
  if (source == 0 || destination == 0) return refuse(DropReason::bad_l4_header);
  enter_ports(source, destination);
  enter_payload(12, cursor_.left() - 12);
  add_sum(kProtoSctp, cursor_.left());
  return Step::done;
}

}  // namespace sluice
