#include "dataplane/doctor/examination.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "dataplane/io/port_preflight.h"

namespace sluice {
namespace {

void add_ports(Examination& made) {
  for (const PortPairConfig& pair : made.config->pairs) {
    for (const PortConfig* port : {&pair.outside, &pair.inside}) {
      const auto device = parse_device_word(port->device);
      if (!device) continue;  // judged with the configuration
      const int node = read_port_node(*device, made.tree.locate("/sys"));
      const char* side = port == &pair.outside ? ".outside" : ".inside";
      made.ports.push_back({pair.name + side, *device, &pair, node});
      made.port_nodes.push_back(node);
    }
  }
}

void add_plans(Examination& made) {
  auto lcores = plan_lcores(made.cpus, made.config->workers, made.port_nodes);
  if (!lcores) {
    made.plan_error = lcores.error();
    return;
  }
  made.lcores = std::move(*lcores);
  const MemoryRequest request{.workers = static_cast<std::uint32_t>(made.lcores->workers.size()),
                              .prefixes_v4 = made.needs.prefixes_v4,
                              .prefixes_v6 = made.needs.prefixes_v6,
                              .set_bytes = made.needs.set_bytes};
  auto memory = plan_memory(*made.config, request, made.host_memory);
  if (!memory) {
    made.plan_error = memory.error();
    return;
  }
  made.memory = std::move(*memory);
}

}  // namespace

std::vector<std::uint32_t> Examination::worker_cpus() const {
  std::set<std::uint32_t> found;
  if (lcores) {
    for (const WorkerPlace& place : lcores->workers) found.insert(place.cpu);
  }
  return {found.begin(), found.end()};
}

std::vector<std::uint32_t> Examination::other_cpus() const {
  const std::vector<std::uint32_t> taken = worker_cpus();
  std::vector<std::uint32_t> found;
  for (const CpuInfo& info : cpus.cpus) {
    if (!std::ranges::binary_search(taken, info.cpu)) found.push_back(info.cpu);
  }
  return found;
}

bool Examination::has_port(DeviceKind kind) const {
  return std::ranges::any_of(ports, [kind](const auto& port) { return port.device.kind == kind; });
}

Examination begin_examination(const HostView& host, const HostNeeds& needs) {
  Examination made{.tree = HostTree(host.root),
                   .probe = host.probe,
                   .needs = needs,
                   .config = needs.config,
                   .cpus = host.probe.cpus(),
                   .host_memory = {},
                   .ports = {},
                   .port_nodes = {},
                   .lcores = {},
                   .memory = {},
                   .plan_error = {}};
  made.host_memory = read_host_memory(made.tree.locate("/proc/meminfo")).value_or(HostMemory{});
  if (made.config == nullptr) return made;
  add_ports(made);
  add_plans(made);
  return made;
}

std::string print_cpu_list(const std::vector<std::uint32_t>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cpus[i]);
    if (last > i) text += fmt::format("-{}", cpus[last]);
    i = last + 1;
  }
  return text;
}

std::string boot_fix(std::string_view words) {
  return fmt::format(
      "/etc/default/grub: GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {}\"\nupdate-grub && reboot",
      words);
}

std::string sysctl_fix(std::string_view assignment) {
  return fmt::format("sysctl -w {0}\n/etc/sysctl.d/80-sluice.conf: {0}", assignment);
}

}  // namespace sluice
