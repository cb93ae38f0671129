// Whether the rules that are configured are in force, in one word; for status and metrics. Any
// thread that holds the facts.
#pragma once

#include <array>
#include <string_view>

#include "base/siphash.h"
#include "control/observe/control_facts.h"

namespace sluice {

/// none: none are configured; missing: there is no ruleset, and the next try may fail as well.
inline constexpr std::array<std::string_view, 4> kRulesStates{"none", "compiling", "in_force",
                                                              "missing"};

/// One of `kRulesStates`; `ruleset` is the digest of what workers obey, 0 while there is none.
[[nodiscard]] std::string_view rules_state(const Hash128& ruleset,
                                           const RulesFacts& facts) noexcept;

}  // namespace sluice
