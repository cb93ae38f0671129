#include "base/log.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

class Log : public testing::Test {
 protected:
  void TearDown() override { configure_log(LogLevel::notice, false); }

  static std::string logged(LogLevel level, std::string_view message) {
    testing::internal::CaptureStderr();
    log(level, message);
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(Log, DropsLinesAboveTheLevel) {
  configure_log(LogLevel::warning, false);
  EXPECT_EQ(logged(LogLevel::error, "port gone"), "error: port gone\n");
  EXPECT_EQ(logged(LogLevel::warning, "slow"), "warning: slow\n");
  EXPECT_EQ(logged(LogLevel::notice, "ready"), "");
}

TEST_F(Log, WritesThePriorityForTheJournal) {
  configure_log(LogLevel::info, true);
  EXPECT_EQ(logged(LogLevel::error, "a"), "<3>a\n");
  EXPECT_EQ(logged(LogLevel::info, "b"), "<6>b\n");
}

TEST_F(Log, KeepsAMessageOnItsLine) {
  EXPECT_EQ(logged(LogLevel::error, "a\n<0>forged"), "error: a\\x0a<0>forged\n");
}

}  // namespace
}  // namespace sluice
