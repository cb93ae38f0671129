// A name of a DNS message as text: labels joined by dots, bytes as they were sent, nothing behind
// the last label. Any thread.
//
// Compression pointers are followed wherever they lead, as many servers do, though RFC 1035 4.1.4
// has them lead back: the length of a name and the number of its pointers end each walk.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

/// Octets of a name on the wire (RFC 1035 2.3.4), with the empty label of the root.
inline constexpr std::size_t kDnsNameBytesMax = 255;

enum class DnsNameFault : std::uint8_t { none, malformed, pointer_loop, too_long };

struct DnsName {
  std::uint32_t end = 0;    ///< place behind the name where it stood; only without a fault
  std::uint16_t bytes = 0;  ///< of its text; up to the fault where there is one
  DnsNameFault fault = DnsNameFault::none;
};

/// Room for a text, and for copies in whole blocks behind it.
using DnsNameText = std::array<std::uint8_t, 320>;

/// Reads the name at `at` of `message`.
[[nodiscard]] DnsName read_dns_name(ByteSpan message, std::size_t at, DnsNameText& text) noexcept;
/// Passes over it without reading where pointers lead; `bytes` stays 0.
[[nodiscard]] DnsName skip_dns_name(ByteSpan message, std::size_t at) noexcept;

}  // namespace sluice
