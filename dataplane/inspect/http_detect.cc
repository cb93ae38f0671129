#include "dataplane/inspect/http_detect.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "dataplane/inspect/http_blank.h"

namespace sluice {
namespace {

constexpr std::size_t kBytesMax = 1024;
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

ByteSpan without_blanks(ByteSpan bytes) noexcept {
  while (!bytes.empty() && is_before_request(bytes[0])) bytes = bytes.subspan(1);
  return bytes;
}

bool is_blank_char(char c) noexcept { return is_loose_blank(static_cast<std::uint8_t>(c)); }

bool is_word_byte(char byte) noexcept { return byte > ' ' && byte < '\x7f'; }

bool has_version(std::string_view line) noexcept {
  constexpr std::string_view kVersion = "http/";
  const auto is_same = [](char byte, char expected) {
    return lower(static_cast<std::uint8_t>(byte)) == static_cast<std::uint8_t>(expected);
  };
  const auto found = std::ranges::search(line, kVersion, is_same);
  return !found.empty() && found.begin() != line.begin() && is_blank_char(*(found.begin() - 1));
}

/// By what stands behind the method.
Likeness is_request(std::string_view behind, bool is_known_method) noexcept {
  const auto target = std::ranges::find_if_not(behind, is_blank_char);
  const bool has_path = target != behind.end() && *target == '/';
  if (is_known_method && has_path) return Likeness::yes;
  const std::size_t end = behind.find('\n');
  if (end != std::string_view::npos) {
    return has_version(behind.substr(0, end)) ? Likeness::yes : Likeness::no;
  }
  if (behind.size() < kBytesMax) return Likeness::need_more;
  const bool has_scheme = behind.find("://") != std::string_view::npos;
  return is_known_method || has_path || has_scheme ? Likeness::yes : Likeness::no;
}

}  // namespace

Likeness looks_like_http_request(ByteSpan bytes) noexcept {
  const std::string_view text = text_of(without_blanks(bytes));
  const auto blank = std::ranges::find_if_not(text, is_word_byte);
  const auto method = static_cast<std::size_t>(blank - text.begin());
  if (method == text.size()) return method < kBytesMax ? Likeness::need_more : Likeness::no;
  if (method == 0 || !is_blank_char(text[method])) return Likeness::no;
  if (text.starts_with("PRI * HTTP/2")) return Likeness::no;
  const bool is_known = std::ranges::find(kMethods, text.substr(0, method)) != kMethods.end();
  return is_request(text.substr(method), is_known);
}

Likeness looks_like_http_response(ByteSpan bytes) noexcept {
  constexpr std::string_view kVersion = "HTTP/1.";
  const std::string_view text = text_of(without_empty_lines(bytes));
  const std::size_t count = std::min(text.size(), kVersion.size());
  if (text.substr(0, count) != kVersion.substr(0, count)) return Likeness::no;
  return count == kVersion.size() ? Likeness::yes : Likeness::need_more;
}

}  // namespace sluice
