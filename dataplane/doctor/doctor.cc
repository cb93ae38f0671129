#include "dataplane/doctor.h"

#include "dataplane/doctor/checks.h"

namespace sluice {
namespace {

struct CheckRow {
  std::string_view area;
  HostCheck* check;
};

constexpr CheckRow kChecks[] = {
    {"plan", check_plan},
    {"kernel", check_kernel},
    {"cpu-flags", check_cpu_flags},
    {"device", check_device},
    {"interface", check_interface},
    {"default-route", check_default_route},
    {"driver", check_driver},
    {"vfio", check_vfio},
    {"iommu", check_iommu},
    {"iommu-group", check_iommu_group},
    {"link", check_link},
    {"mtu", check_mtu},
    {"merging", check_merging},
    {"checksums", check_checksums},
    {"xdp", check_xdp},
    {"lldp-agent", check_lldp_agent},
    {"privileges", check_privileges},
    {"hugepages", check_hugepages},
    {"hugetlbfs", check_hugetlbfs},
    {"locked-memory", check_locked_memory},
    {"memory", check_memory},
    {"swap", check_swap},
    {"thp", check_transparent_hugepages},
    {"lcores", check_lcores},
    {"siblings", check_siblings},
    {"numa", check_numa},
    {"isolation", check_isolation},
    {"timer-tick", check_timer_tick},
    {"interrupts", check_interrupts},
    {"governor", check_governor},
    {"turbo", check_turbo},
    {"clock-source", check_clock_source},
    {"time-sync", check_time_sync},
    {"aslr", check_address_space},
    {"config-file", check_config_file},
    {"user", check_user},
    {"directories", check_directories},
    {"disk-space", check_disk_space},
    {"running", check_running},
};

}  // namespace

std::vector<HostFinding> examine_host(const HostView& host, const HostNeeds& needs) {
  const Examination examination = begin_examination(host, needs);
  std::vector<HostFinding> all;
  for (const CheckRow& row : kChecks) {
    const std::size_t before = all.size();
    AreaFindings findings(row.area, all);
    row.check(examination, findings);
    if (all.size() == before)
      all.push_back({.area = std::string(row.area),
                     .subject = {},
                     .state = FindingState::ok,
                     .what = {},
                     .fix = {}});
  }
  return all;
}

std::string_view name_of(FindingState state) noexcept {
  constexpr std::string_view kNames[] = {"ok", "warning", "failure"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace sluice
