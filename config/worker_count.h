// How many workers there can be: tables, rings and lanes are made for as many. Every folder.
#pragma once

namespace sluice {

inline constexpr unsigned kWorkersMax = 64;

}  // namespace sluice
