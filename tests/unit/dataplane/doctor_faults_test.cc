// Hosts with one fault each: doctor names it, says the exact fix, and says nothing of the kind
// about the same host without the fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dataplane/doctor_host.h"

namespace sluice {
namespace {

using test::FakeHost;
using test::FakePorts;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Fault {
  const char* name;
  FakePorts ports;
  const char* area;
  void (*make)(FakeHost& host);
  FindingState state;
  const char* subject;
  const char* what;
  const char* fix;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

constexpr auto kWarning = FindingState::warning;
constexpr auto kFailure = FindingState::failure;
constexpr auto kPci = FakePorts::pci;
constexpr auto kAfPacket = FakePorts::af_packet;
constexpr auto kAfXdp = FakePorts::af_xdp;

#define SLUICE_GRUB(words)                                             \
  "/etc/default/grub: GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX " words \
  "\"\n"                                                               \
  "update-grub && reboot"

constexpr const char* kIsolate =
    SLUICE_GRUB("isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2-3");

const Fault kMemoryFaults[] = {
    {"HugepagesAreFew", kPci, "hugepages",
     [](FakeHost& host) {
       host.write("/proc/meminfo",
                  "MemTotal: 33554432 kB\nMemAvailable: 25165824 kB\nHugePages_Free: 10\n"
                  "Hugepagesize: 2048 kB\n");
       host.config.memory.hugepages = HugepageMode::require;
       host.config.memory.mbufs = 16'383;
     },
     kFailure, "", "20MiB are free, the packet pools need 70MiB",
     "sysctl -w vm.nr_hugepages=1049\n/etc/sysctl.d/80-sluice.conf: vm.nr_hugepages=1049"},
    {"HugepagesAreNotNeeded", kPci, "hugepages",
     [](FakeHost& host) {
       host.write("/proc/meminfo",
                  "MemTotal: 33554432 kB\nMemAvailable: 25165824 kB\nHugepagesize: 2048 kB\n");
       host.write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
       host.config.memory.mbufs = 16'383;
     },
     kWarning, "",
     "0 are free, the packet pools need 70MiB: start uses ordinary pages, which is slower",
     "sysctl -w vm.nr_hugepages=35\n/etc/sysctl.d/80-sluice.conf: vm.nr_hugepages=35"},
    {"NodeOfThePortsHasNoHugepages", kPci, "hugepages",
     [](FakeHost& host) {
       host.write("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages",
                  "0\n");
     },
     kWarning, "node 0", "ports are on this NUMA node, none of its hugepages is free",
     "echo 1024 > /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"},
    {"HugepagesAreOfAnotherSize", kPci, "hugepages",
     [](FakeHost& host) {
       host.write("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "4\n");
     },
     kWarning, "hugepages-1048576kB",
     "4 free pages of another size than the default are not counted",
     SLUICE_GRUB("default_hugepagesz=1048576K hugepagesz=1048576K hugepages=4")},
    {"KernelHasNoHugepages", kPci, "hugetlbfs",
     [](FakeHost& host) { host.write("/proc/filesystems", "nodev\tsysfs\n\text4\n"); }, kWarning,
     "", "this kernel was built without hugepages (CONFIG_HUGETLBFS)",
     "apt install linux-image-amd64 && reboot\nor sluice.yaml: memory.hugepages: off"},
    {"TooLittleMayBeLocked", kPci, "locked-memory",
     [](FakeHost& host) {
       host.locked_bytes_max = 8U << 20;
       host.missing_capabilities = {CAP_IPC_LOCK};
       host.config.memory.mbufs = 16'383;
     },
     kFailure, "", "8MiB may be locked, the packet pools need 38MiB",
     "ulimit -l unlimited\nsluice.service: LimitMEMLOCK=infinity"},
    {"BudgetIsAboveTheMemory", kPci, "memory",
     [](FakeHost& host) {
       host.write("/proc/meminfo",
                  "MemTotal: 33554432 kB\nMemAvailable: 102400 kB\nHugepagesize: 2048 kB\n");
       host.config.memory.hugepages = HugepageMode::off;
       host.config.flows.capacity = 1'000'000;
       host.config.memory.mbufs = 16'383;
     },
     kFailure, "", nullptr, "sluice.yaml: memory.budget: 90MiB"},
    {"SwapIsOn", kPci, "swap",
     [](FakeHost& host) {
       host.write("/proc/swaps",
                  "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 999 0 -2\n");
     },
     kWarning, "/dev/sda2",
     "swapping is on: a table that is paged out stops a worker for milliseconds",
     "swapoff /dev/sda2\n/etc/fstab: remove the line of the swap space"},
    {"TransparentHugepagesAreOff", kPci, "thp",
     [](FakeHost& host) {
       host.write("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
     },
     kWarning, "", "transparent hugepages are off: tables without reserved pages miss the TLB",
     "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"},
};

const Fault kCpuFaults[] = {
    {"PlanDoesNotWorkOut", kPci, "plan", [](FakeHost& host) { host.config.workers.lcores = "2-9"; },
     kFailure, "", "workers.lcores: CPU 8 is not one this process may use",
     "this host offers 8 CPUs, the last is 7"},
    {"CpuIsTooOld", kPci, "cpu-flags",
     [](FakeHost& host) {
       host.write("/proc/cpuinfo", "flags\t\t: fpu ssse3 fma movbe f16c avx\n");
     },
     kFailure, "", "the CPU lacks avx2, bmi1, bmi2, abm: sluice needs x86-64-v3",
     "in a virtual machine set the CPU model to host; else use a newer CPU"},
    {"WorkersAreThreadsOfOneCore", kPci, "lcores",
     [](FakeHost& host) { host.cpus.cpus[3].core = 2; }, kWarning, "",
     "workers 0 and 1 are threads of one physical core", "sluice.yaml: workers.lcores: 2"},
    {"WorkerRunsOnTheFirstCpu", kPci, "lcores",
     [](FakeHost& host) { host.config.workers.lcores = "0,2"; }, kWarning, "",
     "worker 0 runs on CPU 0, where the kernel does most of its own work",
     "sluice.yaml: workers.lcores: 2-3"},
    {"OtherThreadOfTheCoreIsFree", kPci, "siblings",
     [](FakeHost& host) {
       host.write("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2,6\n");
     },
     kWarning, "CPU 2", "its other thread, CPU 6, takes half of the core when it works",
     "echo 0 > /sys/devices/system/cpu/cpu6/online"},
    {"NoWorkerIsNearThePort", kPci, "numa",
     [](FakeHost& host) { host.write("/sys/bus/pci/devices/0000:3b:00.1/numa_node", "1\n"); },
     kWarning, "wire.inside", "0000:3b:00.1 is on NUMA node 1, no worker runs there",
     "sluice.yaml: workers.lcores: CPUs out of 4-7"},
    {"WorkersAreNotIsolated", kPci, "isolation",
     [](FakeHost& host) { host.write("/sys/devices/system/cpu/isolated", "2\n"); }, kWarning,
     "CPU 3", "the scheduler may put other tasks on CPUs of workers", kIsolate},
    {"TickInterruptsWorkers", kPci, "timer-tick",
     [](FakeHost& host) { host.write("/sys/devices/system/cpu/nohz_full", "(null)\n"); }, kWarning,
     "CPU 2-3", "the timer tick interrupts workers (no nohz_full)", kIsolate},
    {"CallbacksOfRcuRunOnWorkers", kPci, "timer-tick",
     [](FakeHost& host) {
       host.remove("/sys/devices/system/cpu/nohz_full");
       host.write("/proc/cmdline", "quiet rcu_nocbs=2\n");
     },
     kWarning, "CPU 3", "RCU callbacks run on CPUs of workers (no rcu_nocbs)", kIsolate},
    {"InterruptsReachWorkers", kPci, "interrupts",
     [](FakeHost& host) {
       host.write("/proc/irq/24/effective_affinity_list", "3\n");
       host.write("/proc/irq/25/smp_affinity_list", "0-7\n");
       host.make_directory("/proc/irq/25/nvme0q1");
       host.write("/proc/irq/26/smp_affinity_list", "0-7\n");  // nobody registered for it
     },
     kWarning, "CPU 2-3", "2 interrupts are delivered to CPUs of workers",
     "for i in 24 25; do\n  echo 0-1,4-7 > /proc/irq/$i/smp_affinity_list; done\n"
     "/etc/default/irqbalance: IRQBALANCE_BANNED_CPULIST=2-3"},
    {"GovernorSavesPower", kPci, "governor",
     [](FakeHost& host) {
       host.write("/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n");
       host.write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
     },
     kWarning, "CPU 3", "the frequency governor is 'powersave'",
     "cpupower -c 3 frequency-set -g performance"},
    {"TurboIsOffOnIntel", kPci, "turbo",
     [](FakeHost& host) { host.write("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"); },
     kWarning, "", "turbo is off: workers run at the base frequency",
     "echo 0 > /sys/devices/system/cpu/intel_pstate/no_turbo"},
    {"TurboIsOffOnOthers", kPci, "turbo",
     [](FakeHost& host) { host.write("/sys/devices/system/cpu/cpufreq/boost", "0\n"); }, kWarning,
     "", "turbo is off: workers run at the base frequency",
     "echo 1 > /sys/devices/system/cpu/cpufreq/boost"},
};

const Fault kPciFaults[] = {
    {"DeviceIsMissing", kPci, "device",
     [](FakeHost& host) { host.pair().inside.device = "0000:af:00.0"; }, kFailure, "wire.inside",
     "no PCI device 0000:af:00.0 in this host",
     "lspci -D -d ::0200\nsluice.yaml: device: one of its addresses"},
    {"KernelDriverHoldsTheDevice", kPci, "driver",
     [](FakeHost& host) { host.link("/sys/bus/pci/devices/0000:3b:00.0/driver", "../ixgbe"); },
     kFailure, "wire.outside", "0000:3b:00.0 is bound to ixgbe, not to a DPDK driver",
     "driverctl set-override 0000:3b:00.0 vfio-pci"},
    {"NothingHoldsTheDevice", kPci, "driver",
     [](FakeHost& host) { host.remove("/sys/bus/pci/devices/0000:3b:00.1/driver"); }, kFailure,
     "wire.inside", "0000:3b:00.1 is bound to no driver, not to a DPDK driver",
     "driverctl set-override 0000:3b:00.1 vfio-pci"},
    {"DeviceCarriesTheDefaultRoute", kPci, "default-route",
     [](FakeHost& host) {
       host.link("/sys/bus/pci/devices/0000:3b:00.0/driver", "../ixgbe");
       host.make_directory("/sys/bus/pci/devices/0000:3b:00.0/net/enp59s0f0");
       host.interfaces["enp59s0f0"].facts.carries_default_route = true;
     },
     kFailure, "wire.outside",
     "0000:3b:00.0 carries the default route of this host, which would be cut off",
     "ip -brief link\nsluice.yaml: device: one that the host itself does not use"},
    {"VfioIsNotLoaded", kPci, "vfio",
     [](FakeHost& host) { host.remove("/sys/bus/pci/drivers/vfio-pci"); }, kFailure, "",
     "the driver vfio-pci is not loaded",
     "modprobe vfio-pci\n/etc/modules-load.d/sluice.conf: vfio-pci"},
    {"IommuIsOff", kPci, "iommu", [](FakeHost& host) { host.remove("/sys/kernel/iommu_groups"); },
     kFailure, "", "no IOMMU is on: vfio gives no device to sluice",
     SLUICE_GRUB("intel_iommu=on iommu=pt") "\nwithout an IOMMU, unsafe: echo Y > "
                                            "/sys/module/vfio/parameters/"
                                            "enable_unsafe_noiommu_mode"},
    {"VfioRunsWithoutIommu", kPci, "iommu",
     [](FakeHost& host) {
       host.remove("/sys/kernel/iommu_groups");
       host.write("/proc/cpuinfo", "vendor_id : AuthenticAMD\n");
       host.write("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
     },
     kWarning, "", "no IOMMU: vfio runs in its unsafe mode, a NIC can write to all memory",
     SLUICE_GRUB("iommu=pt")},
    {"GroupIsSharedWithAnotherDevice", kPci, "iommu-group",
     [](FakeHost& host) {
       host.write("/sys/kernel/iommu_groups/12/devices/0000:3b:00.2", "");
       host.link("/sys/bus/pci/devices/0000:3b:00.2/driver", "../snd_hda");
       host.write("/sys/kernel/iommu_groups/12/devices/0000:3a:00.0", "");  // a bridge is no harm
       host.link("/sys/bus/pci/devices/0000:3a:00.0/driver", "../pcieport");
       host.write("/sys/bus/pci/devices/0000:3a:00.0/class", "0x060400\n");
     },
     kFailure, "wire.outside",
     "0000:3b:00.0 shares IOMMU group 12 with 0000:3b:00.2, which snd_hda holds",
     "driverctl set-override 0000:3b:00.2 vfio-pci"},
    {"FirmwareKeepsLldpBeforeBinding", kPci, "lldp-agent",
     [](FakeHost& host) {
       host.make_directory("/sys/bus/pci/devices/0000:3b:00.0/net/ens1");
       host.interfaces["ens1"].private_flags = {{.name = "disable-fw-lldp"}};
     },
     kWarning, "wire.outside", "the firmware of ens1 answers LLDP and forwards none",
     "ethtool --set-priv-flags ens1 disable-fw-lldp on"},
};

const Fault kInterfaceFaults[] = {
    {"InterfaceIsMissing", kAfPacket, "interface",
     [](FakeHost& host) { host.interfaces.erase("eth2"); }, kFailure, "wire.inside",
     "interface eth2 does not exist here", "ip -brief link\nsluice.yaml: device: one of its names"},
    {"InterfaceCarriesTheDefaultRoute", kAfPacket, "default-route",
     [](FakeHost& host) { host.lan().facts.carries_default_route = true; }, kFailure,
     "wire.outside", "eth1 carries the default route of this host, which would be cut off",
     "ip -brief link\nsluice.yaml: device: one that the host itself does not use"},
    {"InterfaceIsDown", kAfPacket, "link", [](FakeHost& host) { host.lan().facts.is_up = false; },
     kWarning, "wire.outside", "eth1 is down: start sets it up, until then its link is not known",
     "ip link set dev eth1 up"},
    {"CableIsOut", kAfPacket, "link",
     [](FakeHost& host) { host.write("/sys/class/net/eth2/carrier", "0\n"); }, kWarning,
     "wire.inside", "eth2 has no link", "ethtool eth2\nplug the cable, or set the other end up"},
    {"MtuIsSmall", kAfPacket, "mtu",
     [](FakeHost& host) {
       host.pair().mtu = 1600;
       host.interfaces.at("eth2").facts.mtu = 1600;
     },
     kWarning, "wire.outside",
     "eth1 has an MTU of 1500, the pair has 1600: start tries to raise it",
     "ip link set dev eth1 mtu 1600"},
    {"MtuIsAboveWhatXdpCarries", kAfXdp, "mtu",
     [](FakeHost& host) {
       host.pair().mtu = 9000;
       host.pair().inside.device = "null:64";
     },
     kFailure, "wire.outside", "an MTU of 9000 is above the 3498 that af_xdp can carry",
     "sluice.yaml: device: af_packet:eth1"},
    {"HardwareMergesFrames", kAfPacket, "merging",
     [](FakeHost& host) { host.lan().features[1].is_on = true; }, kWarning, "wire.outside",
     "eth1 merges frames in hardware", "ethtool -K eth1 rx-gro-hw off"},
    {"MergingCannotBeTurnedOff", kAfPacket, "merging",
     [](FakeHost& host) {
       host.lan().features.push_back({.name = "rx-lro", .is_on = true, .is_fixed = true});
     },
     kWarning, "wire.outside",
     "eth1 changes frames before sluice sees them: rx-lro cannot be turned off",
     "ethtool -k eth1 | grep rx-lro\nsluice.yaml: device: another interface"},
    {"VirtualInterfaceLeavesChecksumsOpen", kAfPacket, "checksums",
     [](FakeHost& host) { host.remove("/sys/class/net/eth1/device"); }, kWarning, "wire.outside",
     "eth1 is virtual: its senders leave checksums and segments unfinished",
     "on the sender's end: ethtool -K IFACE tx off tso off gso off\n"
     "or sluice.yaml: checksums: fix"},
    {"XdpPortHasSeveralQueues", kAfXdp, "xdp",
     [](FakeHost& host) { host.lan().facts.channels = 8; }, kFailure, "wire.outside",
     "eth1 spreads over 8 queues, af_xdp reads only the first", "ethtool -L eth1 combined 1"},
    {"XdpPortHasAnotherProgram", kAfXdp, "xdp",
     [](FakeHost& host) {
       host.lan().facts.xdp_program = 7;
       host.lan().xdp_program = "cil_from_netdev";
     },
     kFailure, "wire.outside", "eth1 has the XDP program 'cil_from_netdev' of somebody else",
     "ip link set dev eth1 xdp off"},
    {"DriverHasNoXdp", kAfXdp, "xdp",
     [](FakeHost& host) { host.link("/sys/class/net/eth1/device/driver", "../e1000"); }, kWarning,
     "wire.outside", "driver e1000 of eth1 is not known to have XDP: frames would be copied",
     "sluice.yaml: device: af_packet:eth1"},
    {"ProgramsAreInterpreted", kAfXdp, "xdp",
     [](FakeHost& host) { host.write("/proc/sys/net/core/bpf_jit_enable", "0\n"); }, kWarning, "",
     "programs for XDP are interpreted",
     "sysctl -w net.core.bpf_jit_enable=1\n"
     "/etc/sysctl.d/80-sluice.conf: net.core.bpf_jit_enable=1"},
    {"FirmwareKeepsLldp", kAfPacket, "lldp-agent",
     [](FakeHost& host) { host.lan().private_flags[0].is_on = true; }, kWarning, "wire.outside",
     "the firmware of eth1 answers LLDP and forwards none",
     "ethtool --set-priv-flags eth1 fw-lldp-agent off"},
    {"CapabilitiesAreMissing", kAfXdp, "privileges",
     [](FakeHost& host) {
       host.missing_capabilities = {CAP_NET_RAW, CAP_BPF, CAP_SYS_ADMIN};
     },
     kWarning, "", "started by this user, sluice would lack cap_net_raw, cap_sys_admin",
     "run as root\nor sluice.service: AmbientCapabilities=cap_net_raw cap_sys_admin"},
};

const Fault kSystemFaults[] = {
    {"KernelIsOld", kPci, "kernel",
     [](FakeHost& host) { host.write("/proc/sys/kernel/osrelease", "4.19.0-26-amd64\n"); },
     kFailure, "", "kernel 4.19.0-26-amd64 is older than 5.10",
     "apt install linux-image-amd64 && reboot"},
    {"ClockIsSlow", kPci, "clock-source",
     [](FakeHost& host) {
       host.write("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
     },
     kWarning, "", "the clock source is 'hpet': asking for the time is a system call",
     "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"},
    {"ClockIsSlowAndTscIsNotOffered", kPci, "clock-source",
     [](FakeHost& host) {
       const std::string dir = "/sys/devices/system/clocksource/clocksource0/";
       host.write(dir + "current_clocksource", "acpi_pm\n");
       host.write(dir + "available_clocksource", "acpi_pm hpet\n");
     },
     kWarning, "", "the clock source is 'acpi_pm': asking for the time is a system call",
     SLUICE_GRUB("tsc=reliable")},
    {"AddressesCanBeGuessed", kPci, "aslr",
     [](FakeHost& host) { host.write("/proc/sys/kernel/randomize_va_space", "0\n"); }, kWarning, "",
     "kernel.randomize_va_space is 0: addresses can be guessed",
     "sysctl -w kernel.randomize_va_space=2\n"
     "/etc/sysctl.d/80-sluice.conf: kernel.randomize_va_space=2"},
    {"ClockIsNotSynchronised", kPci, "time-sync",
     [](FakeHost& host) { host.is_clock_synchronised = false; }, kWarning, "",
     "the clock is not synchronised: times of events will not match other hosts",
     "apt install systemd-timesyncd\ntimedatectl set-ntp true"},
    {"EverybodyMayChangeTheConfiguration", kPci, "config-file",
     [](FakeHost& host) { host.allow("/etc/sluice/sluice.yaml", 0666); }, kFailure,
     "/etc/sluice/sluice.yaml", "everybody on this host may change what the gateway does",
     "chmod o-w /etc/sluice/sluice.yaml"},
    {"EverybodyMayReplaceTheConfiguration", kPci, "config-file",
     [](FakeHost& host) { host.allow("/etc/sluice", 0777); }, kFailure, "/etc/sluice",
     "everybody on this host may put another file in its place", "chmod o-w /etc/sluice"},
    {"UserIsMissing", kPci, "user", [](FakeHost& host) { host.account.reset(); }, kFailure,
     "sluice", "no user 'sluice': the gateway would not start as root",
     "adduser --system --group --no-create-home sluice"},
    {"StateDirectoryIsMissing", kPci, "directories",
     [](FakeHost& host) { host.remove("/var/lib/sluice"); }, kWarning, "/var/lib/sluice",
     "control.state_dir names a directory that does not exist",
     "install -d -o sluice -g sluice -m 0750 /var/lib/sluice"},
    {"LogDirectoryIsAFile", kPci, "directories",
     [](FakeHost& host) {
       host.remove("/var/log/sluice");
       host.write("/var/log/sluice", "");
     },
     kFailure, "/var/log/sluice", "/var/log/sluice is not a directory",
     "mv /var/log/sluice /var/log/sluice.old\n"
     "install -d -o sluice -g sluice -m 0750 /var/log/sluice"},
    {"EverybodyMayChangeTheState", kPci, "directories",
     [](FakeHost& host) { host.allow("/var/lib/sluice", 0777); }, kWarning, "/var/lib/sluice",
     "everybody on this host may change what is there", "chmod o-w /var/lib/sluice"},
    {"AnotherRuns", kPci, "running",
     [](FakeHost& host) {
       host.write("/proc/net/unix",
                  "Num RefCount Protocol Flags Type St Inode Path\n"
                  "0000: 2 0 10000 1 01 77 /run/sluice/control.sock\n");
     },
     kWarning, "", "another sluiced runs: it has the socket /run/sluice/control.sock",
     "systemctl stop sluice"},
    {"AnotherHasThePort", kAfPacket, "running",
     [](FakeHost& host) {
       host.write("/proc/net/unix",
                  "Num RefCount Protocol Flags Type St Inode Path\n"
                  "0000: 2 0 10000 1 01 77 @sluice-port-99\n"
                  "0000: 2 0 10000 1 01 78 @sluice-port-11\n");
     },
     kWarning, "", "another sluiced runs: it has the socket @sluice-port-11",
     "systemctl stop sluice"},
};

#undef SLUICE_GRUB

class DoctorFault : public ::testing::TestWithParam<Fault> {};

TEST_P(DoctorFault, IsNamedWithItsFixAndOnlyWhereItIs) {
  const Fault& fault = GetParam();
  FakeHost host(fault.ports);
  EXPECT_THAT(host.faults(fault.area), IsEmpty()) << "the healthy twin";
  fault.make(host);
  const std::vector<HostFinding> found = host.faults(fault.area);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].state, fault.state);
  EXPECT_EQ(found[0].subject, fault.subject);
  if (fault.what != nullptr) {
    EXPECT_EQ(found[0].what, fault.what);
  }
  EXPECT_EQ(found[0].fix, fault.fix);
}

std::string name_of_fault(const ::testing::TestParamInfo<Fault>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Memory, DoctorFault, ::testing::ValuesIn(kMemoryFaults), name_of_fault);
INSTANTIATE_TEST_SUITE_P(Cpu, DoctorFault, ::testing::ValuesIn(kCpuFaults), name_of_fault);
INSTANTIATE_TEST_SUITE_P(Pci, DoctorFault, ::testing::ValuesIn(kPciFaults), name_of_fault);
INSTANTIATE_TEST_SUITE_P(Kernel, DoctorFault, ::testing::ValuesIn(kInterfaceFaults), name_of_fault);
INSTANTIATE_TEST_SUITE_P(System, DoctorFault, ::testing::ValuesIn(kSystemFaults), name_of_fault);

}  // namespace
}  // namespace sluice
