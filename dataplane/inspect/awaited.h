// What keeps a rule that no byte so far could decide waiting. Without it every piece of a long body
// would have each waiting rule read the whole window anew.
#pragma once

#include <cstdint>

namespace sluice {

/// The needle of a step, which has to come at `from` or later for the part to hold; see
/// `PartStep::is_gate`. Of one part on one buffer.
struct Awaited {
  void search_from(std::uint64_t place) noexcept { from = place & ((std::uint64_t{1} << 48) - 1); }

  std::uint64_t from : 48 = 0;       ///< its place in the buffer
  std::uint64_t step : 6 = 0;        ///< index into the program
  std::uint64_t part : 5 = 0;        ///< index into the rule's
  std::uint64_t is_decoded : 1 = 0;  ///< of the buffer that was decoded beside the one sent
  std::uint64_t is_set : 1 = 0;
};

}  // namespace sluice
