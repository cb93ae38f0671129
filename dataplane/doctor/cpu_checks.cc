#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/cpu_list.h"
#include "dataplane/doctor/checks.h"

namespace sluice {
namespace {

constexpr std::string_view kCpuDir = "/sys/devices/system/cpu";

// x86-64-v3 as /proc/cpuinfo spells it (abm is lzcnt), and what the packet path has code for.
constexpr std::array<std::string_view, 9> kCpuFlags = {"avx", "avx2", "bmi1",  "bmi2", "f16c",
                                                       "fma", "abm",  "movbe", "ssse3"};

using Cpus = std::vector<std::uint32_t>;

Cpus read_cpus(const Examination& host, const std::string& path) {
  Cpus cpus = parse_cpu_list(host.tree.line(path)).value_or(Cpus{});
  std::ranges::sort(cpus);
  return cpus;
}

bool has_cpu(const Cpus& sorted, std::uint32_t cpu) {
  return std::ranges::binary_search(sorted, cpu);
}

Cpus without(const Cpus& cpus, const Cpus& sorted) {
  Cpus left;
  std::ranges::copy_if(cpus, std::back_inserter(left),
                       [&](std::uint32_t cpu) { return !has_cpu(sorted, cpu); });
  return left;
}

Cpus isolated_cpus(const Examination& host) {
  Cpus cpus = read_cpus(host, fmt::format("{}/isolated", kCpuDir));
  // A cpuset partition isolates without the command line.
  const Cpus by_cpuset = read_cpus(host, "/sys/fs/cgroup/cpuset.cpus.isolated");
  cpus.insert(cpus.end(), by_cpuset.begin(), by_cpuset.end());
  std::ranges::sort(cpus);
  return cpus;
}

std::string isolation_words(const Examination& host) {
  return fmt::format("isolcpus=managed_irq,domain,{0} nohz_full={0} rcu_nocbs={0}",
                     print_cpu_list(host.worker_cpus()));
}

/// The CPUs that start would choose by itself, where that has nothing against it.
std::string better_lcores(const Examination& host) {
  const auto plan = plan_lcores(host.cpus, WorkerConfig{}, host.port_nodes);
  if (!plan || !plan->warnings.empty()) return "sluice.yaml: workers.count: 1";
  Cpus cpus;
  for (const WorkerPlace& place : plan->workers) cpus.push_back(place.cpu);
  std::ranges::sort(cpus);
  return fmt::format("sluice.yaml: workers.lcores: {}", print_cpu_list(cpus));
}

/// The value of `word=` on the kernel command line; the last one counts.
std::string boot_option(const Examination& host, std::string_view word) {
  const std::string line = host.tree.line("/proc/cmdline");
  std::string value;
  for (const std::string_view option : split_words(line)) {
    if (option.starts_with(word) && option.substr(word.size()).starts_with('=')) {
      value = option.substr(word.size() + 1);
    }
  }
  return value;
}

}  // namespace

void check_cpu_flags(const Examination& host, AreaFindings& findings) {
  const std::string text = host.tree.text("/proc/cpuinfo");
  const auto lines = split_lines(text);
  const auto line = std::ranges::find_if(lines, [](auto l) { return l.starts_with("flags"); });
  if (line == lines.end()) return;
  std::vector<std::string_view> missing;
  for (const std::string_view flag : kCpuFlags) {
    if (!has_word(*line, flag)) missing.push_back(flag);
  }
  if (missing.empty()) return;
  findings.refuse("",
                  fmt::format("the CPU lacks {}: sluice needs x86-64-v3", fmt::join(missing, ", ")),
                  "in a virtual machine set the CPU model to host; else use a newer CPU");
}

void check_lcores(const Examination& host, AreaFindings& findings) {
  if (!host.lcores) return;
  for (const std::string& warning : host.lcores->warnings) {
    findings.warn("", warning, better_lcores(host));
  }
}

// The plan warns of two workers on one core; here it is the kernel's own tasks that would be put
// beside a worker.
void check_siblings(const Examination& host, AreaFindings& findings) {
  const Cpus workers = host.worker_cpus();
  const Cpus isolated = isolated_cpus(host);
  const Cpus online = read_cpus(host, fmt::format("{}/online", kCpuDir));
  for (const std::uint32_t cpu : workers) {
    for (const std::uint32_t other :
         read_cpus(host, fmt::format("{}/cpu{}/topology/thread_siblings_list", kCpuDir, cpu))) {
      if (has_cpu(workers, other) || has_cpu(isolated, other) || !has_cpu(online, other)) continue;
      // The first CPU cannot be taken away on most hosts.
      const std::string file = fmt::format("{}/cpu{}/online", kCpuDir, other);
      findings.warn(
          fmt::format("CPU {}", cpu),
          fmt::format("its other thread, CPU {}, takes half of the core when it works", other),
          host.tree.exists(file) ? fmt::format("echo 0 > {}", file) : better_lcores(host));
    }
  }
}

void check_numa(const Examination& host, AreaFindings& findings) {
  if (!host.lcores) return;
  for (const ExaminedPort& port : host.ports) {
    const auto is_near = [&](const WorkerPlace& place) {
      return place.numa_node == port.numa_node;
    };
    if (port.numa_node < 0 || std::ranges::any_of(host.lcores->workers, is_near)) continue;
    const std::string near_cpus =
        host.tree.line(fmt::format("/sys/devices/system/node/node{}/cpulist", port.numa_node));
    findings.warn(
        port.name,
        fmt::format("{} is on NUMA node {}, no worker runs there", port.device.name,
                    port.numa_node),
        fmt::format("sluice.yaml: workers.lcores: CPUs out of {}", near_cpus.substr(0, 128)));
  }
}

void check_isolation(const Examination& host, AreaFindings& findings) {
  const Cpus exposed = without(host.worker_cpus(), isolated_cpus(host));
  if (exposed.empty()) return;
  findings.warn(fmt::format("CPU {}", print_cpu_list(exposed)),
                "the scheduler may put other tasks on CPUs of workers",
                boot_fix(isolation_words(host)));
}

// Of isolated CPUs only: isolating the others keeps the tick away as well. Without NO_HZ_FULL in
// the kernel the tick stays, callbacks of RCU can be kept away all the same.
void check_timer_tick(const Examination& host, AreaFindings& findings) {
  const std::string path = fmt::format("{}/nohz_full", kCpuDir);
  const bool is_tickless_kernel = host.tree.exists(path);
  Cpus quiet;
  if (is_tickless_kernel) {
    quiet = read_cpus(host, path);
  } else {
    const std::string value = boot_option(host, "rcu_nocbs");
    if (value == "all") return;
    quiet = parse_cpu_list(value).value_or(Cpus{});
    std::ranges::sort(quiet);
  }
  const Cpus open_to_all = without(host.worker_cpus(), isolated_cpus(host));
  const Cpus exposed = without(without(host.worker_cpus(), quiet), open_to_all);
  if (exposed.empty()) return;
  findings.warn(fmt::format("CPU {}", print_cpu_list(exposed)),
                is_tickless_kernel ? "the timer tick interrupts workers (no nohz_full)"
                                   : "RCU callbacks run on CPUs of workers (no rcu_nocbs)",
                boot_fix(isolation_words(host)));
}

void check_interrupts(const Examination& host, AreaFindings& findings) {
  const Cpus workers = host.worker_cpus();
  const Cpus others = host.other_cpus();
  if (workers.empty() || others.empty()) return;
  std::vector<std::string> numbers;
  std::size_t count = 0;
  for (const std::string& irq : host.tree.names("/proc/irq")) {
    const std::string dir = "/proc/irq/" + irq;
    const auto has_action = [&](const std::string& name) {
      const auto facts = host.tree.facts(dir + "/" + name);
      return facts && facts->is_directory;
    };
    if (!std::ranges::any_of(host.tree.names(dir), has_action)) continue;
    const std::string effective = host.tree.line(dir + "/effective_affinity_list");
    const Cpus cpus = effective.empty() ? read_cpus(host, dir + "/smp_affinity_list")
                                        : parse_cpu_list(effective).value_or(Cpus{});
    if (std::ranges::none_of(cpus, [&](auto cpu) { return has_cpu(workers, cpu); })) continue;
    if (++count <= 16) numbers.push_back(irq);
  }
  if (count == 0) return;
  findings.warn(
      fmt::format("CPU {}", print_cpu_list(workers)),
      fmt::format("{} interrupts are delivered to CPUs of workers", count),
      fmt::format("for i in {}; do\n  echo {} > /proc/irq/$i/smp_affinity_list; done\n"
                  "/etc/default/irqbalance: IRQBALANCE_BANNED_CPULIST={}",
                  fmt::join(numbers, " "), print_cpu_list(others), print_cpu_list(workers)));
}

void check_governor(const Examination& host, AreaFindings& findings) {
  const Cpus cpus = host.lcores ? host.worker_cpus() : host.other_cpus();
  Cpus slow;
  std::string governor;
  for (const std::uint32_t cpu : cpus) {
    const std::string found =
        host.tree.line(fmt::format("{}/cpu{}/cpufreq/scaling_governor", kCpuDir, cpu));
    if (found.empty() || found == "performance") continue;
    slow.push_back(cpu);
    governor = found.substr(0, 32);
  }
  if (slow.empty()) return;
  findings.warn(fmt::format("CPU {}", print_cpu_list(slow)),
                fmt::format("the frequency governor is '{}'", governor),
                fmt::format("cpupower -c {} frequency-set -g performance", print_cpu_list(slow)));
}

void check_turbo(const Examination& host, AreaFindings& findings) {
  const std::string intel = fmt::format("{}/intel_pstate/no_turbo", kCpuDir);
  const std::string generic = fmt::format("{}/cpufreq/boost", kCpuDir);
  const std::string what = "turbo is off: workers run at the base frequency";
  if (host.tree.number(intel) == 1U) findings.warn("", what, fmt::format("echo 0 > {}", intel));
  if (host.tree.number(generic) == 0U) findings.warn("", what, fmt::format("echo 1 > {}", generic));
}

}  // namespace sluice
