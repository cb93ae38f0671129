// The straight path of the decoder for nearly all packets: Ethernet with at most one VLAN tag, IPv4
// without options or IPv6 without extensions, TCP or UDP outside of tunnels, in one segment,
// nothing wrong. It declines whatever is not that, and the general path (layer_walk.h) starts anew;
// both give equal packets, which a differential test holds. Included by decoder.cc only; worker's
// thread.
//
// Problem: the general path costs 100 cycles and more, most of it in branches on what a packet
// could be, while the budget of the station is 20. Way: one copy of the code for each shape
// (tagged or not, family, protocol), so that every header stands at an offset known while
// compiling, and one comparison of lengths makes all headers of the shape readable. Fields that lie
// next to each other are read and judged together. Members are stored as soon as they are known; a
// packet that is declined late has its members written again. What the NIC must have said for the
// sums to be believed is worked out per port beforehand; where it said less, the sums are compared
// in place, and a wrong one is declined, so that only the general path knows what to do about it.
// The words that the hashes are made of are laid out as four lanes while they are in registers,
// and hashed when the burst is through. Bound: one pass over the headers, no loop but the sum.
// Rejected: results in structs that are copied at the end (they lived on the stack: half as many
// instructions again); offsets in variables (each derived offset takes a register or a stack slot);
// a table of header shapes (the branch predictor does this for free).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include <rte_mbuf.h>

#include "base/endian.h"
#include "config/config.h"
#include "dataplane/decode/checksum.h"
#include "dataplane/decode/cursor.h"
#include "dataplane/decode/decoder.h"
#include "dataplane/decode/flow_identity.h"
#include "dataplane/decode/siphash_x4.h"
#include "dataplane/decode/transport_rules.h"
#include "dataplane/packet.h"

namespace sluice {

/// Packets of one family in a burst that lack a hash: word w of the n-th of them is words[w][n], so
/// that four neighbours are four lanes.
template <std::size_t Words>
class PendingFamily {
 public:
  [[gnu::always_inline]] void add(Packet& packet,
                                  const std::array<std::uint64_t, Words>& message) noexcept {
    const std::uint32_t n = count_;
    for (std::size_t w = 0; w < Words; ++w) words_[w][n] = message[w];
    packets_[n] = &packet;
    count_ = n + 1;
  }
  /// Fills the last group of four.
  void fill_up(Packet& spare) noexcept {
    while (count_ % 4 != 0) add(spare, {});
  }
  /// Calls visit<Groups>(packets, words) for all, two groups at a time while there are two.
  template <class Visit>
  void visit_groups(Visit visit) noexcept {
    std::uint32_t n = 0;
    for (; n + 8 <= count_; n += 8) visit.template operator()<2>(packets_.data() + n, from(n));
    if (n < count_) visit.template operator()<1>(packets_.data() + n, from(n));
  }

 private:
  /// From the n-th message on.
  [[nodiscard]] LaneWords<Words> from(std::uint32_t n) const noexcept {
    LaneWords<Words> lanes;
    for (std::size_t w = 0; w < Words; ++w) lanes[w] = words_[w].data() + n;
    return lanes;
  }

  alignas(32) std::array<std::array<std::uint64_t, kBurstMax>, Words> words_;
  std::array<Packet*, kBurstMax> packets_;
  std::uint32_t count_ = 0;
};

/// At most kBurstMax packets together.
struct PendingHashes {
  PendingFamily<2> v4;
  PendingFamily<5> v6;
};

namespace fast {

/// A number as it is loaded from network order.
[[nodiscard]] consteval std::uint16_t wire(std::uint16_t host) { return byte_swap(host); }
inline constexpr std::uint16_t kTypeIpv4 = wire(0x0800);
inline constexpr std::uint16_t kTypeIpv6 = wire(0x86dd);
inline constexpr std::uint16_t kTypeVlan = wire(0x8100);

/// Version 4, five words of header, neither offset nor more fragments, seen in the first eight
/// bytes of the header.
inline constexpr std::uint64_t kPlainIpv4Mask = 0xff00'0000'0000'3fff;
inline constexpr std::uint64_t kPlainIpv4 = 0x4500'0000'0000'0000;

/// The most common TCP options by far: two no-operations and a timestamp (RFC 7323 appendix A).
inline constexpr std::uint32_t kTimestampOption = 0x0101080a;

/// A frame in one segment, captured whole; `bytes` is not null.
struct Frame {
  const std::uint8_t* bytes;
  std::uint32_t count;
};

[[nodiscard]] inline bool is_ipv4_sum_right(const Block<20>& header) noexcept {
  const auto first = header.raw<std::uint64_t, 0>();
  const auto second = header.raw<std::uint64_t, 8>();
  const RawSum sum = (first & 0xffffffff) + (first >> 32) + (second & 0xffffffff) + (second >> 32) +
                     header.raw<std::uint32_t, 16>();
  return fold(sum) == 0xffff;
}

/// Whether a packet that is decoded but for its id may keep its sums. Out of line: only where the
/// NIC did not find them right. A UDP packet without a sum is judged before.
[[nodiscard]] [[gnu::noinline]] inline bool are_sums_right(const Packet& packet, ChecksumMode mode,
                                                           bool has_l4_sum) noexcept {
  const bool is_v4 = packet.ip_version == 4;
  const Cursor cursor(packet.bytes, packet.bytes_at_hand, packet.bytes_at_hand);
  if (is_v4 && !nic_found_ipv4_right(*packet.mbuf)) {
    const auto header = cursor.at<20>(packet.l3_offset);
    if (!header || !is_ipv4_sum_right(header)) return false;
  }
  if (!has_l4_sum || nic_found_l4_right(*packet.mbuf, mode)) return true;
  const SumTask task{
      .source_at = static_cast<std::uint16_t>(packet.l3_offset + (is_v4 ? 12 : 8)),
      .destination_at = static_cast<std::uint16_t>(packet.l3_offset + (is_v4 ? 16 : 24)),
      .l4_offset = packet.l4_offset,
      .l4_bytes = static_cast<std::uint16_t>(packet.payload_offset - packet.l4_offset +
                                             packet.payload_bytes),
      .protocol = packet.protocol,
      .ip_version = packet.ip_version};
  return is_sum_right_in_place(packet, task);
}

template <bool IsV4>
[[nodiscard]] [[gnu::always_inline]] inline bool accepts_sums(const Packet& packet,
                                                              const FastPort& port,
                                                              bool has_l4_sum) noexcept {
  const std::uint64_t all = IsV4 ? ~std::uint64_t{0} : std::uint64_t{RTE_MBUF_F_RX_L4_CKSUM_MASK};
  const std::uint64_t missed = (packet.mbuf->ol_flags ^ port.sums_right) & port.sums_mask & all;
  return missed == 0 || are_sums_right(packet, port.checksums, has_l4_sum);
}

/// Both ports in one word, source first: one of them is 0 or that of BGP. Exact: a borrow out of
/// the lower half starts only where that half is zero itself.
[[nodiscard]] constexpr bool has_special_tcp_port(std::uint32_t ports) noexcept {
  constexpr std::uint32_t kOnes = 0x0001'0001;
  constexpr std::uint32_t kTops = 0x8000'8000;
  const std::uint32_t bgp = ports ^ kOnes * kPortBgp;
  return ((((ports - kOnes) & ~ports) | ((bgp - kOnes) & ~bgp)) & kTops) != 0;
}

/// Writes the ports, which lie in the packet in the order of the wire.
inline void write_ports(Packet& packet, std::uint32_t ports) noexcept {
  packet.source_port = static_cast<std::uint16_t>(ports >> 16);
  packet.destination_port = static_cast<std::uint16_t>(ports);
}

template <std::uint32_t L4, bool IsV4>
[[gnu::always_inline]] inline void write_payload(Packet& packet, std::uint32_t l4_bytes,
                                                 std::uint32_t header_bytes) noexcept {
  packet.l3_offset = L4 - (IsV4 ? 20 : 40);
  packet.l4_offset = L4;
  packet.payload_offset = static_cast<std::uint16_t>(L4 + header_bytes);
  packet.payload_bytes = static_cast<std::uint16_t>(l4_bytes - header_bytes);
}

template <std::uint32_t L4, bool IsV4>
[[nodiscard]] [[gnu::always_inline]] inline bool read_tcp(Packet& packet, const FastPort& port,
                                                          Frame frame,
                                                          std::uint32_t l4_bytes) noexcept {
  const auto headers = leading<L4 + 20>(frame.bytes, frame.count);
  if (!headers) return false;
  const std::uint32_t header_bytes = (headers.template u8<L4 + 12>() & 0xf0U) >> 2;
  if (header_bytes > l4_bytes) return false;
  if (header_bytes != 20) {
    const auto longer = leading<L4 + 32>(frame.bytes, frame.count);
    if (header_bytes != 32 || !longer ||
        longer.template raw<std::uint32_t, L4 + 20>() != byte_swap(kTimestampOption)) {
      return false;
    }
  }
  const std::uint32_t ports = headers.template be32<L4>();
  const std::uint8_t flags = headers.template u8<L4 + 13>();
  if (has_special_tcp_port(ports) || are_bad_tcp_flags(flags)) return false;
  write_ports(packet, ports);
  packet.tcp_sequence = headers.template be32<L4 + 4>();
  packet.tcp_acknowledgement = headers.template be32<L4 + 8>();
  packet.tcp_window = headers.template be16<L4 + 14>();
  packet.tcp_flags = flags;
  packet.ip_version = IsV4 ? 4 : 6;
  packet.protocol = kProtoTcp;
  write_payload<L4, IsV4>(packet, l4_bytes, header_bytes);
  return accepts_sums<IsV4>(packet, port, true);
}

/// Ports behind which the general path knows a control protocol or a tunnel, and 0: one bit each.
struct PortSet {
  std::array<std::uint64_t, kPortGeneve / 64 + 1> bits{};

  consteval PortSet() {
    for (const unsigned port : {0U, 67U, 68U, 319U, 320U, 546U, 547U, 3784U, 3785U, 4784U,
                                unsigned{kPortGtpU}, unsigned{kPortVxlan}, unsigned{kPortGeneve}}) {
      bits[port / 64] |= std::uint64_t{1} << port % 64;
    }
  }
  [[nodiscard]] constexpr bool has(std::uint16_t port) const noexcept {
    return port <= kPortGeneve && (bits[port / 64] >> port % 64 & 1) != 0;
  }
};
inline constexpr PortSet kSpecialUdp;

template <std::uint32_t L4, bool IsV4>
[[nodiscard]] [[gnu::always_inline]] inline bool read_udp(Packet& packet, const FastPort& port,
                                                          Frame frame,
                                                          std::uint32_t l4_bytes) noexcept {
  const auto headers = leading<L4 + 8>(frame.bytes, frame.count);
  if (!headers) return false;
  const std::uint32_t bytes = headers.template be16<L4 + 4>();
  const std::uint32_t ports = headers.template be32<L4>();
  if (bytes < 8 || bytes > l4_bytes) return false;
  if (kSpecialUdp.has(static_cast<std::uint16_t>(ports))) return false;
  write_ports(packet, ports);
  packet.tcp_sequence = 0;
  packet.tcp_acknowledgement = 0;
  packet.tcp_window = 0;
  packet.ip_version = IsV4 ? 4 : 6;
  packet.protocol = kProtoUdp;
  packet.tcp_flags = 0;
  write_payload<L4, IsV4>(packet, bytes, 8);
  const bool has_sum = headers.template raw<std::uint16_t, L4 + 6>() != 0;
  if (!IsV4 && !has_sum) return port.checksums != ChecksumMode::verify;
  return accepts_sums<IsV4>(packet, port, has_sum);
}

template <std::uint32_t L4, bool IsV4>
[[nodiscard]] [[gnu::always_inline]] inline bool read_upper(Packet& packet, const FastPort& port,
                                                            Frame frame, std::uint32_t l4_bytes,
                                                            std::uint8_t protocol) noexcept {
  if (protocol == kProtoTcp) return read_tcp<L4, IsV4>(packet, port, frame, l4_bytes);
  return protocol == kProtoUdp && read_udp<L4, IsV4>(packet, port, frame, l4_bytes);
}

template <std::uint32_t L3>
[[nodiscard]] [[gnu::always_inline]] inline bool read_ipv4(Packet& packet, const FastPort& port,
                                                           Frame frame,
                                                           PendingHashes& pending) noexcept {
  const auto headers = leading<L3 + 28>(frame.bytes, frame.count);
  if (!headers) return false;
  const std::uint64_t start = headers.template be64<L3>();
  if ((start & kPlainIpv4Mask) != kPlainIpv4) return false;
  const auto total_bytes = static_cast<std::uint32_t>(start >> 32 & 0xffff);
  if (total_bytes < 28 || total_bytes > frame.count - L3) return false;
  packet.l3_bytes = static_cast<std::uint16_t>(total_bytes);
  const std::uint8_t protocol = headers.template u8<L3 + 9>();
  if (!read_upper<L3 + 20, true>(packet, port, frame, total_bytes - 20, protocol)) {
    return false;
  }
  const FlowIdentityV4 flow =
      v4_identity({headers.template be64<L3 + 12>(), headers.template be32<L3 + 20>()},
                  v4_tail(packet.domain, packet.protocol));
  packet.id.lo = flow.id.lo;
  packet.id.hi = flow.id.hi;
  packet.flags =
      static_cast<std::uint16_t>(kIsIp | kHasPorts | (flow.source_is_low ? kSourceIsLow : 0));
  pending.v4.add(packet, {flow.id.lo, flow.id.hi});
  return true;
}

template <std::uint32_t L3>
[[nodiscard]] [[gnu::always_inline]] inline bool read_ipv6(Packet& packet, const FastPort& port,
                                                           Frame frame,
                                                           PendingHashes& pending) noexcept {
  const auto headers = leading<L3 + 48>(frame.bytes, frame.count);
  if (!headers || headers.template u8<L3>() >> 4 != 6) return false;
  const std::uint32_t l4_bytes = headers.template be16<L3 + 4>();
  if (l4_bytes > frame.count - L3 - 40 || l4_bytes > 0xffff - 40) return false;
  packet.l3_bytes = static_cast<std::uint16_t>(40 + l4_bytes);
  const std::uint8_t protocol = headers.template u8<L3 + 6>();
  if (!read_upper<L3 + 40, false>(packet, port, frame, l4_bytes, protocol)) {
    return false;
  }
  const FlowWordsV6 flow =
      v6_words({headers.template part<L3 + 8, 16>(), headers.template part<L3 + 24, 16>()},
               headers.template be32<L3 + 40>(), v6_tail(packet.domain, packet.protocol));
  packet.flags =
      static_cast<std::uint16_t>(kIsIp | kHasPorts | (flow.source_is_low ? kSourceIsLow : 0));
  pending.v6.add(packet, flow.words);
  return true;
}

/// The one VLAN tag of a frame, or none.
struct LinkTag {
  std::uint16_t vlan;
  std::uint8_t count;
};

/// From the type field on, which ends where layer 3 starts.
template <std::uint32_t L3>
[[nodiscard]] [[gnu::always_inline]] inline bool read_link(Packet& packet, const FastPort& port,
                                                           Frame frame, LinkTag tag,
                                                           PendingHashes& pending) noexcept {
  packet.flow = nullptr;
  packet.since_previous = 0;
  packet.domain = static_cast<std::uint16_t>(port.domain ^ (tag.vlan & port.vlan_mask));
  packet.tunnel_depth = 0;
  packet.vlan_count = tag.count;
  packet.out_port = port.out_port;
  packet.icmp_type = 0;
  packet.vlan[0] = tag.vlan;
  packet.vlan[1] = 0;
  packet.vlan[2] = 0;
  const auto link = leading<L3>(frame.bytes, frame.count);
  const std::uint16_t type = link ? link.template raw<std::uint16_t, L3 - 2>() : 0;
  if (type == kTypeIpv4) return read_ipv4<L3>(packet, port, frame, pending);
  return type == kTypeIpv6 && read_ipv6<L3>(packet, port, frame, pending);
}

}  // namespace fast

/// True: decoded, but for the hash and, of IPv6, the id, which `pending` was given the words for.
/// False: the general path must look.
[[nodiscard]] [[gnu::always_inline]] inline bool fast_decode(Packet& packet, const FastPort& port,
                                                             PendingHashes& pending) noexcept {
  const fast::Frame frame{packet.bytes, packet.wire_bytes};
  // In one segment and captured whole.
  if (packet.bytes_at_hand != frame.count || packet.mbuf->pkt_len != frame.count) return false;
  const auto link = leading<18>(frame.bytes, frame.count);
  if (!link) return false;
  if (link.raw<std::uint16_t, 12>() != fast::kTypeVlan) {
    return fast::read_link<14>(packet, port, frame, {0, 0}, pending);
  }
  const auto vlan = static_cast<std::uint16_t>(link.be16<14>() & 0x0fff);
  return fast::read_link<18>(packet, port, frame, {vlan, 1}, pending);
}

}  // namespace sluice
