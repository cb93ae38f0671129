#include "rules/gram_filter.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "rules/pattern_strength.h"

namespace sluice {
namespace {

constexpr std::size_t kGramMin = 3;
constexpr std::size_t kGramMax = 4;
constexpr std::size_t kStrideMax = 4;
/// A place costs about three cycles, and the engine 400 to 2,000 for as little as 30 bytes.
constexpr std::size_t kPlacesMax = 128;
/// Of other text, one gram in about 2,000 is then taken for one of the patterns'.
constexpr std::size_t kWordsPerGram = 2;

/// Capitals and what they are told from fall together.
constexpr std::uint32_t kFold = 0x20202020;

[[nodiscard]] std::uint32_t mask_of(std::uint32_t gram_bytes) noexcept {
  return gram_bytes == kGramMax ? 0xffffffff : 0x00ffffff;
}

[[nodiscard]] std::uint32_t gram_at(const std::uint8_t* bytes, std::size_t size) noexcept {
  std::uint32_t gram = 0;
  std::memcpy(&gram, bytes, size);
  return gram;
}

/// The word of a gram, and its bits there.
struct Place {
  std::size_t word;
  std::uint64_t bits;
};

[[nodiscard]] inline Place place_of(std::uint32_t gram, std::uint32_t mask,
                                    std::size_t words) noexcept {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
  const std::uint64_t mixed = ((gram | kFold) & mask) * kOdd;
  const std::uint64_t bits =
      (std::uint64_t{1} << ((mixed >> 32) & 63)) | (std::uint64_t{1} << ((mixed >> 38) & 63));
  return {static_cast<std::size_t>(mixed >> 44) & (words - 1), bits};
}

/// Where the run of `count` grams begins whose commonest one is the rarest.
[[nodiscard]] std::size_t rarest_run(std::string_view text, std::size_t gram_bytes,
                                     std::size_t count) {
  std::vector<double> bits;
  for (std::size_t i = 0; i + gram_bytes <= text.size(); ++i) {
    bits.push_back(literal_bits(text.substr(i, gram_bytes), true));
  }
  std::size_t best = 0;
  double best_bits = 0;
  for (std::size_t i = 0; i + count <= bits.size(); ++i) {
    const auto first = bits.begin() + static_cast<std::ptrdiff_t>(i);
    const double least = *std::min_element(first, first + static_cast<std::ptrdiff_t>(count));
    if (least <= best_bits) continue;
    best_bits = least;
    best = i;
  }
  return best;
}

}  // namespace

bool GramFilter::is_sound() const noexcept {
  const bool has_size = words.empty() || std::has_single_bit(words.size());
  const bool is_gram = gram_bytes == kGramMin || gram_bytes == kGramMax;
  return has_size && is_gram && words.size() <= kGramFilterWordsMax &&
         std::has_single_bit(stride) && stride <= kStrideMax;
}

bool GramFilter::is_for(std::size_t bytes) const noexcept {
  return !words.empty() && bytes <= kPlacesMax * stride;
}

bool GramFilter::may_match(std::span<const std::uint8_t> bytes) const noexcept {
  const std::uint32_t mask = mask_of(gram_bytes);
  const auto is_known = [this, mask](std::uint32_t gram) {
    const Place place = place_of(gram, mask, words.size());
    return (words[place.word] & place.bits) == place.bits;
  };
  std::size_t at = 0;
  for (; at + kGramMax <= bytes.size(); at += stride) {
    if (is_known(gram_at(bytes.data() + at, kGramMax))) return true;
  }
  const bool is_left = at + gram_bytes <= bytes.size();
  return is_left && is_known(gram_at(bytes.data() + at, gram_bytes));
}

GramFilter make_gram_filter(std::span<const std::string> certain) {
  if (certain.empty()) return {};
  const std::size_t shortest = std::ranges::min_element(certain, {}, &std::string::size)->size();
  if (shortest < kGramMin) return {};
  GramFilter filter;
  filter.gram_bytes = static_cast<std::uint32_t>(std::min(shortest, kGramMax));
  const std::size_t places = shortest - filter.gram_bytes + 1;
  filter.stride = static_cast<std::uint32_t>(std::min(std::bit_floor(places), kStrideMax));
  const std::size_t words = std::bit_ceil(certain.size() * filter.stride * kWordsPerGram);
  if (words > kGramFilterWordsMax) return {};
  filter.words.resize(words);
  const std::uint32_t mask = mask_of(filter.gram_bytes);
  for (const std::string& text : certain) {
    const std::size_t begin = rarest_run(text, filter.gram_bytes, filter.stride);
    const auto* first = reinterpret_cast<const std::uint8_t*>(text.data()) + begin;
    for (std::size_t i = 0; i < filter.stride; ++i) {
      const Place place = place_of(gram_at(first + i, filter.gram_bytes), mask, words);
      filter.words[place.word] |= place.bits;
    }
  }
  return filter;
}

}  // namespace sluice
