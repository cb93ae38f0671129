// From rule files to a compiled ruleset: read, judged as a set, compiled. Takes seconds and memory:
// short-lived children and the offline tools, never the control thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "base/result.h"
#include "config/check.h"
#include "config/config.h"
#include "control/store/rule_text_index.h"
#include "dataplane/inspect/live_ruleset.h"
#include "rules/compile.h"
#include "rules/ruleset.h"

namespace sluice {

/// Variables written as NAME=VALUE, and the sets that rules can ask for; a bad variable is an error
/// that names it.
[[nodiscard]] Result<RuleVariables> rule_variables(std::span<const std::string> assignments,
                                                   std::span<const SetConfig> sets = {});

/// All rules of the files, judged; findings carry file and position. Rules with mistakes are left
/// out.
[[nodiscard]] std::vector<Rule> read_rules(std::span<const std::string> files,
                                           const RuleVariables& variables, Diagnostics& findings);

/// The verdict on rule files that a check, a start and a reload tell: all but what only the
/// compiler finds. Exceptions for rules that there are not are warnings. Errors: as of
/// `rule_variables`. Where `cache`, a directory of compiled rulesets, has these rules, they were
/// found right before: they are not read again, and their own warnings not told again.
[[nodiscard]] Status judge_rules(CheckedConfig& checked, const std::string& cache = {});
/// Where the control process keeps compiled rulesets.
[[nodiscard]] std::string ruleset_cache_in(const std::string& state_dir);
/// Whether the limits that rules name are there.
void judge_limits(std::span<const Rule> rules, const Config& config, Diagnostics& findings);

/// What `build_ruleset` would give to its ruleset: of the files' texts and the variables. Errors:
/// as of `rule_variables`.
[[nodiscard]] Result<Hash128> rules_digest(const RulesConfig& config,
                                           std::span<const SetConfig> sets = {});
/// 32 hex digits.
[[nodiscard]] std::string text_of(const Hash128& digest);

/// The whole way. What cannot be compiled is a finding. Where `limits_of` is given, rules name no
/// other limits than its own. Errors: invalid for a variable; limit.
[[nodiscard]] Result<RulesetParts> build_ruleset(const RulesConfig& config, Diagnostics& findings,
                                                 CompileReport& report,
                                                 std::span<const SetConfig> sets = {},
                                                 const Config* limits_of = nullptr);

/// A ruleset as a replay takes it, and what its events say of its rules.
struct ReplayRules {
  std::shared_ptr<const LiveRuleset> ruleset;
  std::shared_ptr<const RuleTextIndex> texts;
};
/// Errors: as of `make_live`.
[[nodiscard]] Result<ReplayRules> make_replay_rules(RulesetParts parts, std::uint32_t workers);

}  // namespace sluice
