#include "base/rule_key.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(RuleKey, IsAnIdOrAGidWithIt) {
  EXPECT_EQ(parse_rule_key("20031").value(), (RuleKey{0, 20031}));
  EXPECT_EQ(parse_rule_key("3:4711").value(), (RuleKey{3, 4711}));
  EXPECT_EQ(parse_rule_key("4294967295").value().id, 4294967295U);
}

TEST(RuleKey, IsNothingElse) {
  for (const char* text : {"", "0", ":", "1:", ":1", "1:0", "0:1", "-1", "+1", " 1", "1 ", "1:2:3",
                           "0x10", "4294967296", "sqli", "1.5"}) {
    EXPECT_FALSE(parse_rule_key(text)) << text;
  }
}

TEST(RuleKey, PrintsTheGidOnlyWhereItSaysSomething) {
  EXPECT_EQ(to_string(RuleKey{0, 7}), "7");
  EXPECT_EQ(to_string(RuleKey{1, 7}), "7");
  EXPECT_EQ(to_string(RuleKey{3, 7}), "3:7");
}

TEST(RuleKey, WithoutAGidNamesTheRulesOfAll) {
  EXPECT_TRUE((RuleKey{0, 7}).names({3, 7}));
  EXPECT_TRUE((RuleKey{3, 7}).names({3, 7}));
  EXPECT_FALSE((RuleKey{1, 7}).names({3, 7}));
  EXPECT_FALSE((RuleKey{0, 8}).names({3, 7}));
}

}  // namespace
}  // namespace sluice
