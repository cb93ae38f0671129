// The UNIX socket that operators talk to. Every client is bounded in what it may send, keep waiting
// and leave unread, and each callback does a bounded piece of work, so that no client holds up the
// loop or another client. Control thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/result.h"
#include "control/access.h"
#include "control/client.h"
#include "control/commands.h"
#include "control/protocol.h"

namespace sluice {

struct ControlSocketOptions {
  std::string path;
  std::string group;  ///< may connect beside the daemon's user; "" = nobody
  AccessRules access;
};

struct ControlSocketCounts {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;  ///< connections beyond the number that may be
  std::uint64_t cut = 0;      ///< clients that were too slow, too long or too silent
  std::uint64_t requests = 0;
};

/// As run_command does it.
using CommandRunner = std::function<void(Services&, const Caller&, std::string_view verb,
                                         const nlohmann::json& args, Reply)>;

class ControlSocket {
 public:
  /// `services` (with a clock) and `loop` outlive the object.
  ControlSocket(ControlSocketOptions options, Services& services, sd_event* loop);
  ControlSocket(ControlSocketOptions options, Services& services, sd_event* loop,
                CommandRunner run);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// Binds and listens. A socket that nobody answers on is replaced; one that somebody answers on,
  /// and anything that is no socket, is an error.
  [[nodiscard]] Status open();
  /// Once per turn of the loop: events to followers, clients that have waited too long.
  void turn(TimeNs now);
  /// No more clients; those there are are cut, and the socket is removed.
  void close();

  [[nodiscard]] std::size_t clients() const noexcept { return clients_.size(); }
  [[nodiscard]] const ControlSocketCounts& counts() const noexcept { return counts_; }

  static constexpr std::size_t kClientsMax = 64;
  /// The last of them are for administrators, so that nobody else can lock them out.
  static constexpr std::size_t kClientsKept = 8;
  /// Of one user who may only look, so that he leaves room for those who act.
  static constexpr std::size_t kClientsOfViewer = 24;
  static constexpr unsigned kUnansweredMax = 16;
  static constexpr DurationNs kPartialLineMax = 10 * kNsPerSecond;
  static constexpr DurationNs kIdleMax = 600 * kNsPerSecond;

 private:
  struct Connection {
    Connection(int fd, Caller caller, TimeNs now) : client(fd, std::move(caller), now) {}
    ~Connection() { sd_event_source_disable_unref(source); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Client client;
    ControlSocket* owner = nullptr;
    std::uint64_t serial = 0;
    sd_event_source* source = nullptr;
    bool is_over = false;  ///< to be removed; nothing more is read or sent
  };
  using Connections = std::map<std::uint64_t, std::unique_ptr<Connection>>;

  static int on_connect(sd_event_source*, int, std::uint32_t, void* self) noexcept;
  static int on_client(sd_event_source*, int, std::uint32_t events, void* connection) noexcept;
  static int on_backlog(sd_event_source*, void* self) noexcept;

  [[nodiscard]] Status listen_on_path();
  [[nodiscard]] Status give_to_group();
  void accept_some();
  void admit(int fd, TimeNs now);
  [[nodiscard]] std::size_t clients_of(std::uint32_t uid) const;
  void refuse(int fd, const Error& error);
  void serve(Connection& connection, std::uint32_t events);
  void serve_next();
  void arm_backlog();
  void run_lines(Connection& connection);
  void run_line(Connection& connection, std::string_view line);
  [[nodiscard]] Reply reply_to(Connection& connection, RequestName name, const Request& request);
  void answer(std::uint64_t serial, const RequestName& name, const Result<nlohmann::json>& result,
              bool was_allowed);
  void send_events(Connection& connection);
  void send(Connection& connection, std::string_view line);
  void cut(Connection& connection, const Error& error);
  void flush(Connection& connection);
  void look_at_time(Connection& connection, TimeNs now);
  void remove_over();
  void end_streams(Connection& connection);
  [[nodiscard]] TimeNs now() const noexcept { return services_.clock->now(); }

  ControlSocketOptions options_;
  Services& services_;
  sd_event* loop_;
  CommandRunner run_;
  RequestIds request_ids_;
  /// What a late answer finds its way back by; empty once the socket is gone.
  std::shared_ptr<ControlSocket*> self_;
  int fd_ = -1;
  ino_t inode_ = 0;  ///< of the socket we made
  sd_event_source* listener_ = nullptr;
  sd_event_source* backlog_ = nullptr;  ///< there while whole lines wait to be run
  bool is_listener_paused_ = false;
  std::uint64_t next_serial_ = 1;
  std::uint64_t last_served_ = 0;  ///< of those whose lines wait
  Connections clients_;
  ControlSocketCounts counts_;
};

}  // namespace sluice
