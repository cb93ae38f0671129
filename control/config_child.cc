#include "control/config_child.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <fmt/format.h>

#include "control/config_build.h"

namespace sluice {
namespace {

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

  /// The child has our standard streams and its two answers, no signal blocked or ignored.
  int fill(int digest_fd, int lists_fd) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    // The memfds stand above both numbers, so that neither is overwritten before it is moved.
    int error = posix_spawn_file_actions_adddup2(&actions, digest_fd, kDigestFd);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, lists_fd, kListsFd);
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, kListsFd + 1);
    return error;
  }
};

Result<OwnedFd> make_high_memfd(const char* name) {
  auto memfd = make_memfd(name);
  if (!memfd || memfd->fd() > kListsFd) return memfd;
  OwnedFd high(fcntl(memfd->fd(), F_DUPFD_CLOEXEC, kListsFd + 1));
  if (high.is_open()) return high;
  return fail(ErrorKind::io, fmt::format("cannot make shared memory: {}", std::strerror(errno)));
}

Result<ConfigRead> take_answers(OwnedFd digest_fd, OwnedFd lists_fd) {
  auto view = SealedView::map(digest_fd.fd(), kDigestBytesMax);
  if (!view) return with_context("configuration", view.error());
  auto digest = decode_digest(view->bytes());
  if (!digest) return tl::unexpected<Error>(digest.error());
  ConfigRead read{std::move(*digest), {}};
  struct stat status {};
  const bool has_lists = fstat(lists_fd.fd(), &status) == 0 && status.st_size > 0;
  if (read.digest.errors == 0 && has_lists) read.lists = std::move(lists_fd);
  return read;
}

tl::unexpected<Error> late() {
  return fail(ErrorKind::unavailable,
              fmt::format("configuration: not read within {} s, and given up",
                          kConfigChildDeadline / kNsPerSecond));
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with code {}", WEXITSTATUS(status));
}

}  // namespace

std::vector<std::string> arguments_of(const ConfigChildRequest& request) {
  std::vector<std::string> arguments;
  const auto add = [&arguments](const char* name, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {name, value});
  };
  add("--config", request.config_path);
  add("--restore", request.restore);
  add("--compare", request.compare);
  add("--stage", request.stage);
  if (request.publishes) arguments.emplace_back("--publish");
  add("--known-lists", request.known_lists);
  return arguments;
}

int run_config_child(const ConfigChildRequest& request, const ConfigJudge& judge, int digest_fd,
                     int lists_fd) {
  auto built = build_config(request, judge);
  if (!built) {
    fmt::print(stderr, "{}\n", built.error().message);
    return 1;
  }
  if (!built->lists.empty() && !write_and_seal(lists_fd, built->lists)) return 1;
  return write_and_seal(digest_fd, encode_digest(built->digest)) ? 0 : 1;
}

Result<ConfigRead> read_config_here(const ConfigChildRequest& request, const ConfigJudge& judge) {
  auto digest = make_memfd("sluice-digest");
  if (!digest) return tl::unexpected<Error>(digest.error());
  auto lists = make_memfd("sluice-lists");
  if (!lists) return tl::unexpected<Error>(lists.error());
  if (run_config_child(request, judge, digest->fd(), lists->fd()) != 0) {
    return fail(ErrorKind::io, "configuration: the child ended with code 1");
  }
  return take_answers(std::move(*digest), std::move(*lists));
}

bool is_program_replaced() {
  struct stat started {};
  struct stat installed {};
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (size <= 0 || stat("/proc/self/exe", &started) != 0) return false;
  std::string name(path, static_cast<std::size_t>(size));
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.ends_with(kDeleted)) name.resize(name.size() - kDeleted.size());
  if (stat(name.c_str(), &installed) != 0) return true;
  return started.st_ino != installed.st_ino || started.st_dev != installed.st_dev;
}

ConfigChild::~ConfigChild() {
  if (source_ != nullptr) sd_event_source_unref(source_);
}

void ConfigChild::read(const ConfigChildRequest& request, ConfigReadDone done, TimeNs now) {
  done_ = std::move(done);
  start_error_ = {};
  if (auto started = start(request, now); !started) start_error_ = started.error();
}

Status ConfigChild::start(const ConfigChildRequest& request, TimeNs now) {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0) {
    return fail(
        ErrorKind::unavailable,
        fmt::format("configuration: the child of the read before, process {}, has not ended",
                    pid_));
  }
  auto digest = make_high_memfd("sluice-digest");
  if (!digest) return tl::unexpected<Error>(digest.error());
  auto lists = make_high_memfd("sluice-lists");
  if (!lists) return tl::unexpected<Error>(lists.error());
  digest_ = std::move(*digest);
  lists_ = std::move(*lists);
  auto pid = spawn(request);
  if (!pid) return tl::unexpected<Error>(pid.error());
  pid_ = *pid;
  deadline_ = now + kConfigChildPatience;
  watch();
  return {};
}

Result<pid_t> ConfigChild::spawn(const ConfigChildRequest& request) const {
  std::vector<std::string> words = program_;
  for (std::string& word : arguments_of(request)) words.push_back(std::move(word));
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  SpawnPlan plan;
  pid_t pid = 0;
  int error = plan.fill(digest_.fd(), lists_.fd());
  if (error == 0) {
    error = posix_spawn(&pid, words.front().c_str(), &plan.actions, &plan.attributes,
                        pointers.data(), environ);
  }
  if (error == 0) return pid;
  return fail(ErrorKind::unavailable,
              fmt::format("configuration: cannot start the child: {}", std::strerror(error)));
}

/// A loop that cannot watch costs a turn of waiting, nothing else.
void ConfigChild::watch() {
  if (loop_ == nullptr) return;
  pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_.is_open()) return;
  const auto on_end = [](sd_event_source* source, int, std::uint32_t, void* self) {
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    auto* child = static_cast<ConfigChild*>(self);
    child->turn(child->deadline_ - kConfigChildPatience);
    return 0;
  };
  if (sd_event_add_io(loop_, &source_, pidfd_.fd(), EPOLLIN, on_end, this) < 0) source_ = nullptr;
}

void ConfigChild::turn(TimeNs now) {
  if (done_ == nullptr) return;
  if (!start_error_.message.empty()) {
    return end(tl::unexpected<Error>(std::exchange(start_error_, {})));
  }
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) return collect(status);
  if (now >= deadline_) end(late());
}

void ConfigChild::collect(int wait_status) {
  pid_ = 0;
  if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGALRM) return end(late());
  if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) {
    return end(fail(ErrorKind::unavailable, fmt::format("configuration: the child that read it {}",
                                                        describe_end(wait_status))));
  }
  end(take_answers(std::move(digest_), std::move(lists_)));
}

void ConfigChild::end(Result<ConfigRead> result) {
  if (source_ != nullptr) source_ = sd_event_source_unref(source_);
  pidfd_.reset();
  digest_.reset();
  lists_.reset();
  ConfigReadDone done = std::exchange(done_, nullptr);
  done(std::move(result));
}

}  // namespace sluice
