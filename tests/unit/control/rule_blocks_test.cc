#include "control/respond/rule_blocks.h"

#include <memory>

#include <fmt/format.h>

#include "rules/ruleset.h"
#include "tests/unit/control/blocks_desk.h"

namespace sluice {
namespace {

using namespace test;

constexpr std::uint32_t kRule = 20031;

/// Counts what is passed on.
struct Next final : EventSink {
  std::size_t inspections = 0;
  void flow(const FlowRecord&) noexcept override {}
  void drop(const DropRecord&) noexcept override {}
  void inspection(const InspectRecord&) noexcept override { ++inspections; }
  void stats(const StatsSnapshot&) noexcept override {}
  void end_turn(TimeNs) noexcept override {}
  [[nodiscard]] EventCounts counts() const noexcept override { return {}; }
};

std::shared_ptr<const RuleTextIndex> texts_of(BlockedEnd key, DurationNs duration) {
  Ruleset rules;
  CompiledRule& rule = rules.rules.emplace_back();
  rule.id = kRule;
  rule.action.kind = RuleActionKind::block;
  rule.action.block_key = key;
  rule.action.block_for = duration;
  RuleTexts texts;
  texts.rules.emplace_back().name = "SQL injection";
  return std::make_shared<const RuleTextIndex>(rules, texts);
}

InspectRecord alert_from(std::uint8_t last, std::uint32_t rule = kRule) {
  InspectRecord record{};
  record.kind = InspectKind::alert;
  record.rule_id = rule;
  record.gid = 1;
  record.action = static_cast<std::uint8_t>(RuleActionKind::block);
  record.is_refused = 1;
  record.is_enforced = 1;
  record.ip_version = 4;
  record.protocol = 6;
  record.source = {10, 0, 0, last};
  record.destination = {192, 0, 2, 1};
  record.source_port = 4000;
  record.destination_port = 80;
  return record;
}

class RuleBlocksTest : public testing::Test {
 protected:
  RuleBlocksTest()
      : desk_(world_),
        rule_blocks_(next_, *desk_, world_,
                     [this](const std::vector<BlockRequest>& asked, const Status& answer) {
                       told_ += fmt::format("{}{} ", asked.size(), answer ? "" : " refused");
                     }) {
    rule_blocks_.use_rules(texts_of(BlockedEnd::source, 600 * kNsPerSecond));
  }
  void turn() {
    rule_blocks_.turn();
    desk_.settle();
  }

  World world_;
  Desk desk_;
  Next next_;
  std::string told_;
  RuleBlocks rule_blocks_;
};

TEST_F(RuleBlocksTest, AnEnforcedAlertBlocksItsSource) {
  rule_blocks_.inspection(alert_from(7));
  turn();
  EXPECT_EQ(desk_.listed(), "1 10.0.0.7 0; ");
  const auto item = desk_.ask("blocks.list", Json::object()).value().at("items").at(0);
  EXPECT_EQ(item.at("owner"), "rule");
  EXPECT_EQ(item.at("reason"), "rule 20031 SQL injection");
  EXPECT_EQ(item.at("seconds_left"), 600.0);
  EXPECT_EQ(told_, "1 ");
  EXPECT_EQ(rule_blocks_.counted().made, 1U);
  EXPECT_EQ(next_.inspections, 1U);
}

TEST_F(RuleBlocksTest, ManyAlertsOfOneSourceAreOneBlock) {
  for (int i = 0; i < 50; ++i) rule_blocks_.inspection(alert_from(7));
  turn();
  for (int i = 0; i < 50; ++i) rule_blocks_.inspection(alert_from(7));
  turn();
  EXPECT_EQ(desk_.listed(), "1 10.0.0.7 0; ");
  EXPECT_EQ(rule_blocks_.counted().refused, 0U);
}

TEST_F(RuleBlocksTest, ABlockThatRanOutIsMadeAgain) {
  rule_blocks_.inspection(alert_from(7));
  turn();
  desk_.pass(601 * kNsPerSecond);
  EXPECT_EQ(desk_.listed(), "");
  rule_blocks_.inspection(alert_from(7));
  turn();
  EXPECT_EQ(desk_.listed(), "2 10.0.0.7 0; ");
}

TEST_F(RuleBlocksTest, WhatTheWireDidNotRefuseBlocksNobody) {
  InspectRecord monitored = alert_from(7);
  monitored.is_enforced = 0;
  rule_blocks_.inspection(monitored);
  InspectRecord shadowed = alert_from(7);
  shadowed.is_refused = 0;
  rule_blocks_.inspection(shadowed);
  InspectRecord dropped = alert_from(7);
  dropped.action = static_cast<std::uint8_t>(RuleActionKind::drop);
  rule_blocks_.inspection(dropped);
  turn();
  EXPECT_EQ(desk_.listed(), "");
  EXPECT_EQ(next_.inspections, 3U);
}

TEST_F(RuleBlocksTest, WhatAnAllowListCoversIsNotBlocked) {
  world_.is_allowed = true;
  rule_blocks_.inspection(alert_from(7));
  turn();
  EXPECT_EQ(desk_.listed(), "");
  EXPECT_EQ(rule_blocks_.counted().refused, 1U);
}

TEST_F(RuleBlocksTest, ARuleThatNobodyKnowsYetBlocksWhenItIsKnown) {
  rule_blocks_.use_rules(nullptr);
  rule_blocks_.inspection(alert_from(7));
  rule_blocks_.inspection(alert_from(8, 1));
  turn();
  EXPECT_EQ(desk_.listed(), "");
  rule_blocks_.use_rules(texts_of(BlockedEnd::source, 600 * kNsPerSecond));
  turn();
  EXPECT_EQ(rule_blocks_.counted().made, 1U);
  EXPECT_EQ(rule_blocks_.counted().refused, 1U) << "the other is of no rule";
}

TEST_F(RuleBlocksTest, NoBlockLastsLongerThanAnyMay) {
  rule_blocks_.use_rules(texts_of(BlockedEnd::source, 400 * 86'400 * kNsPerSecond));
  rule_blocks_.inspection(alert_from(7));
  turn();
  const auto item = desk_.ask("blocks.list", Json::object()).value().at("items").at(0);
  EXPECT_EQ(item.at("seconds_left"), 86'400.0);
}

TEST_F(RuleBlocksTest, ARuleGetsSoManyBlocksWithinASecond) {
  world_.capacity = 64;
  for (unsigned i = 0; i < 2 * kRuleBlocksPerSecond; ++i) {
    InspectRecord record = alert_from(static_cast<std::uint8_t>(i));
    record.source[2] = static_cast<std::uint8_t>(i >> 8);
    rule_blocks_.inspection(record);
  }
  EXPECT_EQ(rule_blocks_.counted().refused, kRuleBlocksPerSecond);
  turn();  // of 100 at once not one has room, where 64 have
  EXPECT_EQ(told_, "100 refused ");
  EXPECT_EQ(rule_blocks_.counted().refused, 2 * kRuleBlocksPerSecond);
  rule_blocks_.inspection(alert_from(7));
  EXPECT_EQ(rule_blocks_.counted().refused, 2 * kRuleBlocksPerSecond + 1);
  desk_.pass(kNsPerSecond);
  rule_blocks_.inspection(alert_from(7));
  turn();
  EXPECT_EQ(rule_blocks_.counted().made, 1U);
}

TEST(BlockTargets, AreTheSourceTheDestinationOrTheFlow) {
  const auto text = [](const InspectRecord& record, BlockedEnd key) {
    const auto target = block_target(record, key);
    return target ? to_string(*target) : std::string("none");
  };
  InspectRecord record = alert_from(7);
  EXPECT_EQ(text(record, BlockedEnd::source), "10.0.0.7");
  EXPECT_EQ(text(record, BlockedEnd::destination), "192.0.2.1");
  EXPECT_EQ(text(record, BlockedEnd::flow), "tcp 10.0.0.7:4000 192.0.2.1:80");
  InspectRecord answer = record;
  std::swap(answer.source, answer.destination);
  std::swap(answer.source_port, answer.destination_port);
  EXPECT_EQ(text(answer, BlockedEnd::flow), "tcp 10.0.0.7:4000 192.0.2.1:80");
  record.protocol = 47;
  EXPECT_EQ(text(record, BlockedEnd::flow), "none");
  record.protocol = 17;
  record.ip_version = 6;
  record.source = {0x20, 0x01, 0x0d, 0xb8};
  record.destination = {0x20, 0x01, 0x0d, 0xb9};
  EXPECT_EQ(text(record, BlockedEnd::flow), "udp [2001:db8::]:4000 [2001:db9::]:80");
  record.ip_version = 9;
  EXPECT_EQ(text(record, BlockedEnd::source), "none");
}

}  // namespace
}  // namespace sluice
