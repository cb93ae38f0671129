// The straight path of the decoder for nearly all packets: Ethernet with at most one VLAN tag, IPv4
// without options or IPv6 without extensions, TCP or UDP outside of tunnels, in one segment,
// nothing wrong. It declines whatever is not that, and the general path (layer_walk.h) starts anew;
// both give equal packets, which a differential test holds. Included by decoder.cc only; worker's
// thread.
//
// Problem: the general path costs 100 cycles and more, most of it in branches on what a packet
// could be, while the budget of the station is 30. Way: test the few properties that nearly all
// packets share in the order in which their bytes lie, one copy of the code for each pair of family
// and protocol, and store each member of the packet as soon as it is known, so that little has to
// be kept in registers; a packet that is declined late has its members written again. Sums are
// compared in place where the NIC did not; a wrong one is declined, so that only the general path
// knows what to do about it. Bound: one pass over the headers, no loop but the sum. Rejected:
// results in structs that are copied at the end (they lived on the stack: half as many instructions
// again); a table of header shapes (the branch predictor does this for free).
#pragma once

#include <cstdint>

#include <rte_mbuf.h>

#include "base/endian.h"
#include "config/config.h"
#include "dataplane/decode/checksum.h"
#include "dataplane/decode/cursor.h"
#include "dataplane/decode/decoder.h"
#include "dataplane/decode/flow_identity.h"
#include "dataplane/decode/transport_rules.h"
#include "dataplane/packet.h"

namespace sluice {

enum class FastOutcome : std::uint8_t {
  declined,  ///< the general path must look
  ipv4,      ///< decoded; id is set, hash is not
  ipv6,      ///< decoded; id, hash and kSourceIsLow are not set
};

[[nodiscard]] inline FlowPorts flow_ports(const Packet& packet) noexcept {
  return {packet.source_port, packet.destination_port, packet.domain, packet.protocol};
}

namespace fast {

inline constexpr std::uint16_t kTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kTypeIpv6 = 0x86dd;
inline constexpr std::uint16_t kTypeVlan = 0x8100;

/// Version 4, five words of header, neither offset nor more fragments, seen in the first eight
/// bytes of the header as they stand in memory.
inline constexpr std::uint64_t kPlainIpv4Mask = 0xff3f'0000'0000'00ff;
inline constexpr std::uint64_t kPlainIpv4 = 0x45;

/// The most common TCP options by far: two no-operations and a timestamp (RFC 7323 appendix A).
inline constexpr std::uint32_t kTimestampOption = 0x0101080a;

/// Where layer 4 starts and how many bytes the IP header gives it.
struct Upper {
  std::uint32_t offset;
  std::uint32_t bytes;
};

[[nodiscard]] inline bool is_ipv4_sum_right(const Block<20>& header) noexcept {
  const auto first = header.raw<std::uint64_t, 0>();
  const auto second = header.raw<std::uint64_t, 8>();
  const RawSum sum = (first & 0xffffffff) + (first >> 32) + (second & 0xffffffff) + (second >> 32) +
                     header.raw<std::uint32_t, 16>();
  return fold(sum) == 0xffff;
}

/// Out of line: only ports whose NIC does not check sums come here.
[[nodiscard]] [[gnu::noinline]] inline bool is_l4_sum_right(const Packet& packet,
                                                            Upper upper) noexcept {
  const bool is_v4 = packet.ip_version == 4;
  const SumTask task{
      .source_at = static_cast<std::uint16_t>(packet.l3_offset + (is_v4 ? 12 : 8)),
      .destination_at = static_cast<std::uint16_t>(packet.l3_offset + (is_v4 ? 16 : 24)),
      .l4_offset = static_cast<std::uint16_t>(upper.offset),
      .l4_bytes = static_cast<std::uint16_t>(upper.bytes),
      .protocol = packet.protocol,
      .ip_version = packet.ip_version};
  return is_sum_right_in_place(packet, task);
}

[[nodiscard]] inline bool accepts_l4_sum(const Packet& packet, const PortDecode& port,
                                         Upper upper) noexcept {
  return port.checksums == ChecksumMode::trust ||
         nic_found_l4_right(*packet.mbuf, port.checksums) || is_l4_sum_right(packet, upper);
}

inline void write_payload(Packet& packet, Upper upper, std::uint32_t header_bytes) noexcept {
  packet.l4_offset = static_cast<std::uint16_t>(upper.offset);
  packet.payload_offset = static_cast<std::uint16_t>(upper.offset + header_bytes);
  packet.payload_bytes = static_cast<std::uint16_t>(upper.bytes - header_bytes);
}

[[nodiscard]] [[gnu::always_inline]] inline bool read_tcp(Packet& packet, const PortDecode& port,
                                                          const Cursor& cursor,
                                                          Upper upper) noexcept {
  const auto header = cursor.at<20>(upper.offset);
  const std::uint32_t header_bytes = (header ? header.u8<12>() >> 4 : 0) * 4U;
  if (header_bytes > upper.bytes) return false;
  if (header_bytes != 20) {
    const auto longer = cursor.at<32>(upper.offset);
    if (header_bytes != 32 || !longer || longer.be32<20>() != kTimestampOption) return false;
  }
  const std::uint16_t source = header.be16<0>();
  const std::uint16_t destination = header.be16<2>();
  if (source == 0 || destination == 0 || source == kPortBgp || destination == kPortBgp)
    return false;
  const std::uint8_t flags = header.u8<13>();
  if (are_bad_tcp_flags(flags)) return false;
  packet.source_port = source;
  packet.destination_port = destination;
  packet.tcp_sequence = header.be32<4>();
  packet.tcp_acknowledgement = header.be32<8>();
  packet.tcp_window = header.be16<14>();
  packet.tcp_flags = flags;
  packet.protocol = kProtoTcp;
  write_payload(packet, upper, header_bytes);
  return accepts_l4_sum(packet, port, upper);
}

/// Ports behind which the general path knows a control protocol or a tunnel, and 0.
[[nodiscard]] inline bool is_special_udp(std::uint16_t destination) noexcept {
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
    case kPortGtpU:
      return true;
    default:
      return false;
  }
}

[[nodiscard]] [[gnu::always_inline]] inline bool read_udp(Packet& packet, const PortDecode& port,
                                                          const Cursor& cursor,
                                                          Upper upper) noexcept {
  const auto header = cursor.at<8>(upper.offset);
  const std::uint32_t bytes = header ? header.be16<4>() : 0U;
  if (bytes < 8 || bytes > upper.bytes) return false;
  const std::uint16_t destination = header.be16<2>();
  if (is_special_udp(destination)) return false;
  packet.source_port = header.be16<0>();
  packet.destination_port = destination;
  packet.tcp_sequence = 0;
  packet.tcp_acknowledgement = 0;
  packet.tcp_window = 0;
  packet.tcp_flags = 0;
  packet.protocol = kProtoUdp;
  write_payload(packet, {upper.offset, bytes}, 8);
  if (header.raw<std::uint16_t, 6>() == 0) {  // none was made
    return packet.ip_version == 4 || port.checksums != ChecksumMode::verify;
  }
  return accepts_l4_sum(packet, port, {upper.offset, bytes});
}

[[nodiscard]] [[gnu::always_inline]] inline bool read_upper(Packet& packet, const PortDecode& port,
                                                            const Cursor& cursor, Upper upper,
                                                            std::uint8_t protocol) noexcept {
  if (protocol == kProtoTcp) return upper.bytes >= 20 && read_tcp(packet, port, cursor, upper);
  return protocol == kProtoUdp && upper.bytes >= 8 && read_udp(packet, port, cursor, upper);
}

[[nodiscard]] [[gnu::always_inline]] inline FastOutcome read_ipv4(Packet& packet,
                                                                  const PortDecode& port,
                                                                  const Cursor& cursor) noexcept {
  const auto header = cursor.peek<20>();
  if (!header || (header.raw<std::uint64_t, 0>() & kPlainIpv4Mask) != kPlainIpv4) {
    return FastOutcome::declined;
  }
  const std::uint32_t total_bytes = header.be16<2>();
  if (total_bytes < 20 || total_bytes > cursor.left()) return FastOutcome::declined;
  const bool may_skip_sum =
      port.checksums == ChecksumMode::trust || nic_found_ipv4_right(*packet.mbuf);
  if (!may_skip_sum && !is_ipv4_sum_right(header)) return FastOutcome::declined;
  packet.ip_version = 4;
  packet.l3_bytes = static_cast<std::uint16_t>(total_bytes);
  const Upper upper{cursor.offset() + 20, total_bytes - 20};
  if (!read_upper(packet, port, cursor, upper, header.u8<9>())) return FastOutcome::declined;
  const FlowIdentityV4 flow = v4_identity(header.be32<12>(), header.be32<16>(), flow_ports(packet));
  packet.id.lo = flow.id.lo;
  packet.id.hi = flow.id.hi;
  packet.flags =
      static_cast<std::uint16_t>(kIsIp | kHasPorts | (flow.source_is_low ? kSourceIsLow : 0));
  return FastOutcome::ipv4;
}

[[nodiscard]] [[gnu::always_inline]] inline FastOutcome read_ipv6(Packet& packet,
                                                                  const PortDecode& port,
                                                                  const Cursor& cursor) noexcept {
  const auto header = cursor.peek<40>();
  if (!header || header.u8<0>() >> 4 != 6) return FastOutcome::declined;
  const std::uint32_t total_bytes = 40U + header.be16<4>();
  if (total_bytes > cursor.left() || total_bytes > 0xffff) return FastOutcome::declined;
  packet.ip_version = 6;
  packet.l3_bytes = static_cast<std::uint16_t>(total_bytes);
  const Upper upper{cursor.offset() + 40, total_bytes - 40};
  if (!read_upper(packet, port, cursor, upper, header.u8<6>())) return FastOutcome::declined;
  packet.flags = kIsIp | kHasPorts;
  return FastOutcome::ipv6;
}

}  // namespace fast

[[nodiscard]] [[gnu::always_inline]] inline FastOutcome fast_decode(
    Packet& packet, const PortDecode& port) noexcept {
  const std::uint32_t frame_bytes = packet.wire_bytes;
  // In one segment and captured whole.
  if (packet.bytes_at_hand != frame_bytes || packet.mbuf->pkt_len != frame_bytes) {
    return FastOutcome::declined;
  }
  Cursor cursor(packet.bytes, frame_bytes, frame_bytes);
  const auto link = cursor.peek<18>();
  if (!link) return FastOutcome::declined;
  std::uint16_t type = link.be16<12>();
  std::uint16_t vlan = 0;
  std::uint8_t vlan_count = 0;
  if (type == fast::kTypeVlan) {
    vlan = link.be16<14>() & 0x0fff;
    vlan_count = 1;
    type = link.be16<16>();
  }
  const std::uint32_t l3_offset = 14U + 4U * vlan_count;
  cursor.advance(l3_offset);
  packet.flow = nullptr;
  packet.since_previous = 0;
  packet.l3_offset = static_cast<std::uint16_t>(l3_offset);
  packet.domain = port.vlan_in_key ? domain_with_vlans(port.domain, {vlan, 0, 0}) : port.domain;
  packet.tunnel_depth = 0;
  packet.vlan_count = vlan_count;
  packet.out_port = port.out_port;
  packet.icmp_type = 0;
  packet.vlan[0] = vlan;
  packet.vlan[1] = 0;
  packet.vlan[2] = 0;
  if (type == fast::kTypeIpv4) return fast::read_ipv4(packet, port, cursor);
  return type == fast::kTypeIpv6 ? fast::read_ipv6(packet, port, cursor) : FastOutcome::declined;
}

}  // namespace sluice
