// What `sluiced rules` answers, as a table for people and as JSON for scripts. Wording only.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "control/rule_exam.h"
#include "rules/compile.h"
#include "rules/rule.h"

namespace sluice {

/// What `sluiced rules check` tells of rules that compile: groups, totals, the costliest rules, and
/// those that are looked at for every packet or message.
[[nodiscard]] std::string render_compiled_table(const CompileReport& report);
[[nodiscard]] std::string render_compiled_json(const CompileReport& report);

/// The tests of one file.
struct ExamTally {
  std::size_t rules = 0;
  std::size_t rules_without_tests = 0;
  std::size_t hits = 0;    ///< tests that hit, as they are to
  std::size_t misses = 0;  ///< the same of those to be missed
  std::size_t failed = 0;
  std::map<std::string, std::size_t> not_testable;  ///< by what is missing
};

/// What `sluiced rules test` tells. `answers` are those to `rules`.
struct ExamReport {
  std::map<std::string, ExamTally> files;
  std::size_t failed = 0;
};
[[nodiscard]] ExamReport exam_report(std::span<const Rule> rules,
                                     std::span<const ExamAnswer> answers);
[[nodiscard]] std::string render_exam_table(const ExamReport& report);
[[nodiscard]] std::string render_exam_json(const ExamReport& report);

/// One error for every test that went otherwise, at the place of its rule.
void add_exam_findings(std::span<const Rule> rules, std::span<const ExamAnswer> answers,
                       Diagnostics& findings);

}  // namespace sluice
