// Everything that can be wrong with the host is found before EAL starts and before any port is
// touched, and is said as a cause and the exact fix, one line each. Shared by `run` and `doctor`.
// Start-up only. No DPDK here.
#pragma once

#include <vector>

#include "base/result.h"
#include "config/device_word.h"
#include "dataplane/wire_plan.h"

namespace sluice {

struct Preflight {
  std::vector<Error> errors;    ///< each would end the start; message and hint
  std::vector<Error> warnings;  ///< degraded, or something an operator will trip over
  bool uses_hugepages = false;  ///< what `hugepages: auto` comes to on this host
  [[nodiscard]] bool is_ready() const noexcept { return errors.empty(); }
};

[[nodiscard]] Preflight check_host(const WirePlan& plan, const HostMemory& host);

/// NUMA node of the device behind a port; -1 where it has none or is not there.
[[nodiscard]] int read_port_node(const DeviceWord& device);

}  // namespace sluice
