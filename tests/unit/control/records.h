// Records as workers would report them, for the tests of the control side.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/five_tuple.h"
#include "base/ip_address.h"
#include "dataplane/events.h"
#include "dataplane/flow/flow.h"

namespace sluice::test {

inline constexpr TimeNs kNewYear2025 = 1'735'689'600 * kNsPerSecond;  // 2025-01-01T00:00:00Z

struct Ends {
  const char* source;
  const char* destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 6;
};

inline FlowRecord flow_record(const Ends& ends) {
  FiveTuple tuple;
  tuple.source = parse_ip_address(ends.source).value();
  tuple.destination = parse_ip_address(ends.destination).value();
  tuple.source_port = ends.source_port;
  tuple.destination_port = ends.destination_port;
  tuple.protocol = ends.protocol;
  const CanonicalKey canonical_key = canonical(tuple);
  FlowRecord record{};
  record.first_seen = kNewYear2025;
  record.last_seen = kNewYear2025 + 3 * kNsPerSecond + 250 * kNsPerMs;
  record.emitted = record.last_seen;
  record.flow_number = 0x1234'5678'9abc;
  record.key = canonical_key.key;
  record.initiator_is_low = canonical_key.source_is_low ? 1 : 0;
  record.bytes = {500, 1500};
  record.packets = {5, 4};
  record.generation = 3;
  record.tcp_state =
      static_cast<std::uint8_t>(ends.protocol == 6 ? TcpState::closed : TcpState::none);
  record.tcp_flags = {0x1b, 0x1a};
  record.end = FlowEnd::closed;
  record.worker = 1;
  record.is_two_way = 1;
  return record;
}

inline DropRecord drop_record(const Ends& ends) {
  const IpAddress source = parse_ip_address(ends.source).value();
  DropRecord record{};
  record.now = kNewYear2025 + 6 * kNsPerUs;
  record.flow_number = 77;
  record.source = source.bytes;
  record.destination = parse_ip_address(ends.destination).value().bytes;
  record.source_port = ends.source_port;
  record.destination_port = ends.destination_port;
  record.wire_bytes = 74;
  record.tcp_sequence = 4'000'000'000;
  record.tcp_acknowledgement = 1;
  record.ip_bytes = 60;
  record.ip_id = 54321;
  record.tcp_window = 64240;
  record.frames = 1;
  record.generation = 3;
  record.ip_version = source.version;
  record.protocol = ends.protocol;
  record.tcp_flags = 0x02;
  record.ttl = 63;
  record.tos = 8;
  record.reason = DropReason::source_rate_exceeded;
  record.is_enforced = 1;
  record.worker = 1;
  return record;
}

inline InspectRecord alert_record(const Ends& ends) {
  const IpAddress source = parse_ip_address(ends.source).value();
  InspectRecord record{};
  record.now = kNewYear2025 + 6 * kNsPerUs;
  record.flow_number = 77;
  record.flow_started = kNewYear2025;
  record.flow_bytes = {500, 1500};
  record.flow_packets = {5, 4};
  record.source = source.bytes;
  record.destination = parse_ip_address(ends.destination).value().bytes;
  record.source_port = ends.source_port;
  record.destination_port = ends.destination_port;
  record.rule_id = 1001;
  record.gid = 1;
  record.rev = 2;
  record.generation = 3;
  record.ip_version = source.version;
  record.protocol = ends.protocol;
  record.stage = 2;
  record.is_refused = 1;
  record.is_enforced = 1;
  record.is_stream = 1;
  record.worker = 1;
  record.excerpt_count = 1;
  record.excerpts[0] = {.buffer = Buffer::payload, .bytes = 4};
  record.bytes = {'G', 'E', 'T', '\n'};
  return record;
}

/// What one side said.
struct Said {
  Buffer buffer;
  std::string_view text;
  bool is_to_client = false;
};

inline InspectRecord transaction_record(const Ends& ends, Service service,
                                        std::initializer_list<Said> said) {
  InspectRecord record = alert_record(ends);
  record.kind = InspectKind::transaction;
  record.service = service;
  record.is_refused = 0;
  record.message = 2;
  record.excerpt_count = 0;
  std::size_t at = 0;
  for (const Said& one : said) {
    record.excerpts[record.excerpt_count++] = {
        .buffer = one.buffer,
        .is_to_client = one.is_to_client,
        .bytes = static_cast<std::uint16_t>(one.text.size())};
    one.text.copy(reinterpret_cast<char*>(record.bytes.data()) + at, one.text.size());
    at += one.text.size();
  }
  return record;
}

inline InspectRecord anomaly_record(const Ends& ends, AnomalyLayer layer, std::uint8_t anomaly) {
  InspectRecord record = alert_record(ends);
  record.kind = InspectKind::anomaly;
  record.anomaly_layer = layer;
  record.anomaly = anomaly;
  record.excerpt_count = 0;
  return record;
}

}  // namespace sluice::test
