// What a set takes of the memory budget, by its capacity: for the check of a configuration and for
// the plan. Start-up and control threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "config/config.h"

namespace sluice {

inline constexpr std::uint64_t kSetGenerations = 2;  ///< while a change is published
/// Four slots of a table, which is between a quarter and half full.
inline constexpr std::uint64_t kSetSlotBytes = 64;
/// A name or text is counted with so many bytes, or with the mean of the set's file where that is
/// more.
inline constexpr std::uint64_t kSetTextBytes = 32;

/// Of one entry in one generation. `file_bytes` are the keys of what the set's file holds.
[[nodiscard]] constexpr std::uint64_t set_entry_bytes(const SetConfig& set,
                                                      std::uint64_t file_bytes = 0) noexcept {
  const std::uint64_t mean = (file_bytes + set.capacity - 1) / set.capacity;
  return kSetSlotBytes + std::max(kSetTextBytes, mean);
}

}  // namespace sluice
