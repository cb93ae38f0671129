#include "dataplane/flow/flow_record.h"

#include <array>

namespace sluice {
namespace {

constexpr std::uint64_t kOddConstant = 0x9e3779b97f4a7c15ULL;

struct Told {
  std::array<std::uint64_t, 2> bytes{};
  std::array<std::uint32_t, 2> packets{};
  std::uint32_t dropped = 0;
};

[[nodiscard]] Told told(const FlowCold& cold) noexcept {
  if (cold.interims == 0) return {};
  return {cold.emitted_bytes, cold.emitted_packets, cold.emitted_dropped};
}

// A record says what happened, not which side the tracker's tables call first.
[[nodiscard]] TcpState recorded(TcpState state) noexcept {
  return state == TcpState::responder_fin ? TcpState::fin_wait : state;
}

}  // namespace

std::uint32_t number_salt_of(const SipKey& key, const FlowId& id, TimeNs first_seen) noexcept {
  return static_cast<std::uint32_t>(
      siphash13(key, std::array<std::uint64_t, 3>{id.lo, id.hi, first_seen}));
}

// The salt is keyed and tells flows of one id apart; the id tells flows of one salt apart. Each
// step is a bijection of 64 bits (xor-shift and odd multiplier), so that nothing but the cut loses
// bits.
std::uint64_t flow_number_of(const Flow& flow) noexcept {
  const std::uint64_t salt = warm_of(flow).number_salt;
  std::uint64_t mixed = (flow.id.lo ^ (flow.id.lo >> 32)) * kOddConstant;
  mixed ^= mixed >> 29;
  mixed = (mixed ^ flow.id.hi) * kOddConstant;
  mixed ^= mixed >> 32;
  mixed = (mixed ^ (salt << 32 | salt)) * kOddConstant;
  const std::uint64_t number = mixed >> 11;
  return number == 0 ? 1 : number;
}

bool has_untold(const FlowPair& pair, const FlowCold& cold) noexcept {
  const Told before = told(cold);
  return pair.warm.packets != before.packets || pair.warm.dropped_packets != before.dropped;
}

FlowRecord flow_record(const FlowPair& pair, const FlowCold& cold) noexcept {
  const Flow& flow = pair.hot;
  const FlowWarm& warm = pair.warm;
  const Told before = told(cold);
  FlowRecord record{};
  record.emitted = flow.last_seen;
  record.first_seen = cold.first_seen;
  record.last_seen = flow.last_seen;
  record.flow_number = flow_number_of(flow);
  record.key = cold.key;
  for (unsigned i = 0; i < 2; ++i) {
    record.bytes[i] = warm.bytes[i] - before.bytes[i];
    record.packets[i] = warm.packets[i] - before.packets[i];
  }
  record.dropped_packets = warm.dropped_packets - before.dropped;
  record.rule_id = flow.has(kRefused) ? warm.refused_rule : 0;
  record.packet_number = cold.first_packet_number;
  record.vlan = cold.vlan;
  record.generation = flow.policy_epoch;
  record.initiator_is_low = flow.has(kInitiatorIsLow) ? 1 : 0;
  record.tcp_state = static_cast<std::uint8_t>(recorded(flow.tcp_state));
  record.tcp_flags = warm.tcp_flags;
  record.in_port = cold.in_port;
  record.refused_reason = flow.refused_reason;
  record.is_midstream = flow.has(kMidstream) ? 1 : 0;
  record.has_icmp_type = cold.has_icmp_type;
  record.icmp_type = cold.icmp_type;
  record.icmp_code = cold.icmp_code;
  return record;
}

void note_told(const FlowPair& pair, FlowCold& cold) noexcept {
  cold.emitted_bytes = pair.warm.bytes;
  cold.emitted_packets = pair.warm.packets;
  cold.emitted_dropped = pair.warm.dropped_packets;
  ++cold.interims;
}

}  // namespace sluice
