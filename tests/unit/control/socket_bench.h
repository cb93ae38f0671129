// A control socket in a directory of its own, with clients, and a loop that is run by hand.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "control/control_socket.h"
#include "control/event_followers.h"
#include "control/store/audit_log.h"
#include "tests/support/scratch_dir.h"
#include "tests/unit/control/records.h"

namespace sluice::test {

using Json = nlohmann::json;

class FakeClock final : public Clock {
 public:
  [[nodiscard]] TimeNs now() const noexcept override { return time; }
  TimeNs time = kNewYear2025;
};

class NoSink final : public EventSink {
 public:
  void flow(const FlowRecord&) noexcept override { ++records; }
  void drop(const DropRecord&) noexcept override { ++records; }
  void inspection(const InspectRecord&) noexcept override { ++records; }
  void stats(const StatsSnapshot&) noexcept override { ++records; }
  void end_turn(TimeNs) noexcept override {}
  [[nodiscard]] EventCounts counts() const noexcept override { return {records, 0, 0}; }
  std::uint64_t records = 0;
};

/// The operator's end of a connection; never blocks.
class TestClient {
 public:
  explicit TestClient(const std::string& path)
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    is_connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() { leave(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void leave() { close(std::exchange(fd_, -1)); }
  void end_input() const { shutdown(fd_, SHUT_WR); }
  [[nodiscard]] bool is_connected() const { return is_connected_; }
  /// Bytes taken.
  std::size_t send(std::string_view text) const {
    const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  /// Reads what is there; whole lines of it, parsed.
  std::vector<Json> lines() {
    char bytes[64 * 1024];
    while (true) {
      const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
      is_closed_ = is_closed_ || got == 0 || (got < 0 && errno != EAGAIN);
      if (got <= 0) break;
      text_.append(bytes, static_cast<std::size_t>(got));
    }
    std::vector<Json> out;
    for (std::size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      out.push_back(Json::parse(text_.substr(0, end)));
      text_.erase(0, end + 1);
    }
    return out;
  }
  /// As the last `lines` saw it.
  [[nodiscard]] bool is_closed() const { return is_closed_; }

 private:
  int fd_;
  bool is_connected_ = false;
  bool is_closed_ = false;
  std::string text_;
};

class SocketBench {
 public:
  explicit SocketBench(CommandRunner run = {}) {
    sd_event_new(&loop_);
    services.clock = &clock;
    services.audit = &audit;
    services.followers = &followers;
    ControlSocketOptions options{path, {}, {.daemon_uid = kDaemonUid}};
    socket = run ? std::make_unique<ControlSocket>(options, services, loop_, std::move(run))
                 : std::make_unique<ControlSocket>(options, services, loop_);
    const Status opened = socket->open();
    EXPECT_TRUE(opened) << opened.error().message;
    // Whoever tests connects, as root or not.
    chmod(path.c_str(), 0666);
    chmod(std::filesystem::path(path).parent_path().c_str(), 0755);
  }
  ~SocketBench() {
    socket.reset();
    sd_event_unref(loop_);
  }
  SocketBench(const SocketBench&) = delete;
  SocketBench& operator=(const SocketBench&) = delete;

  /// Until nothing is left to be done.
  void run() const {
    for (int i = 0; i < 100'000 && sd_event_run(loop_, 0) > 0; ++i) {
    }
  }
  /// One source's worth.
  void run_once() const { sd_event_run(loop_, 0); }
  /// What comes back for `line`; the newline is added.
  std::vector<Json> ask(TestClient& client, const std::string& line) const {
    client.send(line + "\n");
    run();
    return client.lines();
  }
  /// A client that is nobody in particular: root lends its place for the moment of connecting.
  std::unique_ptr<TestClient> connect_as_viewer() const {
    const bool is_root = geteuid() == 0;
    if (is_root && seteuid(kNobody) != 0) return nullptr;
    auto client = std::make_unique<TestClient>(path);
    if (is_root && seteuid(0) != 0) return nullptr;
    return client;
  }
  [[nodiscard]] sd_event* loop() const { return loop_; }

  static constexpr std::uint32_t kDaemonUid = 4242;
  static constexpr uid_t kNobody = 65534;

  ScratchDir dir;
  std::string path = dir.file("control.sock");
  FakeClock clock;
  NoSink sink;
  EventFollowers followers{sink, {}};
  AuditLog audit{dir.file("audit.json")};
  Services services;
  std::unique_ptr<ControlSocket> socket;

 private:
  sd_event* loop_ = nullptr;
};

}  // namespace sluice::test
