// The client's end of the control socket: a request out, its reply in, every byte of which is
// bounded and checked. One thread; waits no longer than it was told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace sluice {

inline constexpr const char* kSocketUnlessAsked = "/run/sluice/control.sock";

class Connection {
 public:
  /// How long the daemon may be silent when an answer is due. Reading a large configuration takes
  /// its time.
  static constexpr int kPatienceMs = 60'000;

  /// Errors: unavailable, with what to look at.
  [[nodiscard]] static Result<Connection> open(const std::string& path);
  /// Takes a connected descriptor; `path` is for messages.
  Connection(int fd, std::string path, int patience_ms = kPatienceMs);
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The `result`. Errors: what the daemon refused, escaped; io, for a reply that is cut short,
  /// none, too long or not to this request; unavailable, for silence.
  [[nodiscard]] Result<nlohmann::json> ask(std::string_view verb, const nlohmann::json& args);
  /// The next line of a stream that `ask` began, however long it takes. Null where `watched_fd`
  /// (a pipe) lost its reader meanwhile.
  [[nodiscard]] Result<nlohmann::json> next_streamed(int watched_fd);

 private:
  [[nodiscard]] Status send_line(std::string_view line);
  [[nodiscard]] Result<std::string> read_line();
  [[nodiscard]] bool take_line(std::string& line);
  [[nodiscard]] Status read_some();
  [[nodiscard]] tl::unexpected<Error> broken(std::string_view what) const;

  int fd_ = -1;
  std::string path_;
  int patience_ms_;
  std::uint64_t last_id_ = 0;
  std::string input_;
  std::size_t searched_ = 0;  ///< bytes of it known to hold no newline
};

/// 0 done, 1 could not, 2 asked wrongly.
[[nodiscard]] int exit_code_of(const Error& error) noexcept;

}  // namespace sluice
