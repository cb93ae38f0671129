#include "control/access.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/log.h"

namespace sluice {
namespace {

constexpr std::size_t kGroupsMax = 65'536;  // NGROUPS_MAX of Linux
constexpr std::size_t kNameBufferBytes = 16 * 1024;

struct FileClose {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

/// A kernel that does not tell them leaves the primary group.
std::vector<std::uint32_t> groups_of(int fd) {
  std::vector<std::uint32_t> groups(64);
  while (true) {
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(std::uint32_t));
    const bool told = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0;
    const std::size_t count = bytes / sizeof(std::uint32_t);
    if (told) {
      groups.resize(count);
      return groups;
    }
    if (errno != ERANGE || count <= groups.size() || count > kGroupsMax) return {};
    groups.resize(count);
  }
}

bool is_member(const Peer& peer, const std::optional<std::uint32_t>& group) noexcept {
  if (!group) return false;
  return peer.gid == *group ||
         std::find(peer.groups.begin(), peer.groups.end(), *group) != peer.groups.end();
}

std::optional<std::uint32_t> configured_group(const char* option, const std::string& name) {
  if (name.empty()) return {};
  const auto group = find_group(name);
  if (!group) {
    log(LogLevel::warning,
        fmt::format("{}: no group '{}' on this host: nobody has the role by group", option, name));
  }
  return group;
}

}  // namespace

std::string_view name_of(Role role) noexcept {
  switch (role) {
    case Role::viewer:
      return "viewer";
    case Role::operator_:
      return "operator";
    case Role::admin:
      return "admin";
  }
  return "viewer";
}

Result<Peer> peer_of(int fd) {
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) {
    return fail(ErrorKind::io,
                fmt::format("control socket: who connects is unknown: {}", std::strerror(errno)));
  }
  return Peer{credentials.uid, credentials.gid, credentials.pid, groups_of(fd)};
}

std::optional<std::uint32_t> find_group(const std::string& name) {
  std::vector<char> buffer(kNameBufferBytes);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  if (found == nullptr) return {};
  return entry.gr_gid;
}

AccessRules access_rules(const ControlConfig& config, std::uint32_t daemon_uid) {
  return {daemon_uid, configured_group("control.operator_group", config.operator_group),
          configured_group("control.admin_group", config.admin_group)};
}

Role role_of(const Peer& peer, const AccessRules& rules) noexcept {
  if (peer.uid == 0 || peer.uid == rules.daemon_uid) return Role::admin;
  if (is_member(peer, rules.admin_group)) return Role::admin;
  if (is_member(peer, rules.operator_group)) return Role::operator_;
  return Role::viewer;
}

std::string user_text(std::uint32_t uid) {
  const std::unique_ptr<std::FILE, FileClose> file(std::fopen("/etc/passwd", "re"));
  std::vector<char> buffer(kNameBufferBytes);
  passwd entry{};
  passwd* found = nullptr;
  while (file && fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0) {
    if (found->pw_uid == uid) return found->pw_name;
  }
  return std::to_string(uid);
}

}  // namespace sluice
