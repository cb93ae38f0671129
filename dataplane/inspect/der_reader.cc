#include "dataplane/inspect/der_reader.h"

namespace sluice {

DerElement DerReader::bad() noexcept {
  is_bad_ = true;
  left_ = {};
  return {};
}

DerElement DerReader::next() noexcept {
  constexpr std::uint8_t kLongTag = 0x1f;
  constexpr std::size_t kLengthBytesMax = 4;
  if (left_.size() < 2 || (left_[0] & kLongTag) == kLongTag) return bad();
  std::size_t length = left_[1];
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t length_bytes = length & 0x7f;
    if (length_bytes == 0 || length_bytes > kLengthBytesMax) return bad();
    if (left_.size() < header + length_bytes) return bad();
    length = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) length = length << 8 | left_[header + i];
    header += length_bytes;
  }
  if (length > left_.size() - header) return bad();
  const DerElement element{left_[0], left_.subspan(header, length)};
  left_ = left_.subspan(header + length);
  return element;
}

ByteSpan DerReader::next(std::uint8_t tag) noexcept {
  const DerElement element = next();
  if (element.tag == tag) return element.content;
  return bad().content;
}

}  // namespace sluice
