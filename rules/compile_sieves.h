// Expressions without bytes that are certain to be in them cost hundreds of cycles a byte where
// they are tried at every place, and a rule that waits in a long body tries them with each piece. A
// sieve is a database of many of them, for the same bytes: one scan says which of them can match
// there at all. Compiler only.
#pragma once

#include <span>
#include <vector>

#include "rules/database_job.h"
#include "rules/pattern_choice.h"
#include "rules/ruleset.h"

namespace sluice {

/// Adds the sieves to the databases, and tells the programs of the rules of theirs. `written` and
/// `choices` stand beside the rules. What the engine refuses has no sieve and is tried as it is.
void add_sieves(std::span<const Rule* const> written, std::span<const PatternChoice> choices,
                const CompileOptions& options, RulesetParts& parts,
                std::vector<DatabaseReport>& reports);

}  // namespace sluice
