// The other end of a control socket for tests of the client: answers each request with the next of
// the lines it was given, in a thread of its own, and keeps what it was asked.
#pragma once

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "ctl/connection.h"

namespace sluice::test {

class FakeDaemon {
 public:
  /// Closes after the last answer where told to; else waits for the client to close.
  explicit FakeDaemon(std::vector<std::string> answers, bool closes = false)
      : answers_(std::move(answers)), closes_(closes) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds_) != 0) std::abort();
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeDaemon() { join(); }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  /// The client's end, once.
  [[nodiscard]] Connection connection(int patience_ms = 60'000) {
    return Connection(std::exchange(fds_[0], -1), "control.sock", patience_ms);
  }
  /// After the connection was closed.
  [[nodiscard]] const std::vector<std::string>& requests() {
    join();
    return requests_;
  }

 private:
  void serve() {
    for (const std::string& answer : answers_) {
      if (!read_request()) break;
      if (!send_all(answer)) break;
    }
    while (!closes_ && read_request()) {
    }
    shutdown(fds_[1], SHUT_RDWR);
  }
  bool read_request() {
    std::string line;
    for (char c = 0; read(fds_[1], &c, 1) == 1; line += c) {
      if (c != '\n') continue;
      requests_.push_back(line);
      return true;
    }
    return false;
  }
  bool send_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = send(fds_[1], text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void join() {
    if (fds_[0] >= 0) close(std::exchange(fds_[0], -1));
    if (thread_.joinable()) thread_.join();
    if (fds_[1] >= 0) close(std::exchange(fds_[1], -1));
  }

  std::vector<std::string> answers_;
  bool closes_;
  std::vector<std::string> requests_;
  int fds_[2] = {-1, -1};
  std::thread thread_;
};

/// A reply to the client's request `id`.
[[nodiscard]] inline std::string ok(int id, const std::string& result) {
  return R"({"id":)" + std::to_string(id) + R"(,"request_id":"r-1","ok":true,"result":)" + result +
         "}\n";
}

}  // namespace sluice::test
