#include "control/observe/http_server.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <future>
#include <string_view>
#include <utility>

#include <civetweb.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

namespace sluice {
namespace {

constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr unsigned kFeatureIpv6 = 8;  // of mg_check_feature
constexpr auto kStopWait = std::chrono::milliseconds(5);

/// The library sets both to be ignored, for the whole process; whoever starts children needs the
/// one of them as it was.
class KeptSignals {
 public:
  KeptSignals() noexcept {
    sigaction(SIGCHLD, nullptr, &child_);
    sigaction(SIGPIPE, nullptr, &pipe_);
  }
  ~KeptSignals() {
    sigaction(SIGCHLD, &child_, nullptr);
    if (pipe_.sa_handler != SIG_DFL) sigaction(SIGPIPE, &pipe_, nullptr);
  }
  KeptSignals(const KeptSignals&) = delete;
  KeptSignals& operator=(const KeptSignals&) = delete;

 private:
  struct sigaction child_ {};
  struct sigaction pipe_ {};
};

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

void send(mg_connection* connection, const HttpAnswer& answer, bool with_body) {
  std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n"
      "Cache-Control: no-store\r\n{}Connection: close\r\n\r\n",
      answer.status, reason_phrase(answer.status), answer.type, answer.body.size(),
      answer.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (with_body) text += answer.body;
  mg_write(connection, text.data(), text.size());
}

HttpAnswer answer_to(const mg_request_info& request, const std::vector<HttpPage>& pages) {
  const std::string_view method = request.request_method == nullptr ? "" : request.request_method;
  if (method != "GET" && method != "HEAD") return {405, kPlainText, "only GET and HEAD\n"};
  const std::string_view path = request.local_uri == nullptr ? "" : request.local_uri;
  for (const HttpPage& page : pages) {
    if (page.path == path) return page.answer();
  }
  std::string known;
  for (const HttpPage& page : pages) known += page.path + "\n";
  return {404, kPlainText, "not here; what there is:\n" + known};
}

int on_request(mg_connection* connection) {
  const mg_request_info* request = mg_get_request_info(connection);
  const auto& pages = *static_cast<const std::vector<HttpPage>*>(request->user_data);
  const HttpAnswer answer = answer_to(*request, pages);
  const bool is_head =
      request->request_method != nullptr && std::string_view(request->request_method) == "HEAD";
  send(connection, answer, !is_head);
  return answer.status;
}

/// In place of the library's own page, which names the program and its version.
int on_error(mg_connection* connection, int status, const char*) {
  send(connection, {status, kPlainText, "not a request that is answered\n"}, true);
  return 0;
}

/// What the library complains about is a client's affair, or comes back from `start`.
int on_message(const mg_connection*, const char* message) {
  log(LogLevel::info, fmt::format("http: {}", std::string_view(message).substr(0, 256)));
  return 1;
}

/// Opens a connection to the server and closes it; waits for nothing.
void knock(const ListenAddress& at) noexcept {
  const bool is_v6 = at.address.version == 6;
  const int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  // Connecting to the address of none reaches this host.
  if (is_v6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(at.port);
    std::memcpy(&address.sin6_addr, at.address.bytes.data(), sizeof address.sin6_addr);
    (void)connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(at.port);
    address.sin_addr.s_addr = htonl(at.address.v4());
    (void)connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  close(fd);
}

}  // namespace

struct HttpServer::Web {
  mg_context* context = nullptr;
  ListenAddress address;
  Web(mg_context* started, const ListenAddress& at) noexcept : context(started), address(at) {}
  /// The library's thread sleeps two seconds between looks at whether it is to stop; a connection
  /// wakes it.
  ~Web() {
    auto stopped = std::async(std::launch::async, mg_stop, context);
    while (stopped.wait_for(kStopWait) != std::future_status::ready) knock(address);
    mg_exit_library();
  }
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;
};

HttpServer::HttpServer(std::vector<HttpPage> pages) : pages_(std::move(pages)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const ListenAddress& listen,
                                                      std::vector<HttpPage> pages) {
  const std::string place = to_string(listen);
  if (listen.address.version == 6 && mg_check_feature(kFeatureIpv6) == 0) {
    return fail(ErrorKind::unavailable,
                fmt::format("metrics.listen: {}: the civetweb library of this host was built "
                            "without IPv6: an IPv4 address",
                            place));
  }
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(pages)));
  // A client that stalls holds one thread for two seconds and no longer.
  std::array<const char*, 15> options{"listening_ports",
                                      place.c_str(),
                                      "num_threads",
                                      "3",
                                      "request_timeout_ms",
                                      "2000",
                                      "max_request_size",
                                      "8192",
                                      "connection_queue",
                                      "32",
                                      "listen_backlog",
                                      "64",
                                      "enable_keep_alive",
                                      "no",
                                      nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = on_request;
  callbacks.http_error = on_error;
  callbacks.log_message = on_message;
  mg_init_data init{&callbacks, &server->pages_, options.data()};
  std::array<char, 256> text{};
  unsigned code = 0;
  mg_error_data error{&code, text.data(), text.size()};
  const KeptSignals kept;
  mg_init_library(0);
  mg_context* context = mg_start2(&init, &error);
  if (context == nullptr) {
    mg_exit_library();
    return fail(ErrorKind::unavailable,
                fmt::format("metrics.listen: cannot listen on {}: {}", place, text.data()));
  }
  mg_server_port bound{};
  if (mg_get_server_ports(context, 1, &bound) > 0) {
    server->port_ = static_cast<std::uint16_t>(bound.port);
  }
  server->web_ = std::make_unique<Web>(context, ListenAddress{listen.address, server->port_});
  return server;
}

}  // namespace sluice
