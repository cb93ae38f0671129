// sluice's decoded view of one frame, or of one datagram put together from fragments. Lives in a
// `Burst`, is filled by the decoder, and is what every station works on. Worker thread only.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/clock.h"
#include "base/endian.h"
#include "base/five_tuple.h"
#include "base/verdict.h"

struct rte_mbuf;

namespace sluice {

struct Flow;

/// What is remembered about an mbuf outside of its burst: it stands in the mbuf's private area
/// (every pool of sluice has room for it). Written when a frame is handed off or held.
struct MbufNote {
  rte_mbuf* next_in_train = nullptr;  ///< next original of the same datagram, in order of arrival
  TimeNs received = 0;
  std::uint32_t packet_number = 0;
  std::uint32_t wire_bytes = 0;  ///< of this one frame; more than pkt_len where captured short
  std::uint16_t frames = 1;      ///< at the head of a train: how many originals
  std::uint16_t l3_offset = 0;   ///< of a held fragment: where the fragmented IP header stands
  std::uint8_t in_port = 0;
  std::uint8_t complete_train = 0;  ///< handed off as a whole datagram
};
static_assert(sizeof(MbufNote) == 32);

enum PacketFlag : std::uint16_t {
  kIsIp = 1 << 0,
  kSourceIsLow = 1 << 1,      ///< direction relative to the flow key's order
  kIsFragment = 1 << 2,       ///< one piece: no ports, no layer-4 header known
  kIsDatagram = 1 << 3,       ///< put together from `frames` fragments
  kIcmpError = 1 << 4,        ///< the key is that of the quoted flow
  kMustPass = 1 << 5,         ///< fragmentation-needed, packet-too-big: never limited
  kControlProtocol = 1 << 6,  ///< exempt from limits (decode.exempt_control_protocols)
  kCapturedShort = 1 << 7,    ///< fewer bytes at hand than the frame had: judged as far as it goes
  kInitiator = 1 << 8,        ///< sent by the flow's initiator (set by the tracker)
  kNewFlow = 1 << 9,          ///< this packet made the flow
  kChecksumFixed = 1 << 10,
  kListsChecked = 1 << 11,  ///< the filter gave its exact answer for this packet
  kAllowed = 1 << 12,       ///< an allow prefix covers it
  kUnsampled = 1 << 13,     ///< refused before it was decoded; its flow's drops are not reported
  kHasPorts = 1 << 14,
  kSampled = 1 << 15,  ///< its drop is reported, whatever the sampler says now
};

enum TcpFlag : std::uint8_t {
  kFin = 0x01,
  kSyn = 0x02,
  kRst = 0x04,
  kPsh = 0x08,
  kAck = 0x10,
  kUrg = 0x20,
  kEce = 0x40,
  kCwr = 0x80,
};

inline constexpr unsigned kVlanTagsMax = 3;
inline constexpr unsigned kTunnelDepthMax = 3;

/// Offsets count from `bytes`; lengths are bytes. The layers are those of the innermost decoded
/// packet (or the outermost, where the configuration says so).
struct alignas(64) Packet {
  rte_mbuf* mbuf;             ///< owned by the burst; head of the train where frames > 1
  const std::uint8_t* bytes;  ///< frame, or for a datagram the assembled copy (Ethernet header on)
  TimeNs now;
  std::uint32_t wire_bytes;     ///< layer-2 length without FCS, summed over the originals
  std::uint32_t bytes_at_hand;  ///< contiguous bytes behind `bytes`
  FlowId id;
  std::uint64_t hash;  ///< table_hash(id)
  Flow* flow;          ///< valid within the burst only

  Verdict verdict;
  std::uint16_t flags;  ///< PacketFlag
  std::uint16_t l3_offset;
  std::uint16_t l4_offset;
  std::uint16_t payload_offset;
  std::uint16_t payload_bytes;  ///< layer-4 payload by the headers' lengths
  std::uint16_t l3_bytes;       ///< IP packet by its own length, header included
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint32_t tcp_sequence;
  std::uint32_t tcp_acknowledgement;
  std::uint16_t tcp_window;
  std::uint16_t domain;
  std::uint8_t ip_version;  ///< 0 where not IP
  std::uint8_t protocol;    ///< layer-4 protocol number
  std::uint8_t tcp_flags;   ///< TcpFlag
  std::uint8_t tunnel_depth;
  std::uint8_t vlan_count;
  std::uint8_t in_port;
  std::uint8_t out_port;
  std::uint8_t icmp_type;
  std::uint16_t vlan[kVlanTagsMax];  ///< VLAN ids, outermost first
  std::uint16_t frames;         ///< originals this packet stands for: 1, or those of the datagram
  std::uint32_t packet_number;  ///< place in the capture, from 1; 0 in the wire
  DurationNs since_previous;    ///< since the flow's previous packet; 0 for a new flow

  [[nodiscard]] bool has(PacketFlag flag) const noexcept { return (flags & flag) != 0; }
  void set(PacketFlag flag) noexcept { flags = static_cast<std::uint16_t>(flags | flag); }
  void clear(PacketFlag flag) noexcept { flags = static_cast<std::uint16_t>(flags & ~flag); }
  [[nodiscard]] bool is_undecided() const noexcept { return verdict.action == Action::undecided; }
  [[nodiscard]] const std::uint8_t* l3() const noexcept { return bytes + l3_offset; }
  [[nodiscard]] const std::uint8_t* l4() const noexcept { return bytes + l4_offset; }

  void drop(DropReason reason) noexcept {
    verdict.action = Action::drop;
    verdict.reason = reason;
  }
};
static_assert(sizeof(Packet) == 128 && std::is_trivially_copyable_v<Packet>);

/// The header of an ICMP message was read: type and code are at hand.
[[nodiscard]] inline bool has_icmp_header(const Packet& packet) noexcept {
  const bool is_icmp = packet.protocol == 1 || packet.protocol == 58;
  return is_icmp && packet.l4_offset != 0 && packet.payload_offset == packet.l4_offset + 8;
}
/// Only where has_icmp_header().
[[nodiscard]] inline std::uint8_t icmp_code(const Packet& packet) noexcept {
  return packet.l4()[1];
}

/// Source and destination of an IPv4 packet in host order. Only where ip_version is 4.
struct V4Pair {
  std::uint32_t source;
  std::uint32_t destination;
};
[[nodiscard]] inline V4Pair v4_addresses(const Packet& packet) noexcept {
  return {load_be32(packet.l3() + 12), load_be32(packet.l3() + 16)};
}
/// Where the sixteen bytes of source and destination stand. Only where ip_version is 6.
struct V6Pair {
  const std::uint8_t* source;
  const std::uint8_t* destination;
};
[[nodiscard]] inline V6Pair v6_addresses(const Packet& packet) noexcept {
  return {packet.l3() + 8, packet.l3() + 24};
}

}  // namespace sluice
