// Reading DER (X.690) off a bounded span, one element after another: tag, length, content. What is
// not definite, or goes beyond the end, makes the reader bad. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

inline constexpr std::uint8_t kDerInteger = 0x02;
inline constexpr std::uint8_t kDerObjectId = 0x06;
inline constexpr std::uint8_t kDerSequence = 0x30;
inline constexpr std::uint8_t kDerSet = 0x31;

struct DerElement {
  std::uint8_t tag = 0;  ///< of one byte; longer ones are bad
  ByteSpan content;
};

class DerReader {
 public:
  explicit DerReader(ByteSpan bytes) noexcept : left_(bytes) {}

  /// The next element; an empty one once the reader is bad.
  [[nodiscard]] DerElement next() noexcept;
  /// The content of the next element, which has to have this tag.
  [[nodiscard]] ByteSpan next(std::uint8_t tag) noexcept;

  /// 0 at the end.
  [[nodiscard]] std::uint8_t next_tag() const noexcept { return left_.empty() ? 0 : left_[0]; }
  [[nodiscard]] bool is_empty() const noexcept { return left_.empty(); }
  [[nodiscard]] bool is_bad() const noexcept { return is_bad_; }

 private:
  [[nodiscard]] DerElement bad() noexcept;

  ByteSpan left_;
  bool is_bad_ = false;
};

}  // namespace sluice
