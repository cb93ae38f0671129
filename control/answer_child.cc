#include "control/answer_child.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <fmt/format.h>

#include "control/privileges.h"

namespace sluice {
namespace {

constexpr int kChildOomScore = 500;
constexpr int kHighFd = kAnswerFd + static_cast<int>(kChildAnswersMax);

/// What spawning needs besides the program, freed in any case.
struct SpawnPlan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnPlan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  /// The child has our standard streams and its answers, no signal blocked or ignored.
  int fill(const std::vector<OwnedFd>& answers) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    // The memfds stand above all these numbers, so that none is overwritten before it is moved.
    int next = kAnswerFd;
    for (const OwnedFd& answer : answers) {
      const int error = posix_spawn_file_actions_adddup2(&actions, answer.fd(), next++);
      if (error != 0) return error;
    }
    return posix_spawn_file_actions_addclosefrom_np(&actions, next);
  }
};

Result<OwnedFd> make_high_memfd() {
  auto memfd = make_memfd("sluice-answer");
  if (!memfd || memfd->fd() >= kHighFd) return memfd;
  OwnedFd high(fcntl(memfd->fd(), F_DUPFD_CLOEXEC, kHighFd));
  if (high.is_open()) return high;
  return fail(ErrorKind::io, fmt::format("cannot make shared memory: {}", std::strerror(errno)));
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with code {}", WEXITSTATUS(status));
}

}  // namespace

void limit_child(const ChildKind& kind) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(static_cast<unsigned>(kind.deadline / kNsPerSecond));
  const rlimit processor{kind.cpu_seconds, kind.cpu_seconds};
  const rlimit memory{kind.memory_bytes, kind.memory_bytes};
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CPU, &processor);
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_CORE, &none);
  if (kind.is_background) {
    const sched_param ordinary{};
    sched_setscheduler(0, SCHED_BATCH, &ordinary);
  }
  prefer_to_be_killed(kChildOomScore);
}

Result<std::vector<OwnedFd>> make_answers(const ChildKind& kind) {
  std::vector<OwnedFd> answers;
  for (std::size_t i = 0; i < kind.answers; ++i) {
    auto memfd = make_high_memfd();
    if (!memfd) return tl::unexpected<Error>(memfd.error());
    answers.push_back(std::move(*memfd));
  }
  return answers;
}

AnswerChild::AnswerChild(const ChildKind& kind, sd_event* loop) noexcept
    : kind_(kind), loop_(loop), program_{"/proc/self/exe", kind.role} {}

AnswerChild::~AnswerChild() {
  if (source_ != nullptr) sd_event_source_unref(source_);
}

void AnswerChild::start(const std::vector<std::string>& arguments, Done done, TimeNs now) {
  done_ = std::move(done);
  start_error_ = {};
  if (auto started = try_start(arguments, now); !started) start_error_ = started.error();
}

Status AnswerChild::try_start(const std::vector<std::string>& arguments, TimeNs now) {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0) {
    return fail(ErrorKind::unavailable,
                fmt::format("{}: the child of the read before, process {}, has not ended",
                            kind_.subject, pid_));
  }
  auto answers = make_answers(kind_);
  if (!answers) return tl::unexpected<Error>(answers.error());
  answers_ = std::move(*answers);
  auto pid = spawn(arguments);
  if (!pid) return tl::unexpected<Error>(pid.error());
  pid_ = *pid;
  deadline_ = now + kind_.deadline + kChildPatience;
  watch();
  return {};
}

Result<pid_t> AnswerChild::spawn(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = program_;
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  SpawnPlan plan;
  pid_t pid = 0;
  int error = plan.fill(answers_);
  if (error == 0) {
    error = posix_spawn(&pid, words.front().c_str(), &plan.actions, &plan.attributes,
                        pointers.data(), environ);
  }
  if (error == 0) return pid;
  return fail(ErrorKind::unavailable,
              fmt::format("{}: cannot start the child: {}", kind_.subject, std::strerror(error)));
}

/// A loop that cannot watch costs a turn of waiting, nothing else.
void AnswerChild::watch() {
  if (loop_ == nullptr) return;
  pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_.is_open()) return;
  const auto on_end = [](sd_event_source* source, int, std::uint32_t, void* self) {
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    auto* child = static_cast<AnswerChild*>(self);
    child->turn(child->deadline_ - kChildPatience - child->kind_.deadline);
    return 0;
  };
  if (sd_event_add_io(loop_, &source_, pidfd_.fd(), EPOLLIN, on_end, this) < 0) source_ = nullptr;
}

tl::unexpected<Error> AnswerChild::late() const {
  return fail(ErrorKind::unavailable, fmt::format("{}: not read within {} s, and given up",
                                                  kind_.subject, kind_.deadline / kNsPerSecond));
}

void AnswerChild::turn(TimeNs now) {
  if (done_ == nullptr) return;
  if (!start_error_.message.empty()) {
    return end(tl::unexpected<Error>(std::exchange(start_error_, {})));
  }
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) return collect(status);
  if (now >= deadline_) end(late());
}

void AnswerChild::collect(int wait_status) {
  pid_ = 0;
  if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGALRM) return end(late());
  if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) {
    return end(fail(ErrorKind::unavailable, fmt::format("{}: the child that read it {}",
                                                        kind_.subject, describe_end(wait_status))));
  }
  end(std::move(answers_));
}

void AnswerChild::end(Result<std::vector<OwnedFd>> result) {
  if (source_ != nullptr) source_ = sd_event_source_unref(source_);
  pidfd_.reset();
  answers_.clear();
  Done done = std::exchange(done_, nullptr);
  done(std::move(result));
}

}  // namespace sluice
