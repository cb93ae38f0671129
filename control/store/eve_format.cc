// Formatting is the recorder's whole cost, so nothing here allocates or asks the C library: keys
// are literals, numbers go through std::to_chars, dates are kept per second, names of ports and
// captures are escaped once. The SHA-1 of the community id is the larger part of what remains.
#include "control/store/eve_format.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

#include "base/endian.h"

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

void put_decimal(char* to, unsigned value, unsigned digits) noexcept {
  for (unsigned i = digits; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

/// "2025-01-02T03:04:05" of seconds since the epoch: days to a civil date by counting years from
/// March in cycles of 400 years (146,097 days).
void put_date(char* to, std::uint64_t seconds) noexcept {
  const std::uint64_t shifted = seconds / 86'400 + 719'468;  // days since 0000-03-01
  const auto of_cycle = static_cast<unsigned>(shifted % 146'097);
  const unsigned year_of_cycle =
      (of_cycle - of_cycle / 1'460 + of_cycle / 36'524 - of_cycle / 146'096) / 365;
  const unsigned of_year =
      of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
  const unsigned march_month = (5 * of_year + 2) / 153;
  const unsigned day = of_year - (153 * march_month + 2) / 5 + 1;
  const unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
  const auto year =
      static_cast<unsigned>(shifted / 146'097) * 400 + year_of_cycle + (month <= 2 ? 1U : 0U);
  const auto of_day = static_cast<unsigned>(seconds % 86'400);
  std::memcpy(to, "0000-00-00T00:00:00", 19);
  put_decimal(to, year, 4);
  put_decimal(to + 5, month, 2);
  put_decimal(to + 8, day, 2);
  put_decimal(to + 11, of_day / 3'600, 2);
  put_decimal(to + 14, of_day / 60 % 60, 2);
  put_decimal(to + 17, of_day % 60, 2);
}

using AddressText = std::array<char, 48>;

char* put_v4(char* at, const std::uint8_t* bytes) noexcept {
  for (unsigned i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    at = std::to_chars(at, at + 3, unsigned{bytes[i]}).ptr;
  }
  return at;
}

struct ZeroRun {
  unsigned start = 8;
  unsigned length = 1;  // RFC 5952 4.2.2: a single group is not shortened
};

ZeroRun longest_zero_run(const std::array<std::uint16_t, 8>& groups) noexcept {
  ZeroRun best;
  unsigned length = 0;
  for (unsigned i = 0; i < 8; ++i) {
    length = groups[i] == 0 ? length + 1 : 0;
    if (length > best.length) best = {i + 1 - length, length};
  }
  return best;
}

/// RFC 5952, as base's to_string writes it, without allocation.
char* put_v6(char* at, const std::uint8_t* bytes) noexcept {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(bytes, kMapped.data(), kMapped.size()) == 0) {
    std::memcpy(at, "::ffff:", 7);
    return put_v4(at + 7, bytes + 12);
  }
  std::array<std::uint16_t, 8> groups;
  for (unsigned i = 0; i < 8; ++i) groups[i] = load_be16(bytes + 2 * i);
  const ZeroRun run = longest_zero_run(groups);
  for (unsigned i = 0; i < 8;) {
    if (i == run.start) {
      *at++ = ':';
      *at++ = ':';
      i += run.length;
      continue;
    }
    if (i > 0 && i != run.start + run.length) *at++ = ':';
    at = std::to_chars(at, at + 4, unsigned{groups[i]}, 16).ptr;
    ++i;
  }
  return at;
}

std::string_view address_text(const std::array<std::uint8_t, 16>& bytes, std::uint8_t version,
                              AddressText& text) noexcept {
  const char* end =
      version == 6 ? put_v6(text.data(), bytes.data()) : put_v4(text.data(), bytes.data());
  return {text.data(), static_cast<std::size_t>(end - text.data())};
}

void protocol(JsonWriter& json, std::uint8_t number) noexcept {
  std::array<char, 3> digits;
  const auto word = [&]() -> std::string_view {
    switch (number) {
      case kTcp:
        return "TCP";
      case kUdp:
        return "UDP";
      case kIcmp:
        return "ICMP";
      case kIcmpV6:
        return "IPv6-ICMP";
      case kSctp:
        return "SCTP";
      default:
        break;
    }
    const char* end = std::to_chars(digits.data(), digits.data() + 3, unsigned{number}).ptr;
    return {digits.data(), static_cast<std::size_t>(end - digits.data())};
  };
  json.word("proto", word());
}

std::string_view reason_word(DropReason reason) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  return index < kDropReasonCount ? drop_reason_table()[index].name : "unknown";
}

std::string_view station_word(DropReason reason) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  return index < kDropReasonCount ? drop_reason_table()[index].station : "unknown";
}

/// Suricata's words by the value of FlowRecord::tcp_state (a TcpState): for the session, and for
/// the flow that carries it.
struct TcpStateRow {
  std::string_view session;
  std::string_view flow;
};
constexpr TcpStateRow kTcpStates[] = {
    {"none", "new"},                 // none
    {"syn_sent", "new"},             // syn_sent
    {"syn_recv", "new"},             // syn_received
    {"established", "established"},  // established
    {"established", "established"},  // midstream
    {"fin_wait1", "established"},    // fin_wait
    {"closing", "established"},      // closing
    {"closed", "closed"},            // closed
    {"closed", "closed"},            // reset
    {"fin_wait1", "established"},    // responder_fin, which records give as fin_wait
};
constexpr TcpStateRow kUnknownTcpState{"unknown", "established"};

TcpStateRow tcp_state_row(std::uint8_t state) noexcept {
  return state < std::size(kTcpStates) ? kTcpStates[state] : kUnknownTcpState;
}

std::string_view flow_state_word(const FlowRecord& record) noexcept {
  if (record.key.protocol == kTcp) return tcp_state_row(record.tcp_state).flow;
  return record.packets[0] != 0 && record.packets[1] != 0 ? "established" : "new";
}

/// Suricata's words for why a flow ended.
std::string_view flow_reason_word(FlowEnd end) noexcept {
  switch (end) {
    case FlowEnd::timeout:
    case FlowEnd::closed:
    case FlowEnd::expired_at_lookup:
      return "timeout";
    case FlowEnd::evicted:
    case FlowEnd::refused:
      return "forced";
    case FlowEnd::shutdown:
      return "shutdown";
    case FlowEnd::none:
      break;
  }
  return "unknown";
}

/// Who finds an idle flow first, the sweeper or the next packet, depends on the number of workers;
/// the event does not tell.
std::string_view flow_end_word(FlowEnd end) noexcept {
  switch (end) {
    case FlowEnd::timeout:
    case FlowEnd::expired_at_lookup:
      return "timeout";
    case FlowEnd::closed:
      return "closed";
    case FlowEnd::evicted:
      return "evicted";
    case FlowEnd::refused:
      return "refused";
    case FlowEnd::shutdown:
      return "shutdown";
    case FlowEnd::none:
      break;
  }
  return "unknown";
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

std::uint64_t sum_of(const std::array<std::uint64_t, kDropReasonCount>& by_reason) noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : by_reason) sum += count;
  return sum;
}

std::uint64_t refused_at(const WorkerCounters& total, std::string_view station) noexcept {
  std::uint64_t sum = 0;
  for (const DropReasonRow& row : drop_reason_table()) {
    if (row.station == station) sum += total.dropped[static_cast<std::size_t>(row.reason)];
  }
  return sum;
}

/// Only what happened: a counter that is absent is zero.
void by_reason(JsonWriter& json, std::string_view key,
               const std::array<std::uint64_t, kDropReasonCount>& counts) noexcept {
  json.open_object(key);
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {
    if (counts[i] != 0) json.number(drop_reason_table()[i].name, counts[i]);
  }
  json.close_object();
}

void capacity_events(JsonWriter& json, const WorkerCounters& total) noexcept {
  json.open_object("capacity_events");
  for (std::size_t i = 0; i < kCapacityEventCount; ++i) {
    if (total.capacity[i] != 0) {
      json.number(name_of(static_cast<CapacityEvent>(i)), total.capacity[i]);
    }
  }
  json.close_object();
}

/// In a replay the tables are swept as time allows, so gauges depend on the number of workers; its
/// one stats event stands at the end, where they are zero.
void stats_object(JsonWriter& json, const StatsSnapshot& snapshot) noexcept {
  const WorkerCounters& total = snapshot.total;
  const TimeNs uptime = snapshot.now > snapshot.started ? snapshot.now - snapshot.started : 0;
  json.open_object("stats");
  json.number("uptime", uptime / kNsPerSecond);
  json.open_object("capture");
  json.number("kernel_packets", total.rx_packets + snapshot.lost_before_receive);
  json.number("kernel_drops", snapshot.lost_before_receive);
  json.close_object();
  json.open_object("decoder");
  json.number("pkts", total.rx_packets);
  json.number("bytes", total.rx_bytes);
  json.number("invalid", refused_at(total, "decode"));
  json.close_object();
  json.open_object("flow");
  json.number("total", total.flows_created);
  json.number("active", total.flows_active);
  json.close_object();
  json.open_object("ips");
  json.number("accepted", total.forwarded);
  json.number("blocked", sum_of(total.dropped));
  json.close_object();
  json.close_object();
}

void loss(JsonWriter& json, const StatsSnapshot& snapshot) noexcept {
  json.open_object("records_lost");
  json.number("flow", snapshot.total.flow_records_lost);
  json.number("drop", snapshot.total.drop_records_lost);
  json.number("queue", snapshot.events_lost_queue);
  json.number("file", snapshot.events_lost_file);
  json.close_object();
}

}  // namespace

struct EveFormatter::Header {
  TimeNs when;
  std::string_view event_type;
  std::uint64_t flow_number = 0;
  std::uint32_t packet_number = 0;
  std::uint8_t in_port = 0;
  std::array<std::uint16_t, 2> vlan{};
};

EveTime::Text EveTime::of(TimeNs time) noexcept {
  const std::uint64_t second = time / kNsPerSecond;
  Second& cached = seconds_[second % seconds_.size()];
  if (cached.second != second) {
    put_date(cached.text.data(), second);
    cached.second = second;
  }
  Text text;
  std::memcpy(text.data(), cached.text.data(), 19);
  std::memcpy(text.data() + 19, ".000000+0000", 12);
  put_decimal(text.data() + 20, static_cast<unsigned>(time % kNsPerSecond / kNsPerUs), 6);
  return text;
}

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
  protocol(json, tuple.protocol);
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

void EveFormatter::ports(JsonWriter& json, const WorkerCounters& total) noexcept {
  json.open_object("ports");
  for (std::size_t i = 0; i < std::min(port_names_.size(), total.ports.size()); ++i) {
    if (port_names_[i].empty()) continue;
    const PortCounters& port = total.ports[i];
    json.open_object(port_names_[i]);
    json.number("rx_packets", port.rx_packets);
    json.number("rx_bytes", port.rx_bytes);
    json.number("tx_packets", port.tx_packets);
    json.number("tx_bytes", port.tx_bytes);
    json.close_object();
  }
  json.close_object();
}

void EveFormatter::stats_extras(JsonWriter& json, const StatsSnapshot& snapshot) noexcept {
  const WorkerCounters& total = snapshot.total;
  json.open_object("sluice");
  json.number("generation", total.generation);
  json.word("mode", mode_ == Mode::enforce ? "enforce" : "monitor");
  if (!capture_.empty()) json.word("capture", capture_);
  json.number("forwarded", total.forwarded);
  json.number("forwarded_bytes", total.forwarded_bytes);
  json.number("dropped", sum_of(total.dropped));
  json.number("held", total.held);
  json.number("generated", total.generated);
  by_reason(json, "dropped_by_reason", total.dropped);
  by_reason(json, "would_drop_by_reason", total.would_drop);
  capacity_events(json, total);
  loss(json, snapshot);
  if (!is_replay_) {
    json.number("workers", snapshot.workers);
    json.number("workers_unreadable", snapshot.workers_unreadable);
    json.number("events_written", snapshot.events_written);
    json.number("half_open", total.half_open_active);
    json.number("polls", total.polls);
    json.number("busy_polls", total.busy_polls);
    json.number("full_bursts", total.full_bursts);
    json.number("handed_over", total.handed_in);
    ports(json, total);
  }
  json.close_object();
}

std::size_t EveFormatter::stats(const StatsSnapshot& snapshot, std::span<char> into) noexcept {
  JsonWriter json(into);
  open_event(json, {snapshot.now, "stats", 0, 0, 0xff, {}});
  stats_object(json, snapshot);
  stats_extras(json, snapshot);
  json.close_object();
  json.end_line();
  return json.size();
}

}  // namespace sluice
