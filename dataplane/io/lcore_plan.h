// Which CPU every worker and the keeper run on: a pure function of the host's CPUs, of where the
// ports are, and of the configuration. Printed by `plan`, obeyed by the wire process. Start-up
// only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace sluice {

struct CpuInfo {
  std::uint32_t cpu = 0;   ///< the kernel's number
  std::uint32_t core = 0;  ///< CPUs with the same number are threads of one physical core
  int numa_node = 0;
  bool is_isolated = false;  ///< kept free by the kernel (isolcpus)
  friend bool operator==(const CpuInfo&, const CpuInfo&) noexcept = default;
};

/// The CPUs this process may use, in rising order.
struct CpuTopology {
  std::vector<CpuInfo> cpus;
};

struct WorkerPlace {
  std::uint32_t cpu = 0;
  int numa_node = 0;
  friend bool operator==(const WorkerPlace&, const WorkerPlace&) noexcept = default;
};

struct LcorePlan {
  std::vector<WorkerPlace> workers;         ///< by worker index
  std::vector<std::uint32_t> control_cpus;  ///< keeper, control process and their helpers
  std::vector<std::string> warnings;        ///< one sentence each, for people
};

/// `port_nodes`: NUMA node of every port, -1 where it has none. With `lcores: auto` workers take
/// whole cores near the ports first, then other cores, then second threads, and CPUs that are taken
/// already only when nothing else is left (each such choice is a warning). Errors: invalid (a list
/// that does not parse), not_found (a CPU this process may not use), limit (too many workers).
[[nodiscard]] Result<LcorePlan> plan_lcores(const CpuTopology& topology,
                                            const WorkerConfig& workers,
                                            std::span<const int> port_nodes);

/// Reads `sysfs` ("/sys") and the CPU affinity of the calling process. What sysfs does not tell is
/// taken to be one core per CPU on node 0.
[[nodiscard]] Result<CpuTopology> read_cpu_topology(const std::string& sysfs = "/sys");

}  // namespace sluice
