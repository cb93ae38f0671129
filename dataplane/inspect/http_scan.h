// Finding bytes in heads of messages, 32 at a time. Worker thread only.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

using ByteSpan = std::span<const std::uint8_t>;

/// Bits of the bytes of a block that equal `value`.
[[nodiscard]] inline std::uint32_t places_of(__m256i block, char value) noexcept {
  return static_cast<std::uint32_t>(
      _mm256_movemask_epi8(_mm256_cmpeq_epi8(block, _mm256_set1_epi8(value))));
}

/// The next 32 bytes of `bytes` from `at` on; where there are fewer, 'x' stands for the others.
[[nodiscard]] inline __m256i block_at(ByteSpan bytes, std::size_t at) noexcept {
  const std::size_t left = bytes.size() - at;
  if (left >= 32) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes.data() + at));
  }
  alignas(32) std::uint8_t last[32];
  _mm256_store_si256(reinterpret_cast<__m256i*>(last), _mm256_set1_epi8('x'));
  __builtin_memcpy(last, bytes.data() + at, left);
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(last));
}

/// Place of the first `value` from `at` on; the size of `bytes` where there is none.
[[nodiscard]] inline std::size_t find_byte(ByteSpan bytes, std::size_t at, char value) noexcept {
  for (; at < bytes.size(); at += 32) {
    const std::uint32_t places = places_of(block_at(bytes, at), value);
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
