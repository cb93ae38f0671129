// Rules in the normal form of a rule file. What it prints loads as the same rules, for every rule
// that a file can say: texts are printable, tests to be hit stand before those to be missed, and a
// record has only what belongs to its kind. Control side only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "rules/rule.h"

namespace sluice {

/// Members that have their default are left out. `pack` may be empty.
[[nodiscard]] std::string print_rules(std::string_view pack, std::uint32_t version,
                                      std::span<const Rule> rules);
/// One rule as an entry of the list, indented by two.
[[nodiscard]] std::string print_rule(const Rule& rule);

}  // namespace sluice
