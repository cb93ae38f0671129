#include "control/judge_in_time.h"

#include <future>
#include <memory>

#include <gtest/gtest.h>

#include "base/units.h"

namespace sluice {
namespace {

constexpr DurationNs kHour = 3'600 * kNsPerSecond;
constexpr JudgePatience kLong{kHour, kHour, kHour};
constexpr DurationNs kHalfSecond = kNsPerSecond / 2;

JudgeEffort no_effort() { return {}; }

Status find_a_mistake(CheckedConfig& checked) {
  Finding finding;
  finding.file = "x.yaml";
  finding.message = "a mistake";
  checked.findings.add(finding);
  return {};
}

CheckedConfig config_that(ReadyPolicy until_ready) {
  CheckedConfig checked;
  checked.config.rules.until_ready = until_ready;
  return checked;
}

TEST(JudgeInTime, TellsWhatIsFoundInTime) {
  CheckedConfig checked = config_that(ReadyPolicy::pass);
  EXPECT_TRUE(judge_in_time(checked, find_a_mistake, kLong, no_effort));
  EXPECT_EQ(checked.findings.error_count(), 1U);
}

TEST(JudgeInTime, DoesNotHoldUpAStartThatPassesPacketsUntilRulesAreReady) {
  CheckedConfig checked = config_that(ReadyPolicy::pass);
  const auto release = std::make_shared<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  const auto slow = [released = release->get_future().share(), ended](CheckedConfig& rules) {
    released.wait();
    const Status status = find_a_mistake(rules);
    ended->set_value();
    return status;
  };
  EXPECT_FALSE(judge_in_time(checked, slow, {}, no_effort));
  EXPECT_TRUE(checked.findings.empty());
  release->set_value();
  ended->get_future().wait();
  EXPECT_TRUE(checked.findings.empty()) << "what comes late is the control process's to tell";
}

TEST(JudgeInTime, IsToldWhenItsPatienceEnds) {
  CheckedConfig checked = config_that(ReadyPolicy::pass);
  const auto release = std::make_shared<std::promise<void>>();
  const auto slow = [released = release->get_future().share()](CheckedConfig&) -> Status {
    released.wait();
    return {};
  };
  DurationNs seconds = 0;
  const auto idle = [&seconds] { return JudgeEffort{++seconds * kNsPerSecond, 0}; };
  EXPECT_FALSE(judge_in_time(checked, slow, kStartPatience, idle));
  EXPECT_EQ(seconds, 10U);
  release->set_value();
}

TEST(JudgeInTime, OfAStartLastsASecondAndHalfASecondOfWork) {
  EXPECT_FALSE(is_spent(kStartPatience, {kNsPerSecond - 1, kHour}));
  EXPECT_FALSE(is_spent(kStartPatience, {kNsPerSecond, kHalfSecond - 1}));
  EXPECT_TRUE(is_spent(kStartPatience, {kNsPerSecond, kHalfSecond}));
}

TEST(JudgeInTime, OfAStartLastsTenSecondsOnABusyHost) {
  EXPECT_FALSE(is_spent(kStartPatience, {10 * kNsPerSecond - 1, kHalfSecond - 1}));
  EXPECT_TRUE(is_spent(kStartPatience, {10 * kNsPerSecond, 0}));
}

TEST(JudgeInTime, WaitsWherePacketsAreRefusedUntilRulesAreReady) {
  CheckedConfig checked = config_that(ReadyPolicy::drop);
  EXPECT_TRUE(judge_in_time(checked, find_a_mistake, {}, no_effort));
  EXPECT_EQ(checked.findings.error_count(), 1U);
}

TEST(JudgeInTime, WhatCannotBeJudgedIsAMistake) {
  CheckedConfig checked = config_that(ReadyPolicy::drop);
  const auto refuses = [](CheckedConfig&) -> Status {
    return fail(ErrorKind::invalid, "rules.variables: none of that name");
  };
  EXPECT_TRUE(judge_in_time(checked, refuses, {}, no_effort));
  EXPECT_TRUE(checked.findings.has_errors());
}

}  // namespace
}  // namespace sluice
