// Tables by which the prefix codes of deflate (RFC 1951 3.2.2) are read: one look-up for codes of
// up to `root` bits, a second one for longer ones. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

/// Bits 0 to 5: what a symbol takes of the stream, extra bits included. Bits 8 to 11: its code
/// alone; of a link, by how many bits the second table is asked. Bits 16 to 30: the literal, the
/// least length or distance, or where the second table begins.
using InflateEntry = std::uint32_t;
inline constexpr InflateEntry kInflateLiteral = 1U << 31;
inline constexpr InflateEntry kInflateSpecial = 1U << 15;  ///< a link, the block's end, or bad
inline constexpr InflateEntry kInflateLink = 1U << 14;
inline constexpr InflateEntry kInflateEnd = 1U << 13;

[[nodiscard]] constexpr unsigned taken_bits(InflateEntry entry) noexcept { return entry & 0x3f; }
[[nodiscard]] constexpr unsigned code_bits(InflateEntry entry) noexcept { return entry >> 8 & 0xf; }
[[nodiscard]] constexpr unsigned value_of(InflateEntry entry) noexcept {
  return entry >> 16 & 0x7fff;
}

inline constexpr unsigned kLengthRoot = 11;
inline constexpr unsigned kDistanceRoot = 8;
inline constexpr unsigned kOrderRoot = 7;
inline constexpr std::size_t kLengthCodes = 288;
inline constexpr std::size_t kDistanceCodes = 32;
inline constexpr std::size_t kOrderCodes = 19;

/// As many entries as any complete code of so many symbols and 15 bits can take, the first table
/// and those of links; zlib's `enough 288 11 15` and `enough 32 8 15` count them.
struct InflateTables {
  std::array<InflateEntry, 2342> lengths;   ///< literals and lengths
  std::array<InflateEntry, 402> distances;  ///< while a block's head is read, of code lengths
};

/// False where the codes say too much, or too little: as zlib takes it, lengths and distances may
/// have a single code of one bit, and distances none at all.
[[nodiscard]] bool build_lengths(std::span<const std::uint8_t> bits,
                                 InflateTables& tables) noexcept;
[[nodiscard]] bool build_distances(std::span<const std::uint8_t> bits,
                                   InflateTables& tables) noexcept;
[[nodiscard]] bool build_order(std::span<const std::uint8_t> bits, InflateTables& tables) noexcept;

/// Of blocks with the codes that RFC 1951 3.2.6 names.
[[nodiscard]] const InflateTables& fixed_tables() noexcept;

}  // namespace sluice
