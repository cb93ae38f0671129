#include "dataplane/inspect/http_detect.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace sluice {
namespace {

constexpr std::size_t kBytesMax = 1024;
constexpr std::size_t kMethodBytesMax = 24;
constexpr std::array<std::string_view, 16> kMethods = {
    "GET",      "POST",  "HEAD", "PUT",  "DELETE", "OPTIONS", "CONNECT",   "TRACE",
    "PROPFIND", "PATCH", "LOCK", "COPY", "MOVE",   "MKCOL",   "PROPPATCH", "UNLOCK"};

std::string_view text_of(ByteSpan bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ByteSpan without_empty_lines(ByteSpan bytes) noexcept {
  while (!bytes.empty() && (bytes[0] == '\r' || bytes[0] == '\n')) bytes = bytes.subspan(1);
  return bytes;
}

/// RFC 9110 5.6.2; servers take methods in any case of letters.
bool is_method_byte(char byte) noexcept {
  const auto letter = static_cast<char>(byte | 0x20);
  return (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') ||
         (byte != '\0' && std::strchr("!#$%&'*+-.^_`|~", byte) != nullptr);
}

bool has_version(std::string_view line) noexcept {
  constexpr std::string_view kVersion = "http/";
  const auto is_same = [](char byte, char expected) {
    return lower(static_cast<std::uint8_t>(byte)) == static_cast<std::uint8_t>(expected);
  };
  const auto found = std::ranges::search(line, kVersion, is_same);
  return !found.empty() && found.begin() != line.begin() &&
         is_blank(static_cast<std::uint8_t>(*(found.begin() - 1)));
}

/// What stands behind a word that is no known method.
Likeness is_request_of_its_own(std::string_view behind) noexcept {
  const std::size_t end = behind.find('\n');
  if (end != std::string_view::npos) {
    return has_version(behind.substr(0, end)) ? Likeness::yes : Likeness::no;
  }
  if (behind.size() < kBytesMax) return Likeness::need_more;
  const std::size_t target = behind.find_first_not_of(" \t");
  const bool has_path = target != std::string_view::npos && behind[target] == '/';
  return has_path || behind.find("://") != std::string_view::npos ? Likeness::yes : Likeness::no;
}

}  // namespace

Likeness looks_like_http_request(ByteSpan bytes) noexcept {
  const std::string_view text = text_of(without_empty_lines(bytes));
  std::size_t method = 0;
  while (method < text.size() && method <= kMethodBytesMax && is_method_byte(text[method])) {
    ++method;
  }
  if (method > kMethodBytesMax) return Likeness::no;
  if (method == text.size()) return Likeness::need_more;
  if (method == 0 || !is_blank(static_cast<std::uint8_t>(text[method]))) return Likeness::no;
  if (text.starts_with("PRI * HTTP/2")) return Likeness::no;
  if (std::ranges::find(kMethods, text.substr(0, method)) != kMethods.end()) return Likeness::yes;
  return is_request_of_its_own(text.substr(method));
}

Likeness looks_like_http_response(ByteSpan bytes) noexcept {
  constexpr std::string_view kVersion = "HTTP/1.";
  const std::string_view text = text_of(without_empty_lines(bytes));
  const std::size_t count = std::min(text.size(), kVersion.size());
  if (text.substr(0, count) != kVersion.substr(0, count)) return Likeness::no;
  return count == kVersion.size() ? Likeness::yes : Likeness::need_more;
}

}  // namespace sluice
