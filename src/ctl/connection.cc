#include "ctl/connection.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include "control/protocol.h"
#include "ctl/fields.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr unsigned kReplyDepthMax = 32;
constexpr std::size_t kReadBytes = 64 * 1024;

std::string hint_for(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "be root, or a member of the group in control.socket_group";
    case EAGAIN:
      return "too many clients wait: try again";
    default:
      return "is the gateway running? see `systemctl status sluice`";
  }
}

/// The parser takes any depth, and what comes after it recurses.
bool is_shallow(std::string_view text) noexcept {
  unsigned depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_text = !in_text;
    } else if (!in_text && (c == '{' || c == '[')) {
      if (++depth > kReplyDepthMax) return false;
    } else if (!in_text && (c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return true;
}

/// Discarded where it is none.
json parse_line(const std::string& line) {
  if (!is_shallow(line)) return json(json::value_t::discarded);
  json value = json::parse(line, nullptr, false);
  return value.is_object() ? value : json(json::value_t::discarded);
}

ErrorKind kind_of(std::string_view word) noexcept {
  if (word == "invalid") return ErrorKind::invalid;
  if (word == "not_found") return ErrorKind::not_found;
  if (word == "limit") return ErrorKind::limit;
  if (word == "io") return ErrorKind::io;
  if (word == "internal") return ErrorKind::internal;
  return ErrorKind::unavailable;
}

std::string lines_in(const json& object, std::string_view name) {
  const json& value = member(object, name);
  return value.is_string() ? escape_lines(value.get_ref<const std::string&>()) : std::string();
}

Error refusal(const json& error) {
  Error refused{kind_of(text_in(error, "kind")), lines_in(error, "message"),
                lines_in(error, "hint")};
  if (refused.message.empty()) refused.message = "the daemon refused without saying why";
  return refused;
}

}  // namespace

Result<Connection> Connection::open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::invalid, fmt::format("--socket: a path of {} bytes: 1 to {}",
                                                path.size(), sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Connection connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), path);
  if (connection.fd_ < 0 ||
      connect(connection.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    return fail(ErrorKind::unavailable,
                fmt::format("{}: cannot connect: {}", escape_lines(path), std::strerror(error)),
                hint_for(error));
  }
  return connection;
}

Connection::Connection(int fd, std::string path, int patience_ms)
    : fd_(fd), path_(std::move(path)), patience_ms_(patience_ms) {}

Connection::~Connection() {
  if (fd_ >= 0) close(fd_);
}

Connection::Connection(Connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      patience_ms_(other.patience_ms_),
      last_id_(other.last_id_),
      input_(std::move(other.input_)),
      searched_(other.searched_) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(patience_ms_, other.patience_ms_);
  std::swap(last_id_, other.last_id_);
  std::swap(input_, other.input_);
  std::swap(searched_, other.searched_);
  return *this;
}

tl::unexpected<Error> Connection::broken(std::string_view what) const {
  return fail(ErrorKind::io, fmt::format("{}: {}", escape_lines(path_), what),
              "is it the socket of a gateway? see `systemctl status sluice`");
}

Result<json> Connection::ask(std::string_view verb, const json& args) {
  const std::uint64_t id = ++last_id_;
  const std::string line = json_line(json{{"id", id}, {"verb", verb}, {"args", args}});
  if (line.size() > kRequestLineBytesMax + 1) {
    return fail(ErrorKind::invalid, fmt::format("{}: a request of {} bytes: at most {}", verb,
                                                line.size() - 1, kRequestLineBytesMax));
  }
  // A daemon that has no room for this client says so and closes before it is asked anything.
  const Status sent = send_line(line);
  const Result<std::string> text = read_line();
  if (!text) return tl::unexpected(sent ? text.error() : sent.error());
  json reply = parse_line(*text);
  if (reply.is_discarded()) return broken("the reply is not a JSON object");
  const json& reply_id = member(reply, "id");
  const bool is_ok = flag_in(reply, "ok");
  if (reply_id != id && (is_ok || !reply_id.is_null())) {
    return broken("a reply to another request");
  }
  if (is_ok && reply.contains("result")) return std::move(reply["result"]);
  if (is_ok || !reply.contains("error")) return broken("a reply without result or error");
  return tl::unexpected(refusal(reply["error"]));
}

Result<json> Connection::next_streamed(int watched_fd) {
  std::string line;
  while (!take_line(line)) {
    std::array<pollfd, 2> fds{{{fd_, POLLIN, 0}, {watched_fd, 0, 0}}};
    const int ready = poll(fds.data(), fds.size(), -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return broken(std::strerror(errno));
    if ((fds[1].revents & (POLLERR | POLLHUP)) != 0) return json();
    if (auto read = read_some(); !read) return tl::unexpected(read.error());
  }
  json value = parse_line(line);
  if (value.is_discarded()) return broken("a line of the stream is not a JSON object");
  return value;
}

Status Connection::send_line(std::string_view line) {
  while (!line.empty()) {
    const ssize_t sent = send(fd_, line.data(), line.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      line.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR) {
      return broken(fmt::format("cannot send: {}", std::strerror(errno)));
    }
  }
  return {};
}

Result<std::string> Connection::read_line() {
  std::string line;
  while (!take_line(line)) {
    pollfd ready{fd_, POLLIN, 0};
    const int count = poll(&ready, 1, patience_ms_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return broken(std::strerror(errno));
    if (count == 0) {
      return fail(ErrorKind::unavailable,
                  fmt::format("{}: no answer within {} ms", escape_lines(path_), patience_ms_),
                  "the daemon is stuck or overloaded: see `journalctl -u sluice`");
    }
    if (auto read = read_some(); !read) return tl::unexpected(read.error());
  }
  return line;
}

bool Connection::take_line(std::string& line) {
  const std::size_t end = input_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = input_.size();
    return false;
  }
  line = input_.substr(0, end);
  input_.erase(0, end + 1);
  searched_ = 0;
  return true;
}

/// Called where `input_` holds no whole line.
Status Connection::read_some() {
  if (input_.size() > kReplyBytesMax) {
    return broken(fmt::format("a reply longer than {} bytes", kReplyBytesMax));
  }
  std::array<char, kReadBytes> bytes;
  const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
  if (got < 0 && errno == EINTR) return {};
  if (got < 0) return broken(fmt::format("cannot read: {}", std::strerror(errno)));
  if (got == 0) {
    return broken(input_.empty() ? "closed by the daemon" : "closed in the middle of a reply");
  }
  input_.append(bytes.data(), static_cast<std::size_t>(got));
  return {};
}

int exit_code_of(const Error& error) noexcept { return error.kind == ErrorKind::invalid ? 2 : 1; }

}  // namespace sluice
