// What the control process gives up before it looks at anything: its user, its groups, every
// capability, and the way back. Once, before any other thread exists.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace sluice {

struct PrivilegeDrop {
  std::string user;                      ///< "" = stay as the user one is
  std::string socket_group;              ///< which the socket will be given to; "" = none
  std::vector<std::string> directories;  ///< made for that user where there is none
};

/// Whether `drop_privileges` would find the user: not_found for root, where `user` is named and
/// does not exist.
[[nodiscard]] Status check_user(const std::string& user);

/// As root: becomes `user` with no group but its own and the socket's: what a process owns it may
/// give to a group it is in, without a capability. Without a name it stays root by number, but
/// without capabilities and without a way to gain any (it then owns root's files and nothing else).
/// Errors: as check_user, with nothing done; a step that the kernel refused. The caller must not go
/// on.
[[nodiscard]] Status drop_privileges(const PrivilegeDrop& drop);

/// Where memory runs out this process goes before the one that holds the wire, whose score it
/// inherited: 0 is ordinary, 1000 first. Raising it takes no privilege.
void prefer_to_be_killed(int score) noexcept;

}  // namespace sluice
