// Formatting is the recorder's whole cost, so nothing here allocates or asks the C library: keys
// are literals, numbers go through std::to_chars, dates are kept per second, names of ports and
// captures are escaped once. The SHA-1 of the community id is the larger part of what remains.
#include "control/store/eve_format.h"

#include "control/store/eve_text.h"
#include "control/store/eve_words.h"

namespace sluice {
namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpV6 = 58;
constexpr std::uint8_t kSctp = 132;
// RFC 9293 3.1, RFC 3168 6.1.
constexpr unsigned kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kUrg = 0x20,
                   kEce = 0x40, kCwr = 0x80;
constexpr std::uint64_t kFlowIdMask = (std::uint64_t{1} << 53) - 1;

bool is_icmp(std::uint8_t protocol) noexcept { return protocol == kIcmp || protocol == kIcmpV6; }

bool has_ports(std::uint8_t protocol) noexcept {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp;
}

/// The initiator's direction. An ICMP flow without a known type that has an identifier is an echo:
/// the initiator asked.
CommunityTuple tuple_of(const FlowRecord& record) noexcept {
  const FlowKey& key = record.key;
  const bool low_first = record.initiator_is_low != 0;
  CommunityTuple tuple{low_first ? key.low : key.high,
                       low_first ? key.high : key.low,
                       low_first ? key.low_port : key.high_port,
                       low_first ? key.high_port : key.low_port,
                       key.protocol,
                       key.version};
  if (!is_icmp(key.protocol)) return tuple;
  const unsigned echo_request = key.protocol == kIcmp ? 8 : 128;
  tuple.source_port =
      static_cast<std::uint16_t>(record.has_icmp_type != 0 ? record.icmp_type : echo_request);
  tuple.destination_port = record.has_icmp_type != 0 ? record.icmp_code : std::uint8_t{0};
  return tuple;
}

CommunityTuple tuple_of(const DropRecord& record) noexcept {
  CommunityTuple tuple{record.source,           record.destination, record.source_port,
                       record.destination_port, record.protocol,    record.ip_version};
  if (!is_icmp(record.protocol)) return tuple;
  tuple.source_port = record.icmp_type;
  tuple.destination_port = record.icmp_code;
  return tuple;
}

/// The type of an ICMP flow is told by the record, or follows from its having an identifier.
bool is_type_known(const FlowRecord& record) noexcept {
  return !is_icmp(record.key.protocol) || record.has_icmp_type != 0 || record.key.low_port != 0;
}

void hex_flags(JsonWriter& json, std::string_view key, unsigned flags) noexcept {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::array<char, 2> text{kHex[flags >> 4 & 15], kHex[flags & 15]};
  json.word(key, {text.data(), 2});
}

/// Suricata names only the flags that were seen.
void tcp_object(JsonWriter& json, const FlowRecord& record) noexcept {
  struct Row {
    unsigned flag;
    std::string_view name;
  };
  constexpr Row kRows[] = {{kSyn, "syn"}, {kFin, "fin"}, {kRst, "rst"}, {kPsh, "psh"},
                           {kAck, "ack"}, {kUrg, "urg"}, {kEce, "ecn"}, {kCwr, "cwr"}};
  const unsigned all = unsigned{record.tcp_flags[0]} | record.tcp_flags[1];
  json.open_object("tcp");
  hex_flags(json, "tcp_flags", all);
  hex_flags(json, "tcp_flags_ts", record.tcp_flags[0]);
  hex_flags(json, "tcp_flags_tc", record.tcp_flags[1]);
  for (const Row& row : kRows) {
    if ((all & row.flag) != 0) json.flag(row.name, true);
  }
  json.word("state", tcp_state_row(record.tcp_state).session);
  json.close_object();
}

void drop_tcp(JsonWriter& json, const DropRecord& record) noexcept {
  json.number("tcpseq", record.tcp_sequence);
  json.number("tcpack", record.tcp_acknowledgement);
  json.number("tcpwin", record.tcp_window);
  json.flag("syn", (record.tcp_flags & kSyn) != 0);
  json.flag("ack", (record.tcp_flags & kAck) != 0);
  json.flag("psh", (record.tcp_flags & kPsh) != 0);
  json.flag("rst", (record.tcp_flags & kRst) != 0);
  json.flag("urg", (record.tcp_flags & kUrg) != 0);
  json.flag("fin", (record.tcp_flags & kFin) != 0);
}

/// Suricata's names differ by version: IPv4 has len (with header), tos, ttl and ipid; IPv6 has len
/// (payload), tc and hoplimit.
void drop_ip(JsonWriter& json, const DropRecord& record) noexcept {
  if (record.ip_version == 6) {
    json.number("len", record.ip_bytes > 40 ? record.ip_bytes - 40U : 0U);
    json.number("tc", record.tos);
    json.number("hoplimit", record.ttl);
    return;
  }
  json.number("len", record.ip_bytes);
  json.number("tos", record.tos);
  json.number("ttl", record.ttl);
  json.number("ipid", record.ip_id);
}

void drop_object(JsonWriter& json, const DropRecord& record) noexcept {
  json.open_object("drop");
  if (record.ip_version != 0) drop_ip(json, record);
  if (record.ip_version != 0 && record.protocol == kTcp) drop_tcp(json, record);
  if (record.ip_version != 0 && record.protocol == kUdp && record.l4_bytes != 0) {
    json.number("udplen", record.l4_bytes);
  }
  json.word("reason", reason_word(record.reason));
  json.close_object();
}

}  // namespace

EveFormatter::EveFormatter(const EveContext& context)
    : capture_(escape_json(context.capture)), is_replay_(context.is_replay), mode_(context.mode) {
  for (const std::string& name : context.port_names) port_names_.push_back(escape_json(name));
}

void EveFormatter::use_capture(std::string_view name) { capture_ = escape_json(name); }

void EveFormatter::time(JsonWriter& json, std::string_view key, TimeNs when) noexcept {
  const EveTime::Text text = time_.of(when);
  json.word(key, {text.data(), text.size()});
}

void EveFormatter::open_event(JsonWriter& json, const Header& header) noexcept {
  json.open_object();
  time(json, "timestamp", header.when);
  if (header.flow_number != 0) json.number("flow_id", header.flow_number & kFlowIdMask);
  if (is_replay_ && header.packet_number != 0) json.number("pcap_cnt", header.packet_number);
  if (header.in_port < port_names_.size() && !port_names_[header.in_port].empty()) {
    json.word("in_iface", port_names_[header.in_port]);
  }
  json.word("event_type", header.event_type);
  if (header.vlan[0] == 0 && header.vlan[1] == 0) return;
  json.open_array("vlan");
  for (const std::uint16_t id : header.vlan) {
    if (id != 0) json.element(id);
  }
  json.close_array();
}

void EveFormatter::endpoints(JsonWriter& json, const CommunityTuple& tuple) noexcept {
  AddressText text;
  json.word("src_ip", address_text(tuple.source, tuple.version, text));
  if (has_ports(tuple.protocol)) json.number("src_port", tuple.source_port);
  json.word("dest_ip", address_text(tuple.destination, tuple.version, text));
  if (has_ports(tuple.protocol)) json.number("dest_port", tuple.destination_port);
  ProtocolText digits;
  json.word("proto", protocol_word(tuple.protocol, digits));
}

void EveFormatter::flow_object(JsonWriter& json, const FlowRecord& record) noexcept {
  const std::uint64_t start = record.first_seen / kNsPerSecond;
  const std::uint64_t end = record.last_seen / kNsPerSecond;
  json.open_object("flow");
  json.number("pkts_toserver", record.packets[0]);
  json.number("pkts_toclient", record.packets[1]);
  json.number("bytes_toserver", record.bytes[0]);
  json.number("bytes_toclient", record.bytes[1]);
  time(json, "start", record.first_seen);
  time(json, "end", record.last_seen);
  json.number("age", end > start ? end - start : 0);
  json.word("state", flow_state_word(record));
  json.word("reason", flow_reason_word(record.end));
  json.flag("alerted", record.rule_id != 0);
  if (record.refused_reason != DropReason::none && mode_ == Mode::enforce) {
    json.word("action", "drop");
  }
  json.close_object();
}

void EveFormatter::common_extras(JsonWriter& json, std::uint64_t generation, std::uint8_t worker,
                                 Mode mode) noexcept {
  json.number("generation", generation);
  if (!is_replay_) json.number("worker", worker);
  json.word("mode", mode == Mode::enforce ? "enforce" : "monitor");
  if (!capture_.empty()) json.word("capture", capture_);
}

void EveFormatter::flow_extras(JsonWriter& json, const FlowRecord& record) noexcept {
  json.open_object("sluice");
  common_extras(json, record.generation, record.worker, mode_);
  json.flag("interim", record.is_interim != 0);
  if (record.is_interim == 0) json.word("end", flow_end_word(record.end));
  if (record.is_midstream != 0) json.flag("midstream", true);
  json.number("dropped_packets", record.dropped_packets);
  if (record.refused_reason != DropReason::none) {
    json.word("refused_reason", reason_word(record.refused_reason));
  }
  if (record.rule_id != 0) json.number("rule_id", record.rule_id);
  json.close_object();
}

std::size_t EveFormatter::flow(const FlowRecord& record, std::span<char> into) noexcept {
  JsonWriter json(into);
  const CommunityTuple tuple = tuple_of(record);
  open_event(json, {record.emitted, "flow", record.flow_number, record.packet_number,
                    record.in_port, record.vlan});
  endpoints(json, tuple);
  if (is_icmp(tuple.protocol) && is_type_known(record)) {
    json.number("icmp_type", tuple.source_port);
    json.number("icmp_code", tuple.destination_port);
  }
  flow_object(json, record);
  if (is_type_known(record)) json.word("community_id", community_.of(tuple));
  if (tuple.protocol == kTcp) tcp_object(json, record);
  flow_extras(json, record);
  json.close_object();
  json.end_line();
  return json.size();
}

void EveFormatter::drop_extras(JsonWriter& json, const DropRecord& record) noexcept {
  json.open_object("sluice");
  common_extras(json, record.generation, record.worker,
                record.is_enforced != 0 ? Mode::enforce : Mode::monitor);
  json.word("station", station_word(record.reason));
  json.number("frames", record.frames);
  json.number("wire_bytes", record.wire_bytes);
  if (record.rule_id != 0) json.number("rule_id", record.rule_id);
  json.close_object();
}

std::size_t EveFormatter::drop(const DropRecord& record, std::span<char> into) noexcept {
  JsonWriter json(into);
  const bool is_ip = record.ip_version != 0;
  const CommunityTuple tuple = tuple_of(record);
  open_event(json, {record.now, "drop", record.flow_number, record.packet_number, record.in_port,
                    record.vlan});
  if (is_ip) endpoints(json, tuple);
  if (is_ip && is_icmp(record.protocol)) {
    json.number("icmp_type", record.icmp_type);
    json.number("icmp_code", record.icmp_code);
  }
  if (record.flow_number != 0) {
    json.word("direction", record.direction == 0 ? "to_server" : "to_client");
  }
  if (is_ip) json.word("community_id", community_.of(tuple));
  drop_object(json, record);
  json.open_object("verdict");
  json.word("action", record.is_enforced != 0 ? "drop" : "pass");
  json.close_object();
  drop_extras(json, record);
  json.close_object();
  json.end_line();
  return json.size();
}

}  // namespace sluice
