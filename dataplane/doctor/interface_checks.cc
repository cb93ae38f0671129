#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/capability.h>

#include "dataplane/doctor/checks.h"
#include "dataplane/io/port_preflight.h"

namespace sluice {
namespace {

/// A port that is an interface of the kernel, and is there.
struct KernelPort {
  const ExaminedPort& port;
  InterfaceView view;
  [[nodiscard]] const std::string& interface() const noexcept { return port.device.name; }
};

std::vector<KernelPort> kernel_ports(const Examination& host) {
  std::vector<KernelPort> found;
  for (const ExaminedPort& port : host.ports) {
    if (!port.device.is_kernel_interface()) continue;
    if (auto view = host.probe.interface(port.device.name)) found.push_back({port, *view});
  }
  return found;
}

const InterfaceFeature* find_feature(const std::vector<InterfaceFeature>& features,
                                     std::string_view name) {
  const auto found = std::ranges::find(features, name, &InterfaceFeature::name);
  return found == features.end() ? nullptr : &*found;
}

std::string interface_path(const std::string& name, std::string_view file) {
  return fmt::format("/sys/class/net/{}/{}", name, file);
}

std::string interface_driver(const Examination& host, const std::string& name) {
  return host.tree.link_name(interface_path(name, "device/driver"));
}

bool is_virtual(const Examination& host, const std::string& name) {
  return !host.tree.exists(interface_path(name, "device"));
}

// Drivers with native XDP in the oldest kernel that sluice runs on.
constexpr std::array<std::string_view, 18> kXdpDrivers = {
    "atlantic",  "bnxt_en", "dpaa2-eth", "ena",   "hv_netvsc", "i40e",
    "ice",       "igb",     "igc",       "ixgbe", "ixgbevf",   "mlx4_en",
    "mlx5_core", "mvneta",  "nfp",       "qede",  "sfc",       "virtio_net"};

void judge_xdp(const Examination& host, const KernelPort& port, AreaFindings& findings) {
  const InterfaceFacts& facts = port.view.facts;
  if (facts.channels > 1) {
    findings.refuse(port.port.name,
                    fmt::format("{} spreads over {} queues, af_xdp reads only the first",
                                port.interface(), facts.channels),
                    fmt::format("ethtool -L {} combined 1", port.interface()));
  }
  if (facts.xdp_program != 0 && !is_own_xdp_program(port.view.xdp_program)) {
    findings.refuse(port.port.name,
                    fmt::format("{} has the XDP program '{}' of somebody else", port.interface(),
                                port.view.xdp_program),
                    fmt::format("ip link set dev {} xdp off", port.interface()));
  }
  const std::string driver = interface_driver(host, port.interface());
  if (driver.empty() || std::ranges::find(kXdpDrivers, driver) != kXdpDrivers.end()) return;
  findings.warn(port.port.name,
                fmt::format("driver {} of {} is not known to have XDP: frames would be copied",
                            driver, port.interface()),
                fmt::format("sluice.yaml: device: af_packet:{}", port.interface()));
}

/// Agents in the firmware of Intel NICs eat LLDP frames before anybody sees them.
struct LldpAgent {
  std::string_view flag;
  bool eats_when_on;
  std::string_view wanted;
};
constexpr LldpAgent kLldpAgents[] = {{"disable-fw-lldp", false, "on"},
                                     {"fw-lldp-agent", true, "off"}};

void judge_lldp(const std::string& subject, const std::string& interface, const InterfaceView& view,
                AreaFindings& findings) {
  for (const LldpAgent& agent : kLldpAgents) {
    const InterfaceFeature* flag = find_feature(view.private_flags, agent.flag);
    if (flag == nullptr || flag->is_on != agent.eats_when_on) continue;
    findings.warn(
        subject, fmt::format("the firmware of {} answers LLDP and forwards none", interface),
        fmt::format("ethtool --set-priv-flags {} {} {}", interface, agent.flag, agent.wanted));
  }
}

void judge_merging(const KernelPort& port, AreaFindings& findings) {
  const auto& features = port.view.features;
  const std::string& name = port.interface();
  if (const auto* merging = find_feature(features, "rx-gro-hw"); merging && merging->is_on) {
    findings.warn(port.port.name, fmt::format("{} merges frames in hardware", name),
                  fmt::format("ethtool -K {} rx-gro-hw off", name));
  }
  // Start turns these off, where the driver lets it.
  for (const std::string_view feature : {"rx-gro", "rx-lro", "rx-vlan-hw-parse"}) {
    const auto* found = find_feature(features, feature);
    if (found == nullptr || !found->is_on || !found->is_fixed) continue;
    findings.warn(port.port.name,
                  fmt::format("{} changes frames before sluice sees them: {} cannot be turned off",
                              name, feature),
                  fmt::format("ethtool -k {} | grep {}\nsluice.yaml: device: another interface",
                              name, feature));
  }
}

}  // namespace

void check_interface(const Examination& host, AreaFindings& findings) {
  for (const ExaminedPort& port : host.ports) {
    if (!port.device.is_kernel_interface()) continue;
    if (const auto view = host.probe.interface(port.device.name); view) continue;
    findings.refuse(port.name, fmt::format("interface {} does not exist here", port.device.name),
                    "ip -brief link\nsluice.yaml: device: one of its names");
  }
}

void check_link(const Examination& host, AreaFindings& findings) {
  for (const KernelPort& port : kernel_ports(host)) {
    if (!port.view.facts.is_up) {
      findings.warn(port.port.name,
                    fmt::format("{} is down: start sets it up, until then its link is not known",
                                port.interface()),
                    fmt::format("ip link set dev {} up", port.interface()));
    } else if (host.tree.line(interface_path(port.interface(), "carrier")) == "0") {
      findings.warn(
          port.port.name, fmt::format("{} has no link", port.interface()),
          fmt::format("ethtool {}\nplug the cable, or set the other end up", port.interface()));
    }
  }
}

void check_mtu(const Examination& host, AreaFindings& findings) {
  for (const KernelPort& port : kernel_ports(host)) {
    const std::uint32_t wanted = port.port.pair->mtu;
    const std::uint32_t most = mtu_max(port.port.device.kind);
    if (wanted > most) {
      findings.refuse(port.port.name,
                      fmt::format("an MTU of {} is above the {} that {} can carry", wanted, most,
                                  name_of(port.port.device.kind)),
                      fmt::format("sluice.yaml: device: af_packet:{}", port.interface()));
    } else if (port.view.facts.mtu < wanted) {
      findings.warn(port.port.name,
                    fmt::format("{} has an MTU of {}, the pair has {}: start tries to raise it",
                                port.interface(), port.view.facts.mtu, wanted),
                    fmt::format("ip link set dev {} mtu {}", port.interface(), wanted));
    }
  }
}

void check_merging(const Examination& host, AreaFindings& findings) {
  for (const KernelPort& port : kernel_ports(host)) judge_merging(port, findings);
}

void check_checksums(const Examination& host, AreaFindings& findings) {
  for (const KernelPort& port : kernel_ports(host)) {
    if (port.port.pair->checksums == ChecksumMode::fix) continue;
    if (!is_virtual(host, port.interface())) continue;
    findings.warn(port.port.name,
                  fmt::format("{} is virtual: its senders leave checksums and segments unfinished",
                              port.interface()),
                  "on the sender's end: ethtool -K IFACE tx off tso off gso off\n"
                  "or sluice.yaml: checksums: fix");
  }
}

void check_xdp(const Examination& host, AreaFindings& findings) {
  for (const KernelPort& port : kernel_ports(host)) {
    if (port.port.device.kind == DeviceKind::af_xdp) judge_xdp(host, port, findings);
  }
  if (!host.has_port(DeviceKind::af_xdp)) return;
  if (host.tree.number("/proc/sys/net/core/bpf_jit_enable") != 0U) return;
  findings.warn("", "programs for XDP are interpreted", sysctl_fix("net.core.bpf_jit_enable=1"));
}

// Of a PCI device only while the kernel's driver still holds it.
void check_lldp_agent(const Examination& host, AreaFindings& findings) {
  for (const ExaminedPort& port : host.ports) {
    std::vector<std::string> interfaces;
    if (port.device.is_kernel_interface()) interfaces = {port.device.name};
    if (port.device.kind == DeviceKind::pci) {
      interfaces = read_pci_interfaces(port.device.name, host.tree.locate("/sys"));
    }
    for (const std::string& name : interfaces) {
      if (const auto view = host.probe.interface(name))
        judge_lldp(port.name, name, *view, findings);
    }
  }
}

void check_privileges(const Examination& host, AreaFindings& findings) {
  const auto has = [&](unsigned capability) { return host.probe.has_capability(capability); };
  const bool has_xdp = host.has_port(DeviceKind::af_xdp);
  std::vector<std::string_view> missing;
  if (has_xdp || host.has_port(DeviceKind::af_packet) || host.has_port(DeviceKind::tap)) {
    if (!has(CAP_NET_RAW)) missing.push_back("cap_net_raw");
    if (!has(CAP_NET_ADMIN)) missing.push_back("cap_net_admin");
  }
  if (has_xdp && !has(CAP_SYS_ADMIN)) missing.push_back("cap_sys_admin");
  if (missing.empty()) return;
  findings.warn("",
                fmt::format("started by this user, sluice would lack {}", fmt::join(missing, ", ")),
                fmt::format("run as root\nor sluice.service: AmbientCapabilities={}",
                            fmt::join(missing, " ")));
}

}  // namespace sluice
