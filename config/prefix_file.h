// List files of `lists`: one address prefix a line, # begins a comment. A million lines are
// ordinary. Control threads only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/ip_address.h"

namespace sluice {

inline constexpr std::size_t kPrefixFileBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kPrefixFileEntriesMax = 1'000'000;
inline constexpr std::size_t kPrefixFileFindingsMax = 20;

/// The prefixes of `text` in its order; lines that are none become findings under the name `file`,
/// the first twenty of them.
[[nodiscard]] std::vector<IpPrefix> read_prefix_lines(const std::string& file,
                                                      std::string_view text, Diagnostics& findings);

}  // namespace sluice
