#include "rules/validate.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

using FlagKey = std::pair<FlagScope, std::string>;

bool sets_something(const Rule& rule) {
  for (const FlagStep& step : rule.flags) {
    if (step.operation == FlagOperation::set || step.operation == FlagOperation::toggle)
      return true;
  }
  return false;
}

/// Conditions that a rule may have without a term.
bool asks_for_flags(const Rule& rule) {
  for (const FlagStep& step : rule.flags) {
    if (step.operation == FlagOperation::is_set || step.operation == FlagOperation::is_not_set) {
      return true;
    }
  }
  for (const CounterStep& step : rule.counters) {
    if (step.operation == CounterOperation::compare) return true;
  }
  return false;
}

bool changes_packets(RuleActionKind kind) noexcept {
  return kind != RuleActionKind::alert && kind != RuleActionKind::pass;
}

void validate_identity(const Rule& rule, RuleFindings& findings) {
  if (rule.id == 0) findings.error("has no id", "write 'id: NUMBER'");
  if (rule.name.empty()) findings.error("has no name", "write 'name: WHAT IS FOUND'");
}

void validate_action(const Rule& rule, RuleFindings& findings) {
  const RuleActionKind kind = rule.action.kind;
  if (kind == RuleActionKind::limit && rule.action.limit.empty()) {
    findings.error("action limit names no limit", "write 'action: {limit: NAME}'");
  }
  if (kind == RuleActionKind::block && rule.action.block_for == 0) {
    findings.error("action block says not for how long",
                   "write 'action: {block: source, for: 10min}'");
  }
  if (rule.reports_pass && kind != RuleActionKind::pass) {
    findings.error("has report_pass, and yet its action is not pass", "leave report_pass out");
  }
  if (rule.is_silent && sets_something(rule) && changes_packets(kind)) {
    findings.error(
        "is silent and sets flags, and yet has an action: what only sets a flag never "
        "drops",
        "write 'action: alert'");
  }
}

/// A stage that leaves nothing to see or to do.
void validate_stage(const Rule& rule, RuleFindings& findings) {
  const RuleActionKind kind = rule.action.kind;
  if (rule.stage == RuleStage::enforce && kind == RuleActionKind::alert && !rule.is_silent) {
    findings.warning("stage is enforce and action alert: there is nothing to enforce",
                     "write 'stage: alert', or another action");
  }
  if (rule.stage != RuleStage::enforce && kind == RuleActionKind::pass) {
    findings.warning("passes nothing before stage enforce", "write 'stage: enforce'");
  }
  if (rule.stage == RuleStage::alert && rule.is_silent && !sets_something(rule) &&
      rule.counters.empty()) {
    findings.warning("is silent in stage alert and sets nothing: it has no effect");
  }
}

void validate_threshold(const Rule& rule, RuleFindings& findings) {
  if (!rule.threshold) return;
  if (rule.threshold->count == 0) findings.error("threshold.count is 0: 1 or more belongs here");
  if (rule.threshold->window == 0) {
    findings.error("threshold has no window", "write 'window: 60s'");
  }
}

template <class Set>
void validate_expression(std::string_view where, const Result<Set>& set, RuleFindings& findings) {
  if (!set) findings.error(fmt::format("{}: {}", where, set.error().message), set.error().hint);
}

void validate_header(const Rule& rule, const RuleVariables& variables, RuleFindings& findings) {
  const RuleHeader& when = rule.when;
  validate_expression("source", parse_addresses(when.source, variables), findings);
  validate_expression("source_port", parse_ports(when.source_port, variables), findings);
  validate_expression("destination", parse_addresses(when.destination, variables), findings);
  validate_expression("destination_port", parse_ports(when.destination_port, variables), findings);
  const bool has_stream = when.protocol == RuleProtocol::tcp || when.protocol == RuleProtocol::ip;
  if (when.scope == PayloadScope::only_stream && !has_stream) {
    findings.error("payload is only_stream, where only TCP has a stream");
  }
  if (when.service_negated && when.service == Service::any) {
    findings.error("except_service is any: no flow is left");
  }
  const bool has_condition = !rule.match.empty() || !rule.headers.empty() || asks_for_flags(rule);
  const bool is_open = when.source == "any" && when.destination == "any" &&
                       when.source_port == "any" && when.destination_port == "any" &&
                       when.service == Service::any;
  if (!has_condition && is_open && rule.action.kind != RuleActionKind::pass) {
    findings.warning("has no term and no address: every packet matches");
  }
}

std::string place_of(const Rule& rule) {
  return rule.position.line == 0 ? rule.pack : fmt::format("{}:{}", rule.pack, rule.position.line);
}

/// The scope of a flag is part of its name.
std::set<FlagKey> flags_that_are_set(std::span<const Rule> rules) {
  std::set<FlagKey> out;
  for (const Rule& rule : rules) {
    for (const FlagStep& step : rule.flags) {
      if (step.operation != FlagOperation::set && step.operation != FlagOperation::toggle) continue;
      for (const std::string& name : step.names) out.emplace(step.scope, name);
    }
  }
  return out;
}

void validate_flags(const Rule& rule, const std::set<FlagKey>& set, RuleFindings& findings) {
  for (const FlagStep& step : rule.flags) {
    if (step.operation != FlagOperation::is_set) continue;
    bool can_be_set = false;
    for (const std::string& name : step.names) {
      can_be_set = can_be_set || set.contains({step.scope, name});
    }
    if (can_be_set) continue;
    findings.warning(fmt::format("waits for flag '{}', which no rule sets: it never matches",
                                 step.names.empty() ? "" : step.names.front()));
  }
}

}  // namespace

void validate_rules(std::span<const Rule> rules, const RuleVariables& variables,
                    Diagnostics& diagnostics) {
  const std::set<FlagKey> set = flags_that_are_set(rules);
  std::map<std::pair<std::uint32_t, std::uint32_t>, const Rule*> seen;
  for (const Rule& rule : rules) {
    RuleFindings findings(rule, diagnostics);
    validate_identity(rule, findings);
    const auto [first, is_new] = seen.try_emplace({rule.gid, rule.id}, &rule);
    if (!is_new && rule.id != 0) {
      findings.error(fmt::format("this id is taken by the rule in {}", place_of(*first->second)));
    }
    validate_action(rule, findings);
    validate_stage(rule, findings);
    validate_threshold(rule, findings);
    validate_header(rule, variables, findings);
    validate_flags(rule, set, findings);
    validate_terms(rule, findings);
    validate_buffers(rule, findings);
    validate_sets(rule, variables.sets, findings);
  }
}

void validate_limits(std::span<const Rule> rules, std::span<const std::string> limits,
                     Diagnostics& diagnostics) {
  for (const Rule& rule : rules) {
    if (rule.action.kind != RuleActionKind::limit || rule.action.limit.empty()) continue;
    if (std::ranges::find(limits, rule.action.limit) != limits.end()) continue;
    RuleFindings findings(rule, diagnostics);
    findings.error(
        fmt::format(
            "action limit names '{}', which is none of rule_limits in the configuration: {}",
            rule.action.limit,
            limits.empty() ? "there is none" : fmt::format("{}", fmt::join(limits, ", "))),
        fmt::format("add '- name: {}' to rule_limits", rule.action.limit));
  }
}

}  // namespace sluice
