// Every filter stays for good, so that each test has a process of its own; beside it stands another
// process of the same user, as the wire process does.
#include "control/control_seccomp.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "dataplane/syscall_filter.h"

namespace sluice {
namespace {

constexpr int kRight = 0;
constexpr int kWrong = 1;

class ControlSeccomp : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kHasSanitizer) GTEST_SKIP() << "the sanitizer's runtime needs some of the calls";
    victim_ = fork();
    if (victim_ == 0) {
      while (true) pause();
    }
  }
  void TearDown() override {
    if (victim_ <= 0) return;
    EXPECT_EQ(waitpid(victim_, nullptr, WNOHANG), 0) << "the other process has ended";
    kill(victim_, SIGKILL);
    waitpid(victim_, nullptr, 0);
  }
  /// The exit code of a confined process that runs `act`; -1 where a signal ended it.
  template <class Act>
  int confined(Act act) {
    const pid_t child = fork();
    if (child == 0) _exit(confine_control() ? act() : kWrong + 1);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// The same, right where the call fails with EPERM.
  template <class Call>
  int refused(Call call) {
    return confined([&] { return call() == -1 && errno == EPERM ? kRight : kWrong; });
  }

  pid_t victim_ = 0;
};

TEST_F(ControlSeccomp, SendsNoSignalToAnybodyElse) {
  EXPECT_EQ(refused([&] { return kill(victim_, SIGKILL); }), kRight);
  EXPECT_EQ(refused([&] { return kill(victim_, 0); }), kRight);
  EXPECT_EQ(refused([&] { return syscall(SYS_tkill, victim_, SIGKILL); }), kRight);
  EXPECT_EQ(refused([&] { return syscall(SYS_tgkill, victim_, victim_, SIGKILL); }), kRight);
  EXPECT_EQ(refused([&] { return sigqueue(victim_, SIGTERM, {}); }), kRight);
  EXPECT_EQ(refused([&] {
              const auto pidfd = syscall(SYS_pidfd_open, victim_, 0);
              return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
            }),
            kRight);
}

TEST_F(ControlSeccomp, LetsNoDescriptorSendSignals) {
  EXPECT_EQ(refused([&] { return fcntl(0, F_SETOWN, victim_); }), kRight);
  EXPECT_EQ(refused([&] { return fcntl(0, F_SETSIG, SIGKILL); }), kRight);
  // With bits set that the kernel does not look at.
  EXPECT_EQ(refused([&] { return syscall(SYS_fcntl, 0, (1ULL << 32) | F_SETOWN, victim_); }),
            kRight);
}

TEST_F(ControlSeccomp, ChangesNoLimitOrPriorityOfOthers) {
  const rlimit none{0, 0};
  EXPECT_EQ(refused([&] { return prlimit(victim_, RLIMIT_CPU, &none, nullptr); }), kRight);
  EXPECT_EQ(refused([&] { return setpriority(PRIO_PROCESS, static_cast<id_t>(victim_), 19); }),
            kRight);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  EXPECT_EQ(refused([&] { return sched_setaffinity(victim_, sizeof cpus, &cpus); }), kRight);
}

TEST_F(ControlSeccomp, TracesNobody) {
  EXPECT_EQ(refused([&] { return ptrace(PTRACE_ATTACH, victim_, nullptr, nullptr); }), kRight);
}

TEST_F(ControlSeccomp, PunchesNoHolesIntoSharedMemory) {
  const int memfd = memfd_create("shared", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(memfd, 4096), 0);
  EXPECT_EQ(refused([&] {
              return fallocate(memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
            }),
            kRight);
  EXPECT_EQ(refused([&] {
              void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
              return madvise(page, 4096, MADV_REMOVE);
            }),
            kRight);
  close(memfd);
}

TEST_F(ControlSeccomp, LeavesWhatTheControlProcessDoes) {
  EXPECT_EQ(confined([] {
              char program[] = "/bin/true";
              char* argv[] = {program, nullptr};
              pid_t child = 0;
              if (posix_spawn(&child, program, nullptr, nullptr, argv, environ) != 0) return kWrong;
              int ended = 0;
              if (waitpid(child, &ended, 0) != child || ended != 0) return kWrong;
              const rlimit none{0, 0};
              if (setrlimit(RLIMIT_CORE, &none) != 0) return kWrong;
              const int memfd = memfd_create("m", MFD_ALLOW_SEALING);
              if (fcntl(memfd, F_ADD_SEALS, F_SEAL_SEAL) != 0) return kWrong;
              bool ran = false;
              std::thread([&ran] { ran = true; }).join();
              return ran && raise(SIGCHLD) == 0 ? kRight : kWrong;
            }),
            kRight);
}

}  // namespace
}  // namespace sluice
