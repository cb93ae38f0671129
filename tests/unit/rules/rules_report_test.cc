#include "src/rules_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice {
namespace {

using testing::HasSubstr;

CompileReport two_groups() {
  CompileReport report;
  report.groups = {{.name = "stream tcp to_server class 0",
                    .patterns = 2,
                    .rules = 3,
                    .always = 1,
                    .database = 0},
                   {.name = "packets icmp to_server class 0", .rules = 1, .always = 1}};
  report.databases = {{.patterns = 2, .bytes = 5 * 1024, .stream_bytes = 49}};
  report.rules = {
      {.id = 1, .pattern = "contains 'ab' in payload", .candidates_per_mebibyte = 16},
      {.id = 2, .pattern = "contains 'rare' in payload", .candidates_per_mebibyte = 0.00001},
      {.id = 3, .pattern = "no pattern", .candidates_per_mebibyte = 1e6, .is_always = true}};
  report.database_bytes = 5 * 1024;
  report.stream_bytes_max = 49;
  report.compile_time = kNsPerSecond / 2;
  return report;
}

TEST(RulesReport, ShowsGroupsTotalsCostsAndWhatIsLookedAtAlways) {
  EXPECT_EQ(render_compiled_table(two_groups()),
            "GROUP                           RULES  PATTERNS  ALWAYS  DATABASE  STREAM STATE\n"
            "stream tcp to_server class 0        3         2       1   5.0 KiB          49 B\n"
            "packets icmp to_server class 0      1         0       1       0 B           0 B\n"
            "\n"
            "3 rules in 2 groups; 1 databases, 5.0 KiB in all; at most 49 B of stream state per "
            "direction\n"
            "\n"
            "CANDIDATES PER MIB  RULE  LOOKED FOR BY\n"
            "             16.00     1  contains 'ab' in payload\n"
            "             <0.01     2  contains 'rare' in payload\n"
            "\n"
            "RULE  LOOKED AT ALWAYS\n"
            "   3  no pattern\n");
}

TEST(RulesReport, ShowsTheTenCostliestRulesInOrder) {
  CompileReport report;
  for (std::uint32_t id = 1; id <= 12; ++id) {
    report.rules.push_back({.id = id, .pattern = "x", .candidates_per_mebibyte = double(id)});
  }
  const auto answer = nlohmann::json::parse(render_compiled_json(report));
  ASSERT_EQ(answer["costliest"].size(), 10U);
  EXPECT_EQ(answer["costliest"][0]["id"], 12);
  EXPECT_EQ(answer["costliest"][9]["id"], 3);
}

TEST(RulesReport, TellsScriptsTheSame) {
  const auto answer = nlohmann::json::parse(render_compiled_json(two_groups()));
  EXPECT_EQ(answer["rules"], 3);
  EXPECT_EQ(answer["compile_seconds"], 0.5);
  EXPECT_EQ(answer["groups"][0]["stream_bytes"], 49);
  EXPECT_EQ(answer["groups"][1]["database_bytes"], 0);
  EXPECT_EQ(answer["always"], nlohmann::json::parse(R"([{"id": 3, "reason": "no pattern"}])"));
}

struct Exam {
  std::vector<Rule> rules;
  std::vector<ExamAnswer> answers;

  Exam() {
    rules.resize(2);
    rules[0].id = 7;
    rules[0].pack = "a.yaml";
    rules[0].position = {3, 5};
    rules[0].tests.resize(4);
    rules[0].tests[3].is_hit = false;
    rules[1].pack = "a.yaml";
    answers = {{0, 0, ExamVerdict::as_expected, {}},
               {0, 1, ExamVerdict::otherwise, "does not match"},
               {0, 2, ExamVerdict::not_testable, "http.uri"},
               {0, 3, ExamVerdict::as_expected, {}}};
  }
};

TEST(RulesReport, CountsTestsPerFile) {
  const Exam exam;
  const ExamReport report = exam_report(exam.rules, exam.answers);
  EXPECT_EQ(report.failed, 1U);
  EXPECT_EQ(render_exam_table(report),
            "FILE    RULES  WITHOUT TESTS  HITS  MISSES  FAILED  NOT TESTABLE\n"
            "a.yaml      2              1     1       1       1             1\n"
            "\n"
            "NOT TESTABLE WITHOUT  TESTS\n"
            "http.uri                  1\n");
  const auto answer = nlohmann::json::parse(render_exam_json(report));
  EXPECT_EQ(answer["failed"], 1);
  EXPECT_EQ(answer["files"][0]["file"], "a.yaml");
  EXPECT_EQ(answer["files"][0]["not_testable"]["http.uri"], 1);
}

TEST(RulesReport, NamesATestThatWentOtherwiseAtItsRule) {
  const Exam exam;
  Diagnostics findings;
  add_exam_findings(exam.rules, exam.answers, findings);
  EXPECT_EQ(findings.error_count(), 1U);
  EXPECT_THAT(findings.render(),
              HasSubstr("a.yaml:3:5: error: rule 7: hit 2 (payload) does not match"));
}

}  // namespace
}  // namespace sluice
