// What of this host is told by system calls and not by files.
#include <algorithm>
#include <memory>
#include <vector>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cap-ng.h>

#include "dataplane/doctor.h"
#include "dataplane/sealed_memory.h"

namespace sluice {
namespace {

constexpr std::uint32_t kNamesMax = 1024;

/// A request of ethtool with room behind it, as its structures with a tail of unknown length want.
class EthtoolRequest {
 public:
  explicit EthtoolRequest(std::size_t bytes) : words_((bytes + 7) / 8) {}
  template <class Command>
  [[nodiscard]] Command& as() noexcept {
    return *reinterpret_cast<Command*>(words_.data());
  }
  [[nodiscard]] bool send(const std::string& interface) {
    const OwnedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(words_.data());
    return ioctl(socket.fd(), SIOCETHTOOL, &request) == 0;
  }

 private:
  std::vector<std::uint64_t> words_;
};

/// How many names the driver has of one set; 0 where it has none.
std::uint32_t count_names(const std::string& interface, ethtool_stringset set) {
  EthtoolRequest request(sizeof(ethtool_sset_info) + sizeof(std::uint32_t));
  auto& info = request.as<ethtool_sset_info>();
  info.cmd = ETHTOOL_GSSET_INFO;
  info.sset_mask = std::uint64_t{1} << set;
  if (!request.send(interface) || info.sset_mask == 0) return 0;
  return std::min(info.data[0], kNamesMax);
}

std::vector<std::string> read_names(const std::string& interface, ethtool_stringset set) {
  const std::uint32_t count = count_names(interface, set);
  // The driver writes as many as it has, whatever is asked for.
  EthtoolRequest request(sizeof(ethtool_gstrings) + std::size_t{kNamesMax} * 4 * ETH_GSTRING_LEN);
  auto& strings = request.as<ethtool_gstrings>();
  strings.cmd = ETHTOOL_GSTRINGS;
  strings.string_set = set;
  strings.len = count;
  std::vector<std::string> names;
  if (count == 0 || !request.send(interface)) return names;
  for (std::uint32_t i = 0; i < std::min(count, strings.len); ++i) {
    const auto* name = reinterpret_cast<const char*>(strings.data) + i * ETH_GSTRING_LEN;
    names.emplace_back(name, std::find(name, name + ETH_GSTRING_LEN, '\0'));
  }
  return names;
}

std::vector<InterfaceFeature> read_features(const std::string& interface) {
  const std::vector<std::string> names = read_names(interface, ETH_SS_FEATURES);
  const std::size_t blocks = (names.size() + 31) / 32;
  EthtoolRequest request(sizeof(ethtool_gfeatures) + blocks * sizeof(ethtool_get_features_block));
  auto& features = request.as<ethtool_gfeatures>();
  features.cmd = ETHTOOL_GFEATURES;
  features.size = static_cast<std::uint32_t>(blocks);
  std::vector<InterfaceFeature> found;
  if (blocks == 0 || !request.send(interface)) return found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const ethtool_get_features_block& block = features.features[i / 32];
    const std::uint32_t bit = 1U << (i % 32);
    found.push_back({.name = names[i],
                     .is_on = (block.active & bit) != 0,
                     .is_fixed = (block.available & bit) == 0 || (block.never_changed & bit) != 0});
  }
  return found;
}

std::vector<InterfaceFeature> read_private_flags(const std::string& interface) {
  EthtoolRequest request(sizeof(ethtool_value));
  auto& value = request.as<ethtool_value>();
  value.cmd = ETHTOOL_GPFLAGS;
  std::vector<InterfaceFeature> found;
  const std::vector<std::string> names = read_names(interface, ETH_SS_PRIV_FLAGS);
  if (names.empty() || !request.send(interface)) return found;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 32); ++i) {
    found.push_back({.name = names[i], .is_on = (value.data >> i & 1U) != 0, .is_fixed = false});
  }
  return found;
}

Result<InterfaceView> view_interface(const std::string& name) {
  const auto facts = inspect_interface(name);
  if (!facts) return tl::unexpected<Error>(facts.error());
  InterfaceView view{.facts = *facts,
                     .xdp_program = {},
                     .features = read_features(name),
                     .private_flags = read_private_flags(name)};
  if (facts->xdp_program != 0) view.xdp_program = bpf_program_name(facts->xdp_program);
  return view;
}

std::optional<DiskSpace> read_disk_space(const std::string& path) {
  struct statvfs found {};
  if (statvfs(path.c_str(), &found) != 0) return std::nullopt;
  return DiskSpace{.free_bytes = found.f_bavail * found.f_frsize,
                   .total_bytes = found.f_blocks * found.f_frsize,
                   .free_inodes = found.f_favail,
                   .total_inodes = found.f_files};
}

std::optional<UserAccount> find_account(const std::string& user) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  if (found == nullptr) return {};
  return UserAccount{.user = entry.pw_uid, .group = entry.pw_gid};
}

std::uint64_t read_locked_bytes_max() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  return limit.rlim_cur;
}

bool has_capability(unsigned capability) {
  capng_get_caps_process();
  return capng_have_capability(CAPNG_EFFECTIVE, capability) != 0;
}

bool is_clock_synchronised() {
  timex now{};
  const int state = adjtimex(&now);
  return state >= 0 && (now.status & STA_UNSYNC) == 0;
}

}  // namespace

HostView real_host() {
  HostView host;
  host.probe = {.interface = view_interface,
                .cpus = [] { return read_cpu_topology().value_or(CpuTopology{}); },
                .disk_space = read_disk_space,
                .account = find_account,
                .locked_bytes_max = read_locked_bytes_max,
                .has_capability = has_capability,
                .is_clock_synchronised = is_clock_synchronised};
  return host;
}

}  // namespace sluice
