// The sets of the configuration while rules are examined: what their files hold, and what the tests
// give besides. Offline tools only.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "config/set_kind.h"
#include "rules/address_set.h"
#include "rules/rule.h"

namespace sluice {

/// `sets` with the entries of all tests. Errors: invalid, for an entry that is none of its set.
[[nodiscard]] Result<std::vector<SetContents>> with_entries_of_tests(std::vector<SetContents> sets,
                                                                     std::span<const Rule> rules);

/// The addresses with those of the sets that they name written out, IPv4 only: for whoever looks
/// for one of them. `sets` stand in the order of the variables' ones.
[[nodiscard]] AddressSet written_out(AddressSet addresses, std::span<const SetContents> sets);

}  // namespace sluice
