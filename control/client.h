// One connection to the control socket: bytes in, cut into lines, and replies out, both bounded.
// Knows nothing of what the lines say. Control thread only; nothing blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "control/commands.h"
#include "control/protocol.h"

namespace sluice {

class Client {
 public:
  /// Takes the descriptor, which does not block.
  Client(int fd, Caller caller, TimeNs now);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// One read of at most kReadBytes. False where the other end sends no more.
  [[nodiscard]] bool read_some(TimeNs now);
  /// The next whole line without its newline, valid until the next call of any function here.
  [[nodiscard]] std::optional<std::string_view> next_line();
  [[nodiscard]] bool has_line() const noexcept { return line_end_ != std::string::npos; }
  /// A line that has grown beyond what a request may be.
  [[nodiscard]] bool is_line_too_long() const noexcept;
  /// Since when part of a line waits for its rest; nothing where none does.
  [[nodiscard]] std::optional<TimeNs> partial_since() const noexcept;

  /// Takes a line, newline included, for sending; false where the queue has no room for it.
  [[nodiscard]] bool try_queue(std::string_view line);
  /// Sends what the other end takes now; false where it is gone.
  [[nodiscard]] bool flush(TimeNs now);
  [[nodiscard]] std::size_t bytes_queued() const noexcept { return output_.size() - sent_; }

  /// Whole lines that came already stay.
  void stop_reading() noexcept { is_reading_ = false; }
  [[nodiscard]] bool is_reading() const noexcept { return is_reading_; }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const Caller& caller() const noexcept { return caller_; }
  /// When bytes last went in either direction.
  [[nodiscard]] TimeNs active_at() const noexcept { return active_at_; }

  /// Requests that an answer is still owed for, and those that events are sent for.
  unsigned unanswered = 0;
  std::vector<RequestName> streams;

  static constexpr std::size_t kReadBytes = 16 * 1024;
  static constexpr std::size_t kQueueBytesMax = kReplyBytesMax;

 private:
  void find_line_end(std::size_t from) noexcept;

  int fd_;
  Caller caller_;
  TimeNs active_at_;
  TimeNs partial_at_ = 0;  ///< when the line that is being received began
  bool is_reading_ = true;
  std::string input_;
  std::size_t taken_ = 0;  ///< bytes of `input_` that lines were made from
  std::size_t line_end_ = std::string::npos;
  std::string output_;
  std::size_t sent_ = 0;
};

}  // namespace sluice
