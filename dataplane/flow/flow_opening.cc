// How flows come into being. A SYN alone makes none: it waits in the half-open table until the
// other side answers, or its sender goes on with the right number. Anyone can forge that number,
// so such a flow can be evicted like every flow that only one side has been heard of.
#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "dataplane/flow/flow_tracker.h"

namespace sluice {
namespace {

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpV6 = 58;
constexpr CoarseTime kInterimLater = 600;  // where no interval is set: looked at again if one is

[[nodiscard]] IdleClass idle_class_of(std::uint8_t protocol) noexcept {
  switch (protocol) {
    case kTcp:
      return IdleClass::tcp_opening;
    case kUdp:
      return IdleClass::udp_one_way;
    case kIcmp:
    case kIcmpV6:
      return IdleClass::icmp;
    default:
      return IdleClass::other;
  }
}

[[nodiscard]] FlowKey key_of_v4(const FlowId& id) noexcept {
  FlowKey key;
  store(key.low.data(), byte_swap(static_cast<std::uint32_t>(id.lo >> 32)));
  store(key.high.data(), byte_swap(static_cast<std::uint32_t>(id.lo)));
  key.low_port = static_cast<std::uint16_t>(id.hi >> 48);
  key.high_port = static_cast<std::uint16_t>(id.hi >> 32);
  key.domain = static_cast<std::uint16_t>(id.hi >> 16);
  key.protocol = static_cast<std::uint8_t>(id.hi >> 8);
  key.version = 4;
  return key;
}

[[nodiscard]] FlowKey key_of_v6(const Packet& packet) noexcept {
  const V6Pair addresses = v6_addresses(packet);
  const bool source_is_low = packet.has(kSourceIsLow);
  FlowKey key;
  std::memcpy(key.low.data(), source_is_low ? addresses.source : addresses.destination, 16);
  std::memcpy(key.high.data(), source_is_low ? addresses.destination : addresses.source, 16);
  key.low_port = source_is_low ? packet.source_port : packet.destination_port;
  key.high_port = source_is_low ? packet.destination_port : packet.source_port;
  key.domain = packet.domain;
  key.protocol = packet.protocol;
  key.version = 6;
  return key;
}

void fill_cold(const Packet& packet, const HalfOpen* syn, FlowCold& cold) noexcept {
  cold.key = packet.id.is_v6() ? key_of_v6(packet) : key_of_v4(packet.id);
  cold.first_seen = syn != nullptr ? syn->first_seen : packet.now;
  cold.first_packet_number = syn != nullptr ? syn->packet_number : packet.packet_number;
  cold.in_port = syn != nullptr ? static_cast<std::uint8_t>(syn->in_port) : packet.in_port;
  cold.vlan = {packet.vlan_count > 0 ? packet.vlan[0] : std::uint16_t{0},
               packet.vlan_count > 1 ? packet.vlan[1] : std::uint16_t{0}};
  cold.tunnel_depth = packet.tunnel_depth & 15U;
  const bool has_type = has_icmp_header(packet);
  cold.has_icmp_type = has_type ? 1 : 0;
  cold.icmp_type = has_type ? packet.icmp_type : std::uint8_t{0};
  cold.icmp_code = has_type ? icmp_code(packet) : std::uint8_t{0};
  cold.interims = 0;
}

/// A server's port is well known, or at least none that clients are given for a connection
/// (RFC 6335 6, and below that Linux' own range). Where the ports do not tell, who is seen first is
/// taken for the client.
[[nodiscard]] bool is_of_server(const Packet& packet) noexcept {
  constexpr std::uint16_t kFirstRegistered = 1024;
  constexpr std::uint16_t kFirstOfClients = 32'768;
  const auto rank = [](std::uint16_t port) noexcept {
    return port < kFirstRegistered ? 0 : port < kFirstOfClients ? 1 : 2;
  };
  return rank(packet.source_port) < rank(packet.destination_port);
}

[[nodiscard]] std::uint8_t scale_of(const HalfOpen& syn) noexcept {
  return syn.is_scale_known != 0 ? static_cast<std::uint8_t>(syn.window_scale) : kScaleUnknown;
}

}  // namespace

void FlowTracker::open(Packet& packet) noexcept {
  packet.clear(kInitiator);
  if (packet.protocol == kTcp) return open_tcp(packet);
  Flow* flow = make_flow(packet, nullptr, true);
  if (flow != nullptr) account(packet, *flow, kToServer);
}

void FlowTracker::open_tcp(Packet& packet) noexcept {
  const DurationNs timeout = config_.tcp_opening;
  switch (packet.tcp_flags & (kSyn | kAck | kRst)) {
    case kSyn:
      half_open_.note(packet, timeout);
      return;
    case kSyn | kAck:
      if (HalfOpen* syn = answered_by(packet); syn != nullptr) {
        return open_by_syn_ack(packet, *syn);
      }
      return note_stray_answer(packet, nullptr);
    case kAck:
      return open_by_ack(packet);
    case kRst:
    case kRst | kAck:
      return refuse_half_open(packet);
    default:
      return note_out_of_state(packet, nullptr);
  }
}

/// The SYN of the other side that this packet acknowledges, or null.
HalfOpen* FlowTracker::answered_by(const Packet& packet) noexcept {
  return half_open_.find(packet, !packet.has(kSourceIsLow), packet.tcp_acknowledgement,
                         config_.tcp_opening);
}

/// The SYN of the same side that this packet goes on from, or null.
HalfOpen* FlowTracker::continued_by(const Packet& packet) noexcept {
  return half_open_.find(packet, packet.has(kSourceIsLow), packet.tcp_sequence,
                         config_.tcp_opening);
}

// When both sides opened at once (RFC 9293 3.5, figure 7), the first SYN tells the initiator.
void FlowTracker::open_by_syn_ack(Packet& packet, HalfOpen& syn) noexcept {
  HalfOpen* crossing = half_open_.find(packet, packet.has(kSourceIsLow), packet.tcp_sequence + 1,
                                       config_.tcp_opening);
  if (crossing != nullptr && crossing->sequence != packet.tcp_sequence) crossing = nullptr;
  const bool by_initiator = crossing != nullptr && crossing->first_seen < syn.first_seen;
  Flow* flow = make_flow(packet, by_initiator ? crossing : &syn, by_initiator);
  if (flow == nullptr) return;
  const unsigned direction = by_initiator ? kToServer : kToClient;
  FlowWarm& warm = warm_of(*flow);
  const std::uint8_t own = window_scale_of(packet);
  sluice::open_by_syn_ack(
      *flow, warm, segment_of(packet, direction),
      by_initiator ? agreed_scales(own, scale_of(syn)) : agreed_scales(scale_of(syn), own));
  if (crossing != nullptr) {
    const HalfOpen& second = by_initiator ? syn : *crossing;
    warm.bytes[kToClient] += second.bytes;
    warm.packets[kToClient] += second.packets;
    half_open_.complete(*crossing);
  }
  warm.tcp_flags[direction] |= packet.tcp_flags;
  half_open_.complete(syn);
  account(packet, *flow, direction);
}

void FlowTracker::open_by_ack(Packet& packet) noexcept {
  HalfOpen* syn = continued_by(packet);
  if (syn == nullptr) {
    // A FIN without its flow tells that something ended, not that something goes on.
    return (packet.tcp_flags & kFin) != 0 ? note_out_of_state(packet, nullptr)
                                          : open_midstream(packet);
  }
  Flow* flow = make_flow(packet, syn, true);
  if (flow == nullptr) return;
  half_open_.complete(*syn);
  open_by_segment(*flow, warm_of(*flow), segment_of(packet, kToServer), TcpState::established);
  note_tcp_state(*flow, list_of(*flow));
  track_tcp(packet, *flow, kToServer);
}

void FlowTracker::open_midstream(Packet& packet) noexcept {
  const bool in_grace = packet.now <= started_ + config_.midstream_grace;
  if (!in_grace && config_.midstream != ExceptionPolicy::pass) {
    packet.drop(DropReason::midstream_refused);
    return;
  }
  const unsigned direction = is_of_server(packet) ? kToClient : kToServer;
  Flow* flow = make_flow(packet, nullptr, direction == kToServer);
  if (flow == nullptr) return;
  ++counters_.midstream;
  flow->set(kMidstream);
  open_by_segment(*flow, warm_of(*flow), segment_of(packet, direction), TcpState::midstream);
  track_tcp(packet, *flow, direction);
}

// The SYN that this acknowledges may be one that others have displaced, or another one than that
// from which an ACK made the flow. Let through, it would begin a connection of which nobody saw the
// start. Who sent that SYN repeats it, and then it is found.
void FlowTracker::note_stray_answer(Packet& packet, Flow* flow) noexcept {
  note_out_of_state(packet, flow);
  const bool source_is_low = packet.has(kSourceIsLow);
  const bool is_contradiction = flow != nullptr && flow->tcp_state == TcpState::established &&
                                !flow->has(kMidstream) && !packet.has(kInitiator) &&
                                warm_of(*flow).window_scales == kScalesUnknown;
  if (is_contradiction || half_open_.has_displaced(packet, !source_is_low, config_.tcp_opening)) {
    packet.drop(DropReason::tcp_out_of_state);
  }
}

// A SYN that is answered by a reset, or taken back by its sender: nothing comes of it.
void FlowTracker::refuse_half_open(Packet& packet) noexcept {
  HalfOpen* syn = (packet.tcp_flags & kAck) != 0 ? answered_by(packet) : nullptr;
  if (syn == nullptr) syn = continued_by(packet);
  if (syn == nullptr) return note_out_of_state(packet, nullptr);
  half_open_.refuse(*syn);
}

// A SYN on a live flow is remembered and changes nothing; only an answer that acknowledges it
// proves that a new connection took the old one's place.
void FlowTracker::track_syn(Packet& packet, Flow& flow, unsigned direction) noexcept {
  const TcpSegment segment = segment_of(packet, direction);
  const bool is_answer = (packet.tcp_flags & kAck) != 0;
  if (is_answer ? is_repeated_syn_ack(flow, segment) : is_repeated_syn(flow, segment)) {
    return account(packet, flow, direction);
  }
  if (!is_answer) {
    half_open_.note(packet, config_.tcp_opening);
    return;
  }
  HalfOpen* syn = answered_by(packet);
  if (syn == nullptr) return note_stray_answer(packet, &flow);
  part_burst_from(flow, packet);
  end_flow(flow, FlowEnd::closed, packet.now);
  open_by_syn_ack(packet, *syn);
}

// The new flow may get the old one's slot, and is inspected when all of the burst was tracked: what
// came before it must not be taken for its beginning. Bytes among that are of a connection that its
// client has given up.
void FlowTracker::part_burst_from(const Flow& flow, const Packet& answer) noexcept {
  for (Packet& other : burst_->all()) {
    if (other.flow != &flow || &other == &answer) continue;
    other.flow = nullptr;
    if (&other < &answer) other.verdict.is_out_of_state = true;
  }
}

Flow* FlowTracker::make_flow(Packet& packet, const HalfOpen* syn, bool by_initiator) noexcept {
  Flow* flow = take_slot(packet);
  packet.flow = flow;
  if (flow == nullptr) {
    ++counters_.table_full;
    if (config_.table_full != ExceptionPolicy::pass) packet.drop(DropReason::flow_table_full);
    return nullptr;
  }
  fill_hot(packet, by_initiator, *flow);
  FlowCold& cold = table_.cold_of(*flow);
  fill_cold(packet, syn, cold);
  fill_warm(cold.first_seen, syn, *flow);
  relist(*flow, nullptr);
  packet.set(kNewFlow);
  packet.clear(kInitiator);  // as a flow that this one takes the place of had it
  if (by_initiator) packet.set(kInitiator);
  ++counters_.created;
  ++counters_.active;
  return flow;
}

void FlowTracker::fill_hot(const Packet& packet, bool by_initiator, Flow& flow) noexcept {
  const FlowId id = flow.id;
  flow = Flow{};
  flow.id = id;
  flow.last_seen = packet.now;
  flow.source_slot = kNoSlot;
  flow.stream_slot = kNoSlot;
  flow.list_epoch = 0;  // of no lists: the filter stamps it once it knows both directions
  flow.policy_epoch = generation_;
  flow.idle_class = idle_class_of(packet.protocol);
  if (packet.has(kSourceIsLow) == by_initiator) flow.set(kInitiatorIsLow);
  if (packet.has(kControlProtocol)) flow.set(kExempt);
}

void FlowTracker::fill_warm(TimeNs first_seen, const HalfOpen* syn, Flow& flow) noexcept {
  FlowWarm& warm = warm_of(flow);
  warm = FlowWarm{};
  warm.interim_due =
      coarse(first_seen) + (interim_interval_ != 0 ? interim_interval_ : kInterimLater);
  warm.number_salt = number_salt_of(key_, flow.id, first_seen);
  warm.window_scales = kScalesUnknown;
  if (syn == nullptr) return;
  warm.bytes[kToServer] = syn->bytes;
  warm.packets[kToServer] = syn->packets;
  warm.tcp_flags[kToServer] = kSyn;
}

}  // namespace sluice
