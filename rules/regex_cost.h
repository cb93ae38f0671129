// Regular expressions that may take exponential time, or wait as long as a stream goes on. A
// pattern is text of a rule: read on the control side only, before PCRE sees it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sluice {

/// Whether a group that may match the same bytes in several ways is repeated without a bound, as in
/// "(a+)+" or "(\w*|x)*". A fixed byte in the group, as in "(a+,)+", makes it one way. A heuristic:
/// it finds the usual mistakes, not all. O(length).
[[nodiscard]] bool has_nested_quantifiers(std::string_view pattern);

/// Where a negative lookahead begins that looks past any bytes without a bound, as in "(?!.*x)"
/// with `is_dotall`: only the end of all bytes decides it. One that looks on to the end of a line
/// or to another byte is none. A heuristic, as above. O(length).
[[nodiscard]] std::optional<std::size_t> endless_lookahead(std::string_view pattern,
                                                           bool is_dotall);

}  // namespace sluice
