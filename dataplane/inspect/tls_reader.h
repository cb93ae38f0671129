// Reading big-endian numbers and vectors of TLS (RFC 8446 3) off a bounded span. What goes beyond
// the end reads as nothing and makes the reader bad. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

class TlsReader {
 public:
  explicit TlsReader(ByteSpan bytes) noexcept : left_(bytes) {}

  [[nodiscard]] std::uint32_t number(std::size_t size) noexcept {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : bytes(size)) value = value << 8 | byte;
    return value;
  }
  [[nodiscard]] std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
  [[nodiscard]] std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
  [[nodiscard]] ByteSpan bytes(std::size_t size) noexcept {
    if (size > left_.size()) {
      is_bad_ = true;
      left_ = {};
      return {};
    }
    const ByteSpan front = left_.first(size);
    left_ = left_.subspan(size);
    return front;
  }
  /// Behind its length of so many bytes.
  [[nodiscard]] ByteSpan vector(std::size_t length_bytes) noexcept {
    return bytes(number(length_bytes));
  }

  [[nodiscard]] ByteSpan left() const noexcept { return left_; }
  [[nodiscard]] bool is_empty() const noexcept { return left_.empty(); }
  [[nodiscard]] bool is_bad() const noexcept { return is_bad_; }

 private:
  ByteSpan left_;
  bool is_bad_ = false;
};

/// Number i of a vector of two-byte numbers.
[[nodiscard]] inline std::uint16_t tls_u16(ByteSpan bytes, std::size_t i) noexcept {
  return static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
}

}  // namespace sluice
