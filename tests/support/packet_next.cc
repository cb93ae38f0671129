// The numbers by which a header names the one behind it.
#include "tests/support/frame_bytes.h"
#include "tests/support/packet_builder.h"

namespace sluice::test {

std::uint16_t PacketBuilder::ether_type_behind(std::size_t index) const {
  if (index + 1 >= headers_.size()) return 0x0800;
  switch (headers_[index + 1].kind) {
    case Kind::eth:
      return 0x6558;
    case Kind::vlan:
      return 0x8100;
    case Kind::mpls:
      return 0x8847;
    case Kind::pppoe:
      return 0x8864;
    case Kind::arp:
      return 0x0806;
    case Kind::ipv6:
      return 0x86dd;
    default:
      return 0x0800;
  }
}

std::uint8_t PacketBuilder::protocol_behind(std::size_t index) const {
  if (index + 1 >= headers_.size()) return 59;
  switch (headers_[index + 1].kind) {
    case Kind::ipv4:
      return 4;
    case Kind::ipv6:
      return 41;
    case Kind::hop_by_hop:
      return 0;
    case Kind::routing:
      return 43;
    case Kind::fragment:
      return 44;
    case Kind::auth:
      return 51;
    case Kind::destination:
      return 60;
    case Kind::mobility:
      return 135;
    case Kind::tcp:
      return 6;
    case Kind::udp:
      return 17;
    case Kind::icmp:
      return 1;
    case Kind::icmpv6:
      return 58;
    case Kind::sctp:
      return 132;
    case Kind::gre:
      return 47;
    default:
      return 253;  // RFC 3692 experiments
  }
}

void PacketBuilder::write_next(std::size_t index, Bytes& header) const {
  const Header& spec = headers_[index];
  const auto ether_type = spec.next.value_or(ether_type_behind(index));
  const auto protocol = static_cast<std::uint8_t>(spec.next.value_or(protocol_behind(index)));
  switch (spec.kind) {
    case Kind::eth:
      put16(header, 12, ether_type);
      break;
    case Kind::vlan:
      put16(header, 2, ether_type);
      break;
    case Kind::snap:
      put16(header, 3, ether_type);
      break;
    case Kind::gre:
      put16(header, 2, ether_type);
      break;
    case Kind::geneve:
      put16(header, 2, ether_type);
      break;
    case Kind::pppoe:
      put16(header, 6, spec.next.value_or(ether_type_behind(index) == 0x86dd ? 0x0057 : 0x0021));
      break;
    case Kind::ipv4:
      header.at(9) = protocol;
      break;
    case Kind::ipv6:
      header.at(6) = protocol;
      break;
    case Kind::hop_by_hop:
    case Kind::destination:
    case Kind::mobility:
    case Kind::routing:
    case Kind::fragment:
    case Kind::auth:
      header.at(0) = protocol;
      break;
    default:
      break;
  }
}

}  // namespace sluice::test
