// Every directory of tests/golden, through the pipeline: packets.txt in, expected.txt out, with one
// worker and with two. SLUICE_UPDATE_GOLDEN=1 writes expected.txt anew; the difference is reviewed.
// SLUICE_GOLDEN_DIR names the directory where it is not the one that the build knows.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include "base/verdict.h"
#include "tests/golden/case_file.h"
#include "tests/golden/case_run.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/source_tree.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

fs::path golden_dir() {
  const char* named = std::getenv("SLUICE_GOLDEN_DIR");
  return named != nullptr ? named : source_path("tests/golden");
}

std::vector<std::string> case_names() {
  std::set<std::string> names;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(golden_dir(), missing)) {
    if (fs::exists(entry.path() / "packets.txt")) names.insert(entry.path().filename().string());
  }
  return {names.begin(), names.end()};
}

CaseResult run_in_scratch(const GoldenCase& golden, std::uint32_t workers) {
  const ScratchDir scratch;
  return run_case(golden, workers, scratch.file("."));
}

void expect_outcomes_as_written(const GoldenCase& golden, const CaseResult& result) {
  std::vector<std::string> written;
  for (const auto& capture : golden.captures) {
    for (const CasePacket& packet : capture) written.push_back(packet.outcome);
  }
  EXPECT_EQ(render_outcomes(result.outcomes), render_outcomes(written));
}

std::uint64_t counter(const CaseResult& result, const std::string& name) {
  const auto found = result.counters.find(name);
  return found == result.counters.end() ? 0 : found->second;
}

void expect_exact_accounting(const CaseResult& result) {
  EXPECT_EQ(counter(result, "packets"), counter(result, "forwarded") + counter(result, "dropped"));
  EXPECT_EQ(counter(result, "held"), 0U);
  std::uint64_t by_reason = 0;
  for (const DropReasonRow& row : drop_reason_table()) {
    by_reason += counter(result, "dropped_by_reason." + std::string(row.name));
  }
  EXPECT_EQ(by_reason, counter(result, "dropped"));
  EXPECT_EQ(counter(result, "generated"), result.replies.size());
}

std::vector<std::string> sorted(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, ReplaysAsExpected) {
  const fs::path directory = golden_dir() / GetParam();
  const GoldenCase golden = load_case(directory);
  const CaseResult result = run_in_scratch(golden, golden.workers == 0 ? 1 : golden.workers);
  expect_outcomes_as_written(golden, result);
  expect_exact_accounting(result);
  if (is_updating_golden()) {
    std::ofstream(directory / "expected.txt") << render(result);
  } else {
    EXPECT_EQ(render(result), read_text((directory / "expected.txt").string()));
  }
}

TEST_P(Golden, GivesTheSameEventsAgainAndWithTwoWorkers) {
  const GoldenCase golden = load_case(golden_dir() / GetParam());
  const std::uint32_t workers = golden.workers == 0 ? 1 : golden.workers;
  const CaseResult first = run_in_scratch(golden, workers);
  EXPECT_EQ(run_in_scratch(golden, workers).events, first.events);
  if (golden.workers != 0 || first.has_capacity_events()) return;
  const CaseResult two = run_in_scratch(golden, 2);
  EXPECT_EQ(sorted(two.events), sorted(first.events));
  EXPECT_EQ(two.outcomes, first.outcomes);
  EXPECT_EQ(two.replies, first.replies);
}

INSTANTIATE_TEST_SUITE_P(Case, Golden, testing::ValuesIn(case_names()), [](const auto& param) {
  std::string name = param.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Golden);

TEST(GoldenSet, HoldsAtLeastSixtyCases) { EXPECT_GE(case_names().size(), 60U); }

TEST(GoldenSet, EveryDropReasonIsExpectedSomewhereAndAbsentFromItsTwin) {
  std::map<std::string, GoldenCase> cases;
  std::map<std::string, CaseResult> results;
  for (const std::string& name : case_names()) {
    const GoldenCase& golden = cases[name] = load_case(golden_dir() / name);
    results[name] = run_in_scratch(golden, golden.workers == 0 ? 1 : golden.workers);
  }
  std::set<std::string> with_twin;
  for (const auto& [name, golden] : cases) {
    for (const std::string& reason : golden.refuses) {
      EXPECT_TRUE(results[name].refuses(reason)) << name << " does not refuse with " << reason;
      if (golden.twin.empty()) continue;
      ASSERT_TRUE(cases.contains(golden.twin)) << name << " names a twin that is not there";
      EXPECT_FALSE(results[golden.twin].refuses(reason)) << golden.twin << ", twin of " << name;
      with_twin.insert(reason);
    }
  }
  for (const DropReasonRow& row : drop_reason_table()) {
    if (row.reason == DropReason::none) continue;
    EXPECT_TRUE(with_twin.contains(std::string(row.name)))
        << "no case with a twin refuses with " << row.name;
  }
}

}  // namespace
}  // namespace sluice::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
