#include "rules/byte_text.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/hex.h"

namespace sluice {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// The letter of a byte that has an escape of its own, or 0.
char short_escape(char byte) noexcept {
  switch (byte) {
    case '\\':
      return '\\';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

/// The byte of the two hexadecimal digits that `text` begins with.
std::optional<char> coded_byte(std::string_view text) noexcept {
  const int byte = text.size() < 2 ? -1 : hex_byte(text[0], text[1]);
  if (byte < 0) return std::nullopt;
  return static_cast<char>(byte);
}

std::optional<char> short_byte(char letter) noexcept {
  for (const char byte : {'\\', '\n', '\r', '\t'}) {
    if (short_escape(byte) == letter) return byte;
  }
  return std::nullopt;
}

}  // namespace

std::string escape_bytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 8);
  for (std::size_t i = 0; i < bytes.size();) {
    if (const char letter = short_escape(bytes[i]); letter != 0) {
      out += '\\';
      out += letter;
      ++i;
      continue;
    }
    const std::string_view sequence =
        bytes.substr(i, std::max<std::size_t>(1, utf8_sequence_bytes(bytes.substr(i))));
    if (escape_control(sequence) == sequence && sequence != kByteOrderMark) {
      out += sequence;
    } else {
      for (const char c : sequence) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
      }
    }
    i += sequence.size();
  }
  return out;
}

Result<std::string> read_escapes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const std::string_view rest = text.substr(i + 1);
    const bool is_hex = rest.starts_with('x');
    const auto byte = is_hex         ? coded_byte(rest.substr(1))
                      : rest.empty() ? std::nullopt
                                     : short_byte(rest.front());
    if (!byte) {
      return fail(ErrorKind::invalid,
                  fmt::format("'{}' is no escape: \\xHH, \\n, \\r, \\t or \\\\ belongs here",
                              text.substr(i, is_hex ? 4 : 2)),
                  "a backslash itself is written \\\\");
    }
    out += *byte;
    i += is_hex ? 3 : 1;
  }
  return out;
}

std::string quoted_scalar(std::string_view text) {
  const char quote = text.find_first_of("\\\"") == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == '\'' && quote == '\'') out += '\'';
    out += c;
  }
  return out + quote;
}

}  // namespace sluice
