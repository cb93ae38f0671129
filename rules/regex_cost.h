// Regular expressions that may take exponential time. A pattern is text of a rule: read on the
// control side only, before PCRE sees it.
#pragma once

#include <string_view>

namespace sluice {

/// Whether a group that may match the same bytes in several ways is repeated without a bound, as in
/// "(a+)+" or "(\w*|x)*". A fixed byte in the group, as in "(a+,)+", makes it one way. A heuristic:
/// it finds the usual mistakes, not all. O(length).
[[nodiscard]] bool has_nested_quantifiers(std::string_view pattern);

}  // namespace sluice
