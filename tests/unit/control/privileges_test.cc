#include "control/privileges.h"

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

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
  if (child == 0) _exit(drop_privileges({kNobodyHere, {}}) ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Privileges, StayAsTheyAreWithoutAName) { EXPECT_TRUE(check_user("").has_value()); }

}  // namespace
}  // namespace sluice
