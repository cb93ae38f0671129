// Rules that concern the same bytes become groups, and the patterns of each group a database.
// Groups with the same patterns share one. Compiler only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rules/database_job.h"
#include "rules/pattern_choice.h"
#include "rules/ruleset.h"

namespace sluice {

/// A group before its patterns have a database.
struct GroupPlan {
  PatternGroup group;  ///< without database, patterns and entries
  std::string name;
  std::vector<std::uint32_t> rules;
  /// Of a stream: rules on bodies that are looked for on the way.
  std::vector<std::uint32_t> body_rules;
};

/// Groups by buffer, protocol, direction and port class, and the map that finds them. `choices`
/// stand beside the rules of the ruleset. A rule that no group takes can never match.
[[nodiscard]] std::vector<GroupPlan> plan_groups(const Ruleset& ruleset,
                                                 std::span<const PatternChoice> choices,
                                                 const PortClassLimits& limits, GroupMap& map);

/// What came of the groups' patterns.
struct CompiledGroups {
  std::vector<PatternGroup> groups;
  std::vector<PatternDatabase> databases;
  std::vector<DatabaseReport> reports;  ///< beside the databases
  std::vector<RefusedPattern> refused;
};

[[nodiscard]] CompiledGroups compile_groups(std::vector<GroupPlan> plans,
                                            std::span<const PatternChoice> choices,
                                            const CompileOptions& options);

}  // namespace sluice
