// Where bytes first stand in others. Worker thread; no allocation, reads nothing outside the spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

inline constexpr std::size_t kNotFound = ~std::size_t{0};

using ByteSpan = std::span<const std::uint8_t>;

/// ASCII letters in lower case, all else as it is.
[[nodiscard]] constexpr std::uint8_t folded(std::uint8_t byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte | 0x20) : byte;
}

/// Place of the first occurrence, kNotFound where there is none; `needle` is not empty.
[[nodiscard]] std::size_t find_bytes(ByteSpan haystack, ByteSpan needle) noexcept;
/// The same whatever the case of ASCII letters in `haystack`; `needle` is in lower case.
[[nodiscard]] std::size_t find_folded(ByteSpan haystack, ByteSpan needle) noexcept;

[[nodiscard]] inline std::size_t find_needle(ByteSpan haystack, ByteSpan needle,
                                             bool nocase) noexcept {
  return nocase ? find_folded(haystack, needle) : find_bytes(haystack, needle);
}

[[nodiscard]] bool equals_bytes(ByteSpan bytes, ByteSpan needle) noexcept;
[[nodiscard]] bool equals_folded(ByteSpan bytes, ByteSpan needle) noexcept;

}  // namespace sluice
