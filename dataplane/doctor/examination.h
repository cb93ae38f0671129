// What every check of doctor is given: the host, what it is for, and the plans that start would
// make of both. Made once for all checks. No DPDK here. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/device_word.h"
#include "dataplane/doctor.h"
#include "dataplane/doctor/host_tree.h"
#include "dataplane/memory_plan.h"

namespace sluice {

struct ExaminedPort {
  std::string name;  ///< "uplink.outside"
  DeviceWord device;
  const PortPairConfig* pair = nullptr;
  int numa_node = -1;
};

struct Examination {
  HostTree tree;
  const HostProbe& probe;
  const HostNeeds& needs;
  const Config* config;  ///< null: only the host is judged
  CpuTopology cpus;
  HostMemory host_memory;
  std::vector<ExaminedPort> ports;
  std::vector<int> port_nodes;
  // Absent without a configuration, and where start would fail with `plan_error`.
  std::optional<LcorePlan> lcores;
  std::optional<MemoryPlan> memory;
  std::optional<Error> plan_error;

  /// CPUs that workers poll on, each once, in rising order; none without a plan.
  [[nodiscard]] std::vector<std::uint32_t> worker_cpus() const;
  /// CPUs of this process that no worker takes.
  [[nodiscard]] std::vector<std::uint32_t> other_cpus() const;
  [[nodiscard]] bool has_port(DeviceKind kind) const;
};

[[nodiscard]] Examination begin_examination(const HostView& host, const HostNeeds& needs);

/// Where a check writes what it found.
class AreaFindings {
 public:
  AreaFindings(std::string_view area, std::vector<HostFinding>& into) : area_(area), into_(into) {}
  void warn(std::string subject, std::string what, std::string fix) {
    add(FindingState::warning, std::move(subject), std::move(what), std::move(fix));
  }
  void refuse(std::string subject, std::string what, std::string fix) {
    add(FindingState::failure, std::move(subject), std::move(what), std::move(fix));
  }

 private:
  void add(FindingState state, std::string subject, std::string what, std::string fix) {
    into_.push_back(
        {std::string(area_), std::move(subject), state, std::move(what), std::move(fix)});
  }
  std::string_view area_;
  std::vector<HostFinding>& into_;
};

/// "2-5,8": CPUs in rising order as the kernel writes and reads them.
[[nodiscard]] std::string print_cpu_list(const std::vector<std::uint32_t>& cpus);

/// Two lines that add `words` to the kernel command line of a Debian host.
[[nodiscard]] std::string boot_fix(std::string_view words);
/// Two lines that set a kernel parameter now and after the next boot.
[[nodiscard]] std::string sysctl_fix(std::string_view assignment);

}  // namespace sluice
