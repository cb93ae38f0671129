#include "control/access.h"

#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr AccessRules kRules{.daemon_uid = 990, .operator_group = 50, .admin_group = 60};

Role role(std::uint32_t uid, std::uint32_t gid, std::vector<std::uint32_t> groups = {}) {
  return role_of(Peer{uid, gid, 1, std::move(groups)}, kRules);
}

TEST(Access, RootAndTheDaemonItselfAreAdministrators) {
  EXPECT_EQ(role(0, 0), Role::admin);
  EXPECT_EQ(role(990, 990), Role::admin);
  EXPECT_EQ(role(1000, 0), Role::viewer) << "the group root is not the user";
}

TEST(Access, GroupsGiveRolesWhetherPrimaryOrNot) {
  EXPECT_EQ(role(1000, 50), Role::operator_);
  EXPECT_EQ(role(1000, 100, {7, 50}), Role::operator_);
  EXPECT_EQ(role(1000, 60), Role::admin);
  EXPECT_EQ(role(1000, 100, {7, 60}), Role::admin);
}

TEST(Access, TheHigherRoleWins) { EXPECT_EQ(role(1000, 50, {60}), Role::admin); }

TEST(Access, EverybodyElseMayLook) { EXPECT_EQ(role(1000, 100, {7, 8}), Role::viewer); }

TEST(Access, WithoutConfiguredGroupsNobodyHasTheirRoles) {
  const Peer peer{1000, 0, 1, {50, 60}};
  EXPECT_EQ(role_of(peer, AccessRules{.daemon_uid = 990}), Role::viewer);
}

TEST(Access, AGroupThatDoesNotExistGivesNoRole) {
  ControlConfig config;
  config.operator_group = "no-such-group-here";
  config.admin_group = "daemon";
  const AccessRules rules = access_rules(config, 990);
  EXPECT_FALSE(rules.operator_group);
  EXPECT_TRUE(rules.admin_group);
  EXPECT_EQ(rules.daemon_uid, 990U);
}

TEST(Access, TheKernelTellsWhoIsAtTheOtherEnd) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const auto peer = peer_of(ends[0]);
  close(ends[0]);
  close(ends[1]);
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->uid, geteuid());
  EXPECT_EQ(peer->pid, getpid());
  EXPECT_EQ(peer->gid, getegid());
  EXPECT_EQ(peer->groups.size(), static_cast<std::size_t>(getgroups(0, nullptr)));
}

TEST(Access, WhatIsNoSocketHasNoPeer) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(peer_of(ends[0]).error().kind, ErrorKind::io);
  close(ends[0]);
  close(ends[1]);
}

TEST(Access, UsersAreShownByNameWhereTheyHaveOne) {
  EXPECT_EQ(user_text(0), "root");
  EXPECT_EQ(user_text(3'999'999'999), "3999999999");
}

TEST(Access, RolesStandInOrder) {
  constexpr CommandRow kChange{"x", Role::operator_, true, "", {}, nullptr};
  EXPECT_FALSE(is_allowed(Role::viewer, kChange));
  EXPECT_TRUE(is_allowed(Role::operator_, kChange));
  EXPECT_TRUE(is_allowed(Role::admin, kChange));
  EXPECT_EQ(name_of(Role::operator_), "operator");
}

}  // namespace
}  // namespace sluice
