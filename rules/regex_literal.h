// Bytes that every match of an expression contains, read from the expression itself: far cheaper
// to look for than the expression where a group has hundreds of them. Compiler only.
#pragma once

#include <optional>
#include <string>

#include "rules/rule.h"

namespace sluice {

struct RequiredLiteral {
  std::string bytes;
  bool nocase = false;
};

/// The rarest run of plain bytes outside of groups, alternatives and what may be absent. None where
/// there is none, or where the expression holds anything whose meaning is not certain here.
[[nodiscard]] std::optional<RequiredLiteral> required_literal(const PcreTerm& term);

}  // namespace sluice
