// The checks of doctor, one question each. They are rows of the table in doctor.cc. No DPDK here.
// One thread.
#pragma once

#include "dataplane/doctor/examination.h"

namespace sluice {

using HostCheck = void(const Examination& host, AreaFindings& findings);

// Whether what the configuration asks for works out on this host.
HostCheck check_plan;

// Memory.
HostCheck check_hugepages;
HostCheck check_hugetlbfs;
HostCheck check_locked_memory;
HostCheck check_memory;
HostCheck check_swap;
HostCheck check_transparent_hugepages;

// CPUs.
HostCheck check_cpu_flags;
HostCheck check_lcores;
HostCheck check_siblings;
HostCheck check_numa;
HostCheck check_isolation;
HostCheck check_timer_tick;
HostCheck check_interrupts;
HostCheck check_governor;
HostCheck check_turbo;

// Ports that are PCI devices.
HostCheck check_device;
HostCheck check_driver;
HostCheck check_vfio;
HostCheck check_iommu;
HostCheck check_iommu_group;

// Ports that are interfaces of the kernel.
HostCheck check_interface;
HostCheck check_default_route;
HostCheck check_link;
HostCheck check_mtu;
HostCheck check_merging;
HostCheck check_checksums;
HostCheck check_xdp;
HostCheck check_lldp_agent;
HostCheck check_privileges;

// Files, directories, users.
HostCheck check_config_file;
HostCheck check_user;
HostCheck check_directories;
HostCheck check_disk_space;
HostCheck check_running;

// The kernel and its clocks.
HostCheck check_kernel;
HostCheck check_clock_source;
HostCheck check_address_space;
HostCheck check_time_sync;

}  // namespace sluice
