#include "control/judge_in_time.h"

#include <future>
#include <memory>

#include <gtest/gtest.h>

#include "base/units.h"

namespace sluice {
namespace {

constexpr DurationNs kHour = 3'600 * kNsPerSecond;
constexpr JudgePatience kLong{kHour, kHour, kHour};

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
  EXPECT_TRUE(judge_in_time(checked, find_a_mistake, kLong));
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
  EXPECT_FALSE(judge_in_time(checked, slow, {}));
  EXPECT_TRUE(checked.findings.empty());
  release->set_value();
  ended->get_future().wait();
  EXPECT_TRUE(checked.findings.empty()) << "what comes late is the control process's to tell";
}

TEST(JudgeInTime, WaitsWherePacketsAreRefusedUntilRulesAreReady) {
  CheckedConfig checked = config_that(ReadyPolicy::drop);
  EXPECT_TRUE(judge_in_time(checked, find_a_mistake, {}));
  EXPECT_EQ(checked.findings.error_count(), 1U);
}

TEST(JudgeInTime, WhatCannotBeJudgedIsAMistake) {
  CheckedConfig checked = config_that(ReadyPolicy::drop);
  const auto refuses = [](CheckedConfig&) -> Status {
    return fail(ErrorKind::invalid, "rules.variables: none of that name");
  };
  EXPECT_TRUE(judge_in_time(checked, refuses, {}));
  EXPECT_TRUE(checked.findings.has_errors());
}

}  // namespace
}  // namespace sluice
