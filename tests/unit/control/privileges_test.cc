#include "control/privileges.h"

#include <optional>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/access.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

constexpr const char* kNobodyHere = "no-such-user-at-all";

TEST(Privileges, DoNotStayRootForAUserWhoDoesNotExist) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto checked = check_user(kNobodyHere);
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().kind, ErrorKind::not_found);
  EXPECT_NE(checked.error().message.find(kNobodyHere), std::string::npos);
  EXPECT_NE(checked.error().hint.find("adduser"), std::string::npos);
  // What is given up stays so: not in this process.
  const pid_t child = fork();
  if (child == 0) _exit(drop_privileges({kNobodyHere, "", {}}) ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Privileges, StayAsTheyAreWithoutAName) { EXPECT_TRUE(check_user("").has_value()); }

constexpr int kGiven = 0, kRefused = 1, kNotDropped = 2;

/// In a process of its own, which gives up its privileges, makes a file and gives it to `group`.
int give_file(const PrivilegeDrop& drop, const std::string& path, gid_t group) {
  const pid_t child = fork();
  if (child == 0) {
    if (!drop_privileges(drop)) _exit(kNotDropped);
    const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    _exit(fd >= 0 && fchown(fd, static_cast<uid_t>(-1), group) == 0 ? kGiven : kRefused);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class PrivilegesOfRoot : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root has privileges to give up";
    ASSERT_EQ(chmod(dir_.file("").c_str(), 0777), 0);
    daemon_ = find_group("daemon");
    other_ = find_group("games");
    ASSERT_TRUE(daemon_ && other_);
  }
  int give(const char* user, const char* socket_group, gid_t group) {
    return give_file({user, socket_group, {}}, dir_.file(std::to_string(++files_)), group);
  }

  test::ScratchDir dir_;
  std::optional<std::uint32_t> daemon_;
  std::optional<std::uint32_t> other_;
  int files_ = 0;
};

TEST_F(PrivilegesOfRoot, LeaveAWayToGiveTheSocketToItsGroup) {
  EXPECT_EQ(give("", "daemon", *daemon_), kGiven);
  EXPECT_EQ(give("nobody", "daemon", *daemon_), kGiven);
}

TEST_F(PrivilegesOfRoot, LeaveNoWayToGiveItToAnother) {
  EXPECT_EQ(give("", "daemon", *other_), kRefused);
  EXPECT_EQ(give("nobody", "daemon", *other_), kRefused);
  EXPECT_EQ(give("", "", *daemon_), kRefused);
  EXPECT_EQ(give("nobody", "no-such-group", *daemon_), kRefused);
}

}  // namespace
}  // namespace sluice
