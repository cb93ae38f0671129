#include "rules/compile.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/compile_groups.h"
#include "rules/compile_rule.h"
#include "rules/compile_sieves.h"
#include "rules/pattern_choice.h"

namespace sluice {
namespace {

/// Grows with every change of what a compiled ruleset holds or means.
constexpr std::uint64_t kCompilerVersion = 4;
constexpr SipKey kInputsKey{0x72756c65736574ULL, 0x696e70757473ULL};
constexpr std::size_t kShownBytes = 60;
constexpr double kMebibyteBits = 20;

[[nodiscard]] unsigned action_rank(RuleActionKind kind) {
  switch (kind) {
    case RuleActionKind::pass:
      return 0;
    case RuleActionKind::drop:
    case RuleActionKind::block:
      return 1;
    case RuleActionKind::reject:
      return 2;
    case RuleActionKind::limit:
      return 3;
    case RuleActionKind::alert:
      return 4;
  }
  return 4;
}

/// Rules that set flags come before those that ask for them, and those that only unset them behind,
/// so that all can hold at one packet.
[[nodiscard]] unsigned flag_rank(const Rule& rule) {
  const auto asks = [](const FlagStep& step) {
    return step.operation == FlagOperation::is_set || step.operation == FlagOperation::is_not_set;
  };
  const auto unsets = [](const FlagStep& step) { return step.operation == FlagOperation::unset; };
  if (rule.flags.empty()) return 4;
  if (std::ranges::all_of(rule.flags, unsets)) return 3;
  const bool has_question = std::ranges::any_of(rule.flags, asks);
  if (!has_question) return 0;
  return std::ranges::all_of(rule.flags, asks) ? 2 : 1;
}

/// Suricata's order: by action, flow bits, priority; the number decides between equals.
[[nodiscard]] std::vector<const Rule*> in_order(std::span<const Rule> rules) {
  std::vector<const Rule*> order;
  for (const Rule& rule : rules) order.push_back(&rule);
  const auto key = [](const Rule* rule) {
    return std::tuple(action_rank(rule->action.kind), flag_rank(*rule),
                      static_cast<unsigned>(rule->severity), rule->gid, rule->id, rule->rev);
  };
  std::ranges::stable_sort(order, {}, key);
  return order;
}

[[nodiscard]] RuleText text_of(const Rule& rule) {
  RuleText out;
  out.name = without_zeros(rule.name);
  out.class_name = without_zeros(rule.class_name);
  out.pack = without_zeros(rule.pack);
  out.severity = rule.severity;
  for (const std::string& reference : rule.references) {
    out.references.push_back(without_zeros(reference));
  }
  for (const auto& [key, value] : rule.metadata) {
    out.metadata.emplace_back(without_zeros(key), without_zeros(value));
  }
  return out;
}

[[nodiscard]] Finding finding_of(const Rule& rule, Severity severity, std::string message) {
  Finding finding;
  finding.severity = severity;
  finding.file = rule.pack;
  finding.position = rule.position;
  finding.message = std::move(message);
  return finding;
}

[[nodiscard]] std::string shown(const ScanPattern& pattern) {
  std::string text = escape_control(std::string_view(pattern.text).substr(0, kShownBytes));
  return pattern.text.size() > kShownBytes ? text + "..." : text;
}

[[nodiscard]] std::string told(const Rule& rule, const PatternChoice& choice) {
  if (choice.set) return fmt::format("a set holds {}", name_of(rule.match[choice.part].buffer));
  if (!choice.pattern) return fmt::format("no pattern: {}", choice.reason);
  const char* kind = choice.pattern->kind == PatternKind::literal ? "contains"
                     : choice.pattern->kind == PatternKind::regex ? "matches"
                                                                  : "may match";
  return fmt::format("{} '{}' in {}", kind, shown(*choice.pattern),
                     name_of(rule.match[choice.part].buffer));
}

[[nodiscard]] RuleReport report_of(const Rule& rule, const PatternChoice& choice) {
  RuleReport out;
  out.id = rule.id;
  out.pattern = told(rule, choice);
  out.is_always = !choice.pattern && !choice.set;
  if (choice.pattern) out.candidates_per_mebibyte = std::exp2(kMebibyteBits - choice.bits);
  return out;
}

[[nodiscard]] GroupReport report_of(const GroupPlan& plan) {
  GroupReport out;
  out.name = plan.name;
  out.rules = static_cast<std::uint32_t>(plan.rules.size());
  return out;
}

/// One compilation from rules to parts.
class Compilation {
 public:
  Compilation(const CompileOptions& options, Diagnostics& findings, CompileReport& report)
      : options_(options), findings_(findings), report_(report) {
    for (const Finding& finding : findings.sorted()) {
      if (finding.severity == Severity::error) told_.emplace(finding.file, finding.position);
    }
  }

  [[nodiscard]] RulesetParts run(std::span<const Rule> rules, Hash128 digest) {
    parts_.ruleset.digest = parts_.texts.digest = digest;
    resolve(rules);
    choose();
    std::vector<GroupPlan> plans =
        plan_groups(parts_.ruleset, choices_, options_.port_classes, parts_.ruleset.map);
    tell_homeless(plans);
    for (const GroupPlan& plan : plans) report_.groups.push_back(report_of(plan));
    take(compile_groups(std::move(plans), choices_, options_));
    return std::move(parts_);
  }

 private:
  void resolve(std::span<const Rule> rules) {
    RuleResolver resolver(parts_.ruleset, options_.variables);
    for (const Rule* rule : in_order(rules)) {
      auto compiled = resolver.resolve(*rule);
      if (!compiled) {
        ++report_.rules_refused;
        if (told_.contains({rule->pack, rule->position})) continue;
        findings_.add(finding_of(*rule, Severity::error, compiled.error().message));
        continue;
      }
      parts_.ruleset.rules.push_back(std::move(*compiled));
      parts_.texts.rules.push_back(text_of(*rule));
      written_.push_back(rule);
    }
    resolver.finish(parts_.texts);
  }

  void choose() {
    for (const Rule* rule : written_) {
      choices_.push_back(choose_pattern(*rule));
      choose_set(*rule, options_.variables.sets, choices_.back());
      report_.rules.push_back(report_of(*rule, choices_.back()));
      if (!choices_.back().pattern && !choices_.back().set && !rule->match.empty()) {
        findings_.add(finding_of(
            *rule, Severity::warning,
            fmt::format("rule {}: nothing in it can be searched for, as {}: it is evaluated for "
                        "every packet or message that its header takes",
                        rule->id, choices_.back().reason)));
      }
    }
  }

  void tell_homeless(const std::vector<GroupPlan>& plans) {
    std::vector<bool> has_group(written_.size());
    for (const GroupPlan& plan : plans) {
      for (const std::uint32_t rule : plan.rules) has_group[rule] = true;
    }
    for (std::size_t i = 0; i < written_.size(); ++i) {
      if (has_group[i]) continue;
      findings_.add(finding_of(*written_[i], Severity::warning,
                               fmt::format("rule {}: its direction and its buffers exclude each "
                                           "other: it can never match",
                                           written_[i]->id)));
    }
  }

  void take(CompiledGroups groups) {
    for (std::size_t i = 0; i < groups.groups.size(); ++i) {
      const PatternGroup& group = groups.groups[i];
      GroupReport& row = report_.groups[i];
      row.always = static_cast<std::uint32_t>(group.always.size());
      row.database = group.database;
      if (!group.first_entry.empty()) {
        row.patterns = static_cast<std::uint32_t>(group.first_entry.size() - 1);
      }
    }
    report_.databases = std::move(groups.reports);
    tell_refused(groups.refused);
    parts_.ruleset.groups = std::move(groups.groups);
    parts_.databases = std::move(groups.databases);
    add_sieves(written_, choices_, options_, parts_, report_.databases);
    for (const DatabaseReport& row : report_.databases) {
      report_.database_bytes += row.bytes;
      report_.stream_bytes_max = std::max(report_.stream_bytes_max, row.stream_bytes);
    }
  }

  /// A pattern is refused in every group that has it, and told once for each rule.
  void tell_refused(const std::vector<RefusedPattern>& refused) {
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      if (!choices_[i].pattern) continue;
      const auto same =
          std::ranges::find(refused, choices_[i].pattern->text,
                            [](const RefusedPattern& row) { return row.pattern.text; });
      if (same == refused.end()) continue;
      ++report_.rules_refused;
      findings_.add(
          finding_of(*written_[i], Severity::error,
                     fmt::format("rule {}: its pattern '{}' cannot be searched for: {}",
                                 written_[i]->id, shown(*choices_[i].pattern), same->message)));
    }
  }

  const CompileOptions& options_;
  Diagnostics& findings_;
  CompileReport& report_;
  std::set<std::pair<std::string, SourcePosition>> told_;  ///< places of rules known to be wrong
  RulesetParts parts_;
  std::vector<const Rule*> written_;  ///< beside the ruleset's rules
  std::vector<PatternChoice> choices_;
};

void append(std::string& out, std::string_view text) {
  const std::uint64_t size = text.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += text;
}

void append(std::string& out, std::uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

Result<RulesetParts> compile_ruleset(std::span<const Rule> rules, Hash128 digest,
                                     const CompileOptions& options, Diagnostics& findings,
                                     CompileReport& report) {
  if (rules.size() > kRulesMax) {
    return fail(ErrorKind::limit,
                fmt::format("rules: {} of them, above the most of {}", rules.size(), kRulesMax));
  }
  const std::uint64_t start = read_clock(CLOCK_MONOTONIC);
  RulesetParts parts = Compilation(options, findings, report).run(rules, digest);
  report.compile_time = read_clock(CLOCK_MONOTONIC) - start;
  return parts;
}

Hash128 inputs_digest(std::span<const std::string_view> files, const CompileOptions& options) {
  std::string all;
  append(all, kCompilerVersion);
  append(all, scan_engine_identity());
  append(all, options.port_classes.classes_max);
  append(all, options.port_classes.copies_max);
  append(all, options.port_classes.rules_floor);
  append(all, options.measures_shapes ? 1U : 0U);
  for (const auto* variables : {&options.variables.addresses, &options.variables.ports}) {
    append(all, variables->size());
    for (const auto& [name, value] : *variables) {
      append(all, name);
      append(all, value);
    }
  }
  append(all, options.variables.sets.size());
  for (const NamedSet& set : options.variables.sets) {
    append(all, set.name);
    append(all, static_cast<std::uint64_t>(set.kind) * 2 + (set.nocase ? 1 : 0));
  }
  for (const std::string_view file : files) {
    const Hash128 digest = siphash128<2, 4>(kInputsKey, file.data(), file.size());
    append(all, digest.lo);
    append(all, digest.hi);
  }
  return siphash128<2, 4>(kInputsKey, all.data(), all.size());
}

}  // namespace sluice
