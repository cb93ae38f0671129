#include "dataplane/inspect/rule_conditions.h"

#include <random>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/set_entry.h"

#include "dataplane/flow/flow.h"
#include "tests/support/decode_fixture.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;
using test::PacketBuilder;

class RuleConditions : public testing::Test {
 protected:
  RuleConditions() {
    rules_.addresses = {AddressSet::any(), parse_addresses("10.0.0.0/8", {}).value(),
                        parse_addresses("!10.0.0.0/8", {}).value()};
    rules_.ports = {PortRanges::any(), parse_ports("80", {}).value()};
  }

  bool hold(const Bytes& frame) { return conditions_hold(rules_, rule_, subject_of(frame)); }
  RuleSubject subject_of(const Bytes& frame) {
    RuleSubject subject = subject_;
    Packet& packet = bench_.decode(frame);
    packet.now = now_;
    subject.packet = &packet;
    return subject;
  }
  void ask(HeaderField field, NumberRange value) {
    rule_.headers.resize(1);
    rule_.headers[0].field = field;
    rule_.headers[0].value = value;
  }

  DecodeBench bench_;
  TimeNs now_ = 1;
  Ruleset rules_;
  CompiledRule rule_;
  RuleSubject subject_;
};

Bytes tcp_to(std::uint16_t port, std::uint8_t flags = kAck) {
  return PacketBuilder()
      .eth()
      .ipv4("10.0.0.1", "192.0.2.1", {.ttl = 7, .tos = 8, .id = 99})
      .tcp(4000, port, {.flags = flags, .sequence = 5, .acknowledgement = 6, .window = 7})
      .build();
}

TEST_F(RuleConditions, ARuleThatAsksForNothingHoldsForEveryIpPacket) {
  EXPECT_TRUE(hold(tcp_to(80)));
  EXPECT_TRUE(hold(PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2).build()));
  EXPECT_FALSE(hold(PacketBuilder().eth().build()));
}

TEST_F(RuleConditions, ProtocolsMustBeTheSame) {
  rule_.protocol = RuleProtocol::udp;
  EXPECT_FALSE(hold(tcp_to(80)));
  EXPECT_TRUE(hold(PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).build()));
}

TEST_F(RuleConditions, EndsAreThoseOfThePacket) {
  rule_.ends = {.source = 1, .destination = 2, .source_port = 0, .destination_port = 1};
  EXPECT_TRUE(hold(tcp_to(80)));
  EXPECT_FALSE(hold(tcp_to(81)));
  EXPECT_FALSE(hold(PacketBuilder().eth().ipv4("192.0.2.1", "10.0.0.1").tcp(80, 4000).build()));
}

// Memberships that flows remember.
class RuleConditionsOfSets : public RuleConditions {
 protected:
  static inline const NamedSet kNets{"nets", SetKind::address, false};

  RuleConditionsOfSets() {
    RuleVariables variables;
    variables.sets = {kNets};
    rules_.addresses[1] = parse_addresses("@nets", variables).value();
    rules_.addresses[2] = parse_addresses("!@nets", variables).value();
    subject_.set_memo = &memo_;
  }
  /// The set holds this from here on.
  void publish(const std::vector<std::string>& entries, TimeNs until = 0) {
    SetContents contents{kNets, {}};
    for (const std::string& entry : entries) {
      contents.entries.push_back({set_key(kNets, entry).value(), until});
    }
    const auto tables = make_set_tables(std::span(&contents, 1), {1, 2}, nullptr);
    sets_ = RuleSets(std::span(&kNets, 1), tables, nullptr, sets_.epoch() + 1);
    subject_.sets = &sets_;
  }

  RuleSets sets_;
  SetMemo memo_;
};

TEST_F(RuleConditionsOfSets, AFlowIsAskedAboutAgainWhenSetsChange) {
  rule_.ends = {.source = 1, .destination = 0, .source_port = 0, .destination_port = 0};
  publish({"192.0.2.1"});
  EXPECT_FALSE(hold(tcp_to(80)));
  EXPECT_NE(memo_.absent[0] | memo_.absent[1], 0U);
  EXPECT_FALSE(hold(tcp_to(80)));
  publish({"10.0.0.1"});
  EXPECT_TRUE(hold(tcp_to(80)));
  EXPECT_TRUE(hold(tcp_to(80)));
  publish({});
  EXPECT_FALSE(hold(tcp_to(80)));
}

TEST_F(RuleConditionsOfSets, BothEndsOfAFlowAreRememberedApart) {
  publish({"10.0.0.1"});
  const Bytes back =
      PacketBuilder().eth().ipv4("192.0.2.1", "10.0.0.1").tcp(80, 4000, {.flags = kAck}).build();
  rule_.ends = {.source = 1, .destination = 0, .source_port = 0, .destination_port = 0};
  EXPECT_FALSE(hold(back));
  EXPECT_TRUE(hold(tcp_to(80)));
  rule_.ends = {.source = 0, .destination = 1, .source_port = 0, .destination_port = 0};
  EXPECT_FALSE(hold(tcp_to(80)));
  EXPECT_TRUE(hold(back));
  rule_.ends = {.source = 2, .destination = 0, .source_port = 0, .destination_port = 0};
  EXPECT_TRUE(hold(back));
  EXPECT_FALSE(hold(tcp_to(80)));
}

TEST_F(RuleConditionsOfSets, WhatTheMemoSaysIsWhatTheSetSays) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const std::string listed = fmt::format("10.0.0.{}", random() % 3);
    publish({listed}, now_ + random() % 8);
    for (int i = 0; i < 10; ++i, ++now_) {
      rule_.ends = {.source = static_cast<std::uint32_t>(random() % 3),
                    .destination = static_cast<std::uint32_t>(random() % 3),
                    .source_port = 0,
                    .destination_port = 0};
      const bool remembered = hold(tcp_to(80));
      subject_.set_memo = nullptr;
      EXPECT_EQ(hold(tcp_to(80)), remembered);
      subject_.set_memo = &memo_;
    }
  }
}

TEST_F(RuleConditions, EndsOfABidirectionalRuleMayBeSwapped) {
  rule_.ends = {.source = 1, .destination = 2, .source_port = 0, .destination_port = 1};
  rule_.is_bidirectional = true;
  EXPECT_TRUE(hold(PacketBuilder().eth().ipv4("192.0.2.1", "10.0.0.1").tcp(80, 4000).build()));
}

TEST_F(RuleConditions, FieldsOfTheIpHeaderAreRangesWithBothEnds) {
  ask(HeaderField::ttl, {7, 7, false});
  EXPECT_TRUE(hold(tcp_to(80)));
  ask(HeaderField::ttl, {8, 255, false});
  EXPECT_FALSE(hold(tcp_to(80)));
  ask(HeaderField::ttl, {8, 255, true});
  EXPECT_TRUE(hold(tcp_to(80)));
  ask(HeaderField::tos, {8, 8, false});
  EXPECT_TRUE(hold(tcp_to(80)));
  ask(HeaderField::ip_id, {99, 99, false});
  EXPECT_TRUE(hold(tcp_to(80)));
}

TEST_F(RuleConditions, FieldsThatAPacketDoesNotHaveHoldForNone) {
  ask(HeaderField::icmp_type, {0, 255, false});
  EXPECT_FALSE(hold(tcp_to(80)));
  ask(HeaderField::tcp_window, {0, 65535, false});
  EXPECT_FALSE(hold(PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).build()));
}

TEST_F(RuleConditions, FlagsOfTcpAreComparedAsTheRuleSays) {
  const auto ask_flags = [this](BitMatch match, std::uint32_t bits, std::uint32_t ignored) {
    rule_.headers = {{.field = HeaderField::tcp_flags,
                      .value = {},
                      .bit_match = match,
                      .bits = bits,
                      .ignored_bits = ignored}};
  };
  ask_flags(BitMatch::exact, kSyn, 0);
  EXPECT_TRUE(hold(tcp_to(80, kSyn)));
  EXPECT_FALSE(hold(tcp_to(80, kSyn | kEce)));
  ask_flags(BitMatch::exact, kSyn, kEce | kCwr);
  EXPECT_TRUE(hold(tcp_to(80, kSyn | kEce)));
  ask_flags(BitMatch::all, kSyn | kAck, 0);
  EXPECT_FALSE(hold(tcp_to(80, kSyn)));
  ask_flags(BitMatch::any, kSyn | kAck, 0);
  EXPECT_TRUE(hold(tcp_to(80, kSyn)));
  ask_flags(BitMatch::none, kFin | kRst, 0);
  EXPECT_TRUE(hold(tcp_to(80, kSyn)));
}

TEST_F(RuleConditions, AServiceMustBeTheOneThatWasFound) {
  rule_.service = Service::http;
  EXPECT_FALSE(hold(tcp_to(80)));
  subject_.service = Service::http;
  EXPECT_TRUE(hold(tcp_to(80)));
  rule_.service_negated = true;
  EXPECT_FALSE(hold(tcp_to(80)));
}

TEST_F(RuleConditions, AnotherServiceIsOneThatWasToldOrThatNobodyWillTell) {
  rule_.service = Service::tls;
  rule_.service_negated = true;
  EXPECT_FALSE(hold(tcp_to(443)));
  EXPECT_TRUE(waits_for_service(rules_, rule_, subject_of(tcp_to(443))));
  subject_.service = Service::http;
  EXPECT_TRUE(hold(tcp_to(443)));
  EXPECT_FALSE(waits_for_service(rules_, rule_, subject_of(tcp_to(443))));
  subject_.service = Service::unknown;
  EXPECT_TRUE(hold(tcp_to(443)));
}

TEST_F(RuleConditions, WhatLacksMoreThanTheServiceDoesNotWaitForIt) {
  rule_.service = Service::http;
  EXPECT_TRUE(waits_for_service(rules_, rule_, subject_of(tcp_to(80))));
  rule_.protocol = RuleProtocol::udp;
  EXPECT_FALSE(waits_for_service(rules_, rule_, subject_of(tcp_to(80))));
}

TEST_F(RuleConditions, OneOptionOfIpMustBeOfTheKindsAsked) {
  const auto with = [](const Bytes& options) {
    return PacketBuilder()
        .eth()
        .ipv4("10.0.0.1", "192.0.2.1", {.options = options})
        .tcp(4000, 80)
        .build();
  };
  ask(HeaderField::ip_options, {131, 131, false});
  EXPECT_TRUE(hold(with({1, 131, 7, 4, 1, 2, 3, 4})));
  EXPECT_FALSE(hold(with({7, 3, 4})));
  EXPECT_FALSE(hold(tcp_to(80)));
  ask(HeaderField::ip_options, {0, 0, false});
  EXPECT_TRUE(hold(with({7, 3, 4})));
  EXPECT_FALSE(hold(with({7, 4, 4, 0})));
  ask(HeaderField::ip_options, {0, 255, false});
  EXPECT_TRUE(hold(with({1, 1, 1, 1})));
  ask(HeaderField::ip_options, {7, 7, true});
  EXPECT_FALSE(hold(with({1, 7, 3, 4})));
  EXPECT_TRUE(hold(tcp_to(80)));
}

TEST_F(RuleConditions, EstablishedNeedsAFlowThatIs) {
  rule_.state = FlowState::established;
  EXPECT_FALSE(hold(tcp_to(80)));
  Flow flow{};
  subject_.flow = &flow;
  flow.tcp_state = TcpState::syn_received;
  EXPECT_FALSE(hold(tcp_to(80)));
  flow.tcp_state = TcpState::established;
  EXPECT_TRUE(hold(tcp_to(80)));
  rule_.state = FlowState::not_established;
  EXPECT_FALSE(hold(tcp_to(80)));
}

TEST_F(RuleConditions, SizesOfStreamsAreThoseOfTheirDirections) {
  subject_.stream_bytes = {100, 0};
  ask(HeaderField::stream_bytes_to_server, {100, 100, false});
  EXPECT_TRUE(hold(tcp_to(80)));
  ask(HeaderField::stream_bytes_both, {100, 100, false});
  EXPECT_FALSE(hold(tcp_to(80)));
  ask(HeaderField::stream_bytes_either, {100, 100, false});
  EXPECT_TRUE(hold(tcp_to(80)));
}

}  // namespace
}  // namespace sluice
