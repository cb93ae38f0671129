#include "base/verdict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace sluice {
namespace {

TEST(DropReasonTable, NamesEachReasonOnce) {
  std::set<std::string_view> names;
  for (const DropReasonRow& row : drop_reason_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(name_of(row.reason), row.name);
  }
}

TEST(DropReasonTable, NamesAreLabels) {
  for (const DropReasonRow& row : drop_reason_table()) {
    EXPECT_TRUE(std::all_of(row.name.begin(), row.name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    })) << row.name;
  }
}

TEST(DropReasonTable, KeepsReasonsOfAStationTogether) {
  std::set<std::string_view> seen;
  std::string_view previous;
  for (const DropReasonRow& row : drop_reason_table()) {
    if (row.station == previous) continue;
    EXPECT_TRUE(seen.insert(row.station).second) << row.station;
    previous = row.station;
  }
}

TEST(NameOf, AnswersForValuesOutsideTheTable) {
  EXPECT_EQ(name_of(DropReason::count_), "unknown");
  EXPECT_EQ(name_of(static_cast<DropReason>(255)), "unknown");
  EXPECT_EQ(name_of(static_cast<Action>(99)), "unknown");
}

TEST(NameOf, SpeaksTheWordsOfTheConfiguration) {
  EXPECT_EQ(name_of(Mode::monitor), "monitor");
  EXPECT_EQ(name_of(ExceptionPolicy::drop_flow), "drop_flow");
  EXPECT_EQ(name_of(Action::held), "held");
  EXPECT_EQ(name_of(CapacityEvent::half_open_full), "half_open_full");
}

}  // namespace
}  // namespace sluice
