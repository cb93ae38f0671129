// The file that events are appended to: a large buffer in front of it, log rotation behind it, and
// a full disk survived. Nothing here ends the caller: what cannot be written is kept while the
// buffer has room, then counted. One thread: the recorder, or the thread that replays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

struct EveFileOptions {
  std::string path;           ///< "-" = standard output
  bool starts_empty = false;  ///< truncate instead of append
  std::size_t buffer_bytes = 1U << 20;
};

/// `now` is any clock that does not go back; it only spaces retries and rotation checks.
class EveFile {
 public:
  explicit EveFile(EveFileOptions options);
  ~EveFile();
  EveFile(const EveFile&) = delete;
  EveFile& operator=(const EveFile&) = delete;

  /// At least `bytes` (at most half the buffer) to write a line into, valid until the next call;
  /// empty where the file takes nothing and the buffer is full. Writes when the buffer is full.
  [[nodiscard]] std::span<char> room(std::size_t bytes, TimeNs now) noexcept;
  /// `bytes` of what `room` gave now hold whole lines.
  void commit(std::size_t bytes) noexcept { filled_ += bytes; }
  /// Writes what waits, as far as the file takes it without blocking for long. Also looks, once a
  /// second, whether the file was moved away, and opens it anew.
  void flush(TimeNs now) noexcept;
  /// Gives up what could not be written, and counts its lines. At the end.
  void abandon() noexcept;
  /// The next write goes to a newly opened file.
  void reopen(TimeNs now) noexcept;

  [[nodiscard]] bool is_failing() const noexcept { return errno_ != 0; }
  [[nodiscard]] std::size_t bytes_waiting() const noexcept { return filled_; }
  /// Lines that the buffer held and that were given up; lines refused by `room` are the caller's to
  /// count.
  [[nodiscard]] std::uint64_t lines_lost() const noexcept { return lines_lost_; }
  /// What stands in the way of writing, if anything does.
  [[nodiscard]] Status status() const;

 private:
  [[nodiscard]] bool open(TimeNs now) noexcept;
  void close() noexcept;
  void note_failure(int error, TimeNs now) noexcept;
  void note_success() noexcept;
  [[nodiscard]] long write_chunk(std::size_t from) noexcept;
  void drop_cut_line() noexcept;
  void follow_rotation(TimeNs now) noexcept;

  EveFileOptions options_;
  std::unique_ptr<char[]> buffer_;
  std::size_t filled_ = 0;
  std::uint64_t lines_lost_ = 0;
  TimeNs retry_at_ = 0;
  TimeNs stalled_at_ = ~TimeNs{0};  ///< when a pipe's reader was last waited for in vain
  TimeNs rotation_checked_ = 0;
  int fd_ = -1;
  int errno_ = 0;  ///< why writing fails, 0 while it works
  bool is_regular_ = false;
  bool mid_line_ = false;       ///< the last byte written was not a newline
  bool needs_newline_ = false;  ///< the file found ends in a cut line
};

}  // namespace sluice
