// Every filter stays for good, so that each test has a process of its own.
#include "dataplane/wire_seccomp.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr int kRight = 0;
constexpr int kWrong = 1;
constexpr int kNotPossible = 2;

/// What waitpid says of a child that ran `act`, which returns its exit code.
template <class Act>
int status_of(Act act) {
  const pid_t child = fork();
  if (child == 0) _exit(act());
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

/// The same on a thread that is confined as a worker is.
template <class Act>
int status_of_worker(Act act) {
  return status_of([&act] {
    int code = kWrong;
    std::thread([&] { code = confine_worker_thread() ? act() : kNotPossible; }).join();
    return code;
  });
}

bool ended_with(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

bool was_refused(int status) {
  return (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) || ended_with(status, EPERM);
}

int errno_of(bool is_error) { return is_error ? errno : kRight; }

TEST(WireSeccomp, LetsAWorkerSendReceiveAndEnd) {
  const int status = status_of_worker([] {
    char byte = 7;
    timespec now{};
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return kWrong;
    if (sendto(-1, &byte, 1, MSG_DONTWAIT, nullptr, 0) != -1 || errno != EBADF) return kWrong;
    if (recv(-1, &byte, 1, MSG_DONTWAIT) != -1 || errno != EBADF) return kWrong;
    void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || munmap(memory, 4096) != 0) return kWrong;
    return kRight;
  });
  EXPECT_TRUE(ended_with(status, kRight)) << status;
}

TEST(WireSeccomp, LetsAWorkerOpenNothing) {
  EXPECT_TRUE(was_refused(
      status_of_worker([] { return errno_of(open("/etc/hostname", O_RDONLY | O_CLOEXEC) < 0); })));
  EXPECT_TRUE(
      was_refused(status_of_worker([] { return errno_of(socket(AF_INET, SOCK_STREAM, 0) < 0); })));
}

TEST(WireSeccomp, LetsAWorkerRunNothing) {
  EXPECT_TRUE(was_refused(status_of_worker([] {
    char program[] = "/bin/true";
    char* argv[] = {program, nullptr};
    execv(program, argv);
    return errno;
  })));
  EXPECT_TRUE(was_refused(status_of_worker([] {
    return errno_of(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                         0) == MAP_FAILED);
  })));
}

TEST(WireSeccomp, LetsTheKeeperStartPrograms) {
  const int status = status_of([] {
    if (!confine_process()) return kNotPossible;
    char program[] = "/bin/true";
    char* argv[] = {program, nullptr};
    pid_t child = 0;
    if (posix_spawn(&child, program, nullptr, nullptr, argv, environ) != 0) return kWrong;
    int ended = 0;
    waitpid(child, &ended, 0);
    return ended == 0 ? kRight : kWrong;
  });
  EXPECT_TRUE(ended_with(status, kRight)) << status;
}

TEST(WireSeccomp, RefusesToAllThreadsWhatNobodyNeeds) {
  const int status = status_of([] {
    if (!confine_process()) return kNotPossible;
    int code = kWrong;
    std::thread([&code] {
      const bool fails = personality(0xffffffff) < 0;  // asks, and would not fail
      code = fails && errno == EPERM ? kRight : kWrong;
    }).join();
    return code;
  });
  EXPECT_TRUE(ended_with(status, kRight)) << status;
}

TEST(WireSeccomp, ConfinesAWorkerWithinAConfinedProcess) {
  const int status = status_of([] {
    if (!confine_process()) return kNotPossible;
    bool is_confined = false;
    std::thread([&is_confined] { is_confined = confine_worker_thread().has_value(); }).join();
    return is_confined ? kRight : kWrong;
  });
  EXPECT_TRUE(ended_with(status, kRight)) << status;
}

}  // namespace
}  // namespace sluice
