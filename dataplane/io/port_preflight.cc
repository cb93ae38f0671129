#include "dataplane/io/port_preflight.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <span>

#include <unistd.h>

#include <cap-ng.h>
#include <fmt/format.h>

#include "dataplane/io/kernel_interface.h"

namespace sluice {
namespace {

constexpr std::array<std::string_view, 3> kDpdkDrivers = {"vfio-pci", "igb_uio", "uio_pci_generic"};
// Of these the PMD works beside the kernel driver.
constexpr std::array<std::string_view, 3> kSharedDrivers = {"mlx5_core", "mlx4_core", "mana"};
// What libxdp and sluice attach; anything else belongs to somebody.
constexpr std::array<std::string_view, 4> kOwnXdpPrograms = {"xdp_dispatcher", "xsk_def_prog",
                                                             "xdp_pass", "sluice_xdp"};

constexpr std::uint64_t kEalOwnBytes = 32U << 20;

bool contains(std::span<const std::string_view> words, std::string_view word) noexcept {
  return std::ranges::find(words, word) != words.end();
}

struct Check {
  const WirePlan& plan;
  Preflight& found;

  void error(ErrorKind kind, std::string message, std::string hint) const {
    found.errors.push_back({kind, std::move(message), std::move(hint)});
  }
  void warn(std::string message, std::string hint) const {
    found.warnings.push_back({ErrorKind::unavailable, std::move(message), std::move(hint)});
  }
};

void check_hugepages(const Check& check, const HostMemory& host) {
  const HugepageMode mode = check.plan.hugepages;
  if (mode == HugepageMode::off) return;
  const std::uint64_t needed = hugepage_bytes_needed(check.plan.pool_bytes);
  if (host.free_hugepage_bytes() >= needed && host.hugepage_bytes > 0) {
    check.found.uses_hugepages = true;
    return;
  }
  const std::string cause =
      fmt::format("hugepages: {} are free, the packet pools need {}",
                  print_mebibytes(host.free_hugepage_bytes()), print_mebibytes(needed));
  const std::uint64_t page = host.hugepage_bytes > 0 ? host.hugepage_bytes : 2U << 20;
  const std::uint64_t pages =
      host.reserved_hugepages + (needed - host.free_hugepage_bytes() + page - 1) / page;
  const std::string fix = fmt::format("sysctl -w vm.nr_hugepages={}", pages);
  if (mode == HugepageMode::require) {
    check.error(ErrorKind::limit, cause, fix);
  } else {
    check.warn(cause + "; ordinary pages are used", fix);
  }
}

void check_capability(const Check& check, unsigned capability, std::string_view what) {
  if (capng_have_capability(CAPNG_EFFECTIVE, capability) != 0) return;
  check.error(
      ErrorKind::unavailable,
      fmt::format("capability {}: is missing, {}", capng_capability_to_name(capability), what),
      "run as root, or add it to AmbientCapabilities= of the unit");
}

void check_capabilities(const Check& check, bool has_kernel_ports, bool has_xdp_ports) {
  capng_get_caps_process();
  if (has_kernel_ports) {
    check_capability(check, CAP_NET_RAW, "frames of an interface cannot be read");
    check_capability(check, CAP_NET_ADMIN, "an interface cannot be made promiscuous");
  }
  // CAP_BPF with its companions is not enough for DPDK's af_xdp port.
  if (has_xdp_ports) check_capability(check, CAP_SYS_ADMIN, "no XDP program can be loaded");
}

void refuse_default_route(const Check& check, const std::string& port,
                          const std::string& interface) {
  check.error(
      ErrorKind::invalid,
      fmt::format("port {}: {} carries the default route of this host, which would be cut off",
                  port, interface),
      "name an interface that the host itself does not use");
}

void check_xdp_interface(const Check& check, const std::string& port, const DeviceWord& device,
                         const InterfaceFacts& facts) {
  if (facts.channels > 1) {
    check.error(ErrorKind::invalid,
                fmt::format("port {}: {} spreads over {} queues, af_xdp reads only the first", port,
                            device.name, facts.channels),
                fmt::format("ethtool -L {} combined 1", device.name));
  }
  if (facts.xdp_program == 0) return;
  const std::string name = bpf_program_name(facts.xdp_program);
  if (is_own_xdp_program(name)) return;
  check.error(ErrorKind::unavailable,
              fmt::format("port {}: {} has the XDP program '{}' of somebody else", port,
                          device.name, name.empty() ? std::to_string(facts.xdp_program) : name),
              fmt::format("ip link set dev {} xdp off", device.name));
}

void check_interface(const Check& check, const std::string& port, const DeviceWord& device,
                     std::uint32_t mtu) {
  const auto facts = inspect_interface(device.name);
  if (!facts) {
    check.error(facts.error().kind, fmt::format("port {}: {}", port, facts.error().message),
                facts.error().hint);
    return;
  }
  if (facts->carries_default_route) return refuse_default_route(check, port, device.name);
  if (device.kind == DeviceKind::af_xdp) check_xdp_interface(check, port, device, *facts);
  if (mtu > mtu_max(device.kind)) {
    check.error(ErrorKind::invalid,
                fmt::format("port {}: an MTU of {} is above the {} that {} can carry", port, mtu,
                            mtu_max(device.kind), name_of(device.kind)),
                fmt::format("use af_packet:{} for jumbo frames", device.name));
  }
}

void check_pci(const Check& check, const std::string& port, const DeviceWord& device) {
  std::error_code error;
  if (!std::filesystem::exists("/sys/bus/pci/devices/" + device.name, error)) {
    check.error(ErrorKind::not_found,
                fmt::format("port {}: no PCI device {} in this host", port, device.name),
                "lspci -D -d ::0200 lists the network devices");
    return;
  }
  for (const std::string& interface : read_pci_interfaces(device.name)) {
    const auto facts = inspect_interface(interface);
    if (facts && facts->carries_default_route) return refuse_default_route(check, port, interface);
  }
  const std::string driver = read_pci_driver(device.name);
  if (is_dpdk_driver(driver)) return;
  check.error(ErrorKind::unavailable,
              fmt::format("port {}: {} is bound to {}, not to a DPDK driver", port, device.name,
                          driver.empty() ? "no driver" : driver),
              fmt::format("driverctl set-override {} vfio-pci", device.name));
}

void hint_at_offloads(const Check& check) {
  const bool verifies = std::ranges::any_of(check.plan.pairs, [](const PortPairConfig& pair) {
    return pair.checksums != ChecksumMode::fix;
  });
  if (!verifies) return;
  check.warn("virtual interfaces carry frames whose checksums their senders left unfinished",
             "on hosts wired by veth or tap: ethtool -K IFACE tx off, or set checksums: fix");
}

void check_ports(const Check& check) {
  bool has_kernel_ports = false;
  bool has_xdp_ports = false;
  bool has_virtual_ports = false;
  for (std::size_t i = 0; i < check.plan.pairs.size() * 2; ++i) {
    const PortPairConfig& pair = check.plan.pairs[i / 2];
    const std::string port = port_name(check.plan, i);
    const auto device = parse_device_word(i % 2 == 0 ? pair.outside.device : pair.inside.device);
    if (!device) {
      check.error(ErrorKind::invalid, fmt::format("port {}: {}", port, device.error().message),
                  device.error().hint);
      continue;
    }
    has_kernel_ports |= device->is_kernel_interface() || device->kind == DeviceKind::tap;
    has_xdp_ports |= device->kind == DeviceKind::af_xdp;
    if (device->is_kernel_interface()) {
      check_interface(check, port, *device, pair.mtu);
      std::error_code error;
      has_virtual_ports |=
          !std::filesystem::exists("/sys/class/net/" + device->name + "/device", error);
    }
    if (device->kind == DeviceKind::pci) check_pci(check, port, *device);
  }
  check_capabilities(check, has_kernel_ports, has_xdp_ports);
  if (has_virtual_ports) hint_at_offloads(check);
}

void check_memory(const Check& check, const HostMemory& host) {
  if (check.found.uses_hugepages || host.available_bytes == 0) return;
  if (check.plan.pool_bytes <= host.available_bytes) return;
  check.error(
      ErrorKind::limit,
      fmt::format("memory: the packet pools need {}, the host has {} available",
                  print_mebibytes(check.plan.pool_bytes), print_mebibytes(host.available_bytes)),
      "lower memory.mbufs or memory.budget");
}

}  // namespace

Preflight check_host(const WirePlan& plan, const HostMemory& host) {
  Preflight found;
  const Check check{plan, found};
  check_hugepages(check, host);
  check_memory(check, host);
  check_ports(check);
  return found;
}

std::uint64_t hugepage_bytes_needed(std::uint64_t pool_bytes) noexcept {
  return pool_bytes + kEalOwnBytes;
}

bool is_dpdk_driver(std::string_view driver) noexcept {
  return contains(kDpdkDrivers, driver) || is_shared_driver(driver);
}

bool is_shared_driver(std::string_view driver) noexcept { return contains(kSharedDrivers, driver); }

bool is_own_xdp_program(std::string_view name) noexcept { return contains(kOwnXdpPrograms, name); }

std::string read_pci_driver(const std::string& address, const std::string& sysfs) {
  std::error_code error;
  const auto link =
      std::filesystem::read_symlink(sysfs + "/bus/pci/devices/" + address + "/driver", error);
  return error ? std::string() : link.filename().string();
}

std::vector<std::string> read_pci_interfaces(const std::string& address, const std::string& sysfs) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(sysfs + "/bus/pci/devices/" + address + "/net", error)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

int read_port_node(const DeviceWord& device, const std::string& sysfs) {
  std::string path;
  if (device.kind == DeviceKind::pci)
    path = sysfs + "/bus/pci/devices/" + device.name + "/numa_node";
  if (device.is_kernel_interface())
    path = sysfs + "/class/net/" + device.name + "/device/numa_node";
  int node = -1;
  std::ifstream file(path);
  file >> node;
  return file ? node : -1;
}

}  // namespace sluice
