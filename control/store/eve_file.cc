#include "control/store/eve_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"

namespace sluice {
namespace {

constexpr DurationNs kRetryInterval = kNsPerSecond;
constexpr DurationNs kRotationInterval = kNsPerSecond;
constexpr int kPollMs = 100;
// A pipe that polls writable takes this much without blocking (POSIX: PIPE_BUF).
constexpr std::size_t kPipeChunkBytes = 4096;

/// A process that was killed within a write leaves half a line.
bool ends_mid_line(const char* path) noexcept {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return false;
  char last = '\n';
  const off_t end = lseek(fd, 0, SEEK_END);
  const bool read_one = end > 0 && pread(fd, &last, 1, end - 1) == 1;
  ::close(fd);
  return read_one && last != '\n';
}

bool is_regular(int fd) noexcept {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

EveFile::EveFile(EveFileOptions options)
    : options_(std::move(options)), buffer_(std::make_unique<char[]>(options_.buffer_bytes)) {}

EveFile::~EveFile() { close(); }

void EveFile::close() noexcept {
  if (fd_ > STDERR_FILENO) ::close(fd_);
  fd_ = -1;
}

bool EveFile::open(TimeNs now) noexcept {
  if (options_.path == "-") {
    fd_ = STDOUT_FILENO;
    is_regular_ = is_regular(fd_);
    return true;
  }
  const int extra = options_.starts_empty ? O_TRUNC : 0;
  needs_newline_ = !options_.starts_empty && ends_mid_line(options_.path.c_str());
  fd_ = ::open(options_.path.c_str(),
               O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | extra, 0640);
  if (fd_ < 0) {
    note_failure(errno, now);
    return false;
  }
  options_.starts_empty = false;
  is_regular_ = is_regular(fd_);
  rotation_checked_ = now;
  return true;
}

void EveFile::note_failure(int error, TimeNs now) noexcept {
  retry_at_ = now + kRetryInterval;
  if (errno_ != 0) return;
  errno_ = error;
  log(LogLevel::error,
      fmt::format("events: cannot write {}: {}; events are kept while memory lasts, then lost",
                  options_.path, std::strerror(error)));
}

void EveFile::note_success() noexcept {
  if (errno_ == 0) return;
  errno_ = 0;
  log(LogLevel::notice, fmt::format("events: writing {} again", options_.path));
}

/// Bytes written from `from` on, 0 where the reader of a pipe is slow, -1 with errno set.
long EveFile::write_chunk(std::size_t from) noexcept {
  std::size_t bytes = filled_ - from;
  if (!is_regular_) {
    pollfd writable{fd_, POLLOUT, 0};
    if (poll(&writable, 1, kPollMs) == 0) return 0;
    bytes = std::min(bytes, kPipeChunkBytes);
  }
  const ssize_t written = ::write(fd_, buffer_.get() + from, bytes);
  if (written < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
  return written;
}

void EveFile::flush(TimeNs now) noexcept {
  follow_rotation(now);
  // A file that is to start empty is made even where nothing follows.
  const bool has_work = filled_ > 0 || options_.starts_empty;
  if (!has_work || now == stalled_at_ || (errno_ != 0 && now < retry_at_)) return;
  if (fd_ < 0 && !open(now)) return;
  if (needs_newline_ && ::write(fd_, "\n", 1) == 1) needs_newline_ = false;
  std::size_t done = 0;
  while (done < filled_) {
    const long written = write_chunk(done);
    if (written < 0) note_failure(errno, now);
    if (written == 0) stalled_at_ = now;
    if (written <= 0) break;
    note_success();
    done += static_cast<std::size_t>(written);
    mid_line_ = buffer_[done - 1] != '\n';
  }
  filled_ -= done;
  if (filled_ > 0 && done > 0) std::memmove(buffer_.get(), buffer_.get() + done, filled_);
}

std::span<char> EveFile::room(std::size_t bytes, TimeNs now) noexcept {
  if (options_.buffer_bytes - filled_ < bytes) flush(now);
  const std::size_t left = options_.buffer_bytes - filled_;
  if (left < bytes) return {};
  return {buffer_.get() + filled_, left};
}

/// The rest of a line whose head went to another file is of no use.
void EveFile::drop_cut_line() noexcept {
  if (!mid_line_) return;
  mid_line_ = false;
  const auto* newline = static_cast<const char*>(std::memchr(buffer_.get(), '\n', filled_));
  if (newline == nullptr) return;
  const auto cut = static_cast<std::size_t>(newline - buffer_.get()) + 1;
  filled_ -= cut;
  std::memmove(buffer_.get(), buffer_.get() + cut, filled_);
  ++lines_lost_;
}

void EveFile::abandon() noexcept {
  lines_lost_ +=
      static_cast<std::uint64_t>(std::count(buffer_.get(), buffer_.get() + filled_, '\n'));
  filled_ = 0;
}

void EveFile::reopen(TimeNs now) noexcept {
  flush(now);
  if (options_.path == "-" || fd_ < 0) return;
  close();
  drop_cut_line();
  retry_at_ = 0;
  (void)open(now);
}

void EveFile::follow_rotation(TimeNs now) noexcept {
  if (fd_ < 0 || !is_regular_ || options_.path == "-") return;
  if (now < rotation_checked_ + kRotationInterval) return;
  rotation_checked_ = now;
  struct stat ours {};
  struct stat named {};
  if (fstat(fd_, &ours) != 0) return;
  const bool same = stat(options_.path.c_str(), &named) == 0 && named.st_ino == ours.st_ino &&
                    named.st_dev == ours.st_dev;
  if (same) return;
  close();
  drop_cut_line();
  (void)open(now);
}

Status EveFile::status() const {
  if (errno_ == 0) return {};
  return fail(ErrorKind::io,
              fmt::format("{}: cannot write: {}", options_.path, std::strerror(errno_)));
}

}  // namespace sluice
