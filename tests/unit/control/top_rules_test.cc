// Series of rules: few, and none that falls.
#include "control/observe/top_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TopRulesTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kRules = 200;

  TopRulesTest() : hits_(kRules) {
    Ruleset rules;
    RuleTexts texts;
    for (std::uint32_t i = 0; i < kRules; ++i) {
      CompiledRule& rule = rules.rules.emplace_back();
      rule.gid = i == 7 ? 3 : 1;
      rule.id = 100 + i;
      RuleText& text = texts.rules.emplace_back();
      text.name = "rule " + std::to_string(i);
    }
    rules.digest = in_force_;
    desk_.use(std::make_shared<const RuleCatalog>(rules, texts));
  }
  void look_again() {
    now_ += TopRules::kInterval;
    top_.turn(now_);
    while (desk_.has_work()) desk_.work();
  }
  [[nodiscard]] std::vector<std::string> listed() const {
    std::vector<std::string> texts;
    for (const auto& row : top_.facts().rules) {
      texts.push_back(row.rule + " " + row.name + " " + std::to_string(row.hits));
    }
    return texts;
  }
  [[nodiscard]] std::uint64_t told() const {
    std::uint64_t sum = top_.facts().others;
    for (const auto& row : top_.facts().rules) sum += row.hits;
    return sum;
  }

  Hash128 in_force_{1, 2};
  std::vector<std::uint64_t> hits_;
  RuleDesk desk_{[this] { return in_force_; },
                 [this](std::uint32_t place) { return RuleFigures{.hits = hits_[place]}; }, 1};
  TopRules top_{desk_};
  TimeNs now_ = kNsPerSecond;
};

TEST_F(TopRulesTest, ListsRulesThatHitTheMostFirst) {
  look_again();
  EXPECT_THAT(listed(), IsEmpty());
  hits_[7] = 2;
  hits_[150] = 9;
  look_again();
  EXPECT_THAT(listed(), ElementsAre("250 rule 150 9", "3:107 rule 7 2"));
  EXPECT_EQ(top_.facts().others, 0U);
}

TEST_F(TopRulesTest, HasABoundAndTellsTheRestTogether) {
  std::iota(hits_.begin(), hits_.end(), 1);
  look_again();
  EXPECT_EQ(listed().size(), TopRules::kRulesMax);
  EXPECT_EQ(told(), std::accumulate(hits_.begin(), hits_.end(), std::uint64_t{0}));
}

TEST_F(TopRulesTest, WhatOthersShareNeverFalls) {
  std::fill(hits_.begin(), hits_.end(), 10);
  look_again();
  const std::uint64_t before = top_.facts().others;
  EXPECT_EQ(before, (kRules - TopRules::kRulesMax) * 10);
  hits_[kRules - 1] += 1'000;  // it joins, another leaves
  look_again();
  EXPECT_EQ(top_.facts().rules[0].hits, 1'010U);
  EXPECT_GE(top_.facts().others, before);
  hits_[kRules - 1] += 500;
  const std::uint64_t joined = top_.facts().others;
  look_again();
  EXPECT_EQ(top_.facts().others, joined) << "its own series has them";
}

TEST_F(TopRulesTest, ARuleThatGoesTakesNothingFromTheOthers) {
  std::fill(hits_.begin(), hits_.end(), 10);
  look_again();
  const std::uint64_t before = top_.facts().others;
  std::fill(hits_.begin(), hits_.end(), 0);
  look_again();
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_EQ(top_.facts().others, before);
}

TEST_F(TopRulesTest, KeepsWhatItSaidWhileRulesAreNotKnown) {
  hits_[3] = 5;
  look_again();
  in_force_ = {3, 4};
  look_again();
  EXPECT_THAT(listed(), ElementsAre("103 rule 3 5"));
}

TEST_F(TopRulesTest, ReadsNoRuleBetweenTwoLooks) {
  look_again();
  top_.turn(now_ + TopRules::kInterval - 1);
  EXPECT_FALSE(desk_.has_work());
}

}  // namespace
}  // namespace sluice
