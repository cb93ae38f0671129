#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "dataplane/doctor/checks.h"

namespace sluice {
namespace {

constexpr std::uint32_t kGroupMayWrite = 0020;
constexpr std::uint32_t kOthersMayWrite = 0002;
constexpr std::uint32_t kSticky = 01000;

constexpr std::uint64_t kFreeBytesLow = 1U << 30;
constexpr std::uint64_t kFreeBytesLeast = 64U << 20;
constexpr std::uint64_t kFreeInodesLow = 1000;

/// A directory that sluice writes to.
struct WrittenDirectory {
  std::string path;
  std::string_view option;
  bool may_be_roots = false;  ///< the wire process, which is root, may own it
};

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::vector<WrittenDirectory> written_directories(const Config& config) {
  std::vector<WrittenDirectory> found = {
      {config.control.state_dir, "control.state_dir", false},
      {config.control.run_dir, "control.run_dir", true},
  };
  if (!config.events.eve.empty() && config.events.eve != "-") {
    found.push_back({parent_of(config.events.eve), "events.eve", false});
  }
  return found;
}

/// Who the control process runs as: the name that the configuration wants, and whose numbers it
/// has. Without such a user there is no start (check_user).
struct Writer {
  std::string name;
  UserAccount account;
};

Writer control_writer(const Examination& host) {
  const std::string& user = host.config->control.user;
  if (user.empty()) return {.name = "root", .account = {}};
  return {.name = user, .account = host.probe.account(user).value_or(UserAccount{})};
}

bool can_write(const WrittenDirectory& directory, const FileFacts& facts, const Writer& writer) {
  if (facts.owner == writer.account.user) return true;
  if (directory.may_be_roots && facts.owner == 0) return true;
  if (facts.group == writer.account.group && (facts.mode & kGroupMayWrite) != 0) return true;
  return (facts.mode & kOthersMayWrite) != 0;
}

void judge_directory(const Examination& host, const WrittenDirectory& directory,
                     AreaFindings& findings) {
  const Writer writer = control_writer(host);
  const std::string& path = directory.path;
  const auto facts = host.tree.facts(path);
  if (!facts) {
    findings.warn(path, fmt::format("{} names a directory that does not exist", directory.option),
                  fmt::format("install -d -o {0} -g {0} -m 0750 {1}", writer.name, path));
  } else if (!facts->is_directory) {
    findings.refuse(
        path, fmt::format("{} is not a directory", path),
        fmt::format("mv {0} {0}.old\ninstall -d -o {1} -g {1} -m 0750 {0}", path, writer.name));
  } else if (!can_write(directory, *facts, writer)) {
    findings.refuse(
        path, fmt::format("belongs to user {}: '{}' cannot write there", facts->owner, writer.name),
        fmt::format("chown {0}:{0} {1}", writer.name, path));
  } else if ((facts->mode & kOthersMayWrite) != 0 && (facts->mode & kSticky) == 0) {
    findings.warn(path, "everybody on this host may change what is there",
                  fmt::format("chmod o-w {}", path));
  }
}

/// The directory itself, or the nearest one above it that exists.
std::string nearest_existing(const HostTree& tree, std::string path) {
  while (path.size() > 1 && path != "." && !tree.exists(path)) path = parent_of(path);
  return path;
}

void judge_space(const std::string& path, const DiskSpace& space, AreaFindings& findings) {
  const std::string fix = fmt::format("df -h {0}\ndu -xh {0} | sort -h | tail", path);
  const bool lacks_inodes = space.total_inodes > 0 && space.free_inodes < kFreeInodesLow;
  if (lacks_inodes) {
    findings.warn(path, fmt::format("only {} more files can be made", space.free_inodes),
                  fmt::format("df -i {}", path));
  }
  if (space.free_bytes >= std::min(kFreeBytesLow, space.total_bytes / 2)) return;
  const std::string what = fmt::format("only {} are free", print_mebibytes(space.free_bytes));
  if (space.free_bytes < kFreeBytesLeast) return findings.refuse(path, what, fix);
  findings.warn(path, what, fix);
}

bool is_index_of_port(const Examination& host, std::string_view digits) {
  int index = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), index);
  return std::ranges::any_of(host.ports, [&](const ExaminedPort& port) {
    if (!port.device.is_kernel_interface()) return false;
    const auto view = host.probe.interface(port.device.name);
    return view && view->facts.index == index;
  });
}

/// Whether a UNIX socket of this name would be in the way of a start.
bool is_of_another(const Examination& host, std::string_view socket) {
  constexpr std::string_view kPortLock = "@sluice-port-";
  if (host.config == nullptr) return socket.starts_with(kPortLock);
  if (socket.starts_with(kPortLock)) return is_index_of_port(host, socket.substr(kPortLock.size()));
  return socket.starts_with(host.config->control.run_dir + "/");
}

}  // namespace

void check_plan(const Examination& host, AreaFindings& findings) {
  if (host.plan_error) findings.refuse("", host.plan_error->message, host.plan_error->hint);
}

void check_config_file(const Examination& host, AreaFindings& findings) {
  const std::string& path = host.needs.config_path;
  if (path.empty()) return;
  const auto facts = host.tree.facts(path);
  if (!facts) return;
  if ((facts->mode & kOthersMayWrite) != 0) {
    findings.refuse(path, "everybody on this host may change what the gateway does",
                    fmt::format("chmod o-w {}", path));
  }
  const auto directory = host.tree.facts(parent_of(path));
  const bool is_open =
      directory && (directory->mode & kOthersMayWrite) != 0 && (directory->mode & kSticky) == 0;
  if (is_open) {
    findings.refuse(parent_of(path), "everybody on this host may put another file in its place",
                    fmt::format("chmod o-w {}", parent_of(path)));
  }
}

void check_user(const Examination& host, AreaFindings& findings) {
  if (host.config == nullptr || host.config->control.user.empty()) return;
  const std::string& user = host.config->control.user;
  if (host.probe.account(user)) return;
  findings.refuse(user, fmt::format("no user '{}': the gateway would not start as root", user),
                  fmt::format("adduser --system --group --no-create-home {}", user));
}

void check_directories(const Examination& host, AreaFindings& findings) {
  if (host.config == nullptr) return;
  for (const WrittenDirectory& directory : written_directories(*host.config)) {
    judge_directory(host, directory, findings);
  }
}

void check_disk_space(const Examination& host, AreaFindings& findings) {
  if (host.config == nullptr) return;
  for (const WrittenDirectory& directory : written_directories(*host.config)) {
    const std::string path = nearest_existing(host.tree, directory.path);
    if (const auto space = host.probe.disk_space(path))
      judge_space(directory.path, *space, findings);
  }
}

void check_running(const Examination& host, AreaFindings& findings) {
  const std::string text = host.tree.text("/proc/net/unix");
  for (const std::string_view line : split_lines(text)) {
    const auto words = split_words(line);
    if (words.size() < 8 || !is_of_another(host, words.back())) continue;
    findings.warn("", fmt::format("another sluiced runs: it has the socket {}", words.back()),
                  "systemctl stop sluice");
    return;
  }
}

}  // namespace sluice
