#include "control/store/audit_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "control/protocol.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr DurationNs kLookInterval = kNsPerSecond;
constexpr unsigned kDeniedPerSecond = 100;
constexpr unsigned kDeniedOfUserPerSecond = 10;
constexpr std::size_t kErrorBytesMax = 1024;
constexpr std::size_t kArgsShownBytes = 1024;
constexpr std::size_t kPageBytesMax = 128 * 1024;

/// A member that holds JSON text already.
std::string raw_member(std::string_view key, std::string_view text) {
  return fmt::format("\"{}\":{},", key, text.empty() ? "null" : text);
}

std::string args_text(const std::string& args) {
  if (args.size() <= kAuditArgsBytesMax) return args;
  return json_text({{"cut", args.substr(0, kArgsShownBytes)}, {"bytes", args.size()}});
}

std::string line_of(const AuditRecord& record, std::uint64_t denied_unwritten) {
  const auto text = [](std::string_view key, const std::string& value) {
    return fmt::format("\"{}\":{},", key, json_text(value));
  };
  std::string line = "{";
  line += text("at", time_text(record.at)) + text("user", record.user);
  line += fmt::format(R"("uid":{},"pid":{},)", record.uid, record.pid);
  line += text("role", record.role) + text("request_id", record.request_id);
  line += raw_member("id", record.client_id) + text("verb", record.verb);
  line += raw_member("args", args_text(record.args));
  if (record.generation) line += fmt::format("\"generation\":{},", *record.generation);
  if (denied_unwritten > 0) line += fmt::format("\"denied_unwritten\":{},", denied_unwritten);
  const std::string error = json_text(record.error.substr(0, kErrorBytesMax));
  line += fmt::format("\"ok\":{},\"error\":{}}}\n", record.error.empty(),
                      record.error.empty() ? "null" : error);
  return line;
}

bool ends_mid_line(int fd) noexcept {
  char last = '\n';
  const off_t end = lseek(fd, 0, SEEK_END);
  return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

/// What stands in front of a place in a file.
struct Tail {
  std::string text;
  std::uint64_t offset = 0;  ///< of its first byte
};

/// At most kPageBytesMax in front of `cursor`, or of the end; empty where there is no file yet.
Result<Tail> read_before(const std::string& path, std::optional<std::uint64_t> cursor) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT && !cursor) return Tail{};
  const auto close_file = [](const int* open_fd) noexcept { ::close(*open_fd); };
  const std::unique_ptr<const int, decltype(close_file)> closing(fd < 0 ? nullptr : &fd,
                                                                 close_file);
  const off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
  if (size < 0) {
    return fail(ErrorKind::io, fmt::format("{}: cannot read: {}", path, std::strerror(errno)));
  }
  const auto end = cursor.value_or(static_cast<std::uint64_t>(size));
  if (end > static_cast<std::uint64_t>(size)) {
    return fail(ErrorKind::not_found,
                fmt::format("cursor: {} is beyond the {} bytes of {}", end, size, path),
                "the file was rotated: start again without a cursor");
  }
  Tail tail{std::string(std::min<std::uint64_t>(end, kPageBytesMax), '\0'), 0};
  tail.offset = end - tail.text.size();
  const ssize_t got =
      pread(fd, tail.text.data(), tail.text.size(), static_cast<off_t>(tail.offset));
  if (got == static_cast<ssize_t>(tail.text.size())) return tail;
  return fail(ErrorKind::io, fmt::format("{}: cannot read: {}", path, std::strerror(errno)));
}

/// The newest lines of `text`, which begins `offset` bytes into the file. What is no record, such
/// as a line that a full disk cut, is passed over. Without a newline the whole text is part of a
/// line that is longer than any of ours.
AuditLog::Page newest_lines(std::string_view text, std::uint64_t offset, std::size_t limit) {
  AuditLog::Page page;
  while (!text.empty() && page.items.size() < limit) {
    const std::string_view body = text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
    const std::size_t newline = body.rfind('\n');
    const bool is_cut_in_front = newline == std::string_view::npos && offset > 0;
    if (is_cut_in_front && text.size() < kPageBytesMax) break;
    const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    json record = json::parse(body.substr(start), nullptr, false);
    if (record.is_object()) page.items.push_back(std::move(record));
    text = text.substr(0, start);
  }
  if (offset + text.size() > 0) page.next = offset + text.size();
  return page;
}

}  // namespace

AuditLog::AuditLog(std::string path) : path_(std::move(path)) {}

AuditLog::~AuditLog() {
  write_waiting();
  close();
}

void AuditLog::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool AuditLog::open() {
  // Not truncated, not followed through a link, and never a pipe that would block.
  fd_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
               0640);
  if (fd_ < 0) {
    note_failure(errno);
    return false;
  }
  needs_newline_ = ends_mid_line(fd_);
  return true;
}

void AuditLog::note_failure(int error) {
  ++failures_;
  if (errno_ == 0) {
    log(LogLevel::error, fmt::format("audit: cannot write {}: {}; the last {} records are kept",
                                     path_, std::strerror(error), kKeptMax));
  }
  errno_ = error;
}

// A user's requests beyond his own bound do not count towards that of all: nobody hides by them
// what another one tried.
bool AuditLog::admit_denied(const AuditRecord& record) {
  const TimeNs second = record.at / kNsPerSecond;
  if (second != denied_second_) {
    denied_in_second_ = 0;
    denied_of_user_.clear();
  }
  denied_second_ = second;
  if (denied_in_second_ < kDeniedPerSecond &&
      denied_of_user_[record.uid] < kDeniedOfUserPerSecond) {
    ++denied_of_user_[record.uid];
    ++denied_in_second_;
    return true;
  }
  ++denied_unwritten_;
  return false;
}

void AuditLog::append(const AuditRecord& record) {
  if (record.is_denied && !admit_denied(record)) return;
  if (waiting_.size() == kKeptMax) {
    waiting_.pop_front();
    ++lost_;
  }
  waiting_.push_back(line_of(record, std::exchange(denied_unwritten_, 0)));
  // While the file fails, `turn` tries: a flood of changes must not become one of failing writes.
  if (errno_ == 0) write_waiting();
}

bool AuditLog::write_line(const std::string& line) {
  const std::string whole = needs_newline_ ? "\n" + line : line;
  const ssize_t written = ::write(fd_, whole.data(), whole.size());
  if (written == static_cast<ssize_t>(whole.size())) {
    needs_newline_ = false;
    return true;
  }
  // A disk that fills up takes part of a line; the record is written again in whole.
  if (written > 0) needs_newline_ = true;
  note_failure(written < 0 ? errno : ENOSPC);
  return false;
}

void AuditLog::write_waiting() {
  if (waiting_.empty() || (fd_ < 0 && !open())) return;
  while (!waiting_.empty() && write_line(waiting_.front())) waiting_.pop_front();
  if (!waiting_.empty() || errno_ == 0) return;
  errno_ = 0;
  log(LogLevel::notice, fmt::format("audit: writing {} again", path_));
}

void AuditLog::turn(TimeNs now) {
  if (now < looked_at_ + kLookInterval) return;
  looked_at_ = now;
  follow_rotation();
  write_waiting();
}

void AuditLog::reopen() {
  close();
  write_waiting();
}

void AuditLog::follow_rotation() {
  if (fd_ < 0) return;
  struct stat ours {};
  struct stat named {};
  if (fstat(fd_, &ours) != 0) return;
  const bool is_same = stat(path_.c_str(), &named) == 0 && named.st_ino == ours.st_ino &&
                       named.st_dev == ours.st_dev;
  if (!is_same) close();
}

Result<AuditLog::Page> AuditLog::list(std::optional<std::uint64_t> cursor,
                                      std::size_t limit) const {
  Page page;
  if (!cursor) {
    std::size_t bytes = 0;
    for (auto line = waiting_.rbegin(); line != waiting_.rend() && page.items.size() < limit;
         ++line) {
      bytes += line->size();
      if (bytes > kPageBytesMax) break;
      page.items.push_back(json::parse(*line, nullptr, false));
    }
  }
  const auto tail = read_before(path_, cursor);
  if (!tail) return tl::unexpected(tail.error());
  Page written = newest_lines(tail->text, tail->offset, limit - page.items.size());
  for (json& item : written.items) page.items.push_back(std::move(item));
  page.next = written.next;
  return page;
}

Status AuditLog::status() const {
  if (errno_ == 0) return {};
  return fail(ErrorKind::io, fmt::format("{}: cannot write: {}", path_, std::strerror(errno_)));
}

}  // namespace sluice
