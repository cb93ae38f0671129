// How many limits rules can name, and how long a name is: policies have room for so many. Any
// thread.
#pragma once

#include <cstddef>

namespace sluice {

inline constexpr std::size_t kRuleLimitsMax = 16;
inline constexpr std::size_t kRuleLimitNameMax = 23;

}  // namespace sluice
