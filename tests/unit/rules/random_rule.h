// Random rules over all members of `Rule`, as far as a rule file can say them. Test code only.
#pragma once

#include <random>

#include "rules/rule.h"

namespace sluice::test {

[[nodiscard]] Rule random_rule(std::mt19937& random);

}  // namespace sluice::test
