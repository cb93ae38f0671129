// docs/reference/drop_reasons.md is written from the one table of drop reasons.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/verdict.h"
#include "tests/support/source_tree.h"

namespace sluice {
namespace {

std::string page_of_table() {
  std::string page =
      "# Drop reasons\n\n"
      "Written from the table in `src/base/verdict.cc`; a test compares the two. Each reason is a\n"
      "counter in `dropped_by_reason` (or, in monitor mode, `would_drop_by_reason`) and the\n"
      "`drop.reason` of an event.\n\n"
      "| reason | station | meaning |\n|---|---|---|\n";
  for (const DropReasonRow& row : drop_reason_table()) {
    if (row.reason == DropReason::none) continue;
    page += fmt::format("| `{}` | {} | {} |\n", row.name, row.station, row.meaning);
  }
  return page;
}

TEST(DropReasonPage, SaysWhatTheTableSays) {
  EXPECT_EQ(test::golden_page("docs/reference/drop_reasons.md", page_of_table()), page_of_table());
}

}  // namespace
}  // namespace sluice
