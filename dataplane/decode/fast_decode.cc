// Problem: the general path costs 100 cycles and more, most of it in branches on what a packet could
// be, while the budget of the station is 30. Way: test the few properties that nearly all packets
// share in the order in which their bytes lie, then write every member of the packet once, without
// reading it back. Sums are compared in place where the NIC did not; a wrong one is declined, so that
// only the general path knows what to do about it. Bound: one pass over the headers, no loop but the
// sum. Rejected: writing partial results and continuing in the general path (two sets of half-filled
// members to reason about); a table of header shapes (the branch predictor does this for free).
#include "dataplane/decode/fast_decode.h"

#include <rte_mbuf.h>

#include "base/endian.h"
#include "dataplane/decode/checksum.h"
#include "dataplane/decode/cursor.h"
#include "dataplane/decode/flow_identity.h"
#include "dataplane/decode/transport_rules.h"

namespace sluice {
namespace {

constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::uint16_t kTypeVlan = 0x8100;

/// What layer 2 and 3 said.
struct Outline {
  std::uint32_t l3_offset = 14;
  std::uint32_t l4_offset = 0;
  std::uint32_t l4_bytes = 0;
  std::uint16_t domain = 0;
  std::uint16_t vlan = 0;
  std::uint8_t vlan_count = 0;
  std::uint8_t protocol = 0;
  std::uint8_t ip_version = 0;
};

struct Layer4 {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint16_t window = 0;
  std::uint8_t flags = 0;
  std::uint32_t header_bytes = 8;
  std::uint32_t bytes = 0;   ///< header and payload by the header's own length
  bool has_sum = true;
  bool is_plain = false;
};

/// The most common options by far: two no-operations and a timestamp (RFC 7323 appendix A).
constexpr std::uint32_t kTimestampOption = 0x0101080a;

Layer4 read_tcp(const Cursor& cursor, std::uint32_t l4_bytes) noexcept {
  const auto header = cursor.peek<20>();
  if (!header) return {};
  Layer4 tcp;
  tcp.source_port = header.be16<0>();
  tcp.destination_port = header.be16<2>();
  tcp.sequence = header.be32<4>();
  tcp.acknowledgement = header.be32<8>();
  tcp.flags = header.u8<13>();
  tcp.window = header.be16<14>();
  tcp.bytes = l4_bytes;
  tcp.header_bytes = (header.u8<12>() >> 4) * 4U;
  const auto longer = cursor.peek<24>();
  const bool known_options =
      tcp.header_bytes == 20 ||
      (tcp.header_bytes == 32 && longer && longer.be32<20>() == kTimestampOption);
  tcp.is_plain = known_options && tcp.header_bytes <= l4_bytes &&
                 cursor.has(tcp.header_bytes) && !are_bad_tcp_flags(tcp.flags) &&
                 tcp.source_port != 0 && tcp.destination_port != 0 &&
                 tcp.source_port != kPortBgp && tcp.destination_port != kPortBgp;
  return tcp;
}

/// Ports behind which the general path knows a control protocol or a tunnel, and 0.
bool is_special_udp(std::uint16_t destination) noexcept {
  switch (destination) {
    case 0:
    case 67:
    case 68:
    case 319:
    case 320:
    case 546:
    case 547:
    case 3784:
    case 3785:
    case 4784:
    case kPortVxlan:
    case kPortGeneve:
    case kPortGtpU: return true;
    default: return false;
  }
}

Layer4 read_udp(const Cursor& cursor, std::uint32_t l4_bytes) noexcept {
  const auto header = cursor.peek<8>();
  if (!header) return {};
  Layer4 udp;
  udp.source_port = header.be16<0>();
  udp.destination_port = header.be16<2>();
  udp.bytes = header.be16<4>();
  udp.has_sum = header.be16<6>() != 0;
  udp.is_plain = udp.bytes >= 8 && udp.bytes <= l4_bytes && !is_special_udp(udp.destination_port);
  return udp;
}

SumTask sum_task(const Outline& outline, std::uint32_t bytes) noexcept {
  const bool is_v4 = outline.ip_version == 4;
  return {.source_at = static_cast<std::uint16_t>(outline.l3_offset + (is_v4 ? 12 : 8)),
          .destination_at = static_cast<std::uint16_t>(outline.l3_offset + (is_v4 ? 16 : 24)),
          .l4_offset = static_cast<std::uint16_t>(outline.l4_offset),
          .l4_bytes = static_cast<std::uint16_t>(bytes),
          .protocol = outline.protocol,
          .ip_version = outline.ip_version};
}

bool is_ipv4_sum_right(const Block<20>& header) noexcept {
  const auto first = header.raw<std::uint64_t, 0>();
  const auto second = header.raw<std::uint64_t, 8>();
  const RawSum sum = (first & 0xffffffff) + (first >> 32) + (second & 0xffffffff) + (second >> 32) +
                     header.raw<std::uint32_t, 16>();
  return fold(sum) == 0xffff;
}

bool is_l4_sum_right(const Packet& packet, const PortDecode& port, const Outline& outline,
                     const Layer4& layer4) noexcept {
  if (!layer4.has_sum) return outline.ip_version == 4 || port.checksums != ChecksumMode::verify;
  if (nic_found_l4_right(*packet.mbuf, port.checksums)) return true;
  return judge_sum(packet, sum_task(outline, layer4.bytes)) == SumState::right;
}

void write_packet(Packet& packet, const PortDecode& port, const Outline& outline,
                  const Layer4& layer4) noexcept {
  packet.flow = nullptr;
  packet.l3_offset = static_cast<std::uint16_t>(outline.l3_offset);
  packet.l4_offset = static_cast<std::uint16_t>(outline.l4_offset);
  packet.payload_offset = static_cast<std::uint16_t>(outline.l4_offset + layer4.header_bytes);
  packet.payload_bytes = static_cast<std::uint16_t>(layer4.bytes - layer4.header_bytes);
  packet.l3_bytes =
      static_cast<std::uint16_t>(outline.l4_offset - outline.l3_offset + outline.l4_bytes);
  packet.source_port = layer4.source_port;
  packet.destination_port = layer4.destination_port;
  packet.tcp_sequence = layer4.sequence;
  packet.tcp_acknowledgement = layer4.acknowledgement;
  packet.tcp_window = layer4.window;
  packet.domain = outline.domain;
  packet.ip_version = outline.ip_version;
  packet.protocol = outline.protocol;
  packet.tcp_flags = layer4.flags;
  packet.tunnel_depth = 0;
  packet.vlan_count = outline.vlan_count;
  packet.out_port = port.out_port;
  packet.icmp_type = 0;
  packet.vlan[0] = outline.vlan;
  packet.vlan[1] = 0;
  packet.vlan[2] = 0;
  packet.since_previous = 0;
}

/// Fills `outline` from the IPv4 header at the cursor; false where the general path must look.
bool read_ipv4(const Packet& packet, const PortDecode& port, const Cursor& cursor,
               Outline& outline) noexcept {
  const auto header = cursor.peek<20>();
  if (!header) return false;
  const std::uint32_t total_bytes = header.be16<2>();
  const bool is_whole = (header.be16<6>() & 0x3fff) == 0;
  if (header.u8<0>() != 0x45 || !is_whole || total_bytes < 20 || total_bytes > cursor.left()) {
    return false;
  }
  if (port.checksums != ChecksumMode::trust && !nic_found_ipv4_right(*packet.mbuf) &&
      !is_ipv4_sum_right(header)) {
    return false;
  }
  outline.l4_offset = outline.l3_offset + 20;
  outline.l4_bytes = total_bytes - 20;
  outline.protocol = header.u8<9>();
  outline.ip_version = 4;
  return true;
}

bool read_ipv6(const Cursor& cursor, Outline& outline) noexcept {
  const auto header = cursor.peek<40>();
  if (!header) return false;
  const std::uint32_t l4_bytes = header.be16<4>();
  if (header.u8<0>() >> 4 != 6 || 40 + l4_bytes > cursor.left() || 40 + l4_bytes > 0xffff) {
    return false;
  }
  outline.l4_offset = outline.l3_offset + 40;
  outline.l4_bytes = l4_bytes;
  outline.protocol = header.u8<6>();
  outline.ip_version = 6;
  return true;
}

}  // namespace

FastOutcome fast_decode(Packet& packet, const PortDecode& port) noexcept {
  const rte_mbuf& mbuf = *packet.mbuf;
  const std::uint32_t frame_bytes = packet.wire_bytes;
  // In one segment and captured whole.
  if (packet.bytes_at_hand != frame_bytes || mbuf.pkt_len != frame_bytes) {
    return FastOutcome::declined;
  }
  Cursor cursor(packet.bytes, frame_bytes, frame_bytes);
  const auto link = cursor.peek<18>();
  if (!link) return FastOutcome::declined;
  Outline outline;
  std::uint16_t type = link.be16<12>();
  if (type == kTypeVlan) {
    outline.vlan = link.be16<14>() & 0x0fff;
    outline.vlan_count = 1;
    outline.l3_offset = 18;
    type = link.be16<16>();
  }
  outline.domain = port.vlan_in_key ? domain_with_vlans(port.domain, {outline.vlan, 0, 0})
                                    : port.domain;
  cursor.advance(outline.l3_offset);
  const bool is_v4 = type == kTypeIpv4;
  if (!is_v4 && type != kTypeIpv6) return FastOutcome::declined;
  if (!(is_v4 ? read_ipv4(packet, port, cursor, outline) : read_ipv6(cursor, outline))) {
    return FastOutcome::declined;
  }
  Cursor upper = cursor;
  upper.advance(outline.l4_offset - outline.l3_offset);
  upper.narrow(outline.l4_bytes);
  Layer4 layer4{};
  if (outline.protocol == kProtoTcp) {
    layer4 = read_tcp(upper, outline.l4_bytes);
  } else if (outline.protocol == kProtoUdp) {
    layer4 = read_udp(upper, outline.l4_bytes);
  }
  if (!layer4.is_plain) return FastOutcome::declined;
  packet.flags = kIsIp | kHasPorts;
  if (port.checksums != ChecksumMode::trust && !is_l4_sum_right(packet, port, outline, layer4)) {
    return FastOutcome::declined;
  }
  write_packet(packet, port, outline, layer4);
  if (!is_v4) return FastOutcome::ipv6;
  const auto header = cursor.peek<20>();
  const FlowIdentityV4 flow =
      v4_identity(header.be32<12>(), header.be32<16>(), flow_ports(packet));
  packet.id = flow.id;
  if (flow.source_is_low) packet.flags = kIsIp | kHasPorts | kSourceIsLow;
  return FastOutcome::ipv4;
}

}  // namespace sluice
