#include "dataplane/inspect/mail_decode.h"

#include "base/base64.h"
#include "base/hex.h"

namespace sluice {

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
  const int digit = base64_value(byte);
  if (digit < 0) {
    if (byte == '=') bits_ = 0;
    return;
  }
  value_ = value_ << 6 | static_cast<std::uint32_t>(digit);
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
  if (held_ == 1 && (byte == '\r' || hex_value(byte) >= 0)) {
    held_ = 2;
    digit_ = byte;
    return;
  }
  const int coded = held_ == 2 ? hex_byte(digit_, byte) : -1;
  if (coded >= 0) {
    out.add(static_cast<std::uint8_t>(coded));
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
