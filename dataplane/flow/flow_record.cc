#include "dataplane/flow/flow_record.h"

#include <array>

namespace sluice {
namespace {

constexpr std::uint64_t kOddConstant = 0x9e3779b97f4a7c15ULL;

struct Counts {
  std::array<std::uint64_t, 2> bytes{};
  std::array<std::uint64_t, 2> packets{};
  std::uint64_t dropped = 0;
};

[[nodiscard]] Counts told(const FlowCold& cold) noexcept {
  if (cold.interims == 0) return {};
  return {cold.told_bytes, cold.told_packets, cold.told_dropped};
}

/// What a counter of 32 bits, which may have wrapped, counted since it was told.
[[nodiscard]] std::uint64_t since(std::uint32_t now, std::uint64_t before) noexcept {
  return now - static_cast<std::uint32_t>(before);
}

[[nodiscard]] Counts untold(const FlowWarm& warm, const Counts& before) noexcept {
  Counts counts;
  for (unsigned i = 0; i < 2; ++i) {
    counts.bytes[i] = warm.bytes[i] - before.bytes[i];
    counts.packets[i] = since(warm.packets[i], before.packets[i]);
  }
  counts.dropped = since(warm.dropped_packets, before.dropped);
  return counts;
}

[[nodiscard]] Counts total(const FlowWarm& warm, const Counts& before) noexcept {
  Counts counts = untold(warm, before);
  for (unsigned i = 0; i < 2; ++i) {
    counts.bytes[i] += before.bytes[i];
    counts.packets[i] += before.packets[i];
  }
  counts.dropped += before.dropped;
  return counts;
}

// A record says what happened, not which side the tracker's tables call first.
[[nodiscard]] TcpState recorded(TcpState state) noexcept {
  return state == TcpState::responder_fin ? TcpState::fin_wait : state;
}

[[nodiscard]] FlowRecord record_of(const FlowPair& pair, const FlowCold& cold,
                                   const Counts& counts) noexcept {
  const Flow& flow = pair.hot;
  const FlowWarm& warm = pair.warm;
  FlowRecord record{};
  record.emitted = flow.last_seen;
  record.first_seen = cold.first_seen;
  record.last_seen = flow.last_seen;
  record.flow_number = flow_number_of(flow);
  record.key = cold.key;
  record.bytes = counts.bytes;
  record.packets = counts.packets;
  record.dropped_packets = counts.dropped;
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
  record.is_two_way = warm.packets[0] != 0 && warm.packets[1] != 0 ? 1 : 0;
  return record;
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
  const Counts now = untold(pair.warm, told(cold));
  return now.packets[0] != 0 || now.packets[1] != 0 || now.dropped != 0;
}

FlowRecord interim_record(const FlowPair& pair, const FlowCold& cold) noexcept {
  return record_of(pair, cold, untold(pair.warm, told(cold)));
}

FlowRecord flow_record(const FlowPair& pair, const FlowCold& cold) noexcept {
  return record_of(pair, cold, total(pair.warm, told(cold)));
}

void note_told(const FlowPair& pair, FlowCold& cold) noexcept {
  const Counts now = total(pair.warm, told(cold));
  cold.told_bytes = now.bytes;
  cold.told_packets = now.packets;
  cold.told_dropped = now.dropped;
  ++cold.interims;
}

}  // namespace sluice
