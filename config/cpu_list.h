// A list of CPUs in the kernel's notation, as in the option workers.lcores and in sysfs. Control
// threads and start-up only.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice {

inline constexpr std::uint32_t kCpusMax = 4096;

/// "2-5,8" -> 2, 3, 4, 5, 8, in the order written. Each CPU at most once.
[[nodiscard]] Result<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text);

}  // namespace sluice
