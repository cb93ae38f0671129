// An expression made looser, so that the engine takes it and takes it quickly. Compiler only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// What matches `pattern` matches the result, too: it lets go of ends that are asked for inside,
/// and of how often a group may come at most, which the engine would write out that often. None
/// where it holds anything whose meaning is not certain here.
[[nodiscard]] std::optional<std::string> loosened(std::string_view pattern);

}  // namespace sluice
