// A small HTTP server for machines that look: fixed pages by path, GET and HEAD only. Two threads
// of its own answer; `answer` functions run on them. Starting and stopping belong to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/listen_address.h"

namespace sluice {

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpPage {
  std::string path;  ///< "/metrics"
  std::function<HttpAnswer()> answer;
};

class HttpServer {
 public:
  /// Port 0 asks the kernel for one. Errors: unavailable where it cannot be bound, or is IPv6 and
  /// the library was built without (as Debian 12's is).
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(const ListenAddress& listen,
                                                                 std::vector<HttpPage> pages);
  /// Waits for answers that are under way.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

 private:
  struct Web;
  explicit HttpServer(std::vector<HttpPage> pages);

  std::vector<HttpPage> pages_;
  std::unique_ptr<Web> web_;
  std::uint16_t port_ = 0;
};

}  // namespace sluice
