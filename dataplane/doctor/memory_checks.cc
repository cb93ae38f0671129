#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <linux/capability.h>

#include "dataplane/doctor/checks.h"
#include "dataplane/io/port_preflight.h"

namespace sluice {
namespace {

constexpr std::uint64_t kDefaultHugepageBytes = 2U << 20;
constexpr std::uint64_t kHugepagesWithoutConfig = 1024;

std::uint64_t hugepage_bytes(const Examination& host) {
  return host.host_memory.hugepage_bytes > 0 ? host.host_memory.hugepage_bytes
                                             : kDefaultHugepageBytes;
}

std::string pages_name(std::uint64_t bytes) { return fmt::format("hugepages-{}kB", bytes / 1024); }

bool wants_hugepages(const Examination& host) {
  return host.config == nullptr || host.config->memory.hugepages != HugepageMode::off;
}

bool requires_hugepages(const Examination& host) {
  return host.config != nullptr && host.config->memory.hugepages == HugepageMode::require;
}

/// What the pools take; without a plan nothing is known.
std::uint64_t needed_bytes(const Examination& host) {
  return host.memory ? hugepage_bytes_needed(host.memory->pool_bytes) : 0;
}

/// Pages there have to be in all, so that as many as are missing become free.
std::uint64_t pages_wanted(const Examination& host) {
  const std::uint64_t page = hugepage_bytes(host);
  const std::uint64_t free_bytes = host.host_memory.free_hugepage_bytes();
  const std::uint64_t needed = needed_bytes(host);
  if (needed == 0) return kHugepagesWithoutConfig;
  const auto reserved =
      host.tree.number("/sys/kernel/mm/hugepages/" + pages_name(page) + "/nr_hugepages");
  return reserved.value_or(host.host_memory.free_hugepages) +
         (needed - std::min(needed, free_bytes) + page - 1) / page;
}

void judge_total(const Examination& host, AreaFindings& findings) {
  const HostMemory& memory = host.host_memory;
  const std::uint64_t needed = needed_bytes(host);
  if (memory.free_hugepages > 0 && memory.free_hugepage_bytes() >= needed) return;
  std::string what = fmt::format("{} are free", print_mebibytes(memory.free_hugepage_bytes()));
  if (needed > 0) what += fmt::format(", the packet pools need {}", print_mebibytes(needed));
  const std::string fix = sysctl_fix(fmt::format("vm.nr_hugepages={}", pages_wanted(host)));
  if (requires_hugepages(host)) return findings.refuse("", what, fix);
  findings.warn("", what + ": start uses ordinary pages, which is slower", fix);
}

/// The kernel gives pages of the node that asks, and of another one where it has none.
void judge_nodes(const Examination& host, AreaFindings& findings) {
  const std::uint64_t page = hugepage_bytes(host);
  std::vector<int> nodes = host.port_nodes;
  std::ranges::sort(nodes);
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  for (const int node : nodes) {
    const std::string path =
        fmt::format("/sys/devices/system/node/node{}/hugepages/{}/", node, pages_name(page));
    if (host.tree.number(path + "free_hugepages").value_or(1) > 0) continue;
    findings.warn(fmt::format("node {}", node),
                  "ports are on this NUMA node, none of its hugepages is free",
                  fmt::format("echo {} > {}nr_hugepages", pages_wanted(host), path));
  }
}

void judge_other_sizes(const Examination& host, AreaFindings& findings) {
  const std::string own = pages_name(hugepage_bytes(host));
  for (const std::string& name : host.tree.names("/sys/kernel/mm/hugepages")) {
    std::uint64_t kibibytes = 0;
    constexpr std::string_view kPrefix = "hugepages-";
    if (name == own || !name.starts_with(kPrefix)) continue;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), kibibytes);
    const auto pages = host.tree.number("/sys/kernel/mm/hugepages/" + name + "/free_hugepages");
    if (kibibytes == 0 || kibibytes > (1U << 24) || pages.value_or(0) == 0) continue;
    findings.warn(
        name, fmt::format("{} free pages of another size than the default are not counted", *pages),
        boot_fix(fmt::format("default_hugepagesz={0}K hugepagesz={0}K hugepages={1}", kibibytes,
                             *pages)));
  }
}

}  // namespace

void check_hugepages(const Examination& host, AreaFindings& findings) {
  if (!wants_hugepages(host)) return;
  judge_total(host, findings);
  if (host.host_memory.free_hugepages > 0) judge_nodes(host, findings);
  judge_other_sizes(host, findings);
}

// Pages come through memfd and MAP_HUGETLB: the kernel has to know them, nothing has to be mounted.
void check_hugetlbfs(const Examination& host, AreaFindings& findings) {
  const std::string known = host.tree.text("/proc/filesystems");
  if (!wants_hugepages(host) || known.empty()) return;
  if (has_word(known, "hugetlbfs")) return;
  const std::string fix =
      "apt install linux-image-amd64 && reboot\nor sluice.yaml: memory.hugepages: off";
  const std::string what = "this kernel was built without hugepages (CONFIG_HUGETLBFS)";
  if (requires_hugepages(host)) return findings.refuse("", what, fix);
  findings.warn("", what, fix);
}

// Both vfio and AF_XDP count the memory that devices read and write as locked.
void check_locked_memory(const Examination& host, AreaFindings& findings) {
  const bool is_locked = host.has_port(DeviceKind::pci) || host.has_port(DeviceKind::af_xdp);
  if (!is_locked || !host.memory || host.probe.has_capability(CAP_IPC_LOCK)) return;
  const std::uint64_t allowed = host.probe.locked_bytes_max();
  if (allowed >= host.memory->pool_bytes) return;
  findings.refuse("",
                  fmt::format("{} may be locked, the packet pools need {}",
                              print_mebibytes(allowed), print_mebibytes(host.memory->pool_bytes)),
                  "ulimit -l unlimited\nsluice.service: LimitMEMLOCK=infinity");
}

void check_memory(const Examination& host, AreaFindings& findings) {
  if (!host.memory || host.host_memory.available_bytes == 0) return;
  const bool pools_apart = wants_hugepages(host) && host.host_memory.free_hugepages > 0 &&
                           host.host_memory.free_hugepage_bytes() >= needed_bytes(host);
  const std::uint64_t needed =
      host.memory->total_bytes - (pools_apart ? host.memory->pool_bytes : 0);
  if (needed <= host.host_memory.available_bytes) return;
  constexpr std::uint64_t kMebibyte = 1U << 20;
  const std::uint64_t fitting = host.host_memory.available_bytes * 9 / 10 / kMebibyte;
  findings.refuse("",
                  fmt::format("{} are planned, {} are available", print_mebibytes(needed),
                              print_mebibytes(host.host_memory.available_bytes)),
                  fmt::format("sluice.yaml: memory.budget: {}MiB", fitting));
}

void check_swap(const Examination& host, AreaFindings& findings) {
  const std::string swaps = host.tree.text("/proc/swaps");
  const auto lines = split_lines(swaps);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto words = split_words(lines[i]);
    if (words.empty()) continue;
    findings.warn(
        std::string(words.front()),
        "swapping is on: a table that is paged out stops a worker for milliseconds",
        fmt::format("swapoff {}\n/etc/fstab: remove the line of the swap space", words.front()));
  }
}

void check_transparent_hugepages(const Examination& host, AreaFindings& findings) {
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (host.tree.line(path).find("[never]") == std::string::npos) return;
  findings.warn("", "transparent hugepages are off: tables without reserved pages miss the TLB",
                fmt::format("echo madvise > {}", path));
}

}  // namespace sluice
