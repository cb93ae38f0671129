// Who asks over the control socket, as the kernel says it, and what role that gives. Control
// thread; names of groups are looked up once, at start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "control/commands.h"

namespace sluice {

/// The other end of a connection at the moment it connected.
struct Peer {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int32_t pid = 0;
  std::vector<std::uint32_t> groups;  ///< supplementary
};
/// Of a connected UNIX socket: SO_PEERCRED and SO_PEERGROUPS.
[[nodiscard]] Result<Peer> peer_of(int fd);

/// Numbers of what the configuration names; nothing where it names no group.
struct AccessRules {
  std::uint32_t daemon_uid = 0;
  std::optional<std::uint32_t> operator_group = {};
  std::optional<std::uint32_t> admin_group = {};
};
/// A group that does not exist gives nobody a role, and is logged. May ask a name service: only
/// before the loop runs.
[[nodiscard]] AccessRules access_rules(const ControlConfig& config, std::uint32_t daemon_uid);
[[nodiscard]] std::optional<std::uint32_t> find_group(const std::string& name);

/// Root and the daemon's own user are administrators; the groups give their roles, the higher one
/// wins; whoever else could connect may look.
[[nodiscard]] Role role_of(const Peer& peer, const AccessRules& rules) noexcept;
[[nodiscard]] constexpr bool is_allowed(Role role, const CommandRow& row) noexcept {
  return role >= row.role;
}

/// The name of a local user, or the number as text. Reads /etc/passwd alone, so that no name
/// service holds the control thread.
[[nodiscard]] std::string user_text(std::uint32_t uid);

}  // namespace sluice
