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

bool is_method_byte(char byte) noexcept {
  return (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '_';
}

Likeness line_ends_in_version(std::string_view line) noexcept {
  const std::size_t end = line.find('\n');
  if (end == std::string_view::npos) {
    return line.size() < kBytesMax ? Likeness::need_more : Likeness::no;
  }
  return line.substr(0, end).find(" HTTP/1.") != std::string_view::npos ? Likeness::yes
                                                                        : Likeness::no;
}

}  // namespace

Likeness looks_like_http_request(ByteSpan bytes) noexcept {
  const bool is_full = bytes.size() >= kBytesMax;
  const std::string_view text = text_of(without_empty_lines(bytes));
  std::size_t method = 0;
  while (method < text.size() && method <= kMethodBytesMax && is_method_byte(text[method])) {
    ++method;
  }
  if (method == text.size()) return is_full ? Likeness::no : Likeness::need_more;
  if (method == 0 || method > kMethodBytesMax || text[method] != ' ') return Likeness::no;
  if (text.starts_with("PRI * HTTP/2")) return Likeness::no;
  if (std::ranges::find(kMethods, text.substr(0, method)) != kMethods.end()) return Likeness::yes;
  return line_ends_in_version(text);
}

Likeness looks_like_http_response(ByteSpan bytes) noexcept {
  constexpr std::string_view kVersion = "HTTP/1.";
  const bool is_full = bytes.size() >= kBytesMax;
  const std::string_view text = text_of(without_empty_lines(bytes));
  const std::size_t count = std::min(text.size(), kVersion.size());
  if (text.substr(0, count) != kVersion.substr(0, count)) return Likeness::no;
  if (count == kVersion.size()) return Likeness::yes;
  return is_full ? Likeness::no : Likeness::need_more;
}

}  // namespace sluice
