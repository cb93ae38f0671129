// `sluiced doctor`: what of this host would stop or slow the gateway, each with the command or the
// line of a file that puts it right. It looks and changes nothing. What is read from files is read
// below a root, and what is no file comes through `HostProbe`, so that a host can be made up. One
// thread, before anything is started. No DPDK here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "dataplane/io/kernel_interface.h"
#include "dataplane/io/lcore_plan.h"

namespace sluice {

struct InterfaceFeature {
  std::string name;  ///< as `ethtool -k` and `ethtool --show-priv-flags` print it
  bool is_on = false;
  bool is_fixed = false;  ///< the driver does not let it be changed
};

/// An interface of the kernel as the ioctls describe it.
struct InterfaceView {
  InterfaceFacts facts;
  std::string xdp_program;  ///< name, where `facts.xdp_program` is not 0
  std::vector<InterfaceFeature> features;
  std::vector<InterfaceFeature> private_flags;
};

struct DiskSpace {
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t free_inodes = 0;
  std::uint64_t total_inodes = 0;  ///< 0 = the file system counts none
};

struct UserAccount {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
};

struct HostProbe {
  /// Errors: not_found.
  std::function<Result<InterfaceView>(const std::string& name)> interface;
  std::function<CpuTopology()> cpus;
  std::function<std::optional<DiskSpace>(const std::string& path)> disk_space;
  std::function<std::optional<UserAccount>(const std::string& user)> account;
  std::function<std::uint64_t()> locked_bytes_max;          ///< RLIMIT_MEMLOCK
  std::function<bool(unsigned capability)> has_capability;  ///< CAP_*
  std::function<bool()> is_clock_synchronised;
};

struct HostView {
  std::string root = "/";
  HostProbe probe;
};

/// This host. Every answer is looked up when it is asked for.
[[nodiscard]] HostView real_host();

/// What the host is for. Without a configuration only the host itself is judged.
struct HostNeeds {
  const Config* config = nullptr;
  std::string config_path = {};  ///< empty = its ownership is not judged
  std::uint64_t prefixes_v4 = 0;
  std::uint64_t prefixes_v6 = 0;
  std::vector<std::uint64_t> set_bytes = {};  ///< as MemoryRequest has them
};

enum class FindingState : std::uint8_t { ok, warning, failure };

struct HostFinding {
  std::string area;     ///< name of the check: "hugepages", "driver"
  std::string subject;  ///< what it is about: a port, a node, a path; may be empty
  FindingState state = FindingState::ok;
  std::string what;
  std::string fix;  ///< one command or file line per line
};

/// One finding of state ok for every check that found nothing wrong, in the order of the checks.
/// Any content of any file is tolerated; files are read up to a bound.
[[nodiscard]] std::vector<HostFinding> examine_host(const HostView& host, const HostNeeds& needs);

/// "ok", "warning", "failure".
[[nodiscard]] std::string_view name_of(FindingState state) noexcept;

}  // namespace sluice
