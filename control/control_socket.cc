#include "control/control_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "control/event_followers.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr int kListenBacklog = 128;
constexpr unsigned kAcceptsPerCallback = 16;
constexpr unsigned kLinesPerCallback = 8;
constexpr DurationNs kCallbackTime = kNsPerMs;  // no further line once this has gone by
// A follower's queue is filled from its events no further: what the client does not read waits
// there, where the oldest can go.
constexpr std::size_t kStreamBytesAhead = 64 * 1024;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::invalid, fmt::format("control.socket: a path of {} bytes: 1 to {}",
                                                path.size(), sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

tl::unexpected<Error> cannot(const std::string& path, const char* what, std::string hint = {}) {
  return fail(ErrorKind::io, fmt::format("{}: cannot {}: {}", path, what, std::strerror(errno)),
              std::move(hint));
}

/// A listener that is alive takes the connection, or says that too many wait.
bool is_answered(const sockaddr_un& address) noexcept {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const bool answered =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN;
  ::close(fd);
  return answered;
}

Status remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorKind::invalid, fmt::format("{}: is there and no socket", path),
                "remove it, or set control.socket to another path");
  }
  if (is_answered(address)) {
    return fail(ErrorKind::unavailable, fmt::format("{}: another daemon answers on it", path),
                "stop that one, or give each its own control.run_dir");
  }
  if (unlink(path.c_str()) != 0) return cannot(path, "remove what an earlier daemon left");
  return {};
}

bool is_temporary(int accept_error) noexcept {
  return accept_error == EINTR || accept_error == ECONNABORTED;
}

}  // namespace

ControlSocket::ControlSocket(ControlSocketOptions options, Services& services, sd_event* loop)
    : ControlSocket(std::move(options), services, loop,
                    [](Services& all, const Caller& caller, std::string_view verb, const json& args,
                       Reply reply) { run_command(all, caller, verb, args, std::move(reply)); }) {}

ControlSocket::ControlSocket(ControlSocketOptions options, Services& services, sd_event* loop,
                             CommandRunner run)
    : options_(std::move(options)),
      services_(services),
      loop_(loop),
      run_(std::move(run)),
      request_ids_(services.clock->now()),
      self_(std::make_shared<ControlSocket*>(this)) {}

ControlSocket::~ControlSocket() { close(); }

Status ControlSocket::open() {
  if (auto status = listen_on_path(); !status) {
    close();
    return status;
  }
  const int error = sd_event_add_io(loop_, &listener_, fd_, EPOLLIN, on_connect, this);
  if (error >= 0) return {};
  close();
  return fail(ErrorKind::internal,
              fmt::format("control socket: event loop: {}", std::strerror(-error)));
}

/// Nobody can connect before `listen`, and nobody but us has access before the group was set.
Status ControlSocket::listen_on_path() {
  const std::string& path = options_.path;
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  if (auto status = remove_stale(path, *address); !status) return status;
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0 || fchmod(fd_, 0600) != 0) return cannot(path, "make a socket");
  if (bind(fd_, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return cannot(path, "bind", "the directory must exist and belong to control.user");
  }
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return cannot(path, "look at the socket");
  inode_ = status.st_ino;
  if (auto given = give_to_group(); !given) {
    log(LogLevel::warning, given.error().message + ": only the daemon's user and root may connect");
  }
  if (listen(fd_, kListenBacklog) != 0) return cannot(path, "listen");
  return {};
}

Status ControlSocket::give_to_group() {
  if (options_.group.empty()) return {};
  const char* path = options_.path.c_str();
  const auto group = find_group(options_.group);
  if (!group) {
    return fail(ErrorKind::not_found,
                fmt::format("control.socket_group: no group '{}' on this host", options_.group));
  }
  if (lchown(path, static_cast<uid_t>(-1), *group) != 0 || chmod(path, 0660) != 0) {
    return cannot(options_.path, "give it to its group");
  }
  return {};
}

void ControlSocket::close() {
  for (auto& [serial, connection] : clients_) end_streams(*connection);
  clients_.clear();
  listener_ = sd_event_source_disable_unref(listener_);
  backlog_ = sd_event_source_disable_unref(backlog_);
  self_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  struct stat status {};
  const bool is_ours = inode_ != 0 && lstat(options_.path.c_str(), &status) == 0 &&
                       S_ISSOCK(status.st_mode) && status.st_ino == inode_;
  if (is_ours) unlink(options_.path.c_str());
  inode_ = 0;
}

int ControlSocket::on_connect(sd_event_source*, int, std::uint32_t, void* self) noexcept {
  static_cast<ControlSocket*>(self)->accept_some();
  return 0;
}

void ControlSocket::accept_some() {
  for (unsigned i = 0; i < kAcceptsPerCallback; ++i) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      admit(fd, now());
    } else if (!is_temporary(errno)) {
      // Without descriptors the connection stays in the queue and would wake the loop for ever.
      is_listener_paused_ = errno != EAGAIN;
      if (is_listener_paused_) sd_event_source_set_enabled(listener_, SD_EVENT_OFF);
      break;
    }
  }
  remove_over();
}

void ControlSocket::admit(int fd, TimeNs now) {
  const auto peer = peer_of(fd);
  if (!peer) return refuse(fd, peer.error());
  const Role role = role_of(*peer, options_.access);
  const std::size_t room = role == Role::admin ? kClientsMax : kClientsMax - kClientsKept;
  if (clients_.size() >= room) {
    return refuse(fd, Error{ErrorKind::limit,
                            fmt::format("control socket: {} clients, which is all there may be",
                                        clients_.size()),
                            "close one, or try again"});
  }
  if (role == Role::viewer && clients_of(peer->uid) >= kClientsOfViewer) {
    return refuse(fd, Error{ErrorKind::limit,
                            fmt::format("control socket: {} clients of this user, which is all "
                                        "that one who may only look can have",
                                        kClientsOfViewer),
                            "close one, or try again"});
  }
  auto connection = std::make_unique<Connection>(
      fd, Caller{peer->uid, peer->pid, user_text(peer->uid), role, {}}, now);
  connection->owner = this;
  connection->serial = next_serial_++;
  if (sd_event_add_io(loop_, &connection->source, fd, EPOLLIN, on_client, connection.get()) < 0) {
    return;
  }
  ++counts_.accepted;
  clients_.emplace(connection->serial, std::move(connection));
}

std::size_t ControlSocket::clients_of(std::uint32_t uid) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      clients_, [uid](const auto& client) { return client.second->client.caller().uid == uid; }));
}

void ControlSocket::refuse(int fd, const Error& error) {
  ++counts_.refused;
  const std::string line = error_line({nullptr, request_ids_.next()}, name_of(error.kind), error);
  (void)::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd);
}

int ControlSocket::on_client(sd_event_source*, int, std::uint32_t events,
                             void* connection) noexcept {
  auto& which = *static_cast<Connection*>(connection);
  ControlSocket& self = *which.owner;
  self.serve(which, events);
  self.remove_over();
  return 0;
}

void ControlSocket::serve(Connection& connection, std::uint32_t events) {
  Client& client = connection.client;
  // What is there is run before more is taken, so that a client's input stays bounded.
  const bool wants_bytes = client.is_reading() && !client.has_line();
  if ((events & EPOLLIN) != 0 && wants_bytes && !client.read_some(now())) client.stop_reading();
  run_lines(connection);
  send_events(connection);
  flush(connection);
  const bool is_gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (is_gone && !client.is_reading() && !client.has_line()) connection.is_over = true;
}

void ControlSocket::run_lines(Connection& connection) {
  Client& client = connection.client;
  const TimeNs until = now() + kCallbackTime;
  for (unsigned i = 0; i < kLinesPerCallback && !connection.is_over && now() <= until; ++i) {
    if (client.is_line_too_long()) {
      return cut(connection,
                 Error{ErrorKind::invalid,
                       fmt::format("request: a line longer than {} bytes", kRequestLineBytesMax),
                       "send large changes in parts"});
    }
    const auto line = client.next_line();
    if (!line) return;
    run_line(connection, *line);
  }
  if (client.has_line()) arm_backlog();
}

void ControlSocket::arm_backlog() {
  if (backlog_ == nullptr) (void)sd_event_add_defer(loop_, &backlog_, on_backlog, this);
}

int ControlSocket::on_backlog(sd_event_source*, void* self) noexcept {
  static_cast<ControlSocket*>(self)->serve_next();
  return 0;
}

/// One client's share for each callback, in turns. The source is made anew each time: one that
/// stays would count as the longest waiting, and nothing else would have its turn.
void ControlSocket::serve_next() {
  backlog_ = sd_event_source_disable_unref(backlog_);
  auto at = clients_.upper_bound(last_served_);
  for (std::size_t seen = 0; seen < clients_.size(); ++seen, ++at) {
    if (at == clients_.end()) at = clients_.begin();
    Connection& connection = *at->second;
    if (connection.is_over || !connection.client.has_line()) continue;
    last_served_ = connection.serial;
    serve(connection, 0);
    break;
  }
  remove_over();
  const bool has_more = std::any_of(clients_.begin(), clients_.end(), [](const auto& entry) {
    return entry.second->client.has_line();
  });
  if (has_more) arm_backlog();
}

void ControlSocket::run_line(Connection& connection, std::string_view line) {
  Client& client = connection.client;
  ++counts_.requests;
  Request request = parse_request(line);
  RequestName name{request.id, request_ids_.next()};
  if (request.error) {
    return send(connection, error_line(name, name_of(request.error->kind), *request.error));
  }
  if (client.unanswered + client.streams.size() >= kUnansweredMax) {
    const Error error{ErrorKind::limit,
                      fmt::format("request: {} of this client wait for an answer, which is all "
                                  "there may be",
                                  client.unanswered + client.streams.size()),
                      "read the answers first"};
    return send(connection, error_line(name, name_of(error.kind), error));
  }
  Caller caller = client.caller();
  caller.request_id = name.request_id;
  caller.client_id = json_text(name.id);
  ++client.unanswered;
  run_(services_, caller, request.verb, request.args,
       reply_to(connection, std::move(name), request));
}

Reply ControlSocket::reply_to(Connection& connection, RequestName name, const Request& request) {
  const CommandRow* row = find_command(request.verb);
  const bool is_fine = row == nullptr || is_allowed(connection.client.caller().role, *row);
  return [self = std::weak_ptr(self_), serial = connection.serial, name = std::move(name),
          is_fine](const Result<json>& result) {
    if (const auto owner = self.lock()) (*owner)->answer(serial, name, result, is_fine);
  };
}

/// Called within `run_line`, or in any later turn: only marks a connection that is over.
void ControlSocket::answer(std::uint64_t serial, const RequestName& name,
                           const Result<json>& result, bool was_allowed) {
  const auto found = clients_.find(serial);
  const bool is_stream =
      services_.followers != nullptr && services_.followers->is_following(name.request_id);
  if (found == clients_.end()) {
    if (is_stream) services_.followers->unfollow(name.request_id);
    return;
  }
  Connection& connection = *found->second;
  --connection.client.unanswered;
  if (is_stream) connection.client.streams.push_back(name);
  if (result) {
    send(connection, result_line(name, *result));
  } else {
    const std::string_view kind = was_allowed ? name_of(result.error().kind) : kDeniedKind;
    send(connection, error_line(name, kind, result.error()));
  }
  flush(connection);
}

void ControlSocket::send_events(Connection& connection) {
  Client& client = connection.client;
  for (const RequestName& name : client.streams) {
    while (client.bytes_queued() < kStreamBytesAhead && !connection.is_over) {
      const auto next = services_.followers->take(name.request_id);
      if (!next) break;
      if (next->lost > 0) send(connection, lost_line(name.id, next->lost));
      if (next->event != nullptr) send(connection, event_line(name.id, *next->event));
    }
  }
}

/// A client that leaves a megabyte of answers unread is cut.
void ControlSocket::send(Connection& connection, std::string_view line) {
  if (connection.is_over || connection.client.try_queue(line)) return;
  ++counts_.cut;
  connection.is_over = true;
}

void ControlSocket::cut(Connection& connection, const Error& error) {
  ++counts_.cut;
  send(connection, error_line({nullptr, request_ids_.next()}, name_of(error.kind), error));
  flush(connection);
  connection.is_over = true;
}

void ControlSocket::flush(Connection& connection) {
  Client& client = connection.client;
  if (connection.is_over) return;
  if (!client.flush(now())) {
    connection.is_over = true;
    return;
  }
  const std::uint32_t events = (client.is_reading() ? std::uint32_t{EPOLLIN} : 0U) |
                               (client.bytes_queued() > 0 ? std::uint32_t{EPOLLOUT} : 0U);
  sd_event_source_set_io_events(connection.source, events);
  // The other end has asked everything it wanted and has all answers.
  connection.is_over =
      events == 0 && !client.has_line() && client.unanswered == 0 && client.streams.empty();
}

void ControlSocket::turn(TimeNs now) {
  if (std::exchange(is_listener_paused_, false)) {
    sd_event_source_set_enabled(listener_, SD_EVENT_ON);
  }
  for (auto& [serial, connection] : clients_) {
    look_at_time(*connection, now);
    if (connection->is_over || connection->client.streams.empty()) continue;
    send_events(*connection);
    flush(*connection);
  }
  remove_over();
}

void ControlSocket::look_at_time(Connection& connection, TimeNs now) {
  const Client& client = connection.client;
  const auto partial = client.partial_since();
  if (client.is_reading() && partial && now > *partial + kPartialLineMax) {
    return cut(connection,
               Error{ErrorKind::invalid, fmt::format("request: half a line for {} s: a whole one",
                                                     kPartialLineMax / kNsPerSecond)});
  }
  const bool only_listens = !client.streams.empty() && client.bytes_queued() == 0;
  if (only_listens || now <= client.active_at() + kIdleMax) return;
  cut(connection, Error{ErrorKind::unavailable,
                        fmt::format("control socket: silent for {} s", kIdleMax / kNsPerSecond)});
}

void ControlSocket::remove_over() {
  for (auto at = clients_.begin(); at != clients_.end();) {
    if (!at->second->is_over) {
      ++at;
      continue;
    }
    end_streams(*at->second);
    at = clients_.erase(at);
  }
}

void ControlSocket::end_streams(Connection& connection) {
  for (const RequestName& name : connection.client.streams) {
    services_.followers->unfollow(name.request_id);
  }
}

}  // namespace sluice
