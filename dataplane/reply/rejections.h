// Which packets of a burst rules reject, and where their connections stand: written by station 8,
// read by the replier of the same worker.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/burst.h"

namespace sluice {

/// By direction, the sequence number that its receiver expects: every byte before it has left.
struct ResetMarks {
  std::array<std::uint32_t, 2> expected{};
  std::array<bool, 2> is_known{};
};

struct Rejections {
  std::uint32_t places = 0;  ///< bit per packet
  std::array<ResetMarks, kBurstMax> marks{};
};
static_assert(kBurstMax <= 32);

}  // namespace sluice
