#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include <fmt/format.h>

#include "base/escape.h"

namespace sluice {
namespace {

std::atomic<LogLevel> highest_level{LogLevel::notice};
std::atomic<bool> has_journal_prefix{false};

// sd-daemon(3): the priority of syslog in angle brackets.
int journal_priority(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::error:
      return 3;
    case LogLevel::warning:
      return 4;
    case LogLevel::notice:
      return 5;
    case LogLevel::info:
      return 6;
  }
  return 6;
}

const char* name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::notice:
      return "notice";
    case LogLevel::info:
      return "info";
  }
  return "info";
}

// One write per line, so that lines of several threads and processes do not mix. A log that cannot
// be written is nobody's reason to stop.
void write_line(std::string_view line) noexcept {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void configure_log(LogLevel level, bool journal_prefix) noexcept {
  highest_level.store(level, std::memory_order_relaxed);
  has_journal_prefix.store(journal_prefix, std::memory_order_relaxed);
}

void log(LogLevel level, std::string_view message) {
  if (level > highest_level.load(std::memory_order_relaxed)) return;
  std::string line = has_journal_prefix.load(std::memory_order_relaxed)
                         ? fmt::format("<{}>", journal_priority(level))
                         : fmt::format("{}: ", name_of(level));
  line += escape_control(message);
  line += '\n';
  write_line(line);
}

}  // namespace sluice
