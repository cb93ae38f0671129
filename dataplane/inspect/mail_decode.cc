#include "dataplane/inspect/mail_decode.h"

namespace sluice {
namespace {

constexpr std::uint8_t kNoDigit = 0xff;

[[nodiscard]] constexpr std::uint8_t base64_value(std::uint8_t byte) noexcept {
  if (byte >= 'A' && byte <= 'Z') return static_cast<std::uint8_t>(byte - 'A');
  if (byte >= 'a' && byte <= 'z') return static_cast<std::uint8_t>(byte - 'a' + 26);
  if (byte >= '0' && byte <= '9') return static_cast<std::uint8_t>(byte - '0' + 52);
  if (byte == '+') return 62;
  return byte == '/' ? std::uint8_t{63} : kNoDigit;
}

constexpr std::array<std::uint8_t, 256> kBase64 = [] {
  std::array<std::uint8_t, 256> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = base64_value(static_cast<std::uint8_t>(i));
  }
  return values;
}();

[[nodiscard]] std::uint8_t hex_value(std::uint8_t byte) noexcept {
  if (byte >= '0' && byte <= '9') return static_cast<std::uint8_t>(byte - '0');
  const std::uint8_t letter = lower(byte);
  if (letter >= 'a' && letter <= 'f') return static_cast<std::uint8_t>(letter - 'a' + 10);
  return kNoDigit;
}

}  // namespace

void MailDecoder::decode(ByteSpan& bytes, DecodedText& out) noexcept {
  std::size_t at = 0;
  for (; at < bytes.size() && out.has_room(); ++at) {
    if (coding_ == MailCoding::base64) {
      decode_base64(bytes[at], out);
    } else {
      decode_quoted(bytes[at], out);
    }
  }
  bytes = bytes.subspan(at);
}

// What pads ends a run of four digits; another may follow it.
void MailDecoder::decode_base64(std::uint8_t byte, DecodedText& out) noexcept {
  const std::uint8_t digit = kBase64[byte];
  if (digit == kNoDigit) {
    if (byte == '=') bits_ = 0;
    return;
  }
  value_ = value_ << 6 | digit;
  bits_ = static_cast<std::uint8_t>(bits_ + 6);
  if (bits_ < 8) return;
  bits_ = static_cast<std::uint8_t>(bits_ - 8);
  out.add(static_cast<std::uint8_t>(value_ >> bits_));
}

// "=" begins two digits, or a line end that is none.
void MailDecoder::decode_quoted(std::uint8_t byte, DecodedText& out) noexcept {
  if (held_ == 0) {
    if (byte == '=') {
      held_ = 1;
    } else {
      out.add(byte);
    }
    return;
  }
  if (byte == '\n' && (held_ == 1 || digit_ == '\r')) {
    held_ = 0;
    return;
  }
  if (held_ == 1 && (byte == '\r' || hex_value(byte) != kNoDigit)) {
    held_ = 2;
    digit_ = byte;
    return;
  }
  const bool is_byte = held_ == 2 && digit_ != '\r' && hex_value(byte) != kNoDigit;
  if (is_byte) {
    out.add(static_cast<std::uint8_t>(hex_value(digit_) << 4 | hex_value(byte)));
    held_ = 0;
    return;
  }
  finish(out);
  decode_quoted(byte, out);
}

void MailDecoder::finish(DecodedText& out) noexcept {
  if (held_ > 0) out.add('=');
  if (held_ > 1) out.add(digit_);
  held_ = 0;
  bits_ = 0;
}

}  // namespace sluice
