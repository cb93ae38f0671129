#include "dataplane/inspect/http_uri.h"

#include <algorithm>
#include <cstring>

#include "base/hex.h"

namespace sluice {
namespace {

/// The byte of the two hexadecimal digits at `at`, or -1.
int coded_byte(ByteSpan bytes, std::size_t at) noexcept {
  return bytes.size() - at < 2 ? -1 : hex_byte(bytes[at], bytes[at + 1]);
}

struct Decoded {
  std::uint8_t byte;
  std::size_t bytes;  ///< that stood for it
};

/// %uXXXX stands for its low byte, but in the block of full-width forms for the ASCII character.
constexpr std::uint8_t narrowed(int code) noexcept {
  return static_cast<std::uint8_t>(code >= 0xff01 && code <= 0xff5e ? code - 0xff01 + '!' : code);
}

/// One byte, percent-decoded. What is no valid encoding stands for itself.
Decoded decode_one(ByteSpan bytes, std::size_t at) noexcept {
  if (bytes[at] != '%' || at + 1 == bytes.size()) return {bytes[at], 1};
  const int value = coded_byte(bytes, at + 1);
  if (value >= 0) return {static_cast<std::uint8_t>(value), 3};
  return {'%', 1};
}

Decoded decode_with_unicode(ByteSpan bytes, std::size_t at) noexcept {
  const bool is_unicode = bytes.size() - at >= 6 && bytes[at] == '%' && lower(bytes[at + 1]) == 'u';
  const int high = is_unicode ? coded_byte(bytes, at + 2) : -1;
  const int low = is_unicode ? coded_byte(bytes, at + 4) : -1;
  if (high < 0 || low < 0) return decode_one(bytes, at);
  return {narrowed(high << 8 | low), 6};
}

/// Two bytes of UTF-8 for a character that needs one (C0 AF for a slash) are that character.
Decoded decode_in_path(ByteSpan bytes, std::size_t at) noexcept {
  Decoded one = decode_with_unicode(bytes, at);
  if ((one.byte & 0xfe) == 0xc0 && at + one.bytes < bytes.size()) {
    const Decoded two = decode_with_unicode(bytes, at + one.bytes);
    if ((two.byte & 0xc0) == 0x80) {
      const int code = (one.byte & 1) << 6 | (two.byte & 0x3f);
      one = {static_cast<std::uint8_t>(code), one.bytes + two.bytes};
    }
  }
  if (one.byte == '\\') one.byte = '/';
  return one;
}

std::size_t scheme_bytes(ByteSpan target) noexcept {
  std::size_t at = 0;
  while (at < target.size() && lower(target[at]) >= 'a' && lower(target[at]) <= 'z') ++at;
  if (at == 0 || target.size() - at < 3 || std::memcmp(target.data() + at, "://", 3) != 0) return 0;
  return at + 3;
}

template <char... Stops>
std::size_t first_of(ByteSpan bytes, std::size_t at) noexcept {
  while (at < bytes.size() && ((bytes[at] != Stops) && ...)) ++at;
  return at;
}

/// Resolves the dot segments of a path in place.
std::size_t resolve_dots(std::uint8_t* path, std::size_t bytes) noexcept {
  std::size_t out = 0;
  std::size_t at = 0;
  while (at < bytes) {
    // A segment with the slash before it, if it has one.
    std::size_t end = at + (path[at] == '/' ? 1 : 0);
    const std::size_t name = end;
    while (end < bytes && path[end] != '/') ++end;
    const std::size_t length = end - name;
    const bool is_dot = length == 1 && path[name] == '.';
    const bool is_up = length == 2 && path[name] == '.' && path[name + 1] == '.';
    if (is_up) {
      while (out > 0 && path[--out] != '/') continue;
    } else if (!is_dot) {
      std::memmove(path + out, path + at, end - at);
      out += end - at;
    }
    at = end;
  }
  return out;
}

std::size_t normalise_path(ByteSpan path, std::uint8_t* out) noexcept {
  std::size_t count = 0;
  bool has_dot = false;
  for (std::size_t at = 0; at < path.size();) {
    const Decoded one = decode_in_path(path, at);
    at += one.bytes;
    const bool follows_slash = count > 0 && out[count - 1] == '/';
    if (one.byte == '/' && follows_slash) continue;
    has_dot |= one.byte == '.' && (follows_slash || count == 0);
    out[count++] = one.byte;
  }
  if (!has_dot) return count;
  const bool is_absolute = out[0] == '/';
  count = resolve_dots(out, count);
  if (count == 0 && is_absolute) out[count++] = '/';
  return count;
}

}  // namespace

bool is_normal_uri(ByteSpan target) noexcept {
  if (target.empty() || target.front() != '/') return false;
  std::uint8_t before = 0;
  for (std::size_t at = 0; at < target.size(); at += 32) {
    const ScanBlock block(target, at);
    if ((block.places_of('%') | block.places_of('\\') | block.places_of('\xc0') |
         block.places_of('\xc1')) != 0) {
      return false;
    }
    // A slash whose next byte is a slash or a dot.
    const std::uint32_t slashes = block.places_of('/');
    const std::uint32_t seconds = slashes | block.places_of('.');
    const std::uint32_t firsts = slashes << 1 | (before == '/' ? 1U : 0U);
    if ((firsts & seconds) != 0) return false;
    if (at + 32 <= target.size()) before = target[at + 31];
  }
  return true;
}

std::size_t normalise_uri(ByteSpan target, std::uint8_t* out) noexcept {
  std::size_t at = scheme_bytes(target);
  if (at > 0) at = first_of<'/', '?', '#'>(target, at);
  const std::size_t path_end = first_of<'?', '#'>(target, at);
  std::size_t count = normalise_path(target.subspan(at, path_end - at), out);
  const std::size_t query_end = first_of<'#'>(target, path_end);
  for (at = path_end; at < target.size();) {
    const Decoded one = at < query_end ? decode_one(target, at) : decode_with_unicode(target, at);
    at += one.bytes;
    out[count++] = one.byte;
  }
  return count;
}

ByteSpan authority_of(ByteSpan target) noexcept {
  const std::size_t at = scheme_bytes(target);
  if (at == 0) return {};
  return target.subspan(at, first_of<'/', '?', '#'>(target, at) - at);
}

ByteSpan without_port(ByteSpan authority) noexcept {
  std::size_t begin = 0;
  std::size_t end = authority.size();
  bool is_in_brackets = false;
  for (std::size_t at = 0; at < authority.size(); ++at) {
    const std::uint8_t byte = authority[at];
    if (byte == '@' && begin == 0) {
      begin = at + 1;
      end = authority.size();
    }
    is_in_brackets = (is_in_brackets && byte != ']') || (byte == '[' && at == begin);
    if (byte == ':' && !is_in_brackets && end == authority.size()) end = at;
  }
  while (end > begin && authority[end - 1] == '.') --end;
  return authority.subspan(begin, end - begin);
}

}  // namespace sluice
