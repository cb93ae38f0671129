// Flow, flags, counters, thresholds, and tests of headers.
#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

using test::imported;
using test::refusal;

constexpr DurationNs kSecond = 1'000'000'000;

TEST(SuricataFlow, ReadsFlowWordsInAnyOrder) {
  RuleHeader when = imported("tcp", "flow:established, from_server,only_stream;").when;
  EXPECT_EQ(when.direction, RuleDirection::to_client);
  EXPECT_EQ(when.state, FlowState::established);
  EXPECT_EQ(when.scope, PayloadScope::only_stream);
  when = imported("tcp", "flow:to_server,not_established,no_stream;").when;
  EXPECT_EQ(when.direction, RuleDirection::to_server);
  EXPECT_EQ(when.state, FlowState::not_established);
  EXPECT_EQ(when.scope, PayloadScope::no_stream);
  EXPECT_EQ(imported("tcp", "flow:stateless,to_client;").when.state, FlowState::stateless);
  EXPECT_EQ(imported("tcp", "flow:from_client;").when.direction, RuleDirection::to_server);
}

TEST(SuricataFlow, RefusesFlowWordsThatContradict) {
  EXPECT_NE(refusal("tcp", "flow:to_server,to_client;"), "");
  EXPECT_NE(refusal("tcp", "flow:established,stateless;"), "");
  EXPECT_NE(refusal("tcp", "flow:upwards;").find("flow: 'upwards' is not known"),
            std::string::npos);
  EXPECT_NE(refusal("udp", "flow:only_stream;"), "");
}

TEST(SuricataFlow, ProtocolsAreServices) {
  EXPECT_EQ(imported("dns", "").when.protocol, RuleProtocol::ip) << "it comes over UDP and TCP";
  EXPECT_EQ(imported("dns", "").when.service, Service::dns);
  EXPECT_EQ(imported("tcp-pkt", "").when.scope, PayloadScope::no_stream);
  EXPECT_EQ(imported("tcp-stream", "").when.scope, PayloadScope::only_stream);
  EXPECT_EQ(imported("quic", "").when.protocol, RuleProtocol::udp);
  EXPECT_EQ(imported("ip6", "").when.source, "::/0");
  EXPECT_EQ(refusal("mqtt", ""), "mqtt: 'mqtt' is no protocol that sluice tells apart");
}

TEST(SuricataFlow, AppLayerProtocolIsAService) {
  const RuleHeader when = imported("tcp", "app-layer-protocol:!tls;").when;
  EXPECT_EQ(when.service, Service::tls);
  EXPECT_TRUE(when.service_negated);
  EXPECT_NE(refusal("tcp", "app-layer-protocol:failed;"), "");
  EXPECT_NE(refusal("http", "app-layer-protocol:tls;"), "");
}

TEST(SuricataFlow, ReadsFlowbits) {
  const Rule rule = imported("tcp",
                             "flowbits:set,a; flowbits:isset, b|c ; flowbits:isnotset,d; "
                             "flowbits:unset,e; flowbits:toggle,f; flowbits:noalert;");
  EXPECT_TRUE(rule.is_silent);
  ASSERT_EQ(rule.flags.size(), 5U);
  EXPECT_EQ(rule.flags[0].operation, FlagOperation::set);
  EXPECT_EQ(rule.flags[1].names, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(rule.flags[2].operation, FlagOperation::is_not_set);
  EXPECT_EQ(rule.flags[3].operation, FlagOperation::unset);
  EXPECT_EQ(rule.flags[4].operation, FlagOperation::toggle);
  for (const char* value : {"set", "reset,a", "set,a|b", "isnotset,a|b", "isset,a&b", "isset,"}) {
    EXPECT_NE(refusal("tcp", fmt::format("flowbits:{};", value)), "") << value;
  }
}

TEST(SuricataFlow, WhatPassesIsReportedWhereTheRuleSaysSo) {
  const auto rule_of = [](std::string_view action, std::string_view options) {
    ImportOptions as_is;
    as_is.is_as_is = true;
    return test::import_text(fmt::format("{} tcp any any -> any 99 (msg:\"m\"; content:\"word\"; "
                                         "{} sid:1;)",
                                         action, options),
                             as_is)
        .rules.at(0);
  };
  EXPECT_TRUE(rule_of("pass", "alert;").reports_pass);
  EXPECT_FALSE(rule_of("pass", "").reports_pass);
  EXPECT_FALSE(rule_of("drop", "alert;").reports_pass);
}

TEST(SuricataFlow, ReadsXbits) {
  const Rule rule = imported("tcp",
                             "xbits:set, a, track ip_pair, expire 10; "
                             "xbits:isset,b,track ip_dst; xbits:unset,c,track ip_src;");
  ASSERT_EQ(rule.flags.size(), 3U);
  EXPECT_EQ(rule.flags[0].scope, FlagScope::pair);
  EXPECT_EQ(rule.flags[0].expire, 10 * kSecond);
  EXPECT_EQ(rule.flags[1].scope, FlagScope::destination);
  EXPECT_EQ(rule.flags[2].scope, FlagScope::source);
  for (const char* value : {"set,a", "set,a,expire 3", "set,a,track tx", "set,a,track ip_src,x"}) {
    EXPECT_NE(refusal("tcp", fmt::format("xbits:{};", value)), "") << value;
  }
}

TEST(SuricataFlow, ReadsFlowints) {
  const Rule rule = imported("tcp",
                             "flowint:n,+,1; flowint:n,>=,5; flowint:m,notset; "
                             "flowint:m,=,3; flowint:m,-,1; flowint:m,isset;");
  ASSERT_EQ(rule.counters.size(), 6U);
  EXPECT_EQ(rule.counters[0].operation, CounterOperation::add);
  EXPECT_EQ(rule.counters[1].operation, CounterOperation::compare);
  EXPECT_EQ(rule.counters[1].comparison, Comparison::greater_or_equal);
  EXPECT_EQ(rule.counters[1].operand, TermNumber{std::int64_t{5}});
  EXPECT_EQ(rule.counters[2].operation, CounterOperation::is_not_set);
  EXPECT_EQ(rule.counters[3].operation, CounterOperation::set);
  EXPECT_EQ(rule.counters[4].operation, CounterOperation::subtract);
  EXPECT_EQ(rule.counters[5].operation, CounterOperation::is_set);
  for (const char* value : {"n", "n,+", "n,+,m", "n,isset,1", "n,**,1", ",+,1"}) {
    EXPECT_NE(refusal("tcp", fmt::format("flowint:{};", value)), "") << value;
  }
}

TEST(SuricataFlow, ReadsThresholds) {
  const Threshold limit =
      imported("tcp", "threshold: type limit, track by_src, seconds 60, count 2;")
          .threshold.value_or(Threshold{});
  EXPECT_EQ(limit.kind, ThresholdKind::limit);
  EXPECT_EQ(limit.count, 2U);
  EXPECT_EQ(limit.window, 60 * kSecond);
  const Threshold pair =
      imported("tcp", "threshold:type both,track by_both,seconds 1,count 2;").threshold.value();
  EXPECT_EQ(pair.track, ThresholdTrack::pair);
  const Threshold rate =
      imported("tcp", "detection_filter:track by_dst,count 4,seconds 20;").threshold.value();
  EXPECT_EQ(rate.kind, ThresholdKind::rate);
  EXPECT_EQ(rate.track, ThresholdTrack::destination);
  for (const char* value :
       {"type limit,track by_src,count 1", "type backoff,track by_src,count 1,seconds 1",
        "type limit,track by_all,count 1,seconds 1", "type limit,track by_src,count 0,seconds 1"}) {
    EXPECT_NE(refusal("tcp", fmt::format("threshold:{};", value)), "") << value;
  }
  EXPECT_NE(refusal("tcp",
                    "threshold:type limit,track by_src,count 1,seconds 1; "
                    "detection_filter:track by_src,count 1,seconds 1;"),
            "");
  EXPECT_NE(refusal("tcp", "detection_filter:track by_src,count 1,seconds 1,unique_on dst_port;"),
            "");
}

TEST(SuricataFlow, TellsWhatHasNoEffect) {
  const ImportResult result =
      test::import_options("tcp", R"(content:"abcd"; tag:session,5,packets; prefilter;)");
  EXPECT_EQ(result.rules.size(), 1U);
  ASSERT_EQ(result.report.downgraded.size(), 2U);
  EXPECT_EQ(result.report.downgraded[0].keyword, "tag");
  EXPECT_EQ(result.report.downgraded[1].keyword, "prefilter");
}

struct HeaderRow {
  const char* protocol;
  const char* options;
  HeaderField field;
  NumberRange value;
};

TEST(SuricataHeaders, ReadNumbers) {
  constexpr std::uint64_t kOpen = ~std::uint64_t{0};
  const HeaderRow rows[] = {
      {"ip", "ttl:<5;", HeaderField::ttl, {0, 4, false}},
      {"ip", "tos:x10;", HeaderField::tos, {16, 16, false}},
      {"ip", "id:0;", HeaderField::ip_id, {0, 0, false}},
      {"ip", "ip_proto:!GRE;", HeaderField::ip_protocol, {47, 47, true}},
      {"ip", "ip_proto:>6;", HeaderField::ip_protocol, {7, kOpen, false}},
      {"ip", "ipopts:lsrr;", HeaderField::ip_options, {131, 131, false}},
      {"ip", "ipopts:any;", HeaderField::ip_options, {0, 255, false}},
      {"ip", "fragoffset:>0;", HeaderField::fragment_offset, {1, kOpen, false}},
      {"ip", "sameip;", HeaderField::same_address, {0, kOpen, false}},
      {"tcp", "seq:7;", HeaderField::tcp_sequence, {7, 7, false}},
      {"tcp", "tcp.seq:7;", HeaderField::tcp_sequence, {7, 7, false}},
      {"tcp", "ack:0;", HeaderField::tcp_acknowledgement, {0, 0, false}},
      {"tcp", "tcp.ack:0;", HeaderField::tcp_acknowledgement, {0, 0, false}},
      {"tcp", "window:!0;", HeaderField::tcp_window, {0, 0, true}},
      {"tcp", "tcp.window:9;", HeaderField::tcp_window, {9, 9, false}},
      {"tcp", "tcp.mss:<536;", HeaderField::tcp_mss, {0, 535, false}},
      {"icmp", "itype:3<>6;", HeaderField::icmp_type, {4, 5, false}},
      {"icmp", "icode:0;", HeaderField::icmp_code, {0, 0, false}},
      {"icmp", "icmp_id:512;", HeaderField::icmp_id, {512, 512, false}},
      {"icmp", "icmp_seq:2;", HeaderField::icmp_sequence, {2, 2, false}},
      {"tcp", "stream_size:client,>,6;", HeaderField::stream_bytes_to_server, {7, kOpen, false}},
      {"tcp", "stream_size:server,<,6;", HeaderField::stream_bytes_to_client, {0, 5, false}},
      {"tcp", "stream_size:both,!=,6;", HeaderField::stream_bytes_both, {6, 6, true}},
      {"tcp", "stream_size:either,<=,6;", HeaderField::stream_bytes_either, {0, 6, false}},
  };
  for (const HeaderRow& row : rows) {
    const Rule rule = imported(row.protocol, row.options);
    ASSERT_EQ(rule.headers.size(), 1U) << row.options;
    EXPECT_EQ(rule.headers[0].field, row.field) << row.options;
    EXPECT_EQ(rule.headers[0].value, row.value) << row.options;
  }
}

TEST(SuricataHeaders, RefuseWhatIsNone) {
  for (const char* options : {"ttl:256;",
                              "tos:deep;",
                              "id:65536;",
                              "ip_proto:warp;",
                              "ipopts:all;",
                              "fragoffset:<0;",
                              "sameip:1;",
                              "seq:x;",
                              "ack:x;",
                              "window:99999;",
                              "tcp.mss:;",
                              "flags:SX;",
                              "flags:!SA;",
                              "flags:S,1,2;",
                              "fragbits:X;",
                              "stream_size:client,6;",
                              "stream_size:peer,<,6;",
                              "stream_size:client,~,6;",
                              "itype:8;",
                              "icode:0;",
                              "icmp_id:1;",
                              "icmp_seq:1;",
                              "tcp.flags:Q;",
                              "tcp.seq:x;",
                              "tcp.ack:x;",
                              "tcp.window:x;"}) {
    EXPECT_NE(refusal("tcp", options), "") << options;
  }
  EXPECT_NE(refusal("udp", "flags:S;"), "");
}

TEST(SuricataHeaders, ReadBits) {
  const Rule rule = imported("tcp",
                             "flags:S,12; flags:*SAF; tcp.flags:PA+; flags:!R; flags:0; "
                             "fragbits:D+;");
  ASSERT_EQ(rule.headers.size(), 6U);
  EXPECT_EQ(rule.headers[0].bits, 0x02U);
  EXPECT_EQ(rule.headers[0].ignored_bits, 0xc0U);
  EXPECT_EQ(rule.headers[0].bit_match, BitMatch::exact);
  EXPECT_EQ(rule.headers[1].bit_match, BitMatch::any);
  EXPECT_EQ(rule.headers[1].bits, 0x13U);
  EXPECT_EQ(rule.headers[2].bit_match, BitMatch::all);
  EXPECT_EQ(rule.headers[3].bit_match, BitMatch::none);
  EXPECT_EQ(rule.headers[4].bits, 0U);
  EXPECT_EQ(rule.headers[5].field, HeaderField::fragment_bits);
  EXPECT_EQ(rule.headers[5].bits, 2U);
}

}  // namespace
}  // namespace sluice
