#include "rules/print.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "rules/load.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/unit/rules/random_rule.h"

namespace sluice {
namespace {

RulePack loaded(const std::string& text) {
  Diagnostics diagnostics;
  RulePack pack = load_rule_pack(Source("printed.yaml", text), diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.render() << text;
  return pack;
}

TEST(PrintRules, LoadsAsTheSameRules) {
  std::mt19937 random(20031);
  for (int round = 0; round < 300; ++round) {
    std::vector<Rule> rules;
    for (int i = 0; i < 3; ++i) rules.push_back(test::random_rule(random));
    const std::string text = print_rules("random", 7, rules);
    if (round < 20) test::keep_seed("rules_fuzz", text);
    const RulePack again = loaded(text);
    ASSERT_EQ(again.rules.size(), rules.size()) << text;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      ASSERT_TRUE(is_same(again.rules[i], rules[i])) << print_rule(rules[i]) << "came back as\n"
                                                     << print_rule(again.rules[i]);
    }
    EXPECT_EQ(print_rules("random", 7, again.rules), text);
    EXPECT_EQ(again.version, 7U);
  }
}

TEST(PrintRules, LeavesDefaultsOut) {
  Rule rule;
  rule.id = 1;
  EXPECT_EQ(print_rule(rule), "  - id: 1\n");
  EXPECT_EQ(print_rules("p", 2, {}), "pack: \"p\"\nversion: 2\nrules: []\n");
  EXPECT_TRUE(is_same(loaded(print_rules("", 1, std::vector<Rule>(1))).rules.at(0), Rule{}));
}

TEST(PrintRules, WritesBytesThatAreNoTextAsEscapes) {
  Rule rule;
  ContentTerm content;
  content.bytes = std::string("it's\0\xff\r\n\\", 9);
  rule.match.push_back({Buffer::payload, {}, {content}});
  EXPECT_NE(print_rule(rule).find("contains: 'it''s\\x00\\xff\\r\\n\\\\'"), std::string::npos)
      << print_rule(rule);
}

TEST(PrintRules, ReplacesWhatNoTextMayHold) {
  Rule rule;
  rule.id = 1;
  rule.name = "a\nb\xff";
  EXPECT_EQ(print_rule(rule), "  - id: 1\n    name: 'a\\x0ab\\xff'\n");
  EXPECT_EQ(loaded(print_rules("", 1, std::vector{rule})).rules.at(0).name, "a\\x0ab\\xff");
}

}  // namespace
}  // namespace sluice
