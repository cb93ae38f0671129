#include "control/control_socket.h"

#include <cstring>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/control/socket_bench.h"

namespace sluice {
namespace {

using test::SocketBench;
using test::TestClient;

TEST(ControlSocketFile, ReplacesASocketThatNobodyAnswersOn) {
  SocketBench bench;
  const std::string path = bench.dir.file("stale.sock");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(fd);
  ControlSocket socket({path, {}, {}}, bench.services, bench.loop());
  EXPECT_TRUE(socket.open());
  EXPECT_TRUE(TestClient(path).is_connected());
}

TEST(ControlSocketFile, LeavesASocketThatAnotherDaemonAnswersOn) {
  SocketBench bench;
  ControlSocket second({bench.path, {}, {}}, bench.services, bench.loop());
  const Status opened = second.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, bench.path + ": another daemon answers on it");
  second.close();
  TestClient client(bench.path);
  EXPECT_EQ(bench.ask(client, R"({"id": 7, "verb": "audit.list"})").size(), 1U);
}

TEST(ControlSocketFile, LeavesAFileThatIsNoSocket) {
  SocketBench bench;
  const std::string path = bench.dir.write("file", "precious");
  ControlSocket socket({path, {}, {}}, bench.services, bench.loop());
  EXPECT_FALSE(socket.open());
  socket.close();
  EXPECT_EQ(test::read_text(path), "precious");
}

TEST(ControlSocketFile, RefusesAPathThatIsTooLong) {
  SocketBench bench;
  ControlSocket socket({fmt::format("/{:x>107}", ""), {}, {}}, bench.services, bench.loop());
  EXPECT_EQ(socket.open().error().message, "control.socket: a path of 108 bytes: 1 to 107");
}

TEST(ControlSocketFile, IsClosedToEverybodyElseUnlessAGroupIsNamed) {
  SocketBench bench;
  const std::string path = bench.dir.file("own.sock");
  ControlSocket socket({path, {}, {}}, bench.services, bench.loop());
  ASSERT_TRUE(socket.open());
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST(ControlSocketFile, IsOpenToTheGroupThatIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  SocketBench bench;
  const std::string path = bench.dir.file("group.sock");
  ControlSocket socket({path, "daemon", {}}, bench.services, bench.loop());
  ASSERT_TRUE(socket.open());
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0660U);
  EXPECT_EQ(status.st_gid, find_group("daemon"));
}

TEST(ControlSocketFile, RemovesItsSocketAtTheEndAndNoOther) {
  SocketBench bench;
  bench.socket.reset();
  EXPECT_FALSE(std::filesystem::exists(bench.path));
  const std::string path = bench.dir.file("moved.sock");
  ControlSocket socket({path, {}, {}}, bench.services, bench.loop());
  ASSERT_TRUE(socket.open());
  std::filesystem::rename(path, bench.dir.file("aside.sock"));
  bench.dir.write("moved.sock", "of somebody else");
  socket.close();
  EXPECT_EQ(test::read_text(path), "of somebody else");
}

}  // namespace
}  // namespace sluice
