#include "rules/pattern_strength.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace sluice {
namespace {

/// Text of ordinary messages; a literal that is a piece of it is no distinction.
constexpr std::array<std::string_view, 14> kOrdinary{
    "get / http/1.1\r\nhost: www.",
    "post / http/1.0\r\n",
    "http/1.1 200 ok\r\ndate: server: apache nginx",
    "user-agent: mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) "
    "chrome/ safari/537.36",
    "mozilla/4.0 (compatible; msie 6.0; windows nt 5.1)",
    "\r\naccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
    "\r\naccept-encoding: gzip, deflate\r\naccept-language: en-us\r\n",
    "\r\nconnection: keep-alive\r\nconnection: close\r\ncache-control: no-cache\r\n",
    "\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 0\r\n\r\n",
    "\r\ncontent-type: text/html; charset=utf-8\r\nreferer: http://https://www.cookie: ",
    "<html><head><title></title></head><body><div><script></script></body></html>",
    ".com.net.org.php?id=.html.asp.js/index.php",
    "set-cookie: ; path=/; expires= gmt; last-modified: etag: vary: ",
    "this program cannot be run in dos mode",
};
constexpr double kOrdinaryBits = 8;
constexpr double kRepeatedBits = 1;

[[nodiscard]] char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] bool is_one_of(char c, std::string_view set) noexcept {
  return set.find(c) != std::string_view::npos;
}

[[nodiscard]] double letter_bits(char c, bool nocase) noexcept {
  if (c >= 'A' && c <= 'Z' && !nocase) return 6.5;
  const char small = lower(c);
  if (is_one_of(small, "etaoinsr")) return 4;
  return is_one_of(small, "zqxj") ? 7.5 : 5.5;
}

[[nodiscard]] double byte_bits(char c, bool nocase) noexcept {
  const char small = lower(c);
  if (small >= 'a' && small <= 'z') return letter_bits(c, nocase);
  if (c == '\0') return 3;
  if (c == '\xff' || c == '\x01') return 5;
  if (is_one_of(c, " /.-=\"<>:;,\r\n")) return 4.5;
  if (c >= '0' && c <= '9') return 5;
  return 7.5;
}

[[nodiscard]] double summed_bits(std::string_view bytes, bool nocase) noexcept {
  double bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool repeats = i > 0 && bytes[i] == bytes[i - 1];
    bits += repeats ? kRepeatedBits : byte_bits(bytes[i], nocase);
  }
  return bits;
}

[[nodiscard]] bool is_ordinary(std::string_view bytes) {
  std::string small(bytes);
  std::ranges::transform(small, small.begin(), lower);
  return std::ranges::any_of(kOrdinary, [&small](std::string_view text) {
    return text.find(small) != std::string_view::npos;
  });
}

}  // namespace

double literal_bits(std::string_view bytes, bool nocase) {
  const double bits = summed_bits(bytes, nocase);
  return bits > kOrdinaryBits && is_ordinary(bytes) ? kOrdinaryBits : bits;
}

LiteralWindow rarest_window(std::string_view bytes, bool nocase, std::size_t size_max) {
  if (bytes.size() <= size_max) return {0, bytes.size()};
  LiteralWindow best{0, size_max};
  double best_bits = 0;
  for (std::size_t begin = 0; begin + size_max <= bytes.size(); ++begin) {
    const double bits = summed_bits(bytes.substr(begin, size_max), nocase);
    if (bits <= best_bits) continue;
    best_bits = bits;
    best.begin = begin;
  }
  return best;
}

double buffer_bits(Buffer buffer) {
  if (buffer == Buffer::payload) return 0;
  return row_of(buffer).is_streamed ? 4 : 12;
}

bool is_enumeration(Buffer buffer) {
  switch (buffer) {
    case Buffer::http_method:
    case Buffer::http_protocol:
    case Buffer::http_stat_code:
    case Buffer::http_stat_msg:
    case Buffer::http_connection:
    case Buffer::http_accept_encoding:
    case Buffer::http_accept_language:
    case Buffer::http_content_length:
    case Buffer::http_content_type:
    case Buffer::http_accept:
    case Buffer::tls_version:
    case Buffer::tls_alpn:
    case Buffer::ssh_protocol:
      return true;
    default:
      return false;
  }
}

}  // namespace sluice
