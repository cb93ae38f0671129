#include "base/date.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

TEST(Date, IsADayInUtc) {
  EXPECT_EQ(parse_date("1970-01-01").value(), 0U);
  EXPECT_EQ(parse_date("2026-12-31").value(), 1'798'675'200 * kNsPerSecond);
  EXPECT_EQ(parse_date("2024-02-29").value(), 1'709'164'800 * kNsPerSecond);
}

TEST(Date, MayHaveATimeOfTheDay) {
  EXPECT_EQ(parse_date("1970-01-02T01:02Z").value(), (86'400 + 3'720) * kNsPerSecond);
  EXPECT_EQ(parse_date("1970-01-02T01:02:03Z").value(), (86'400 + 3'723) * kNsPerSecond);
}

TEST(Date, IsNothingElse) {
  for (const char* text :
       {"", "2026", "2026-13-01", "2026-00-01", "2026-02-29", "2026-04-31", "26-01-01", "2026-1-1",
        "2026/01/01", "2026-01-01T24:00Z", "2026-01-01T23:60Z", "2026-01-01T00:00:60Z",
        "2026-01-01T00:00", "2026-01-01 00:00Z", "tomorrow", "1969-12-31", "2200-01-01",
        "+026-01-01", "2026-01-0x"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

}  // namespace
}  // namespace sluice
