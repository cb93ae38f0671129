// Station 9: turns what the stations before it found into one verdict. Here, and only here, monitor
// mode parts from enforce mode. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/verdict.h"
#include "dataplane/burst.h"
#include "dataplane/io/port_io.h"
#include "dataplane/policy_parts.h"

namespace sluice {

class FlowTracker;

class Decider {
 public:
  explicit Decider(const std::vector<PortIo>& ports) noexcept;

  /// Every packet that is not held leaves with action pass, drop or reject.
  void decide(std::span<Packet> packets, Mode mode, FlowTracker& tracker) const noexcept;

 private:
  std::array<std::uint32_t, kPortsMax> frame_bytes_max_{};
};

}  // namespace sluice
