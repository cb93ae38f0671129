// A made-up host for doctor: a tree of files, and a probe whose answers a test sets. It starts out
// as a healthy host with two nodes of four CPUs, of which workers have 2 and 3.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <linux/capability.h>
#include <unistd.h>

#include "dataplane/doctor.h"
#include "tests/support/scratch_dir.h"

namespace sluice::test {

enum class FakePorts : std::uint8_t { pci, af_packet, af_xdp, none };

class FakeHost {
 public:
  explicit FakeHost(FakePorts ports) {
    make_kernel();
    make_memory();
    make_cpus();
    make_directories();
    if (ports == FakePorts::pci) make_pci_ports();
    if (ports == FakePorts::af_packet) make_interfaces("af_packet:");
    if (ports == FakePorts::af_xdp) make_interfaces("af_xdp:");
    config.workers.lcores = "2-3";
    config.memory.budget_bytes = 512U << 20;
    has_config = ports != FakePorts::none;
  }

  // --- what a test changes ----------------------------------------------------------------------

  Config config;
  bool has_config = true;
  std::map<std::string, InterfaceView> interfaces;
  CpuTopology cpus;
  DiskSpace disk{.free_bytes = 50ULL << 30,
                 .total_bytes = 100ULL << 30,
                 .free_inodes = 1'000'000,
                 .total_inodes = 2'000'000};
  std::optional<UserAccount> account = UserAccount{.user = getuid(), .group = getgid()};
  std::uint64_t locked_bytes_max = ~0ULL;
  std::vector<unsigned> missing_capabilities;
  bool is_clock_synchronised = true;

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(locate(path)).parent_path());
    tree_.write(path.substr(1), text);
  }
  void link(const std::string& path, const std::string& target) const {
    std::filesystem::create_directories(std::filesystem::path(locate(path)).parent_path());
    std::filesystem::remove(locate(path));
    std::filesystem::create_symlink(target, locate(path));
  }
  void make_directory(const std::string& path) const {
    std::filesystem::create_directories(locate(path));
  }
  void remove(const std::string& path) const { std::filesystem::remove_all(locate(path)); }
  void allow(const std::string& path, unsigned mode) const {
    std::filesystem::permissions(locate(path), std::filesystem::perms(mode));
  }
  [[nodiscard]] std::string locate(const std::string& path) const {
    return tree_.file(path.substr(1));
  }
  PortPairConfig& pair() { return config.pairs.front(); }
  InterfaceView& lan() { return interfaces.at("eth1"); }

  // --- what doctor says -------------------------------------------------------------------------

  [[nodiscard]] std::vector<HostFinding> examine() const {
    HostNeeds needs;
    if (has_config) {
      needs.config = &config;
      needs.config_path = "/etc/sluice/sluice.yaml";
    }
    return examine_host(view(), needs);
  }
  /// What is not in order in one area.
  [[nodiscard]] std::vector<HostFinding> faults(const std::string& area) const {
    std::vector<HostFinding> found = examine();
    std::erase_if(found, [&](const HostFinding& finding) {
      return finding.state == FindingState::ok || (finding.area != area && !area.empty());
    });
    return found;
  }

 private:
  [[nodiscard]] HostView view() const {
    HostView host;
    host.root = tree_.file("");
    host.probe.interface = [this](const std::string& name) -> Result<InterfaceView> {
      const auto found = interfaces.find(name);
      if (found == interfaces.end()) return fail(ErrorKind::not_found, "no such interface");
      return found->second;
    };
    host.probe.cpus = [this] { return cpus; };
    host.probe.disk_space = [this](const std::string&) { return std::optional(disk); };
    host.probe.account = [this](const std::string&) { return account; };
    host.probe.locked_bytes_max = [this] { return locked_bytes_max; };
    host.probe.has_capability = [this](unsigned capability) {
      return std::ranges::find(missing_capabilities, capability) == missing_capabilities.end();
    };
    host.probe.is_clock_synchronised = [this] { return is_clock_synchronised; };
    return host;
  }

  void make_kernel() const {
    write("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    write("/proc/sys/kernel/randomize_va_space", "2\n");
    write("/proc/sys/net/core/bpf_jit_enable", "1\n");
    write("/proc/filesystems", "nodev\tsysfs\nnodev\thugetlbfs\n\text4\n");
    write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz isolcpus=2-3 nohz_full=2-3 rcu_nocbs=2-3\n");
    write("/proc/cpuinfo",
          "processor\t: 0\nvendor_id\t: GenuineIntel\n"
          "flags\t\t: fpu ssse3 fma movbe f16c avx abm bmi1 avx2 bmi2\n");
    write("/proc/net/unix",
          "Num       RefCount Protocol Flags    Type St Inode Path\n"
          "0000: 00000002 00000000 00010000 0001 01 1144 /run/dbus/bus\n");
    const std::string clock = "/sys/devices/system/clocksource/clocksource0/";
    write(clock + "current_clocksource", "tsc\n");
    write(clock + "available_clocksource", "tsc hpet acpi_pm\n");
  }

  void make_memory() const {
    write("/proc/meminfo",
          "MemTotal: 33554432 kB\nMemAvailable: 25165824 kB\nHugePages_Total: 1024\n"
          "HugePages_Free: 1024\nHugePages_Rsvd: 0\nHugepagesize: 2048 kB\n");
    write("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
    write("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1024\n");
    write("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1024\n");
    for (const char* node : {"node0", "node1"}) {
      const std::string dir = std::string("/sys/devices/system/node/") + node;
      write(dir + "/hugepages/hugepages-2048kB/free_hugepages", "512\n");
      write(dir + "/cpulist", node == std::string("node0") ? "0-3\n" : "4-7\n");
    }
  }

  void make_cpus() {
    const std::string dir = "/sys/devices/system/cpu";
    write(dir + "/isolated", "2-3\n");
    write(dir + "/nohz_full", "2-3\n");
    write(dir + "/online", "0-7\n");
    write(dir + "/cpu6/online", "1\n");
    for (const char* worker : {"2", "3"}) {
      const std::string own = dir + "/cpu" + worker;
      write(own + "/cpufreq/scaling_governor", "performance\n");
      write(own + "/topology/thread_siblings_list", worker + std::string("\n"));
    }
    for (std::uint32_t cpu = 0; cpu < 8; ++cpu) {
      cpus.cpus.push_back({.cpu = cpu,
                           .core = cpu,
                           .numa_node = cpu < 4 ? 0 : 1,
                           .is_isolated = cpu == 2 || cpu == 3});
    }
    write("/proc/irq/24/effective_affinity_list", "0\n");
    make_directory("/proc/irq/24/eth0-rx");
  }

  void make_directories() const {
    write("/etc/sluice/sluice.yaml", "mode: enforce\n");
    allow("/etc/sluice", 0755);
    allow("/etc/sluice/sluice.yaml", 0644);
    for (const char* path : {"/var/lib/sluice", "/var/log/sluice", "/run/sluice"}) {
      make_directory(path);
      allow(path, 0750);
    }
  }

  void make_pci_ports() {
    PortPairConfig wire;
    wire.name = "wire";
    wire.outside.device = "0000:3b:00.0";
    wire.inside.device = "0000:3b:00.1";
    config.pairs = {wire};
    make_directory("/sys/bus/pci/drivers/vfio-pci");
    for (const char* address : {"0000:3b:00.0", "0000:3b:00.1"}) {
      const std::string dir = std::string("/sys/bus/pci/devices/") + address;
      const std::string group = address == std::string("0000:3b:00.0") ? "12" : "13";
      write(dir + "/numa_node", "0\n");
      write(dir + "/class", "0x020000\n");
      link(dir + "/driver", "../../../bus/pci/drivers/vfio-pci");
      link(dir + "/iommu_group", "../../../kernel/iommu_groups/" + group);
      write("/sys/kernel/iommu_groups/" + group + "/devices/" + address, "");
    }
  }

  void make_interfaces(const std::string& kind) {
    PortPairConfig wire;
    wire.name = "wire";
    wire.outside.device = kind + "eth1";
    wire.inside.device = kind + "eth2";
    config.pairs = {wire};
    int index = 10;
    for (const char* name : {"eth1", "eth2"}) {
      const std::string dir = std::string("/sys/class/net/") + name;
      write(dir + "/carrier", "1\n");
      write(dir + "/device/numa_node", "0\n");
      link(dir + "/device/driver", "../../../bus/pci/drivers/ice");
      InterfaceView view;
      view.facts.index = ++index;
      view.facts.mtu = 1500;
      view.facts.is_up = true;
      view.features = {{.name = "rx-gro", .is_on = true}, {.name = "rx-gro-hw"}};
      view.private_flags = {{.name = "fw-lldp-agent"}};
      interfaces[name] = view;
    }
  }

  ScratchDir tree_;
};

}  // namespace sluice::test
