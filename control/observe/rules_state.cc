#include "control/observe/rules_state.h"

namespace sluice {

std::string_view rules_state(const Hash128& ruleset, const RulesFacts& facts) noexcept {
  if (!facts.is_configured) return "none";
  if (ruleset != Hash128{}) return "in_force";
  return facts.error.empty() ? "compiling" : "missing";
}

}  // namespace sluice
