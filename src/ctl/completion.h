// Completion scripts for shells, from the table of verbs. Pure.
#pragma once

#include <string>

namespace sluice {

[[nodiscard]] std::string bash_completion();
[[nodiscard]] std::string zsh_completion();

}  // namespace sluice
