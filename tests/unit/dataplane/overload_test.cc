#include "dataplane/overload.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;
constexpr DurationNs kTurn = 100 * kNsPerUs;

/// What the turns of a window are like: of 100.
struct Load {
  unsigned busy = 100;
  unsigned full = 100;
};
constexpr Load kFlooded{100, 100};
constexpr Load kCalm{100, 10};
constexpr Load kBetween{100, 60};
constexpr Load kIdle{0, 0};

class OverloadTest : public ::testing::Test {
 protected:
  OverloadTest() { overload_.see(now_, false, false, config_); }

  /// `windows` windows of turns under this load.
  void pass(unsigned windows, Load load) {
    for (unsigned turn = 0; turn < windows * 100; ++turn) {
      now_ += kTurn;
      const unsigned place = turn % 100;
      overload_.see(now_, place < load.busy, place < load.full, config_);
    }
  }

  OverloadConfig config_;
  TimeNs now_ = kStart;
  Overload overload_;
};

TEST_F(OverloadTest, GoesUpAStepAfterFiveFullWindowsInARow) {
  pass(4, kFlooded);
  EXPECT_EQ(overload_.level(), 0U);
  pass(1, kFlooded);
  EXPECT_EQ(overload_.level(), 1U);
  pass(4, kFlooded);
  EXPECT_EQ(overload_.level(), 1U);
  pass(1, kFlooded);
  EXPECT_EQ(overload_.level(), 2U);
  EXPECT_EQ(overload_.steps(), 2U);
}

TEST_F(OverloadTest, ShedsRecordsOnlyWhereInspectionIsToStay) {
  config_.inspection = false;
  pass(100, kFlooded);
  EXPECT_EQ(overload_.level(), kShedFlowRecords);
}

TEST_F(OverloadTest, HasNoStepAboveTheLast) {
  pass(100, kFlooded);
  EXPECT_EQ(overload_.level(), kShedStreams);
  EXPECT_EQ(overload_.steps(), kShedStreams);
}

TEST_F(OverloadTest, IsNotMovedByAShortBurst) {
  for (int i = 0; i < 20; ++i) {
    pass(4, kFlooded);
    pass(1, kBetween);
  }
  EXPECT_EQ(overload_.level(), 0U);
}

TEST_F(OverloadTest, ComesDownAStepAfterFiftyCalmWindowsInARow) {
  pass(10, kFlooded);
  pass(49, kCalm);
  EXPECT_EQ(overload_.level(), 2U);
  pass(1, kCalm);
  EXPECT_EQ(overload_.level(), 1U);
  pass(50, kCalm);
  EXPECT_EQ(overload_.level(), 0U);
  pass(200, kCalm);
  EXPECT_EQ(overload_.level(), 0U);
}

TEST_F(OverloadTest, StaysWhereItIsBetweenTheTwoShares) {
  pass(5, kFlooded);
  pass(500, kBetween);
  EXPECT_EQ(overload_.level(), 1U);
}

TEST_F(OverloadTest, ComesDownWhenThereIsNothingToDo) {
  pass(5, kFlooded);
  pass(50, kIdle);
  EXPECT_EQ(overload_.level(), 0U);
}

TEST_F(OverloadTest, TakesFewFullBurstsBetweenIdleTurnsForNoLoad) {
  pass(100, {.busy = 40, .full = 40});
  EXPECT_EQ(overload_.level(), 0U);
}

TEST_F(OverloadTest, ObeysTheSharesOfTheConfiguration) {
  config_.high_percent = 60;
  pass(5, kBetween);
  EXPECT_EQ(overload_.level(), 1U);
  config_.low_percent = 61;
  config_.high_percent = 62;
  pass(50, kBetween);
  EXPECT_EQ(overload_.level(), 0U);
}

TEST_F(OverloadTest, ShedsNothingWhereItIsSwitchedOff) {
  pass(5, kFlooded);
  config_.shed = false;
  pass(1, kFlooded);
  EXPECT_EQ(overload_.level(), 0U);
  pass(50, kFlooded);
  EXPECT_EQ(overload_.level(), 0U);
  EXPECT_EQ(overload_.steps(), 1U);
}

}  // namespace
}  // namespace sluice
