// Traffic that is forwarded uninspected for a while: of a port pair, of a VLAN, or to and from a
// prefix (PolicySettings::bypasses). A bypass ends at its `until` by the worker's own comparison,
// whoever has stopped turning. Without any, each step is one branch a burst. Worker thread.
//
// A pair's packets pass before they are decoded. Those of a VLAN (the outermost tag) or a prefix
// (an address of the innermost or of the outermost IP header) pass when they are decoded, and so
// never where they cannot be; fragments pass with their datagram.
#pragma once

#include <cstdint>

#include "dataplane/burst.h"
#include "dataplane/policy_parts.h"
#include "dataplane/window.h"

namespace sluice {

class Bypass {
 public:
  explicit Bypass(WorkerCounters& counters) noexcept : counters_(counters) {}

  /// Before decoding: packets of a bypassed pair pass. Returns a bit for every place that lists and
  /// blocks must not judge by its outermost header, for it is to pass when it is decoded.
  std::uint32_t pass_pairs(Burst& burst, const PolicySettings& settings) noexcept;
  /// After decoding: what is undecided and belongs to a bypassed VLAN or prefix passes, but for
  /// fragments.
  void pass_decoded(Burst& burst, const PolicySettings& settings) noexcept;
  /// After the defragmenter: whole datagrams, and in monitor mode fragments.
  void pass_datagrams(Burst& burst, const PolicySettings& settings) noexcept;
  /// After the decision: counts what passed above and was not refused for want of a way out.
  void count(const Burst& burst) noexcept;

 private:
  void pass(Packet& packet, std::uint32_t place) noexcept;

  WorkerCounters& counters_;
  std::uint32_t passed_ = 0;  ///< of the burst at hand, a bit for every place
};

}  // namespace sluice
