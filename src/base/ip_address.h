// IPv4 and IPv6 addresses and prefixes, as values. Used by every folder, on any thread; parsing and
// formatting are for the configuration and for people, never for a worker.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

/// Sixteen bytes in network order; an IPv4 address occupies the first four and the rest are zero.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t version = 4;  ///< 4 or 6

  [[nodiscard]] static IpAddress from_v4(std::uint32_t host_order) noexcept;
  /// The IPv4 address as a number in host order; only when version is 4.
  [[nodiscard]] std::uint32_t v4() const noexcept;
  [[nodiscard]] unsigned bits() const noexcept { return version == 4 ? 32U : 128U; }

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) noexcept = default;
};

/// An address and the number of leading bits that count; the bits behind them are zero.
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;

  [[nodiscard]] bool covers(const IpAddress& candidate) const noexcept;
  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) noexcept = default;
};

/// Dotted quad or RFC 4291 text; no zone, no port, no surrounding space.
[[nodiscard]] Result<IpAddress> parse_ip_address(std::string_view text);
/// "10.0.0.0/8", "2001:db8::/32", or an address alone (a host prefix). Bits set behind the length
/// are an error that names the prefix which was probably meant.
[[nodiscard]] Result<IpPrefix> parse_ip_prefix(std::string_view text);

[[nodiscard]] std::string to_string(const IpAddress& address);  ///< RFC 5952 for IPv6
[[nodiscard]] std::string to_string(const IpPrefix& prefix);

}  // namespace sluice
