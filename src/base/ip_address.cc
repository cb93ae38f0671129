#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/endian.h"

namespace sluice {
namespace {

// INET6_ADDRSTRLEN counts the terminating zero; nothing longer can be an address.
constexpr std::size_t kTextBytesMax = INET6_ADDRSTRLEN - 1;

/// The part of `address` that a prefix of `length` bits keeps.
IpAddress masked(IpAddress address, unsigned length) noexcept {
  for (unsigned byte = 0; byte < 16; ++byte) {
    const unsigned kept = std::clamp(length, byte * 8, byte * 8 + 8) - byte * 8;
    address.bytes[byte] &= static_cast<std::uint8_t>(0xff00U >> kept);
  }
  return address;
}

Result<unsigned> parse_prefix_length(std::string_view text, std::string_view digits,
                                     unsigned bits) {
  const bool is_number =
      !digits.empty() && digits.size() <= 3 &&
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  unsigned length = 0;
  if (is_number) {
    for (const char c : digits) length = length * 10 + static_cast<unsigned>(c - '0');
  }
  if (!is_number || length > bits || (digits.size() > 1 && digits.front() == '0')) {
    return fail(
        ErrorKind::invalid,
        fmt::format("'{}' is not a prefix: the length is a number from 0 to {}", text, bits));
  }
  return length;
}

struct ZeroRun {
  unsigned start = 8;
  unsigned length = 0;
};

/// RFC 5952 4.2: the longest run of at least two zero groups, the first of equals.
ZeroRun longest_zero_run(const std::array<std::uint16_t, 8>& groups) noexcept {
  ZeroRun best;
  ZeroRun current;
  for (unsigned i = 0; i < 8; ++i) {
    current = groups[i] != 0 ? ZeroRun{} : ZeroRun{std::min(current.start, i), current.length + 1};
    if (current.length > best.length) best = current;
  }
  return best.length >= 2 ? best : ZeroRun{};
}

/// RFC 5952 5: an address that is known to carry an IPv4 address shows it dotted. Known from the
/// prefix alone is the IPv4-mapped form only.
bool is_v4_mapped(const IpAddress& address) noexcept {
  const auto& b = address.bytes;
  return std::all_of(b.begin(), b.begin() + 10, [](std::uint8_t v) { return v == 0; }) &&
         b[10] == 0xff && b[11] == 0xff;
}

std::string v6_text(const IpAddress& address) {
  const auto& b = address.bytes;
  if (is_v4_mapped(address)) return fmt::format("::ffff:{}.{}.{}.{}", b[12], b[13], b[14], b[15]);
  std::array<std::uint16_t, 8> groups{};
  for (unsigned i = 0; i < 8; ++i) groups[i] = load_be16(&b[2 * i]);
  const ZeroRun run = longest_zero_run(groups);
  std::string text;
  for (unsigned i = 0; i < 8; ++i) {
    if (i == run.start) {
      text += "::";
      i += run.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups[i]);
  }
  return text;
}

}  // namespace

IpAddress IpAddress::from_v4(std::uint32_t host_order) noexcept {
  IpAddress address;
  store(address.bytes.data(), byte_swap(host_order));
  return address;
}

std::uint32_t IpAddress::v4() const noexcept { return load_be32(bytes.data()); }

bool IpPrefix::covers(const IpAddress& candidate) const noexcept {
  return candidate.version == address.version && masked(candidate, length) == address;
}

Result<IpAddress> parse_ip_address(std::string_view text) {
  const bool is_v6 = text.find(':') != std::string_view::npos;
  char terminated[kTextBytesMax + 1] = {};
  IpAddress address;
  address.version = is_v6 ? 6 : 4;
  const bool fits = text.size() <= kTextBytesMax && text.find('\0') == std::string_view::npos;
  if (fits) std::copy(text.begin(), text.end(), terminated);
  if (!fits || inet_pton(is_v6 ? AF_INET6 : AF_INET, terminated, address.bytes.data()) != 1) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is not an IP address", text.substr(0, 64)));
  }
  return address;
}

Result<IpPrefix> parse_ip_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip_address(text.substr(0, slash));
  if (!address) {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is not an IP address or prefix", text.substr(0, 64)));
  }
  if (slash == std::string_view::npos) {
    return IpPrefix{*address, static_cast<std::uint8_t>(address->bits())};
  }
  const auto length =
      parse_prefix_length(text.substr(0, 64), text.substr(slash + 1), address->bits());
  if (!length) return tl::unexpected<Error>(length.error());
  const IpPrefix prefix{masked(*address, *length), static_cast<std::uint8_t>(*length)};
  if (prefix.address != *address) {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' has bits set behind its length", text.substr(0, 64)),
                fmt::format("did you mean '{}'?", to_string(prefix)));
  }
  return prefix;
}

std::string to_string(const IpAddress& address) {
  const auto& b = address.bytes;
  return address.version == 6 ? v6_text(address)
                              : fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
}

std::string to_string(const IpPrefix& prefix) {
  return fmt::format("{}/{}", to_string(prefix.address), prefix.length);
}

}  // namespace sluice
