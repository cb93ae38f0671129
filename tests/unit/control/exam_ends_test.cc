#include "control/exam_ends.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

Rule rule_with(std::string source, std::string destination, std::string source_port,
               std::string destination_port) {
  Rule rule;
  rule.when.source = std::move(source);
  rule.when.destination = std::move(destination);
  rule.when.source_port = std::move(source_port);
  rule.when.destination_port = std::move(destination_port);
  return rule;
}

ExamEnds ends_of(const Rule& rule, const RuleTest& test, std::uint32_t nth = 0,
                 const RuleVariables& variables = {}) {
  const auto sets = exam_sets(rule, test, variables);
  if (!sets) {
    ADD_FAILURE() << sets.error().message;
    return {};
  }
  return choose_ends(*sets, test, nth).value_or(ExamEnds{});
}

TEST(ExamEnds, AreThoseThatTheRuleAsksFor) {
  const Rule rule = rule_with("10.0.0.0/8", "192.0.2.7", "1000:2000", "[8000:8010]");
  const ExamEnds ends = ends_of(rule, {});
  EXPECT_EQ(ends.client >> 24, 10U);
  EXPECT_EQ(ends.server, 0xc0000207U);
  EXPECT_EQ(ends.client_port, 1000);
  EXPECT_EQ(ends.server_port, 8000);
}

TEST(ExamEnds, AreSwappedWhereTheServerSends) {
  const Rule rule = rule_with("10.0.0.0/8", "192.0.2.7", "80", "any");
  RuleTest test;
  test.to_client = true;
  const ExamEnds ends = ends_of(rule, test);
  EXPECT_EQ(ends.client, 0xc0000207U);
  EXPECT_EQ(ends.server >> 24, 10U);
  EXPECT_EQ(ends.server_port, 80);
}

TEST(ExamEnds, DifferFromTestToTest) {
  const Rule rule = rule_with("192.0.2.0/30", "any", "any", "any");
  EXPECT_NE(ends_of(rule, {}, 0), ends_of(rule, {}, 4));
  EXPECT_NE(ends_of(rule, {}, 0).client, ends_of(rule, {}, 1).client);
}

TEST(ExamEnds, TakeTheUsualPortOfAnApplicationWhereTheRuleAllowsIt) {
  RuleTest test;
  test.kind = RuleTest::Kind::tls_sni;
  EXPECT_EQ(ends_of(rule_with("any", "any", "any", "any"), test).server_port, 443);
  EXPECT_EQ(ends_of(rule_with("any", "any", "any", "[8443]"), test).server_port, 8443);
  test.port = 99;
  EXPECT_EQ(ends_of(rule_with("any", "any", "any", "[8443]"), test).server_port, 99);
}

TEST(ExamEnds, KnowVariables) {
  RuleVariables variables;
  ASSERT_TRUE(add_variable("HOME_NET=172.16.0.0/12", variables));
  const Rule rule = rule_with("!$HOME_NET", "$HOME_NET", "any", "any");
  const ExamEnds ends = ends_of(rule, {}, 0, variables);
  EXPECT_EQ(ends.server >> 20, 0xac1U);
  EXPECT_NE(ends.client >> 20, 0xac1U);
}

TEST(ExamEnds, AreNoneWhereThereIsNoIpv4Address) {
  const auto sets = exam_sets(rule_with("2001:db8::/32", "any", "any", "any"), {}, {});
  ASSERT_TRUE(sets);
  EXPECT_FALSE(choose_ends(*sets, {}, 0));
}

}  // namespace
}  // namespace sluice
