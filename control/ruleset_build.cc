#include "control/ruleset_build.h"

#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "config/text_file.h"
#include "rules/load.h"
#include "rules/validate.h"

namespace sluice {
namespace {

/// Texts as far as they can be read: a file that cannot is a finding of the loader's.
[[nodiscard]] Hash128 digest_of_files(std::span<const std::string> files,
                                      const CompileOptions& options) {
  std::vector<std::string> texts;
  for (const std::string& file : files) {
    auto text = read_text_file(file, kRuleFileBytesMax);
    texts.push_back(text ? std::move(*text) : std::string());
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return inputs_digest(views, options);
}

}  // namespace

Result<RuleVariables> rule_variables(std::span<const std::string> assignments) {
  RuleVariables variables;
  for (const std::string& assignment : assignments) {
    if (auto added = add_variable(assignment, variables); !added) {
      return with_context("rules.variables", added.error());
    }
  }
  return variables;
}

std::vector<Rule> read_rules(std::span<const std::string> files, const RuleVariables& variables,
                             Diagnostics& findings) {
  std::vector<Rule> rules;
  for (const std::string& file : files) {
    RulePack pack = load_rule_file(file, findings);
    rules.insert(rules.end(), std::make_move_iterator(pack.rules.begin()),
                 std::make_move_iterator(pack.rules.end()));
  }
  validate_rules(rules, variables, findings);
  return rules;
}

Status judge_rules(const Config& config, Diagnostics& findings) {
  auto variables = rule_variables(config.rules.variables);
  if (!variables) return tl::unexpected<Error>(variables.error());
  judge_limits(read_rules(config.rules.files, *variables, findings), config, findings);
  return {};
}

void judge_limits(std::span<const Rule> rules, const Config& config, Diagnostics& findings) {
  std::vector<std::string> names;
  for (const RuleLimitConfig& limit : config.rule_limits) names.push_back(limit.name);
  validate_limits(rules, names, findings);
}

Result<Hash128> rules_digest(const RulesConfig& config) {
  auto variables = rule_variables(config.variables);
  if (!variables) return tl::unexpected<Error>(variables.error());
  CompileOptions options;
  options.variables = std::move(*variables);
  return digest_of_files(config.files, options);
}

std::string text_of(const Hash128& digest) {
  return fmt::format("{:016x}{:016x}", digest.hi, digest.lo);
}

Result<RulesetParts> build_ruleset(const RulesConfig& config, Diagnostics& findings,
                                   CompileReport& report, const Config* limits_of) {
  auto variables = rule_variables(config.variables);
  if (!variables) return tl::unexpected<Error>(variables.error());
  CompileOptions options;
  options.variables = std::move(*variables);
  const std::vector<Rule> rules = read_rules(config.files, options.variables, findings);
  if (limits_of != nullptr) judge_limits(rules, *limits_of, findings);
  return compile_ruleset(rules, digest_of_files(config.files, options), options, findings, report);
}

Result<ReplayRules> make_replay_rules(RulesetParts parts, std::uint32_t workers) {
  ReplayRules rules;
  rules.texts = std::make_shared<const RuleTextIndex>(parts.ruleset, parts.texts);
  auto live = make_live(std::move(parts.ruleset), std::move(parts.databases), workers, nullptr);
  if (!live) return tl::unexpected<Error>(live.error());
  rules.ruleset = std::move(*live);
  return rules;
}

}  // namespace sluice
