#include "control/stage_overrides.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

SetStage set_to(RuleKey rule, RuleStage stage) {
  return {.set = {rule, stage}, .at = 1, .owner = "ada", .reason = "noise"};
}

TEST(StageOverrides, KeepOneStageForARule) {
  StageOverrides stages;
  ASSERT_TRUE(stages.set(set_to({1, 20}, RuleStage::shadow)));
  ASSERT_TRUE(stages.set(set_to({1, 10}, RuleStage::alert)));
  ASSERT_TRUE(stages.set(set_to({1, 20}, RuleStage::enforce)));
  ASSERT_EQ(stages.entries().size(), 2U);
  ASSERT_NE(stages.find({1, 20}), nullptr);
  EXPECT_EQ(stages.find({1, 20})->set.stage, RuleStage::enforce);
  EXPECT_EQ(stages.find({2, 20}), nullptr);
  EXPECT_EQ(stages.list()[0].rule, (RuleKey{1, 10}));
}

TEST(StageOverrides, AreClearedByIdAndAllAtOnce) {
  StageOverrides stages;
  for (const RuleKey rule : {RuleKey{1, 10}, RuleKey{3, 10}, RuleKey{1, 20}}) {
    ASSERT_TRUE(stages.set(set_to(rule, RuleStage::shadow)));
  }
  EXPECT_EQ(stages.clear({0, 30}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(stages.clear({0, 10}).value(), 2U);
  EXPECT_EQ(stages.clear_all(), 1U);
  EXPECT_TRUE(stages.entries().empty());
}

TEST(StageOverrides, AreBounded) {
  StageOverrides stages;
  for (std::uint32_t id = 1; id <= kStageOverridesMax; ++id) {
    ASSERT_TRUE(stages.set(set_to({1, id}, RuleStage::shadow)));
  }
  EXPECT_EQ(stages.set(set_to({2, 1}, RuleStage::shadow)).error().kind, ErrorKind::limit);
  EXPECT_TRUE(stages.set(set_to({1, 1}, RuleStage::alert))) << "in place of its own";
}

}  // namespace
}  // namespace sluice
