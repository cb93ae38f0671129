// Placing workers. A poll-mode worker takes its whole CPU, so the order of preference is: a core of
// its own on the ports' NUMA node, a core of its own elsewhere, the second thread of a core, and
// last a CPU somebody else polls on. The lowest CPU stays with the kernel and the keeper.
#include "dataplane/io/lcore_plan.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>

#include <sched.h>

#include <fmt/format.h>

#include "config/cpu_list.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

const CpuInfo* find_cpu(const CpuTopology& topology, std::uint32_t cpu) {
  const auto found = std::ranges::find(topology.cpus, cpu, &CpuInfo::cpu);
  return found == topology.cpus.end() ? nullptr : &*found;
}

/// The lowest CPU that is neither isolated nor in `taken`; else the lowest of all.
std::uint32_t pick_keeper(const CpuTopology& topology, const std::set<std::uint32_t>& taken) {
  for (const bool isolated_too : {false, true}) {
    for (const CpuInfo& info : topology.cpus) {
      if (!taken.contains(info.cpu) && (isolated_too || !info.is_isolated)) return info.cpu;
    }
  }
  return topology.cpus.front().cpu;
}

/// Every CPU once, best place for a worker first.
std::vector<CpuInfo> rank_for_workers(const CpuTopology& topology, std::uint32_t keeper,
                                      std::span<const int> port_nodes) {
  const bool any_isolated = std::ranges::any_of(topology.cpus, &CpuInfo::is_isolated);
  std::set<std::uint32_t> cores;
  if (const CpuInfo* info = find_cpu(topology, keeper)) cores.insert(info->core);
  std::map<std::uint32_t, bool> is_second_thread;
  for (const CpuInfo& info : topology.cpus) {
    is_second_thread[info.cpu] = info.cpu != keeper && !cores.insert(info.core).second;
  }
  const auto badness = [&](const CpuInfo& info) {
    const bool is_far = !std::ranges::all_of(port_nodes, [](int n) { return n < 0; }) &&
                        std::ranges::find(port_nodes, info.numa_node) == port_nodes.end();
    return std::array<bool, 4>{info.cpu == keeper, is_second_thread[info.cpu],
                               any_isolated && !info.is_isolated, is_far};
  };
  std::vector<CpuInfo> ranked = topology.cpus;
  std::ranges::stable_sort(ranked, {}, badness);
  return ranked;
}

/// With `count: 0`: a worker per whole core that is left, isolated ones only where there are any.
std::size_t free_cores(const CpuTopology& topology, std::uint32_t keeper) {
  const bool any_isolated = std::ranges::any_of(topology.cpus, &CpuInfo::is_isolated);
  std::set<std::uint32_t> cores;
  for (const CpuInfo& info : topology.cpus) {
    if (info.cpu != keeper && (info.is_isolated || !any_isolated)) cores.insert(info.core);
  }
  const CpuInfo* keeper_info = find_cpu(topology, keeper);
  if (cores.size() > 1 && keeper_info != nullptr) cores.erase(keeper_info->core);
  return std::clamp<std::size_t>(cores.size(), 1, kWorkersMax);
}

Result<std::vector<WorkerPlace>> place_listed(const CpuTopology& topology,
                                              const std::string& lcores) {
  auto listed = parse_cpu_list(lcores);
  if (!listed) return with_context("workers.lcores", listed.error());
  std::vector<WorkerPlace> places;
  for (const std::uint32_t cpu : *listed) {
    const CpuInfo* info = find_cpu(topology, cpu);
    if (info == nullptr) {
      return fail(ErrorKind::not_found,
                  fmt::format("workers.lcores: CPU {} is not one this process may use", cpu),
                  fmt::format("this host offers {} CPUs, the last is {}", topology.cpus.size(),
                              topology.cpus.back().cpu));
    }
    places.push_back({cpu, info->numa_node});
  }
  return places;
}

std::vector<WorkerPlace> place_automatically(const CpuTopology& topology, std::size_t count,
                                             std::uint32_t keeper,
                                             std::span<const int> port_nodes) {
  const std::vector<CpuInfo> ranked = rank_for_workers(topology, keeper, port_nodes);
  std::vector<WorkerPlace> places;
  for (std::size_t i = 0; i < count; ++i) {
    const CpuInfo& info = ranked[i % ranked.size()];
    places.push_back({info.cpu, info.numa_node});
  }
  return places;
}

void warn_of_sharing(const CpuTopology& topology, LcorePlan& plan) {
  std::map<std::uint32_t, std::size_t> by_cpu;
  std::map<std::uint32_t, std::size_t> by_core;
  for (std::size_t i = 0; i < plan.workers.size(); ++i) {
    const std::uint32_t cpu = plan.workers[i].cpu;
    const auto [same_cpu, is_new_cpu] = by_cpu.try_emplace(cpu, i);
    if (!is_new_cpu) {
      plan.warnings.push_back(
          fmt::format("workers {} and {} share CPU {}: neither gets half of it smoothly",
                      same_cpu->second, i, cpu));
      continue;
    }
    const auto [same_core, is_new_core] = by_core.try_emplace(find_cpu(topology, cpu)->core, i);
    if (!is_new_core) {
      plan.warnings.push_back(
          fmt::format("workers {} and {} are threads of one physical core", same_core->second, i));
    }
    if (std::ranges::find(plan.control_cpus, cpu) != plan.control_cpus.end()) {
      plan.warnings.push_back(
          fmt::format("worker {} shares CPU {} with the keeper and the control process", i, cpu));
    } else if (cpu == 0) {
      plan.warnings.push_back(
          fmt::format("worker {} runs on CPU 0, where the kernel does most of its own work", i));
    }
  }
}

void warn_of_distance(std::span<const int> port_nodes, LcorePlan& plan) {
  for (std::size_t i = 0; i < plan.workers.size(); ++i) {
    const auto near = [&](int node) { return node < 0 || node == plan.workers[i].numa_node; };
    if (port_nodes.empty() || std::ranges::any_of(port_nodes, near)) continue;
    plan.warnings.push_back(fmt::format("worker {} runs on NUMA node {}, no port is there", i,
                                        plan.workers[i].numa_node));
  }
}

}  // namespace

Result<LcorePlan> plan_lcores(const CpuTopology& topology, const WorkerConfig& workers,
                              std::span<const int> port_nodes) {
  if (topology.cpus.empty()) return fail(ErrorKind::unavailable, "this process may use no CPU");
  LcorePlan plan;
  if (workers.lcores == "auto") {
    const std::uint32_t keeper = pick_keeper(topology, {});
    const std::size_t count = workers.count > 0 ? workers.count : free_cores(topology, keeper);
    if (count > kWorkersMax) {
      return fail(
          ErrorKind::limit,
          fmt::format("workers.count is {}, above the largest number of {}", count, kWorkersMax));
    }
    plan.workers = place_automatically(topology, count, keeper, port_nodes);
    plan.control_cpus = {keeper};
  } else {
    auto places = place_listed(topology, workers.lcores);
    if (!places) return tl::unexpected<Error>(places.error());
    if (places->size() > kWorkersMax) {
      return fail(ErrorKind::limit, fmt::format("workers.lcores lists {} CPUs, at most {} can work",
                                                places->size(), kWorkersMax));
    }
    plan.workers = std::move(*places);
    std::set<std::uint32_t> taken;
    for (const WorkerPlace& place : plan.workers) taken.insert(place.cpu);
    plan.control_cpus = {pick_keeper(topology, taken)};
  }
  warn_of_sharing(topology, plan);
  warn_of_distance(port_nodes, plan);
  return plan;
}

Result<CpuTopology> read_cpu_topology(const std::string& sysfs) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return fail(ErrorKind::io, "cannot read which CPUs this process may use");
  }
  const std::string cpu_dir = sysfs + "/devices/system/cpu";
  const auto isolated = parse_cpu_list(read_line(cpu_dir + "/isolated"));
  std::map<std::uint32_t, int> node_of;
  for (int node = 0; node < 64; ++node) {
    const auto list = parse_cpu_list(
        read_line(fmt::format("{}/devices/system/node/node{}/cpulist", sysfs, node)));
    if (!list) continue;
    for (const std::uint32_t cpu : *list) node_of[cpu] = node;
  }
  CpuTopology topology;
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    CpuInfo info{.cpu = cpu, .core = cpu, .numa_node = 0, .is_isolated = false};
    const auto siblings = parse_cpu_list(
        read_line(fmt::format("{}/cpu{}/topology/thread_siblings_list", cpu_dir, cpu)));
    if (siblings) info.core = *std::ranges::min_element(*siblings);
    if (const auto node = node_of.find(cpu); node != node_of.end()) info.numa_node = node->second;
    info.is_isolated = isolated && std::ranges::find(*isolated, cpu) != isolated->end();
    topology.cpus.push_back(info);
  }
  return topology;
}

}  // namespace sluice
