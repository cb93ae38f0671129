// A host whose files hold any bytes: the first byte says which file, the rest stands in it. Doctor
// answers for every check, and with a fix wherever it finds a fault.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "tests/unit/dataplane/doctor_host.h"

namespace {

constexpr std::array<const char*, 12> kFiles = {
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/cmdline",
    "/proc/swaps",
    "/proc/filesystems",
    "/proc/net/unix",
    "/proc/sys/kernel/osrelease",
    "/proc/irq/24/effective_affinity_list",
    "/sys/devices/system/cpu/isolated",
    "/sys/devices/system/cpu/cpu2/topology/thread_siblings_list",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sluice::test::FakeHost host(sluice::test::FakePorts::pci);
  static const std::size_t checks = host.examine().size();
  if (size == 0) return 0;
  const std::string path = kFiles[data[0] % kFiles.size()];
  const std::string sound = sluice::test::read_text(host.locate(path));
  host.write(path, std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  const auto findings = host.examine();
  host.write(path, sound);
  SLUICE_CHECK(findings.size() >= checks, "every check answers");
  for (const sluice::HostFinding& finding : findings) {
    const bool is_ok = finding.state == sluice::FindingState::ok;
    SLUICE_CHECK(is_ok || !finding.fix.empty(), "a fault comes with its fix");
  }
  return 0;
}
