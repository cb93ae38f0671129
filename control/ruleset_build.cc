#include "control/ruleset_build.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/rule_key.h"
#include "base/suggest.h"
#include "config/set_file.h"
#include "config/text_file.h"
#include "control/ruleset_cache.h"
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

/// What exceptions can name.
struct KnownRules {
  std::set<std::uint32_t> ids;
  std::set<RuleKey> keys;
  std::set<std::string, std::less<>> classes;

  explicit KnownRules(const std::vector<Rule>& rules) {
    for (const Rule& rule : rules) {
      ids.insert(rule.id);
      keys.insert({rule.gid, rule.id});
      classes.insert(rule.class_name);
    }
  }
  explicit KnownRules(const Ruleset& ruleset)
      : classes(ruleset.classes.begin(), ruleset.classes.end()) {
    for (const CompiledRule& rule : ruleset.rules) {
      ids.insert(rule.id);
      keys.insert({rule.gid, rule.id});
    }
  }
  [[nodiscard]] bool has(const std::string& text) const {
    const auto key = parse_rule_key(text);
    return !key || (key->gid == 0 ? ids.contains(key->id) : keys.contains(*key));
  }
};

void warn_of_class(const KnownRules& known, const std::string& name, const std::string& path,
                   FindingWriter& findings) {
  if (name.empty() || known.classes.contains(name)) return;
  const std::vector<std::string_view> words(known.classes.begin(), known.classes.end());
  const std::string_view near = nearest_word(name, words);
  findings.warning_at(path + ".class",
                      fmt::format("{}.class is '{}', the class of no rule", path, name),
                      near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

/// A rule may come with the next update of a pack: these are no errors.
template <class Rules>
void warn_of_exceptions(const Rules& rules, CheckedConfig& checked) {
  const auto& exceptions = checked.config.rules.exceptions;
  if (exceptions.empty()) return;
  const KnownRules known(rules);
  FindingWriter findings(checked.source, checked.findings);
  for (std::size_t i = 0; i < exceptions.size(); ++i) {
    const std::string path = fmt::format("rules.exceptions[{}]", i);
    warn_of_class(known, exceptions[i].class_name, path, findings);
    for (std::size_t j = 0; j < exceptions[i].rules.size(); ++j) {
      if (known.has(exceptions[i].rules[j])) continue;
      const std::string own = fmt::format("{}.rules[{}]", path, j);
      findings.warning_at(own,
                          fmt::format("{} is {}, the id of no rule", own, exceptions[i].rules[j]));
    }
  }
}

/// The rules of the configuration, where they were compiled before and all limits that they name
/// are there still. Limits are no part of the digest.
[[nodiscard]] std::optional<Ruleset> compiled_before(const Config& config,
                                                     const RuleVariables& variables,
                                                     const std::string& cache) {
  CompileOptions options;
  options.variables = variables;
  const Hash128 digest = digest_of_files(config.rules.files, options);
  auto ruleset = RulesetCache(cache).find_ruleset(text_of(digest));
  if (!ruleset) return std::nullopt;
  for (const std::string& name : ruleset->limits) {
    const auto& limits = config.rule_limits;
    if (std::ranges::find(limits, name, &RuleLimitConfig::name) == limits.end())
      return std::nullopt;
  }
  return ruleset;
}

}  // namespace

std::string ruleset_cache_in(const std::string& state_dir) { return state_dir + "/rulesets"; }

Result<RuleVariables> rule_variables(std::span<const std::string> assignments,
                                     std::span<const SetConfig> sets) {
  RuleVariables variables;
  for (const SetConfig& set : sets) variables.sets.push_back(named_set(set));
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

Status judge_rules(CheckedConfig& checked, const std::string& cache) {
  const RulesConfig& config = checked.config.rules;
  auto variables = rule_variables(config.variables, checked.config.sets);
  if (!variables) return tl::unexpected<Error>(variables.error());
  if (!cache.empty() && !config.files.empty()) {
    if (const auto known = compiled_before(checked.config, *variables, cache)) {
      warn_of_exceptions(*known, checked);
      return {};
    }
  }
  const std::vector<Rule> rules = read_rules(config.files, *variables, checked.findings);
  judge_limits(rules, checked.config, checked.findings);
  warn_of_exceptions(rules, checked);
  return {};
}

void judge_limits(std::span<const Rule> rules, const Config& config, Diagnostics& findings) {
  std::vector<std::string> names;
  for (const RuleLimitConfig& limit : config.rule_limits) names.push_back(limit.name);
  validate_limits(rules, names, findings);
}

Result<Hash128> rules_digest(const RulesConfig& config, std::span<const SetConfig> sets) {
  auto variables = rule_variables(config.variables, sets);
  if (!variables) return tl::unexpected<Error>(variables.error());
  CompileOptions options;
  options.variables = std::move(*variables);
  return digest_of_files(config.files, options);
}

std::string text_of(const Hash128& digest) {
  return fmt::format("{:016x}{:016x}", digest.hi, digest.lo);
}

Result<RulesetParts> build_ruleset(const RulesConfig& config, Diagnostics& findings,
                                   CompileReport& report, std::span<const SetConfig> sets,
                                   const Config* limits_of) {
  auto variables = rule_variables(config.variables, sets);
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
