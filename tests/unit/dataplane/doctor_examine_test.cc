#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dataplane/doctor_host.h"

namespace sluice {
namespace {

using test::FakeHost;
using test::FakePorts;
using ::testing::Each;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr FakePorts kAllPorts[] = {FakePorts::pci, FakePorts::af_packet, FakePorts::af_xdp,
                                   FakePorts::none};

std::set<std::string> areas_of(const std::vector<HostFinding>& findings) {
  std::set<std::string> areas;
  for (const HostFinding& finding : findings) areas.insert(finding.area);
  return areas;
}

TEST(Doctor, FindsNothingWrongWithAHealthyHost) {
  for (const FakePorts ports : kAllPorts) {
    const std::vector<HostFinding> findings = FakeHost(ports).examine();
    for (const HostFinding& finding : findings) {
      EXPECT_EQ(finding.state, FindingState::ok) << finding.area << ": " << finding.what;
    }
    EXPECT_EQ(areas_of(findings).size(), findings.size()) << "one finding per check";
  }
}

TEST(Doctor, AnswersForEveryCheckWhateverItFinds) {
  FakeHost healthy(FakePorts::pci);
  FakeHost broken(FakePorts::pci);
  broken.write("/proc/swaps", "Filename\n/dev/sda2 partition\n/dev/sdb2 partition\n");
  broken.remove("/var/lib/sluice");
  EXPECT_EQ(areas_of(broken.examine()), areas_of(healthy.examine()));
  EXPECT_THAT(broken.faults("swap"), SizeIs(2));
}

TEST(Doctor, GivesAFixWithEveryFault) {
  for (const FakePorts ports : kAllPorts) {
    FakeHost host(ports);
    for (const char* gone : {"/proc", "/sys", "/var", "/run", "/etc"}) host.remove(gone);
    host.interfaces.clear();
    host.account.reset();
    host.is_clock_synchronised = false;
    host.missing_capabilities = {CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF, CAP_SYS_ADMIN};
    const std::vector<HostFinding> faults = host.faults("");
    EXPECT_THAT(faults, Not(IsEmpty()));
    EXPECT_THAT(faults, Each(Field(&HostFinding::fix, Not(IsEmpty()))));
    EXPECT_THAT(faults, Each(Field(&HostFinding::what, Not(IsEmpty()))));
  }
}

TEST(Doctor, AsksForRootsDirectoryToBeHandedOver) {
  FakeHost host(FakePorts::pci);
  host.account = UserAccount{.user = getuid() + 1, .group = getgid() + 1};
  const std::vector<HostFinding> faults = host.faults("directories");
  ASSERT_THAT(faults, Not(IsEmpty()));
  EXPECT_EQ(faults[0].state, FindingState::failure);
  EXPECT_EQ(faults[0].subject, "/var/lib/sluice");
  EXPECT_EQ(faults[0].fix, "chown sluice:sluice /var/lib/sluice");
}

TEST(Doctor, LeavesTheTickOfCpusThatAreNotIsolatedToOneFinding) {
  FakeHost host(FakePorts::pci);
  host.write("/sys/devices/system/cpu/isolated", "\n");
  host.write("/sys/devices/system/cpu/nohz_full", "\n");
  EXPECT_THAT(host.faults("isolation"), SizeIs(1));
  EXPECT_THAT(host.faults("timer-tick"), IsEmpty());
}

TEST(Doctor, WantsDirectoriesForTheUserThatIsStillMissing) {
  FakeHost host(FakePorts::pci);
  host.account.reset();
  host.remove("/run/sluice");
  const std::vector<HostFinding> faults = host.faults("directories");
  ASSERT_THAT(faults, Not(IsEmpty()));
  EXPECT_EQ(faults.back().fix, "install -d -o sluice -g sluice -m 0750 /run/sluice");
}

TEST(Doctor, TakesADirectoryThatTheGroupMayWrite) {
  FakeHost host(FakePorts::pci);
  host.account = UserAccount{.user = getuid() + 1, .group = getgid()};
  for (const char* path : {"/var/lib/sluice", "/var/log/sluice", "/run/sluice"}) {
    host.allow(path, 0770);
  }
  EXPECT_THAT(host.faults("directories"), IsEmpty());
}

TEST(Doctor, JudgesFreeSpaceOfEveryDirectoryItWritesTo) {
  FakeHost host(FakePorts::pci);
  host.disk.free_bytes = 500U << 20;
  const std::vector<HostFinding> low = host.faults("disk-space");
  ASSERT_THAT(low, SizeIs(3));
  EXPECT_THAT(low, Each(Field(&HostFinding::state, FindingState::warning)));
  EXPECT_EQ(low[0].what, "only 500MiB are free");
  EXPECT_EQ(low[0].fix, "df -h /var/lib/sluice\ndu -xh /var/lib/sluice | sort -h | tail");
  host.disk.free_bytes = 1U << 20;
  EXPECT_THAT(host.faults("disk-space"), Each(Field(&HostFinding::state, FindingState::failure)));
}

TEST(Doctor, CountsFilesThatCanStillBeMade) {
  FakeHost host(FakePorts::pci);
  host.disk.free_inodes = 5;
  const std::vector<HostFinding> few = host.faults("disk-space");
  ASSERT_THAT(few, SizeIs(3));
  EXPECT_EQ(few[0].what, "only 5 more files can be made");
  host.disk.total_inodes = 0;
  EXPECT_THAT(host.faults("disk-space"), IsEmpty());
}

TEST(Doctor, WritesNoEventsWhereNoneAreWanted) {
  FakeHost host(FakePorts::pci);
  host.remove("/var/log/sluice");
  for (const char* eve : {"", "-"}) {
    host.config.events.eve = eve;
    EXPECT_THAT(host.faults("directories"), IsEmpty()) << "'" << eve << "'";
  }
}

TEST(Doctor, AsksForNoVfioWhereTheKernelDriverStays) {
  FakeHost host(FakePorts::pci);
  for (const char* address : {"0000:3b:00.0", "0000:3b:00.1"}) {
    host.link(std::string("/sys/bus/pci/devices/") + address + "/driver", "../mlx5_core");
  }
  host.remove("/sys/bus/pci/drivers/vfio-pci");
  host.remove("/sys/kernel/iommu_groups");
  EXPECT_THAT(host.faults(""), IsEmpty());
}

TEST(Doctor, NeverProposesToBindWhatCarriesTheDefaultRoute) {
  FakeHost host(FakePorts::pci);
  host.write("/sys/kernel/iommu_groups/12/devices/0000:3b:00.2", "");
  for (const char* address : {"0000:3b:00.0", "0000:3b:00.2"}) {
    const std::string device = std::string("/sys/bus/pci/devices/") + address;
    host.link(device + "/driver", "../ixgbe");
    host.make_directory(device + "/net/eno1");
  }
  host.interfaces["eno1"].facts.carries_default_route = true;
  for (const HostFinding& fault : host.faults("")) {
    EXPECT_EQ(fault.fix.find("set-override"), std::string::npos) << fault.area;
  }
  EXPECT_THAT(host.faults("default-route"), SizeIs(1));
  EXPECT_THAT(host.faults("iommu-group"), SizeIs(1));
}

TEST(Doctor, LetsOnlyTheLastCommandLineOptionCount) {
  FakeHost host(FakePorts::pci);
  host.remove("/sys/devices/system/cpu/nohz_full");
  host.write("/proc/cmdline", "rcu_nocbs=0 rcu_nocbs_poll rcu_nocbs=0-7\n");
  EXPECT_THAT(host.faults("timer-tick"), IsEmpty());
  host.write("/proc/cmdline", "rcu_nocbs=2-3 rcu_nocbs=0\n");
  EXPECT_THAT(host.faults("timer-tick"), SizeIs(1));
}

TEST(Doctor, TakesCpusOfAnIsolatedCpusetForIsolated) {
  FakeHost host(FakePorts::pci);
  host.write("/sys/devices/system/cpu/isolated", "\n");
  EXPECT_THAT(host.faults("isolation"), SizeIs(1));
  host.write("/sys/fs/cgroup/cpuset.cpus.isolated", "2-3\n");
  EXPECT_THAT(host.faults("isolation"), IsEmpty());
}

std::vector<std::string> files_below(const std::string& root) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) paths.push_back(entry.path().string().substr(root.size() - 1));
  }
  return paths;
}

std::vector<std::string> strange_texts() {
  std::string all_bytes;
  for (int i = 0; i < 512; ++i) all_bytes += static_cast<char>(i * 7);
  return {"",
          "\n\n\n",
          "-1",
          "0-99999999999",
          "99999999999999999999999\n",
          std::string(8192, 'x'),
          all_bytes,
          "MemTotal: 18446744073709551615\nHugePages_Free: 18446744073709551615\n"};
}

TEST(Doctor, ToleratesAnyContentOfAnyFile) {
  for (const FakePorts ports : {FakePorts::pci, FakePorts::af_xdp}) {
    const FakeHost host(ports);
    for (const std::string& path : files_below(host.locate("/"))) {
      const std::string sound = test::read_text(host.locate(path));
      for (const std::string& text : strange_texts()) {
        host.write(path, text);
        EXPECT_THAT(host.examine(), Not(IsEmpty())) << path;
      }
      host.write(path, sound);
    }
    EXPECT_THAT(host.faults(""), IsEmpty()) << "the host is put back";
  }
}

TEST(Doctor, ReadsNoFileBeyondItsBound) {
  FakeHost host(FakePorts::pci);
  host.write("/proc/swaps", "Filename\n/dev/sda2 partition\n" + std::string(5U << 20, '\n'));
  EXPECT_THAT(host.faults("swap"), IsEmpty());
}

TEST(Doctor, ToleratesDirectoriesInTheirPlace) {
  FakeHost host(FakePorts::pci);
  for (const char* path : {"/proc/meminfo", "/proc/swaps", "/proc/cpuinfo", "/proc/net/unix",
                           "/sys/devices/system/cpu/isolated"}) {
    host.remove(path);
    host.make_directory(path);
  }
  EXPECT_THAT(host.examine(), Not(IsEmpty()));
}

std::set<std::string> listing(const std::string& path) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    names.insert(entry.path().filename());
  }
  return names;
}

TEST(Doctor, ExaminesThisHostAndLeavesNothingBehind) {
  const test::ScratchDir scratch;
  Config config;
  PortPairConfig pair;
  pair.outside.device = "af_packet:lo";
  pair.inside.device = "0000:00:00.0";
  config.pairs = {pair};
  config.control.state_dir = scratch.file("state");
  config.control.run_dir = scratch.file("run");
  config.events.eve = scratch.file("log/eve.json");
  std::filesystem::create_directory(config.control.run_dir);
  const auto run = listing("/run");
  const auto state = listing("/var/lib");
  const std::vector<HostFinding> with = examine_host(real_host(), {.config = &config});
  const std::vector<HostFinding> without = examine_host(real_host(), {});
  EXPECT_THAT(with, Not(IsEmpty()));
  EXPECT_THAT(without, Not(IsEmpty()));
  EXPECT_EQ(listing("/run"), run);
  EXPECT_EQ(listing("/var/lib"), state);
  EXPECT_EQ(listing(scratch.file("")), std::set<std::string>{"run"});
  EXPECT_THAT(listing(config.control.run_dir), IsEmpty());
}

TEST(Doctor, SeesTheLoopbackInterfaceOfThisHost) {
  const auto view = real_host().probe.interface("lo");
  ASSERT_TRUE(view);
  EXPECT_GT(view->facts.mtu, 0u);
  EXPECT_THAT(view->features, Not(IsEmpty()));
  EXPECT_FALSE(real_host().probe.interface("no-such-if"));
}

}  // namespace
}  // namespace sluice
