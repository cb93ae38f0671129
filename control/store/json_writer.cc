#include "control/store/json_writer.h"

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "base/escape.h"

namespace sluice {
namespace {

using EscapeBuffer = std::array<char, 8>;

std::string_view hex_escape(unsigned code, EscapeBuffer& buffer) noexcept {
  constexpr std::string_view kHex = "0123456789abcdef";
  buffer = {
      '\\', 'u', kHex[code >> 12 & 15], kHex[code >> 8 & 15], kHex[code >> 4 & 15], kHex[code & 15],
      0,    0};
  return {buffer.data(), 6};
}

std::string_view escaped_ascii(unsigned char c, EscapeBuffer& buffer) noexcept {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return hex_escape(c, buffer);
  }
}

/// What a character outside the plain ASCII range is written as.
std::string_view rendered(std::string_view character, bool valid, EscapeBuffer& buffer) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (!valid) return "\\ufffd";
  if (character.size() == 1) return escaped_ascii(byte(0), buffer);
  if (byte(0) == 0xc2 && byte(1) < 0xa0) return hex_escape(byte(1), buffer);  // C1
  if (byte(0) == 0xe2 && byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9)) {
    return hex_escape(0x2000U + (byte(2) & 0x3fU), buffer);
  }
  return character;
}

constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = 0x20; c < 0x7f; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

}  // namespace

EscapedText escape_json(std::string_view text, std::span<char> into) noexcept {
  EscapeBuffer buffer;
  std::size_t at = 0;
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && plain < into.size() - at &&
           kPlain[static_cast<unsigned char>(text[plain])]) {
      into[at + plain] = text[plain];
      ++plain;
    }
    at += plain;
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t well_formed = utf8_sequence_bytes(text);
    const std::size_t bytes = std::max<std::size_t>(well_formed, 1);
    const std::string_view out = rendered(text.substr(0, bytes), well_formed != 0, buffer);
    if (into.size() - at < out.size()) return {at, false};
    std::memcpy(into.data() + at, out.data(), out.size());
    at += out.size();
    text.remove_prefix(bytes);
  }
  return {at, true};
}

std::string escape_json(std::string_view text) {
  std::string out(6 * text.size(), '\0');
  out.resize(escape_json(text, std::span<char>(out)).bytes);
  return out;
}

void JsonWriter::base64(std::string_view key, std::string_view bytes) noexcept {
  name(key);
  wants_comma_ = true;
  if (!has_room((bytes.size() + 2) / 3 * 4 + 2)) return;
  *at_++ = '"';
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = std::min<std::size_t>(bytes.size() - at, 3);
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      word = word << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      *at_++ = i <= left ? kBase64Digits[word >> (18 - 6 * i) & 63] : '=';
    }
  }
  *at_++ = '"';
}

void JsonWriter::escaped(std::string_view value) noexcept {
  wants_comma_ = true;
  if (!has_room(2)) return;
  *at_++ = '"';
  const auto room = static_cast<std::size_t>(end_ - at_) - 1;
  const EscapedText escaped = escape_json(value, {at_, room});
  at_ += escaped.bytes;
  if (!escaped.complete) overflowed_ = true;
  *at_++ = '"';
}

}  // namespace sluice
