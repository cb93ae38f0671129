// What can be wrong with rules that are well-formed each: contradictions inside a rule, and between
// the rules of a set. Every way to a ruleset comes through here. Control side only.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/diagnostic.h"
#include "rules/address_set.h"
#include "rules/rule.h"
#include "rules/rule_findings.h"

namespace sluice {

/// A rule whose only content is shorter is looked at for too many packets to stand alone.
inline constexpr std::size_t kLoneContentBytesMin = 4;

/// All rules of a set together: ids that come twice and flags that nobody sets are told, too.
/// Findings carry the file and position of their rule.
void validate_rules(std::span<const Rule> rules, const RuleVariables& variables,
                    Diagnostics& diagnostics);

/// Rules that name a limit which is none of `limits`, those of the configuration.
void validate_limits(std::span<const Rule> rules, std::span<const std::string> limits,
                     Diagnostics& diagnostics);

/// One rule alone: terms that cannot hold, and names that no term sets.
void validate_terms(const Rule& rule, RuleFindings& findings);
/// One rule alone: `in_set` terms and entries of tests, judged by the configuration's sets.
void validate_sets(const Rule& rule, std::span<const NamedSet> sets, RuleFindings& findings);
/// One rule alone: buffers and header fields that its header rules out.
void validate_buffers(const Rule& rule, RuleFindings& findings);

}  // namespace sluice
