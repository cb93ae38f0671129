// Writing text into a span that may be too short: what has no room is left out. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

class TlsText {
 public:
  explicit TlsText(std::span<std::uint8_t> room) noexcept : room_(room) {}

  void put(char c) noexcept {
    if (size_ < room_.size()) room_[size_++] = static_cast<std::uint8_t>(c);
  }
  void put(ByteSpan bytes) noexcept {
    const std::size_t count = bytes.size() < left() ? bytes.size() : left();
    if (count > 0) std::memcpy(room_.data() + size_, bytes.data(), count);
    size_ += count;
  }
  void put(std::string_view text) noexcept {
    put(ByteSpan{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  void put_decimal(std::uint32_t value) noexcept {
    std::uint8_t digits[10];
    std::size_t first = sizeof digits;
    do {
      digits[--first] = static_cast<std::uint8_t>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    put(ByteSpan(digits).subspan(first));
  }
  /// Two digits a byte; `ten` is what the digit for ten is written as, 'a' or 'A'.
  void put_hex(std::uint8_t byte, char ten) noexcept {
    put(hex_digit(byte >> 4, ten));
    put(hex_digit(byte & 15, ten));
  }
  void put_hex_u16(std::uint16_t value) noexcept {
    put_hex(static_cast<std::uint8_t>(value >> 8), 'a');
    put_hex(static_cast<std::uint8_t>(value & 0xff), 'a');
  }
  /// Bytes with colons between them.
  void put_hex_pairs(ByteSpan bytes, char ten) noexcept {
    for (std::size_t i = 0; i < bytes.size() && left() > 0; ++i) {
      if (i > 0) put(':');
      put_hex(bytes[i], ten);
    }
  }

  [[nodiscard]] static char hex_digit(int digit, char ten) noexcept {
    return static_cast<char>(digit < 10 ? '0' + digit : ten + digit - 10);
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t left() const noexcept { return room_.size() - size_; }
  [[nodiscard]] ByteSpan written() const noexcept { return room_.first(size_); }

 private:
  std::span<std::uint8_t> room_;
  std::size_t size_ = 0;
};

}  // namespace sluice
