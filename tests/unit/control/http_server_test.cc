#include "control/observe/http_server.h"

#include <csignal>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace sluice {
namespace {

class Connection {
 public:
  explicit Connection(std::uint16_t port, bool v6 = false)
      : fd_(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (v6) {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(port);
      address.sin6_addr = in6addr_loopback;
      is_open_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    } else {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      is_open_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] bool is_open() const noexcept { return is_open_; }
  void send(const std::string& text) const {
    (void)::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Until the server closes.
  [[nodiscard]] std::string read_all() const {
    std::string all;
    char buffer[4096];
    for (;;) {
      const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
      if (count <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(count));
    }
  }

 private:
  int fd_;
  bool is_open_ = false;
};

ListenAddress loopback(std::uint16_t port) { return {parse_ip_address("127.0.0.1").value(), port}; }

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    auto server = HttpServer::start(loopback(0), pages());
    if (server) server_ = std::move(*server);
  }
  static std::vector<HttpPage> pages() {
    return {{"/one",
             [] {
               return HttpAnswer{200, "text/plain", "first\n"};
             }},
            {"/down",
             [] {
               return HttpAnswer{503, "application/json", "{}\n"};
             }},
            {"/large", [] {
               return HttpAnswer{200, "text/plain", std::string(1 << 20, 'x')};
             }}};
  }
  std::string ask(const std::string& request) {
    Connection connection(server_->port());
    connection.send(request);
    return connection.read_all();
  }
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersAPage) {
  ASSERT_NE(server_, nullptr);
  const std::string answer = ask("GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Length: 6\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nfirst\n")) << answer;
}

TEST_F(HttpServerTest, AnswersTheHeadAlone) {
  const std::string answer = ask("HEAD /one HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 6\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, PassesTheStatusOfThePageOn) {
  EXPECT_TRUE(ask("GET /down HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 503 "));
}

TEST_F(HttpServerTest, SaysWhatThereIsWhereNothingIs) {
  for (const char* path : {"/", "/two", "/one/more", "/../etc/passwd"}) {
    const std::string answer = ask(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4")) << path << ": " << answer;
    EXPECT_EQ(answer.find("first"), std::string::npos) << path;
    EXPECT_EQ(answer.find("root:"), std::string::npos) << path;
  }
  EXPECT_NE(ask("GET /two HTTP/1.1\r\nHost: x\r\n\r\n").find("/one\n"), std::string::npos);
}

TEST_F(HttpServerTest, RefusesEveryMethodThatChanges) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const std::string answer =
        ask(std::string(method) + " /one HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << method << ": " << answer;
    EXPECT_EQ(answer.find("first"), std::string::npos);
  }
}

TEST_F(HttpServerTest, JunkAndTooMuchGetNoPage) {
  for (const std::string& junk :
       {std::string("\x16\x03\x01 hello\r\n\r\n"), std::string("GET\r\n\r\n"),
        "GET /one HTTP/1.1\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n",
        "GET /" + std::string(70'000, 'a') + " HTTP/1.1\r\n\r\n", std::string(100'000, '\0')}) {
    EXPECT_EQ(ask(junk).find("first"), std::string::npos) << junk.substr(0, 20);
  }
  EXPECT_TRUE(ask("GET /one HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, HalfARequestDoesNotKeepOthersWaitingForEver) {
  // As many as there are threads: the server lets go of each by itself.
  std::vector<std::unique_ptr<Connection>> halves;
  for (unsigned i = 0; i < 3; ++i) {
    halves.push_back(std::make_unique<Connection>(server_->port()));
    halves.back()->send("GET /one HTT");
  }
  EXPECT_TRUE(ask("GET /one HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, SendsALargePageWhole) {
  EXPECT_GT(ask("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").size(), std::size_t{1} << 20);
}

TEST_F(HttpServerTest, LeavesTheSignalOfChildrenAlone) {
  struct sigaction action {};
  sigaction(SIGCHLD, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST_F(HttpServerTest, AnAddressInUseIsAnErrorAndNotTheEnd) {
  const ListenAddress taken = loopback(server_->port());
  auto second = HttpServer::start(taken, pages());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().kind, ErrorKind::unavailable);
  EXPECT_NE(second.error().message.find(to_string(taken)), std::string::npos)
      << second.error().message;
}

TEST_F(HttpServerTest, ServesIpv6OrSaysWhyNot) {
  auto server = HttpServer::start({parse_ip_address("::1").value(), 0}, pages());
  if (!server) {
    EXPECT_EQ(server.error().kind, ErrorKind::unavailable);
    EXPECT_NE(server.error().message.find("[::1]:0"), std::string::npos) << server.error().message;
    return;
  }
  Connection connection((*server)->port(), true);
  ASSERT_TRUE(connection.is_open());
  connection.send("GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(connection.read_all().starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace sluice
