// Whether a short buffer can hold any of a group's patterns at all, asked before the engine: what
// the engine reads for that is seldom in the processor's cache, this is a few lines. A gram is four
// bytes, or three, that every match of a pattern has in it. Made by the compiler; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sluice {

inline constexpr std::size_t kGramFilterWordsMax = std::size_t{1} << 16;

struct GramFilter {
  /// Two bits of one word stand for a gram; a power of two of words, or none: no filter.
  std::vector<std::uint64_t> words;
  std::uint32_t gram_bytes = 4;  ///< 3 or 4
  std::uint32_t stride = 1;      ///< grams of all places that differ by less are in it: 1, 2 or 4

  [[nodiscard]] bool is_sound() const noexcept;
  /// Asking costs less than the engine's scan of so many bytes.
  [[nodiscard]] bool is_for(std::size_t bytes) const noexcept;
  /// False: none of the patterns matches in these bytes. Case counts for nothing.
  [[nodiscard]] bool may_match(std::span<const std::uint8_t> bytes) const noexcept;
};

/// `certain` has for each pattern of the group the bytes that are in all its matches. No filter
/// where some are shorter than a gram.
[[nodiscard]] GramFilter make_gram_filter(std::span<const std::string> certain);

}  // namespace sluice
