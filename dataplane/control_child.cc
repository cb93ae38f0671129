#include "dataplane/control_child.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"

namespace sluice {
namespace {

constexpr DurationNs kPauseMin = 100 * kNsPerMs;
constexpr DurationNs kPauseMax = 5 * kNsPerSecond;
constexpr DurationNs kGoodLife = 10 * kNsPerSecond;
constexpr DurationNs kPingEvery = kNsPerSecond;
constexpr DurationNs kSilenceMax = 5 * kNsPerSecond;
// Above the agreed numbers, so that putting one in its place never overwrites the other.
constexpr int kParkingFd = 16;

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return fmt::format("ended with {}", WEXITSTATUS(status));
}

struct SpawnActions {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnActions() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

/// The child has the agreed descriptors and the standard ones, no signal blocked, and nothing
/// else of ours: no device, no socket, no hugepage.
void arrange_child(SpawnActions& actions, int channel_fd, WindowFds window) {
  posix_spawn_file_actions_adddup2(&actions.files, channel_fd, kControlChannelFd);
  posix_spawn_file_actions_adddup2(&actions.files, window.window, kControlWindowFd);
  posix_spawn_file_actions_adddup2(&actions.files, window.tails, kControlTailsFd);
  posix_spawn_file_actions_addclosefrom_np(&actions.files, kControlTailsFd + 1);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&actions.attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&actions.attributes, &signals);
  posix_spawnattr_setflags(&actions.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

}  // namespace

DurationNs RestartPause::after(DurationNs lifetime) noexcept {
  if (lifetime >= kGoodLife) failures_ = 0;
  const DurationNs pause = std::min(kPauseMin << std::min(failures_, 10U), kPauseMax);
  ++failures_;
  return pause;
}

ControlChild::ControlChild(std::string program, std::string config_path, WindowFds window) noexcept
    : program_(std::move(program)), config_path_(std::move(config_path)), window_(window) {}

ControlChild::~ControlChild() {
  if (pid_ <= 0) return;
  kill_now();
  waitpid(pid_, nullptr, 0);
}

Status ControlChild::start(TimeNs now, std::uint64_t generation) {
  auto ends = Channel::make_socket_pair();
  if (!ends) return tl::unexpected<Error>(ends.error());
  const OwnedFd channel_fd(fcntl(ends->second.fd(), F_DUPFD_CLOEXEC, kParkingFd));
  const OwnedFd window_fd(fcntl(window_.window, F_DUPFD_CLOEXEC, kParkingFd));
  const OwnedFd tails_fd(fcntl(window_.tails, F_DUPFD_CLOEXEC, kParkingFd));
  SpawnActions actions;
  arrange_child(actions, channel_fd.fd(), {window_fd.fd(), tails_fd.fd()});
  std::string verb = "control";
  std::string option = "--config";
  std::array<char*, 5> argv = {program_.data(), verb.data(), option.data(), config_path_.data(),
                               nullptr};
  const int error = posix_spawn(&pid_, program_.c_str(), &actions.files, &actions.attributes,
                                argv.data(), environ);
  if (error != 0) {
    pid_ = 0;
    return fail(ErrorKind::unavailable, fmt::format("control process: {} cannot be run: {}",
                                                    program_, std::strerror(error)));
  }
  ++starts_;
  started_ = last_heard_ = last_ping_ = now;
  channel_.emplace(std::move(ends->first));
  static_cast<void>(channel_->try_send({.kind = MessageKind::hello, .generation = generation}));
  return {};
}

void ControlChild::schedule(TimeNs now) { next_start_ = now + pause_.after(now - started_); }

void ControlChild::tend(TimeNs now, std::uint64_t generation) {
  if (is_stopping_) return;
  if (pid_ == 0) {
    if (now < next_start_) return;
    if (auto done = start(now, generation); !done) {
      log(LogLevel::error, done.error().message);
      started_ = now;
      schedule(now);
    }
    return;
  }
  if (now - last_heard_ >= kSilenceMax) {
    log(LogLevel::error, "control process: has not answered for 5 s, it is started anew");
    last_heard_ = now;
    return kill_now();
  }
  if (channel_ && now - last_ping_ >= kPingEvery) {
    last_ping_ = now;
    static_cast<void>(channel_->try_send({.kind = MessageKind::ping, .generation = generation}));
  }
}

void ControlChild::reap(TimeNs now) {
  if (pid_ <= 0) return;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return;
  pid_ = 0;
  channel_.reset();
  if (is_stopping_) return;
  schedule(now);
  log(LogLevel::warning,
      fmt::format("control process {}: forwarding goes on, it is started again in "
                  "{} ms",
                  describe_end(status), (next_start_ - now) / kNsPerMs));
}

void ControlChild::hang_up(TimeNs now) {
  channel_.reset();
  reap(now);
}

void ControlChild::stop() {
  is_stopping_ = true;
  if (channel_) static_cast<void>(channel_->try_send({.kind = MessageKind::stop}));
}

void ControlChild::pass_on(int signal) noexcept {
  if (pid_ > 0 && last_heard_ > started_) kill(pid_, signal);
}

void ControlChild::kill_now() noexcept {
  if (pid_ > 0) kill(pid_, SIGKILL);
}

}  // namespace sluice
