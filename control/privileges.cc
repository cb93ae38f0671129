#include "control/privileges.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include <cap-ng.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "control/access.h"

namespace sluice {
namespace {

struct Account {
  uid_t user;
  gid_t group;
};

std::optional<Account> find_account(const std::string& user) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  if (found == nullptr) return {};
  return Account{entry.pw_uid, entry.pw_gid};
}

tl::unexpected<Error> refused(const char* step) {
  return fail(ErrorKind::unavailable, fmt::format("control: cannot give up privileges: {}: {}",
                                                  step, std::strerror(errno)));
}

/// Only the last directory of the path, and only where nothing stands: what exists belongs to the
/// administrator.
void make_directory(const std::string& directory, const Account& account) {
  if (directory.empty() || mkdir(directory.c_str(), 0750) != 0 || geteuid() != 0) return;
  // What stands there now is handed over only if it is still the directory that root just made.
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat made {};
  const bool is_ours = fd >= 0 && fstat(fd, &made) == 0 && made.st_uid == 0 && made.st_nlink <= 2 &&
                       (made.st_mode & 07777) <= 0750;
  if (!is_ours || fchown(fd, account.user, account.group) != 0) {
    log(LogLevel::warning, fmt::format("control: {}: cannot hand it over", directory));
  }
  if (fd >= 0) close(fd);
}

/// A group that does not exist is told of where the socket is made.
std::vector<gid_t> groups_to_keep(gid_t own, const std::string& socket_group) {
  std::vector<gid_t> groups{own};
  if (const auto group = find_group(socket_group)) groups.push_back(*group);
  return groups;
}

Status become(const Account& account, const std::string& socket_group) {
  const std::vector<gid_t> groups = groups_to_keep(account.group, socket_group);
  if (setgroups(groups.size(), groups.data()) != 0) return refused("setgroups");
  if (setresgid(account.group, account.group, account.group) != 0) return refused("setresgid");
  if (setresuid(account.user, account.user, account.user) != 0) return refused("setresuid");
  if (account.user != 0 && setuid(0) == 0) return refused("the way back is open");
  return {};
}

/// Where the kernel refuses it, the socket stays with the groups there are, and that is told.
void stay_in_group(const std::string& socket_group) {
  if (geteuid() != 0 || socket_group.empty()) return;
  const std::vector<gid_t> groups = groups_to_keep(getegid(), socket_group);
  static_cast<void>(setgroups(groups.size(), groups.data()));
}

Status drop_capabilities() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("no_new_privs");
  capng_clear(CAPNG_SELECT_ALL);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return refused("capabilities");
  return {};
}

}  // namespace

Status check_user(const std::string& user) {
  if (geteuid() != 0 || user.empty() || find_account(user)) return {};
  return fail(
      ErrorKind::not_found,
      fmt::format("control.user: there is no user '{}' on this host, and the control process "
                  "would stay root",
                  user),
      fmt::format("adduser --system --group --no-create-home {}, or control.user: '' where "
                  "root is meant",
                  user));
}

Status drop_privileges(const PrivilegeDrop& drop) {
  if (auto found = check_user(drop.user); !found) return found;
  const bool changes_user = geteuid() == 0 && !drop.user.empty();
  const auto account = changes_user ? find_account(drop.user) : std::nullopt;
  for (const std::string& directory : drop.directories) {
    make_directory(directory, account.value_or(Account{geteuid(), getegid()}));
  }
  if (changes_user) {
    // The bounding set can only be cut while the capability to do so is there.
    capng_clear(CAPNG_SELECT_ALL);
    if (capng_apply(CAPNG_SELECT_BOUNDS) != 0) {
      log(LogLevel::warning, "control: cannot cut the capability bounding set");
    }
    if (!account) return refused("the user is gone");
    if (auto status = become(*account, drop.socket_group); !status) return status;
  }
  if (!changes_user) stay_in_group(drop.socket_group);
  return drop_capabilities();
}

void prefer_to_be_killed(int score) noexcept { std::ofstream("/proc/self/oom_score_adj") << score; }

}  // namespace sluice
