// A file of rules, as plain values. Control side and short-lived children only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rules/rule.h"

namespace sluice {

struct RulePack {
  std::string name;  ///< empty: not given
  std::uint32_t version = 1;
  std::vector<Rule> rules;
};

}  // namespace sluice
