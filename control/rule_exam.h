// The tests that rules carry, run through the stations: every test becomes a connection of its own
// in a replay, and a rule that is at stage shadow is looked at like any other. Offline tools only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "base/result.h"
#include "config/set_kind.h"
#include "rules/address_set.h"
#include "rules/rule.h"

namespace sluice {

struct ExamOptions {
  RuleVariables variables;
  std::vector<SetContents> sets;  ///< beside those of `variables`, with what their files hold
  /// A message of TCP up to this length is sent once more for every place at which it can be
  /// divided into two segments; 0 = none.
  std::size_t split_bytes_max = 512;
};

enum class ExamVerdict : std::uint8_t { as_expected, otherwise, not_testable };

struct ExamAnswer {
  std::size_t rule = 0;  ///< place among the rules that were given
  std::size_t test = 0;  ///< place among its tests
  ExamVerdict verdict = ExamVerdict::as_expected;
  std::string reason;  ///< what happened, or what the test would need; empty where as expected
};

/// Every test of every rule, in their order. All rules are in force at once and none acts:
/// thresholds and `silent` are left out, stages and actions are those of an alert. Findings are
/// those of the compiler; with errors among them there are no answers. Errors: limit; invalid, for
/// an entry that a test gives; internal, for a replay that ran out of room.
[[nodiscard]] Result<std::vector<ExamAnswer>> examine_rules(std::span<const Rule> rules,
                                                            const ExamOptions& options,
                                                            Diagnostics& findings);

}  // namespace sluice
