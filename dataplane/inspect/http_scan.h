// Finding bytes in heads of messages, 32 at a time. Worker thread only.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

using ByteSpan = std::span<const std::uint8_t>;

/// 32 bytes of a span from a place on; where the span has fewer, none equal anything.
class ScanBlock {
 public:
  ScanBlock(ByteSpan bytes, std::size_t at) noexcept {
    const std::size_t left = bytes.size() - at;
    if (left >= 32) {
      block_ = load(bytes.data() + at);
    } else if (bytes.size() >= 32) {
      block_ = load(bytes.data() + bytes.size() - 32);
      shift_ = static_cast<unsigned>(32 - left);
    } else {
      alignas(32) std::uint8_t last[32];
      __builtin_memcpy(last, bytes.data() + at, left);
      block_ = _mm256_load_si256(reinterpret_cast<const __m256i*>(last));
      mask_ = (1U << left) - 1;
    }
  }
  /// Bit i: byte i equals `value`.
  [[nodiscard]] std::uint32_t places_of(char value) const noexcept {
    const auto places = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(block_, _mm256_set1_epi8(value))));
    return places >> shift_ & mask_;
  }

 private:
  static __m256i load(const std::uint8_t* bytes) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
  }

  __m256i block_;
  unsigned shift_ = 0;
  std::uint32_t mask_ = ~0U;
};

/// Place of the first `value` from `at` on; the size of `bytes` where there is none.
[[nodiscard]] inline std::size_t find_byte(ByteSpan bytes, std::size_t at, char value) noexcept {
  for (; at < bytes.size(); at += 32) {
    const std::uint32_t places = ScanBlock(bytes, at).places_of(value);
    if (places != 0) return at + static_cast<std::size_t>(std::countr_zero(places));
  }
  return bytes.size();
}

/// Place of the first blank from `at` on; the size of `bytes` where there is none.
[[nodiscard]] inline std::size_t find_blank(ByteSpan bytes, std::size_t at) noexcept {
  for (; at < bytes.size(); at += 32) {
    const ScanBlock block(bytes, at);
    const std::uint32_t places = block.places_of(' ') | block.places_of('\t');
    if (places != 0) return at + static_cast<std::size_t>(std::countr_zero(places));
  }
  return bytes.size();
}

[[nodiscard]] constexpr bool is_blank(std::uint8_t byte) noexcept {
  return byte == ' ' || byte == '\t';
}
[[nodiscard]] constexpr std::uint8_t lower(std::uint8_t byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte + 0x20) : byte;
}

/// Without blanks at both ends.
[[nodiscard]] inline ByteSpan trimmed(ByteSpan bytes) noexcept {
  while (!bytes.empty() && is_blank(bytes.front())) bytes = bytes.subspan(1);
  while (!bytes.empty() && is_blank(bytes.back())) bytes = bytes.first(bytes.size() - 1);
  return bytes;
}

}  // namespace sluice
