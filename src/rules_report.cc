#include "rules_report.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "render.h"
#include "rules/rule_findings.h"

namespace sluice {
namespace {

using nlohmann::ordered_json;
using Row = std::vector<std::string>;

constexpr std::size_t kCostliest = 10;
/// Of rules that are looked at always, the table shows so many; JSON has all.
constexpr std::size_t kAlwaysShown = 20;
constexpr double kShownCandidates = 0.01;

[[nodiscard]] std::string short_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  const auto amount = static_cast<double>(bytes);
  return bytes < (1U << 20) ? fmt::format("{:.1f} KiB", amount / 1024)
                            : fmt::format("{:.1f} MiB", amount / (1 << 20));
}

/// What can be told of a group's database; zeros where it has none.
[[nodiscard]] DatabaseReport database_of(const CompileReport& report, const GroupReport& group) {
  return group.database < report.databases.size() ? report.databases[group.database]
                                                  : DatabaseReport{};
}

[[nodiscard]] std::vector<RuleReport> costliest(const CompileReport& report) {
  std::vector<RuleReport> rules;
  for (const RuleReport& rule : report.rules) {
    if (!rule.is_always && rule.candidates_per_mebibyte > 0) rules.push_back(rule);
  }
  std::ranges::stable_sort(rules, std::greater<>{}, &RuleReport::candidates_per_mebibyte);
  rules.resize(std::min(rules.size(), kCostliest));
  return rules;
}

[[nodiscard]] std::vector<RuleReport> always_looked_at(const CompileReport& report) {
  std::vector<RuleReport> rules;
  std::ranges::copy_if(report.rules, std::back_inserter(rules), &RuleReport::is_always);
  return rules;
}

[[nodiscard]] std::string group_table(const CompileReport& report) {
  std::vector<Row> rows = {
      {"GROUP", ">RULES", ">PATTERNS", ">ALWAYS", ">DATABASE", ">STREAM STATE"}};
  for (const GroupReport& group : report.groups) {
    const DatabaseReport database = database_of(report, group);
    rows.push_back({group.name, std::to_string(group.rules), std::to_string(group.patterns),
                    std::to_string(group.always), short_bytes(database.bytes),
                    short_bytes(database.stream_bytes)});
  }
  return render_table(rows);
}

[[nodiscard]] std::string costliest_table(const CompileReport& report) {
  std::vector<Row> rows = {{">CANDIDATES PER MIB", ">RULE", "LOOKED FOR BY"}};
  for (const RuleReport& rule : costliest(report)) {
    const bool is_rare = rule.candidates_per_mebibyte < kShownCandidates;
    rows.push_back(
        {is_rare ? std::string("<0.01") : fmt::format("{:.2f}", rule.candidates_per_mebibyte),
         std::to_string(rule.id), rule.pattern});
  }
  return rows.size() == 1 ? std::string() : fmt::format("\n{}", render_table(rows));
}

[[nodiscard]] std::string always_table(const CompileReport& report) {
  const std::vector<RuleReport> rules = always_looked_at(report);
  if (rules.empty()) return {};
  std::vector<Row> rows = {{">RULE", "LOOKED AT ALWAYS"}};
  for (const RuleReport& rule : rules) {
    if (rows.size() > kAlwaysShown) break;
    rows.push_back({std::to_string(rule.id), rule.pattern});
  }
  std::string text = fmt::format("\n{}", render_table(rows));
  if (rules.size() > kAlwaysShown)
    text += fmt::format("and {} more\n", rules.size() - kAlwaysShown);
  return text;
}

[[nodiscard]] std::string as_text(const ordered_json& answer) {
  return answer.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

[[nodiscard]] std::size_t count_of(const std::map<std::string, std::size_t>& counts) {
  std::size_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

[[nodiscard]] std::string_view kind_name(RuleTest::Kind kind) {
  constexpr std::string_view kNames[] = {"payload", "http_request", "http_response", "dns_query",
                                         "tls_sni"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// "hit 2": counted in its list, from 1.
[[nodiscard]] std::string test_name(const Rule& rule, std::size_t test) {
  const bool is_hit = rule.tests[test].is_hit;
  const auto end = rule.tests.begin() + static_cast<std::ptrdiff_t>(test) + 1;
  return fmt::format("{} {}", is_hit ? "hit" : "miss",
                     std::count_if(rule.tests.begin(), end,
                                   [is_hit](const RuleTest& one) { return one.is_hit == is_hit; }));
}

}  // namespace

std::string render_compiled_table(const CompileReport& report) {
  return fmt::format(
      "{}\n{} rules in {} groups; {} databases, {} in all; at most {} of stream state per "
      "direction\n{}{}",
      group_table(report), report.rules.size(), report.groups.size(), report.databases.size(),
      short_bytes(report.database_bytes), short_bytes(report.stream_bytes_max),
      costliest_table(report), always_table(report));
}

std::string render_compiled_json(const CompileReport& report) {
  ordered_json answer;
  answer["rules"] = report.rules.size();
  answer["database_bytes"] = report.database_bytes;
  answer["stream_bytes_max"] = report.stream_bytes_max;
  answer["compile_seconds"] = static_cast<double>(report.compile_time) / 1e9;
  answer["groups"] = ordered_json::array();
  for (const GroupReport& group : report.groups) {
    const DatabaseReport database = database_of(report, group);
    answer["groups"].push_back({{"name", group.name},
                                {"rules", group.rules},
                                {"patterns", group.patterns},
                                {"always", group.always},
                                {"database_bytes", database.bytes},
                                {"stream_bytes", database.stream_bytes}});
  }
  answer["costliest"] = ordered_json::array();
  for (const RuleReport& rule : costliest(report)) {
    answer["costliest"].push_back({{"id", rule.id},
                                   {"pattern", rule.pattern},
                                   {"candidates_per_mebibyte", rule.candidates_per_mebibyte}});
  }
  answer["always"] = ordered_json::array();
  for (const RuleReport& rule : always_looked_at(report)) {
    answer["always"].push_back({{"id", rule.id}, {"reason", rule.pattern}});
  }
  return as_text(answer);
}

ExamReport exam_report(std::span<const Rule> rules, std::span<const ExamAnswer> answers) {
  ExamReport report;
  for (const Rule& rule : rules) {
    ExamTally& tally = report.files[rule.pack];
    ++tally.rules;
    if (rule.tests.empty()) ++tally.rules_without_tests;
  }
  for (const ExamAnswer& answer : answers) {
    const Rule& rule = rules[answer.rule];
    ExamTally& tally = report.files[rule.pack];
    switch (answer.verdict) {
      case ExamVerdict::as_expected:
        ++(rule.tests[answer.test].is_hit ? tally.hits : tally.misses);
        break;
      case ExamVerdict::otherwise:
        ++tally.failed;
        ++report.failed;
        break;
      case ExamVerdict::not_testable:
        ++tally.not_testable[answer.reason];
        break;
    }
  }
  return report;
}

std::string render_exam_table(const ExamReport& report) {
  std::vector<Row> rows = {
      {"FILE", ">RULES", ">WITHOUT TESTS", ">HITS", ">MISSES", ">FAILED", ">NOT TESTABLE"}};
  std::map<std::string, std::size_t> missing;
  for (const auto& [file, tally] : report.files) {
    for (const auto& [what, count] : tally.not_testable) missing[what] += count;
    rows.push_back({file, std::to_string(tally.rules), std::to_string(tally.rules_without_tests),
                    std::to_string(tally.hits), std::to_string(tally.misses),
                    std::to_string(tally.failed), std::to_string(count_of(tally.not_testable))});
  }
  std::string text = render_table(rows);
  if (missing.empty()) return text;
  rows = {{"NOT TESTABLE WITHOUT", ">TESTS"}};
  for (const auto& [what, count] : missing) rows.push_back({what, std::to_string(count)});
  return text + "\n" + render_table(rows);
}

std::string render_exam_json(const ExamReport& report) {
  ordered_json answer;
  answer["failed"] = report.failed;
  answer["files"] = ordered_json::array();
  for (const auto& [file, tally] : report.files) {
    answer["files"].push_back({{"file", file},
                               {"rules", tally.rules},
                               {"rules_without_tests", tally.rules_without_tests},
                               {"hits", tally.hits},
                               {"misses", tally.misses},
                               {"failed", tally.failed},
                               {"not_testable", tally.not_testable}});
  }
  return as_text(answer);
}

void add_exam_findings(std::span<const Rule> rules, std::span<const ExamAnswer> answers,
                       Diagnostics& findings) {
  for (const ExamAnswer& answer : answers) {
    if (answer.verdict != ExamVerdict::otherwise) continue;
    const Rule& rule = rules[answer.rule];
    RuleFindings(rule, findings)
        .error(fmt::format("{} ({}) {}", test_name(rule, answer.test),
                           kind_name(rule.tests[answer.test].kind), answer.reason));
  }
}

}  // namespace sluice
