// Everything that can be wrong with the host is found before EAL starts and before any port is
// touched, and is said as a cause and the exact fix, one line each. Shared by `run` and `doctor`.
// Start-up only. No DPDK here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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

/// Hugepages that packet pools of this size take, EAL's own share included.
[[nodiscard]] std::uint64_t hugepage_bytes_needed(std::uint64_t pool_bytes) noexcept;

/// Whether DPDK can open a device that this kernel driver holds.
[[nodiscard]] bool is_dpdk_driver(std::string_view driver) noexcept;
/// Of those, whether the PMD works beside the kernel's own driver.
[[nodiscard]] bool is_shared_driver(std::string_view driver) noexcept;
/// Whether the XDP program of this name is one that libxdp or sluice attaches.
[[nodiscard]] bool is_own_xdp_program(std::string_view name) noexcept;

/// Name of the driver that holds a PCI device; empty where none does.
[[nodiscard]] std::string read_pci_driver(const std::string& address,
                                          const std::string& sysfs = "/sys");
/// Interfaces that the kernel driver of a PCI device made.
[[nodiscard]] std::vector<std::string> read_pci_interfaces(const std::string& address,
                                                           const std::string& sysfs = "/sys");

/// NUMA node of the device behind a port; -1 where it has none or is not there.
[[nodiscard]] int read_port_node(const DeviceWord& device, const std::string& sysfs = "/sys");

}  // namespace sluice
