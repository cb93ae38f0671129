#include "config/listen_address.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

tl::unexpected<Error> no_listen_address(std::string_view text, std::string_view why) {
  return fail(ErrorKind::invalid, fmt::format("'{}', which {}", text, why),
              "write 127.0.0.1:9464 or [::1]:9464");
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return no_listen_address(text, "has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  ListenAddress listen;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), listen.port);
  if (error != std::errc() || end != port.data() + port.size() || listen.port == 0) {
    return no_listen_address(text, "has no port between 1 and 65535");
  }
  const auto address = parse_ip_address(host);
  if (!address || (address->version == 6) != is_bracketed) {
    return no_listen_address(text, "does not begin with an address");
  }
  listen.address = *address;
  return listen;
}

std::string to_string(const ListenAddress& listen) {
  const std::string host = to_string(listen.address);
  return listen.address.version == 6 ? fmt::format("[{}]:{}", host, listen.port)
                                     : fmt::format("{}:{}", host, listen.port);
}

}  // namespace sluice
