// docs/reference/drop_reasons.md is written from the one table of drop reasons.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/verdict.h"

namespace sluice {
namespace {

constexpr const char* kPage = SLUICE_SOURCE_DIR "/docs/reference/drop_reasons.md";

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
  const char* update = std::getenv("SLUICE_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") std::ofstream(kPage) << page_of_table();
  std::ifstream file(kPage);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), page_of_table());
}

}  // namespace
}  // namespace sluice
