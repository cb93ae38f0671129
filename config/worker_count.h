// How many workers there can be: tables, rings and lanes are made for as many. Every folder.
#pragma once

#include <cstdint>

namespace sluice {

struct WorkerConfig;

inline constexpr unsigned kWorkersMax = 64;

/// As many workers as every host would have; 0 where that is the host's to say.
[[nodiscard]] std::uint32_t stated_workers(const WorkerConfig& workers);

}  // namespace sluice
