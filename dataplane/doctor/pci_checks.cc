#include <algorithm>

#include <fmt/format.h>

#include "dataplane/doctor/checks.h"
#include "dataplane/io/port_preflight.h"

namespace sluice {
namespace {

constexpr std::string_view kDeviceDir = "/sys/bus/pci/devices/";
constexpr std::string_view kNoIommuPath = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
constexpr std::string_view kBridgeClass = "0x0604";

std::string device_path(const std::string& address) { return std::string(kDeviceDir) + address; }

std::string driver_of(const Examination& host, const std::string& address) {
  return read_pci_driver(address, host.tree.locate("/sys"));
}

/// Ports whose device is there, with the driver that holds it.
struct PciPort {
  const ExaminedPort& port;
  std::string driver;
  /// vfio is what it is held by, or is going to be.
  [[nodiscard]] bool needs_vfio() const { return driver == "vfio-pci" || !is_dpdk_driver(driver); }
};

std::vector<PciPort> pci_ports(const Examination& host) {
  std::vector<PciPort> found;
  for (const ExaminedPort& port : host.ports) {
    if (port.device.kind != DeviceKind::pci) continue;
    if (!host.tree.exists(device_path(port.device.name))) continue;
    found.push_back({port, driver_of(host, port.device.name)});
  }
  return found;
}

bool needs_vfio(const Examination& host) {
  return std::ranges::any_of(pci_ports(host), &PciPort::needs_vfio);
}

bool carries_default_route(const Examination& host, const std::string& address) {
  const auto interfaces = read_pci_interfaces(address, host.tree.locate("/sys"));
  return std::ranges::any_of(interfaces, [&](const std::string& name) {
    const auto view = host.probe.interface(name);
    return view && view->facts.carries_default_route;
  });
}

std::string bind_fix(const std::string& address) {
  return fmt::format("driverctl set-override {} vfio-pci", address);
}

/// A group is given to user space as a whole: every function in it is held by vfio, by nothing, or
/// is a bridge of the bus itself.
bool blocks_group(const Examination& host, const std::string& address) {
  const std::string driver = driver_of(host, address);
  if (driver.empty() || driver == "vfio-pci" || driver == "pci-stub") return false;
  return !host.tree.line(device_path(address) + "/class").starts_with(kBridgeClass);
}

}  // namespace

void check_device(const Examination& host, AreaFindings& findings) {
  for (const ExaminedPort& port : host.ports) {
    if (port.device.kind != DeviceKind::pci) continue;
    if (host.tree.exists(device_path(port.device.name))) continue;
    findings.refuse(port.name, fmt::format("no PCI device {} in this host", port.device.name),
                    "lspci -D -d ::0200\nsluice.yaml: device: one of its addresses");
  }
}

void check_driver(const Examination& host, AreaFindings& findings) {
  for (const PciPort& pci : pci_ports(host)) {
    const std::string& address = pci.port.device.name;
    if (is_dpdk_driver(pci.driver) || carries_default_route(host, address)) continue;
    findings.refuse(pci.port.name,
                    fmt::format("{} is bound to {}, not to a DPDK driver", address,
                                pci.driver.empty() ? "no driver" : pci.driver),
                    bind_fix(address));
  }
}

void check_vfio(const Examination& host, AreaFindings& findings) {
  if (!needs_vfio(host) || host.tree.exists("/sys/bus/pci/drivers/vfio-pci")) return;
  findings.refuse("", "the driver vfio-pci is not loaded",
                  "modprobe vfio-pci\n/etc/modules-load.d/sluice.conf: vfio-pci");
}

void check_iommu(const Examination& host, AreaFindings& findings) {
  if (!needs_vfio(host) || !host.tree.names("/sys/kernel/iommu_groups").empty()) return;
  const bool is_intel = host.tree.text("/proc/cpuinfo").find("GenuineIntel") != std::string::npos;
  const std::string fix = boot_fix(is_intel ? "intel_iommu=on iommu=pt" : "iommu=pt");
  if (host.tree.line(std::string(kNoIommuPath)) == "Y") {
    findings.warn("", "no IOMMU: vfio runs in its unsafe mode, a NIC can write to all memory", fix);
    return;
  }
  findings.refuse("", "no IOMMU is on: vfio gives no device to sluice",
                  fix + fmt::format("\nwithout an IOMMU, unsafe: echo Y > {}", kNoIommuPath));
}

void check_iommu_group(const Examination& host, AreaFindings& findings) {
  for (const PciPort& pci : pci_ports(host)) {
    const std::string& own = pci.port.device.name;
    const std::string group = host.tree.link_name(device_path(own) + "/iommu_group");
    if (group.empty() || !pci.needs_vfio()) continue;
    for (const std::string& other :
         host.tree.names("/sys/kernel/iommu_groups/" + group + "/devices")) {
      if (other == own || !blocks_group(host, other)) continue;
      const std::string driver = driver_of(host, other);
      const bool is_in_use = carries_default_route(host, other);
      findings.refuse(pci.port.name,
                      fmt::format("{} shares IOMMU group {} with {}, which {} holds", own, group,
                                  other, driver),
                      is_in_use ? fmt::format("move {} to a slot of its own: {} carries the "
                                              "default route",
                                              own, other)
                                : bind_fix(other));
    }
  }
}

// Of kernel interfaces and of PCI devices alike: binding either would cut the administrator off.
void check_default_route(const Examination& host, AreaFindings& findings) {
  for (const ExaminedPort& port : host.ports) {
    bool is_cut = false;
    if (port.device.kind == DeviceKind::pci) is_cut = carries_default_route(host, port.device.name);
    if (port.device.is_kernel_interface()) {
      const auto view = host.probe.interface(port.device.name);
      is_cut = view && view->facts.carries_default_route;
    }
    if (!is_cut) continue;
    findings.refuse(port.name,
                    fmt::format("{} carries the default route of this host, which would be cut off",
                                port.device.name),
                    "ip -brief link\nsluice.yaml: device: one that the host itself does not use");
  }
}

}  // namespace sluice
