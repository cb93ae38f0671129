#include "dataplane/rule_slots.h"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <set>

namespace sluice {
namespace {

Ruleset rules_of(std::initializer_list<std::uint32_t> ids) {
  Ruleset rules;
  for (const std::uint32_t id : ids) rules.rules.emplace_back().id = id;
  return rules;
}

/// Two workers and room for three rules: slot 0 is nobody's.
class RuleSlotsTest : public testing::Test {
 protected:
  RuleSlotsTest() {
    for (std::size_t i = 0; i < of_workers_.size(); ++i) counts_[i] = of_workers_[i];
  }
  RuleSlots slots_{directory_, counts_};

  std::uint64_t hits(std::uint32_t slot) const {
    return of_workers_[0][slot].hits.load() + of_workers_[1][slot].hits.load();
  }

  std::array<std::array<RuleCounts, 4>, 2> of_workers_;
  std::array<std::span<RuleCounts>, 2> counts_;
  std::array<std::atomic<std::uint32_t>, 4> directory_{};
};

TEST_F(RuleSlotsTest, ARuleKeepsItsSlotInAnyPlace) {
  const Ruleset first = rules_of({10, 20});
  const Ruleset second = rules_of({30, 20, 10});
  const auto before = slots_.assign(first, nullptr);
  add_to(of_workers_[1][before[1]].hits, 5);
  const auto after = slots_.assign(second, &first);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_EQ(after[2], before[0]);
  EXPECT_EQ(hits(after[1]), 5U);
  EXPECT_EQ(std::set(after.begin(), after.end()).size(), 3U);
}

TEST_F(RuleSlotsTest, TheSlotOfARuleThatIsGoneBeginsAtNothing) {
  const Ruleset first = rules_of({10, 20, 30});
  const Ruleset second = rules_of({10});
  const Ruleset third = rules_of({10, 40});
  const auto before = slots_.assign(first, nullptr);
  for (std::uint32_t slot = 1; slot < 4; ++slot) add_to(of_workers_[0][slot].hits, 7);
  static_cast<void>(slots_.assign(second, &first));
  const auto after = slots_.assign(third, &second);
  EXPECT_NE(after[1], kNoRuleSlot);
  EXPECT_EQ(hits(after[1]), 0U);
  EXPECT_EQ(hits(before[0]), 7U);
}

TEST_F(RuleSlotsTest, ARuleThatComesBackAtTheNextChangeHasItsCounts) {
  const Ruleset first = rules_of({10, 20});
  const Ruleset second = rules_of({10});
  const auto before = slots_.assign(first, nullptr);
  add_to(of_workers_[0][before[1]].hits, 3);
  static_cast<void>(slots_.assign(second, &first));
  EXPECT_EQ(hits(slots_.assign(first, &second)[1]), 3U);
}

TEST_F(RuleSlotsTest, RulesWithoutASlotAreCountedTogether) {
  const auto slots = slots_.assign(rules_of({1, 2, 3, 4, 5}), nullptr);
  EXPECT_NE(slots[2], kNoRuleSlot);
  EXPECT_EQ(slots[3], kNoRuleSlot);
  EXPECT_EQ(slots[4], kNoRuleSlot);
  EXPECT_EQ(RuleSlots().assign(rules_of({1}), nullptr)[0], kNoRuleSlot);
}

TEST_F(RuleSlotsTest, SaysWhereTheRulesInForceAreCounted) {
  const auto slots = slots_.assign(rules_of({5, 4}), nullptr);
  slots_.publish(slots);
  EXPECT_EQ(directory_[0].load(), slots[0]);
  EXPECT_EQ(directory_[1].load(), slots[1]);
}

}  // namespace
}  // namespace sluice
