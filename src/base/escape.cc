#include "base/escape.h"

#include <cstdint>

#include <fmt/format.h>

namespace sluice {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) noexcept {
  return static_cast<std::uint8_t>(text[i]);
}

bool is_control(std::string_view sequence) noexcept {
  const std::uint8_t first = byte_at(sequence, 0);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && byte_at(sequence, 1) < 0xa0;  // U+0080 to U+009F
}

/// RFC 3629 4: the second byte's range depends on the first, which keeps out overlong forms,
/// surrogates and what is above U+10FFFF.
bool is_second_byte_of(std::uint8_t first, std::uint8_t second) noexcept {
  switch (first) {
    case 0xe0:
      return second >= 0xa0 && second <= 0xbf;
    case 0xed:
      return second >= 0x80 && second <= 0x9f;
    case 0xf0:
      return second >= 0x90 && second <= 0xbf;
    case 0xf4:
      return second >= 0x80 && second <= 0x8f;
    default:
      return (second & 0xc0) == 0x80;
  }
}

std::size_t announced_bytes(std::uint8_t first) noexcept {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

}  // namespace

std::size_t utf8_sequence_bytes(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const std::size_t bytes = announced_bytes(byte_at(text, 0));
  if (bytes == 0 || bytes > text.size()) return 0;
  if (bytes >= 2 && !is_second_byte_of(byte_at(text, 0), byte_at(text, 1))) return 0;
  for (std::size_t i = 2; i < bytes; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
  }
  return bytes;
}

std::string escape_control(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    const bool is_printable = bytes > 0 && !is_control(text.substr(0, bytes));
    const std::string_view sequence = text.substr(0, bytes > 0 ? bytes : 1);
    if (is_printable) {
      out += sequence;
    } else {
      for (std::size_t i = 0; i < sequence.size(); ++i) {
        out += fmt::format("\\x{:02x}", byte_at(sequence, i));
      }
    }
    text.remove_prefix(sequence.size());
  }
  return out;
}

}  // namespace sluice
