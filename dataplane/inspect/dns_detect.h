// Whether the first bytes of a flow are DNS: by structure on any port, by the header alone on ports
// of DNS. Worker thread only.
#pragma once

#include <cstdint>

#include "dataplane/inspect/http_detect.h"

namespace sluice {

/// DNS, multicast DNS (RFC 6762) and LLMNR (RFC 4795), whose messages look alike.
[[nodiscard]] constexpr bool is_dns_port(std::uint16_t port) noexcept {
  return port == 53 || port == 5353 || port == 5355;
}

[[nodiscard]] bool looks_like_dns(ByteSpan datagram, std::uint16_t server_port) noexcept;
/// Never asks for more than 1 KiB.
[[nodiscard]] Likeness looks_like_dns_stream(ByteSpan bytes, std::uint16_t server_port) noexcept;

}  // namespace sluice
