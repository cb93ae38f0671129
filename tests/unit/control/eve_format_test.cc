#include "control/store/eve_format.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dataplane/flow/flow.h"
#include "dataplane/packet.h"
#include "rules/rule.h"
#include "tests/unit/control/records.h"

namespace sluice {
namespace {

using Json = nlohmann::json;
using test::drop_record;
using test::flow_record;
using test::kNewYear2025;

EveContext live() {
  EveContext context;
  context.port_names = {"outside0", "inside0"};
  return context;
}

EveContext replay() {
  EveContext context;
  context.is_replay = true;
  context.capture = "a\"b.pcap";
  return context;
}

template <class Record>
std::string line(EveFormatter& formatter, const Record& record) {
  std::vector<char> buffer(kEveLineBytesMax);
  std::size_t bytes = 0;
  if constexpr (std::is_same_v<Record, FlowRecord>) bytes = formatter.flow(record, buffer);
  if constexpr (std::is_same_v<Record, DropRecord>) bytes = formatter.drop(record, buffer);
  if constexpr (std::is_same_v<Record, InspectRecord>) {
    bytes = formatter.inspection(record, buffer);
  }
  return {buffer.data(), bytes};
}

template <class Record>
Json event(const EveContext& context, const Record& record) {
  EveFormatter formatter(context);
  const std::string text = line(formatter, record);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  return Json::parse(text);
}

std::string time_text(TimeNs time) {
  EveTime times;
  const EveTime::Text text = times.of(time);
  return {text.data(), text.size()};
}

TEST(EveTime, WritesUtcWithMicroseconds) {
  EXPECT_EQ(time_text(1'735'787'045'000'006'999), "2025-01-02T03:04:05.000006+0000");
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000000+0000");
  EXPECT_EQ(time_text(951'782'399'999'999'999), "2000-02-28T23:59:59.999999+0000");
  EXPECT_EQ(time_text(951'782'400 * kNsPerSecond), "2000-02-29T00:00:00.000000+0000");
  EXPECT_EQ(time_text(4'107'542'400 * kNsPerSecond), "2100-03-01T00:00:00.000000+0000");
  EXPECT_EQ(time_text(~TimeNs{0}), "2554-07-21T23:34:33.709551+0000");
}

TEST(EveTime, AgreesWithTheCLibraryOnEveryDayOfFourCenturies) {
  EveTime times;
  for (std::int64_t day = 0; day < 213'000; ++day) {
    const std::time_t seconds = day * 86'400 + day % 86'400;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char expected[20];
    std::strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &parts);
    const EveTime::Text text = times.of(static_cast<TimeNs>(seconds) * kNsPerSecond);
    ASSERT_EQ(std::string(text.data(), 19), expected);
  }
}

TEST(EveFormat, WritesATcpFlowAsSuricataDoes) {
  FlowRecord record = flow_record({"192.0.2.10", "198.51.100.5", 40000, 443, 6});
  record.vlan = {10, 0};
  const Json expected = Json::parse(R"({
    "timestamp": "2025-01-01T00:00:03.250000+0000", "flow_id": 20015998343868,
    "in_iface": "outside0", "event_type": "flow", "vlan": [10],
    "src_ip": "192.0.2.10", "src_port": 40000, "dest_ip": "198.51.100.5", "dest_port": 443,
    "proto": "TCP",
    "flow": {"pkts_toserver": 5, "pkts_toclient": 4, "bytes_toserver": 500,
             "bytes_toclient": 1500, "start": "2025-01-01T00:00:00.000000+0000",
             "end": "2025-01-01T00:00:03.250000+0000", "age": 3, "state": "closed",
             "reason": "timeout", "alerted": false},
    "tcp": {"tcp_flags": "1b", "tcp_flags_ts": "1b", "tcp_flags_tc": "1a", "syn": true,
            "fin": true, "psh": true, "ack": true, "state": "closed"},
    "sluice": {"generation": 3, "worker": 1, "mode": "enforce", "interim": false,
               "end": "closed", "dropped_packets": 0}
  })");
  Json actual = event(live(), record);
  EXPECT_TRUE(actual["community_id"].get<std::string>().starts_with("1:"));
  actual.erase("community_id");
  EXPECT_EQ(actual, expected);
}

TEST(EveFormat, NamesTheInitiatorAsSourceInEitherOrderOfTheKey) {
  const FlowRecord up = flow_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
  const FlowRecord down = flow_record({"10.0.0.2", "10.0.0.1", 1000, 80, 6});
  EXPECT_EQ(event(live(), up)["src_ip"], "10.0.0.1");
  EXPECT_EQ(event(live(), down)["src_ip"], "10.0.0.2");
  EXPECT_EQ(event(live(), down)["src_port"], 1000);
}

TEST(EveFormat, WritesARefusedFlowOnlyAsDroppedWhereModeIsEnforce) {
  FlowRecord record = flow_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
  record.refused_reason = DropReason::flow_rate_exceeded;
  record.dropped_packets = 9;
  record.rule_id = 20031;
  EveContext context = live();
  const Json enforced = event(context, record);
  EXPECT_EQ(enforced["flow"]["action"], "drop");
  EXPECT_EQ(enforced["flow"]["alerted"], true);
  EXPECT_EQ(enforced["sluice"]["refused_reason"], "flow_rate_exceeded");
  EXPECT_EQ(enforced["sluice"]["rule_id"], 20031);
  EXPECT_EQ(enforced["sluice"]["dropped_packets"], 9);
  context.mode = Mode::monitor;
  const Json monitored = event(context, record);
  EXPECT_FALSE(monitored["flow"].contains("action"));
  EXPECT_EQ(monitored["sluice"]["mode"], "monitor");
}

TEST(EveFormat, MarksInterimFlows) {
  FlowRecord record = flow_record({"2001:db8::1", "2001:db8::2", 5000, 53, 17});
  record.is_interim = 1;
  record.end = FlowEnd::none;
  const Json flow = event(live(), record);
  EXPECT_EQ(flow["sluice"]["interim"], true);
  EXPECT_FALSE(flow["sluice"].contains("end"));
  EXPECT_EQ(flow["flow"]["reason"], "unknown");
  EXPECT_EQ(flow["flow"]["state"], "established");
  EXPECT_EQ(flow["proto"], "UDP");
  EXPECT_EQ(flow["src_ip"], "2001:db8::1");
  EXPECT_FALSE(flow.contains("tcp"));
}

TEST(EveFormat, SaysOfAFlowWithoutTcpWhetherItWasAnswered) {
  FlowRecord record = flow_record({"10.0.0.1", "10.0.0.2", 5000, 53, 17});
  record.packets = {3, 0};
  EXPECT_EQ(event(live(), record)["flow"]["state"], "established") << "answered before";
  record.is_two_way = 0;
  EXPECT_EQ(event(live(), record)["flow"]["state"], "new");
}

TEST(EveFormat, NumbersProtocolsWithoutAName) {
  const Json flow = event(live(), flow_record({"10.0.0.1", "10.0.0.2", 0, 0, 47}));
  EXPECT_EQ(flow["proto"], "47");
  EXPECT_FALSE(flow.contains("src_port"));
  EXPECT_TRUE(flow.contains("community_id"));
}

TEST(EveFormat, TakesAnEchoFlowForARequest) {
  const FlowRecord record = flow_record({"192.168.0.89", "192.168.0.1", 512, 512, 1});
  const Json flow = event(live(), record);
  EXPECT_EQ(flow["proto"], "ICMP");
  EXPECT_EQ(flow["icmp_type"], 8);
  EXPECT_EQ(flow["community_id"], "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
}

TEST(EveFormat, UsesTheIcmpTypeOfTheRecordAndElseLeavesTheIdOut) {
  FlowRecord record = flow_record({"10.0.0.1", "10.0.0.2", 0, 0, 1});
  EXPECT_FALSE(event(live(), record).contains("community_id"));
  record.has_icmp_type = 1;
  record.icmp_type = 11;
  const Json flow = event(live(), record);
  EXPECT_EQ(flow["icmp_type"], 11);
  EXPECT_EQ(flow["icmp_code"], 0);
  EXPECT_EQ(flow["community_id"], "1:YHxtAirCG//0OzkcVAukqKQN9xM=");
}

TEST(EveFormat, MapsEveryStateOfATcpFlow) {
  struct Row {
    TcpState state;
    const char* session;
    const char* flow;
  };
  constexpr Row kRows[] = {
      {TcpState::none, "none", "new"},
      {TcpState::syn_sent, "syn_sent", "new"},
      {TcpState::syn_received, "syn_recv", "new"},
      {TcpState::established, "established", "established"},
      {TcpState::midstream, "established", "established"},
      {TcpState::fin_wait, "fin_wait1", "established"},
      {TcpState::closing, "closing", "established"},
      {TcpState::closed, "closed", "closed"},
      {TcpState::reset, "closed", "closed"},
      {TcpState::responder_fin, "fin_wait1", "established"},
      {TcpState::count_, "unknown", "established"},
  };
  static_assert(std::size(kRows) == static_cast<std::size_t>(TcpState::count_) + 1);
  for (const Row& row : kRows) {
    FlowRecord record = flow_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
    record.tcp_state = static_cast<std::uint8_t>(row.state);
    const Json flow = event(live(), record);
    EXPECT_EQ(flow["tcp"]["state"], row.session);
    EXPECT_EQ(flow["flow"]["state"], row.flow);
  }
}

TEST(EveFormat, NamesFlagsAsTheDecoderNumbersThem) {
  FlowRecord record = flow_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
  record.tcp_flags = {kUrg | kEce, kCwr | kRst};
  const Json tcp = event(live(), record)["tcp"];
  EXPECT_EQ(tcp["tcp_flags"], "e4");
  for (const char* flag : {"urg", "ecn", "cwr", "rst"}) EXPECT_EQ(tcp[flag], true) << flag;
  for (const char* flag : {"syn", "fin", "psh", "ack"}) EXPECT_FALSE(tcp.contains(flag)) << flag;
}

TEST(EveFormat, MapsEveryEndOfAFlow) {
  struct Row {
    FlowEnd end;
    const char* reason;
    const char* own;
  };
  constexpr Row kRows[] = {
      {FlowEnd::timeout, "timeout", "timeout"},
      {FlowEnd::closed, "timeout", "closed"},
      {FlowEnd::evicted, "forced", "evicted"},
      {FlowEnd::refused, "forced", "refused"},
      {FlowEnd::shutdown, "shutdown", "shutdown"},
      {FlowEnd::expired_at_lookup, "timeout", "timeout"},
      {static_cast<FlowEnd>(200), "unknown", "unknown"},
  };
  for (const Row& row : kRows) {
    FlowRecord record = flow_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
    record.end = row.end;
    const Json flow = event(live(), record);
    EXPECT_EQ(flow["flow"]["reason"], row.reason);
    EXPECT_EQ(flow["sluice"]["end"], row.own);
  }
}

TEST(EveFormat, WritesATcpDropAsSuricataDoes) {
  const Json expected = Json::parse(R"({
    "timestamp": "2025-01-01T00:00:00.000006+0000", "flow_id": 77, "in_iface": "outside0",
    "event_type": "drop", "src_ip": "192.0.2.10", "src_port": 40000, "dest_ip": "198.51.100.5",
    "dest_port": 443, "proto": "TCP", "direction": "to_server",
    "drop": {"len": 60, "tos": 8, "ttl": 63, "ipid": 54321, "tcpseq": 4000000000, "tcpack": 1,
             "tcpwin": 64240, "syn": true, "ack": false, "psh": false, "rst": false,
             "urg": false, "fin": false, "reason": "source_rate_exceeded"},
    "verdict": {"action": "drop"},
    "sluice": {"generation": 3, "worker": 1, "mode": "enforce", "station": "limit rate",
               "frames": 1, "wire_bytes": 74}
  })");
  Json actual = event(live(), drop_record({"192.0.2.10", "198.51.100.5", 40000, 443, 6}));
  EXPECT_TRUE(actual["community_id"].get<std::string>().starts_with("1:"));
  actual.erase("community_id");
  EXPECT_EQ(actual, expected);
}

TEST(EveFormat, SaysPassForADropOfMonitorMode) {
  DropRecord record = drop_record({"192.0.2.10", "198.51.100.5", 40000, 443, 6});
  record.is_enforced = 0;
  record.direction = 1;
  const Json drop = event(live(), record);
  EXPECT_EQ(drop["verdict"]["action"], "pass");
  EXPECT_EQ(drop["sluice"]["mode"], "monitor");
  EXPECT_EQ(drop["direction"], "to_client");
}

TEST(EveFormat, UsesSuricatasNamesForIpv6Drops) {
  DropRecord record = drop_record({"2001:db8::1", "2001:db8::2", 5000, 53, 17});
  record.l4_bytes = 20;
  const Json drop = event(live(), record);
  EXPECT_EQ(drop["drop"], Json::parse(R"({"len": 20, "tc": 8, "hoplimit": 63, "udplen": 20,
                                          "reason": "source_rate_exceeded"})"));
}

TEST(EveFormat, PutsTheTypeOfARefusedIcmpMessageOutside) {
  DropRecord record = drop_record({"192.168.0.89", "192.168.0.1", 0, 0, 1});
  record.icmp_type = 8;
  const Json drop = event(live(), record);
  EXPECT_EQ(drop["icmp_type"], 8);
  EXPECT_EQ(drop["icmp_code"], 0);
  EXPECT_FALSE(drop.contains("src_port"));
  EXPECT_EQ(drop["community_id"], "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
}

TEST(EveFormat, HasNoEndpointsForAFrameThatIsNotIp) {
  DropRecord record{};
  record.now = kNewYear2025;
  record.reason = DropReason::non_ip_refused;
  record.is_enforced = 1;
  record.wire_bytes = 60;
  const Json drop = event(live(), record);
  for (const char* key : {"src_ip", "dest_ip", "proto", "community_id", "flow_id", "direction"}) {
    EXPECT_FALSE(drop.contains(key)) << key;
  }
  EXPECT_EQ(drop["drop"], Json::parse(R"({"reason": "non_ip_refused"})"));
  EXPECT_EQ(drop["sluice"]["station"], "decode");
}

TEST(EveFormat, NamesEveryReasonOfTheTable) {
  for (const DropReasonRow& row : drop_reason_table()) {
    DropRecord record = drop_record({"10.0.0.1", "10.0.0.2", 1, 2, 6});
    record.reason = row.reason;
    const Json drop = event(live(), record);
    EXPECT_EQ(drop["drop"]["reason"], row.name);
    EXPECT_EQ(drop["sluice"]["station"], row.station);
  }
}

TEST(EveFormat, ShowsValuesOutOfRangeAsUnknown) {
  DropRecord drop = drop_record({"10.0.0.1", "10.0.0.2", 1, 2, 6});
  drop.reason = static_cast<DropReason>(255);
  drop.in_port = 200;
  drop.flow_number = ~std::uint64_t{0};
  const Json json = event(live(), drop);
  EXPECT_EQ(json["drop"]["reason"], "unknown");
  EXPECT_FALSE(json.contains("in_iface"));
  EXPECT_EQ(json["flow_id"], (std::uint64_t{1} << 53) - 1);
}

TEST(EveFormat, LeavesWorkersOutOfAReplayAndNumbersThePacket) {
  FlowRecord flow = flow_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
  flow.packet_number = 12;
  DropRecord drop = drop_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
  drop.packet_number = 13;
  const Json first = event(replay(), flow);
  EXPECT_EQ(first["pcap_cnt"], 12);
  EXPECT_FALSE(first["sluice"].contains("worker"));
  EXPECT_EQ(first["sluice"]["capture"], "a\"b.pcap");
  const Json second = event(replay(), drop);
  EXPECT_EQ(second["pcap_cnt"], 13);
  EXPECT_FALSE(second["sluice"].contains("worker"));
}

TEST(EveFormat, DoesNotNumberPacketsInTheWire) {
  DropRecord drop = drop_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
  drop.packet_number = 13;
  EXPECT_FALSE(event(live(), drop).contains("pcap_cnt"));
}

TEST(EveFormat, EscapesNamesOfPorts) {
  EveContext context;
  context.port_names = {"a\"\n\xff"};
  const Json drop = event(context, drop_record({"10.0.0.1", "10.0.0.2", 1, 2, 6}));
  EXPECT_EQ(drop["in_iface"], "a\"\n\xef\xbf\xbd");
}

TEST(EveFormat, WritesAddressesAsBaseDoes) {
  for (const char* text :
       {"::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "1:0:0:2::3", "1:2:3:4:5:6:7:0",
        "::ffff:192.0.2.1", "fe80::1:0:0:1", "0:1::", "1:2:3:4:5:6:7:8"}) {
    const IpAddress address = parse_ip_address(text).value();
    const Json drop = event(live(), drop_record({text, text, 1, 2, 6}));
    EXPECT_EQ(drop["src_ip"], to_string(address));
  }
}

TEST(EveFormat, FitsTheLargestEventIntoItsBound) {
  EveContext context;
  context.port_names.assign(kPortsMax, std::string(31, '\x01'));
  for (char& c : context.port_names[1]) c = '\x02';
  context.capture = std::string(255, '\x03');
  EveFormatter formatter(context);
  FlowRecord flow = flow_record({"2001:db8:1111:2222:3333:4444:5555:6666",
                                 "2001:db8:1111:2222:3333:4444:5555:7777", 65535, 65535, 6});
  flow.bytes = {~0ULL, ~0ULL};
  flow.tcp_flags = {0xff, 0xff};
  flow.refused_reason = DropReason::source_rate_exceeded;
  flow.rule_id = ~0U;
  flow.vlan = {4094, 4094};
  std::vector<char> buffer(kEveLineBytesMax);
  EXPECT_GT(formatter.flow(flow, buffer), 0U);
}

TEST(EveFormat, IsEmptyWhereTheLineDoesNotFit) {
  EveFormatter formatter(live());
  const FlowRecord record = flow_record({"10.0.0.1", "10.0.0.2", 1000, 80, 6});
  const std::size_t whole = line(formatter, record).size();
  std::vector<char> buffer(whole - 1);
  EXPECT_EQ(formatter.flow(record, buffer), 0U);
}

TEST(EveAlert, TellsTheRuleByItsTextAndNumber) {
  Ruleset rules;
  rules.rules.resize(1);
  rules.rules[0].id = 1001;
  RuleTexts texts;
  texts.rules.resize(1);
  texts.rules[0].name = "a \"word\"";
  texts.rules[0].class_name = "policy-violation";
  texts.rules[0].severity = RuleSeverity::critical;
  texts.rules[0].metadata = {{"tag", "a"}, {"tag", "b"}};
  EveFormatter formatter(live());
  formatter.use_rules(std::make_shared<const RuleTextIndex>(rules, texts));
  const Json alert = Json::parse(
      line(formatter, test::alert_record({"192.0.2.1", "198.51.100.1", 40000, 80})))["alert"];
  EXPECT_EQ(alert, (Json{{"action", "blocked"},
                         {"gid", 1},
                         {"signature_id", 1001},
                         {"rev", 2},
                         {"signature", "a \"word\""},
                         {"category", "policy-violation"},
                         {"severity", 1},
                         {"metadata", {{"tag", {"a", "b"}}}}}));
}

TEST(EveAlert, TellsARuleOfAnotherRulesetByItsNumber) {
  const Json alert =
      event(live(), test::alert_record({"192.0.2.1", "198.51.100.1", 40000, 80}))["alert"];
  EXPECT_EQ(alert["signature_id"], 1001);
  EXPECT_EQ(alert["signature"], "");
}

TEST(EveAlert, ShowsThePayloadInBase64AndAsText) {
  const Json shown = event(live(), test::alert_record({"192.0.2.1", "198.51.100.1", 40000, 80}));
  EXPECT_EQ(shown["payload"], "R0VUCg==");
  EXPECT_EQ(shown["payload_printable"], "GET\n");
  EXPECT_EQ(shown["stream"], 1);
}

TEST(EveAlert, IsAllowedWhereNothingWasRefused) {
  InspectRecord record = test::alert_record({"192.0.2.1", "198.51.100.1", 40000, 80});
  record.is_enforced = 0;
  EXPECT_EQ(event(live(), record)["alert"]["action"], "allowed");
  EXPECT_EQ(event(live(), record)["verdict"]["action"], "pass");
}

TEST(EveAlert, SaysWhetherItsPacketWasRejected) {
  InspectRecord record = test::alert_record({"192.0.2.1", "198.51.100.1", 40000, 80});
  record.action = static_cast<std::uint8_t>(RuleActionKind::reject);
  EXPECT_EQ(event(live(), record)["verdict"]["action"], "reject");
}

TEST(EveAlert, BelievesNoCountOfTheRecord) {
  InspectRecord record = test::alert_record({"192.0.2.1", "198.51.100.1", 40000, 80});
  record.excerpt_count = 255;
  record.excerpts[1] = {.buffer = Buffer::payload, .bytes = 0xffff};
  EXPECT_EQ(event(live(), record)["payload"], "R0VUCg==");
}

}  // namespace
}  // namespace sluice
