// "ADDRESS:PORT", where sluice listens for HTTP: an address, never a name, so that what is opened
// is what stands in the file. Control threads only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ip_address.h"
#include "base/result.h"

namespace sluice {

struct ListenAddress {
  IpAddress address;
  std::uint16_t port = 0;
};

/// "127.0.0.1:9464" or "[::1]:9464"; the port is 1 to 65535. Errors: invalid.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

[[nodiscard]] std::string to_string(const ListenAddress& listen);

}  // namespace sluice
