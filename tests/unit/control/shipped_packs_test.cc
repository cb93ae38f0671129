// Every pack in rules/packs is as its readers expect it: without findings (a rule that would be
// looked at always is one), tested both ways, and with tests that go as they say, also where the
// message is divided into two segments at any place.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "control/rule_exam.h"
#include "control/ruleset_build.h"
#include "tests/support/source_tree.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> shipped_packs() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(test::source_path("rules/packs"))) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

TEST(ShippedPacks, CompileTogetherWithoutFindings) {
  RulesConfig config;
  config.files = shipped_packs();
  ASSERT_FALSE(config.files.empty());
  Diagnostics findings;
  CompileReport report;
  ASSERT_TRUE(build_ruleset(config, findings, report));
  EXPECT_EQ(findings.render(), "");
  EXPECT_EQ(report.rules_refused, 0U);
}

TEST(ShippedPacks, HaveAHitAndAMissForEveryRule) {
  Diagnostics findings;
  for (const Rule& rule : read_rules(shipped_packs(), {}, findings)) {
    const auto hits = std::ranges::count_if(rule.tests, &RuleTest::is_hit);
    EXPECT_GT(hits, 0) << rule.id;
    EXPECT_GT(static_cast<std::ptrdiff_t>(rule.tests.size()) - hits, 0) << rule.id;
  }
}

TEST(ShippedPacks, PassTheirTests) {
  Diagnostics findings;
  const std::vector<Rule> rules = read_rules(shipped_packs(), {}, findings);
  const auto answers = examine_rules(rules, {}, findings);
  ASSERT_TRUE(answers) << answers.error().message;
  for (const ExamAnswer& answer : *answers) {
    EXPECT_EQ(answer.verdict, ExamVerdict::as_expected)
        << rules[answer.rule].id << " test " << answer.test << " " << answer.reason;
  }
}

}  // namespace
}  // namespace sluice
