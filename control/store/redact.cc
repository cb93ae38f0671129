#include "control/store/redact.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace sluice {
namespace {

constexpr std::array<std::string_view, 11> kSecretEnds{
    "password", "passwd",  "passphrase", "pwd",        "secret", "token",
    "apikey",   "api_key", "sessionid",  "session_id", "sessid"};
constexpr std::array<std::string_view, 5> kSecretNames{"pass", "auth", "sid", "session", "api-key"};
constexpr std::array<std::string_view, 4> kSecretHeaders{
    "authorization:", "proxy-authorization:", "cookie:", "set-cookie:"};
constexpr std::string_view kHidden = "***";

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_same(std::string_view text, std::string_view low) noexcept {
  return text.size() == low.size() &&
         std::equal(text.begin(), text.end(), low.begin(),
                    [](char one, char other) { return lower(one) == other; });
}

bool names_secret(std::string_view name) noexcept {
  return std::any_of(kSecretEnds.begin(), kSecretEnds.end(),
                     [name](std::string_view end) {
                       return name.size() >= end.size() &&
                              is_same(name.substr(name.size() - end.size()), end);
                     }) ||
         std::any_of(kSecretNames.begin(), kSecretNames.end(),
                     [name](std::string_view whole) { return is_same(name, whole); });
}

/// Appends what has room.
class Text {
 public:
  explicit Text(std::span<char> into) noexcept : into_(into) {}
  void append(std::string_view text) noexcept {
    const std::size_t bytes = std::min(text.size(), into_.size() - used_);
    if (bytes != 0) std::memcpy(into_.data() + used_, text.data(), bytes);
    used_ += bytes;
  }
  [[nodiscard]] std::string_view written() const noexcept { return {into_.data(), used_}; }

 private:
  std::span<char> into_;
  std::size_t used_ = 0;
};

/// Bytes of "user:password" behind "://", or 0.
struct UserInfo {
  std::size_t at = 0;
  std::size_t bytes = 0;
};
UserInfo user_info_of(std::string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos || scheme > 16) return {};
  const std::size_t at = scheme + 3;
  const std::size_t end = url.find_first_of("/?#", at);
  const std::size_t sign = url.substr(0, end).rfind('@');
  if (sign == std::string_view::npos || sign < at) return {};
  return {at, sign - at};
}

void hide(std::span<char> text, std::size_t from, std::size_t to) noexcept {
  std::fill(text.begin() + static_cast<std::ptrdiff_t>(from),
            text.begin() + static_cast<std::ptrdiff_t>(to), '*');
}
void hide_from(std::span<char> line, std::size_t place) noexcept {
  if (place < line.size()) hide(line, place, line.size());
}

/// Where the secret of a header or command begins; npos: it has none.
std::size_t secret_place(std::string_view line) noexcept {
  for (const std::string_view header : kSecretHeaders) {
    if (is_same(line.substr(0, header.size()), header)) return header.size();
  }
  constexpr std::string_view kPass = "pass ", kAuth = "auth ";
  if (is_same(line.substr(0, kPass.size()), kPass)) return kPass.size();
  if (!is_same(line.substr(0, kAuth.size()), kAuth)) return std::string_view::npos;
  const std::size_t mechanism = line.find_first_not_of(' ', kAuth.size());
  const std::size_t blank = line.find(' ', mechanism);
  return blank == std::string_view::npos ? blank : blank + 1;
}

bool is_of_name(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/// Where the value begins that the name in front of `sign` has: `name=value`, or `"name": "value"`.
std::size_t value_place(std::string_view line, std::size_t sign) noexcept {
  const std::size_t behind = line.find_first_not_of(" \"'", sign + 1);
  return std::min(behind, line.size());
}
std::string_view name_before(std::string_view line, std::size_t sign) noexcept {
  const bool is_quoted = sign > 0 && line[sign - 1] == '"';
  if (line[sign] == ':' && !is_quoted) return {};
  const std::size_t end = is_quoted ? sign - 1 : sign;
  std::size_t begin = end;
  while (begin > 0 && is_of_name(line[begin - 1])) --begin;
  return line.substr(begin, end - begin);
}

// Of requests, forms, cookies and JSON. A value ends where it would in any of them, so that what an
// attack writes behind it stays visible.
void hide_values(std::span<char> text) noexcept {
  constexpr std::string_view kEnds = "&;, \t\"'<>()";
  const std::string_view line(text.data(), text.size());
  for (std::size_t sign = line.find_first_of("=:"); sign < line.size();
       sign = line.find_first_of("=:", sign + 1)) {
    if (!names_secret(name_before(line, sign))) continue;
    const std::size_t value = value_place(line, sign);
    hide(text, value, std::min(line.find_first_of(kEnds, value), line.size()));
  }
}

/// What a line says of the ones behind it.
enum class Behind : std::uint8_t { nothing, header, login };
Behind behind_line(std::string_view line) noexcept {
  constexpr std::string_view kAuth = "auth ";
  if (is_same(line.substr(0, kAuth.size()), kAuth)) return Behind::login;
  const bool is_header = std::any_of(
      kSecretHeaders.begin(), kSecretHeaders.end(),
      [line](std::string_view header) { return is_same(line.substr(0, header.size()), header); });
  return is_header ? Behind::header : Behind::nothing;
}

bool is_base64(char c) noexcept {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
         c == '=';
}

/// The line goes on with the header before it, or with the words of a login.
bool goes_on(Behind before, std::string_view line) noexcept {
  if (line.empty()) return false;
  if (before == Behind::header) return line.front() == ' ' || line.front() == '\t';
  return before == Behind::login && std::all_of(line.begin(), line.end(), is_base64);
}

}  // namespace

std::string_view redact_url(std::string_view url, std::span<char> into) noexcept {
  constexpr std::string_view kSeparators = "?&;#";
  if (url.find('=') == std::string_view::npos && url.find('@') == std::string_view::npos) {
    return url;
  }
  Text text(into);
  std::size_t at = 0;
  if (const UserInfo user = user_info_of(url); user.bytes != 0) {
    text.append(url.substr(0, user.at));
    text.append(kHidden);
    at = user.at + user.bytes;
  }
  while (at < url.size()) {
    const std::size_t end = std::min(url.find_first_of(kSeparators, at), url.size());
    const std::string_view part = url.substr(at, end - at);
    const std::size_t sign = part.find('=');
    if (sign != std::string_view::npos && names_secret(part.substr(0, sign))) {
      text.append(part.substr(0, sign + 1));
      text.append(kHidden);
    } else {
      text.append(part);
    }
    text.append(url.substr(end, 1));
    at = end + 1;
  }
  return text.written();
}

void redact_payload(std::span<char> text) noexcept {
  const std::string_view all(text.data(), text.size());
  Behind before = Behind::nothing;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const std::size_t stop = end > at && all[end - 1] == '\r' ? end - 1 : end;
    const std::span<char> line = text.subspan(at, stop - at);
    const std::string_view read = all.substr(at, stop - at);
    at = end + 1;
    if (goes_on(before, read)) {
      hide_from(line, std::min(read.find_first_not_of(" \t"), read.size()));
      continue;
    }
    before = behind_line(read);
    hide_values(line);
    hide_from(line, secret_place(read));
  }
}

}  // namespace sluice
