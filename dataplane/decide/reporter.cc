#include "dataplane/decide/reporter.h"

#include <cstring>

#include "base/endian.h"
#include "dataplane/flow/flow.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/inspect/anomaly_report.h"
#include "dataplane/overload.h"
#include "dataplane/policy_parts.h"

namespace sluice {
namespace {

void fill_v4(DropRecord& record, const Packet& packet) noexcept {
  const std::uint8_t* ip = packet.l3();
  std::memcpy(record.source.data(), ip + 12, 4);
  std::memcpy(record.destination.data(), ip + 16, 4);
  record.tos = ip[1];
  record.ip_id = load_be16(ip + 4);
  record.ttl = ip[8];
}

void fill_v6(DropRecord& record, const Packet& packet) noexcept {
  const std::uint8_t* ip = packet.l3();
  std::memcpy(record.source.data(), ip + 8, 16);
  std::memcpy(record.destination.data(), ip + 24, 16);
  record.tos = static_cast<std::uint8_t>(load_be16(ip) >> 4);
  record.ttl = ip[7];
}

/// 0 where the header was not understood as far as the payload.
[[nodiscard]] std::uint16_t l4_bytes_of(const Packet& packet) noexcept {
  if (packet.payload_offset <= packet.l4_offset) return 0;
  return static_cast<std::uint16_t>(packet.payload_offset - packet.l4_offset +
                                    packet.payload_bytes);
}

}  // namespace

DropRecord drop_record(const Packet& packet) noexcept {
  DropRecord record{};
  record.now = packet.now;
  record.wire_bytes = packet.wire_bytes;
  record.packet_number = packet.packet_number;
  record.rule_id = packet.verdict.rule_id;
  record.frames = packet.frames;
  record.in_port = packet.in_port;
  for (std::size_t i = 0; i < record.vlan.size() && i < packet.vlan_count; ++i) {
    record.vlan[i] = packet.vlan[i];
  }
  record.ip_version = packet.ip_version;
  if (packet.ip_version == 4) fill_v4(record, packet);
  if (packet.ip_version == 6) fill_v6(record, packet);
  if (packet.ip_version == 0) return record;
  record.protocol = packet.protocol;
  record.ip_bytes = packet.l3_bytes;
  record.source_port = packet.source_port;
  record.destination_port = packet.destination_port;
  record.tcp_sequence = packet.tcp_sequence;
  record.tcp_acknowledgement = packet.tcp_acknowledgement;
  record.tcp_window = packet.tcp_window;
  record.tcp_flags = packet.tcp_flags;
  record.icmp_type = packet.icmp_type;
  if (has_icmp_header(packet)) record.icmp_code = icmp_code(packet);
  record.l4_bytes = l4_bytes_of(packet);
  record.direction = packet.flow != nullptr && !packet.has(kInitiator) ? 1 : 0;
  return record;
}

bool Reporter::is_sampled(const Packet& packet, std::uint32_t one_in) const noexcept {
  const std::uint64_t ports = std::uint64_t{packet.source_port} << 16 | packet.destination_port;
  if (packet.ip_version == 4) {
    const V4Pair pair = v4_addresses(packet);
    return sampler_.is_sampled(std::uint64_t{pair.source} << 32 | pair.destination, ports, one_in);
  }
  if (packet.ip_version == 6) {
    const V6Pair pair = v6_addresses(packet);
    return sampler_.is_sampled(v6_sample(pair.source, pair.destination), ports, one_in);
  }
  return sampler_.is_sampled(packet.wire_bytes, packet.in_port, one_in);
}

void Reporter::report_refused(const Packet& packet, const PolicySettings& settings) noexcept {
  const bool is_enforced = packet.verdict.action != Action::pass;
  const DropReason reason = is_enforced ? packet.verdict.reason : packet.verdict.would_drop;
  auto& counters = is_enforced ? counters_.dropped : counters_.would_drop;
  counters[static_cast<std::size_t>(reason)] += packet.frames;
  if (packet.flow != nullptr) note_refused_packet(*packet.flow, packet.frames);
  if (anomalies_ != nullptr) anomalies_->packet(packet, reason, settings);
  if (packet.has(kUnsampled) || window_ == nullptr) return;
  if (!packet.has(kSampled) && !is_sampled(packet, settings.drop_sample)) return;
  if (shed_level_ >= kShedDropRecords) {
    ++records_shed_;
    return;
  }
  DropRecord record = drop_record(packet);
  record.reason = reason;
  record.is_enforced = is_enforced ? 1 : 0;
  record.worker = worker_;
  record.generation = static_cast<std::uint16_t>(settings.generation);
  record.flow_number = packet.flow != nullptr ? flow_number_of(*packet.flow) : 0;
  if (!window_->drops.try_push(record)) ++counters_.drop_records_lost;
}

void Reporter::report(std::span<const Packet> packets, const PolicySettings& settings) noexcept {
  for (const Packet& packet : packets) {
    const Verdict& verdict = packet.verdict;
    const bool is_refused = verdict.action == Action::drop || verdict.action == Action::reject;
    if (is_refused || verdict.would_drop != DropReason::none) [[unlikely]] {
      report_refused(packet, settings);
    }
  }
}

}  // namespace sluice
