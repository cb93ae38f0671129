#include "dataplane/inspect/confirm_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace sluice {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::size_t naive(ByteSpan haystack, ByteSpan needle, bool nocase) {
  for (std::size_t at = 0; at + needle.size() <= haystack.size(); ++at) {
    const auto piece = haystack.subspan(at, needle.size());
    const bool is_equal =
        nocase ? std::ranges::equal(piece, needle, {}, folded) : std::ranges::equal(piece, needle);
    if (is_equal) return at;
  }
  return kNotFound;
}

/// In a block of its own size, so that a sanitizer sees any byte read beside it.
Bytes random_bytes(std::mt19937& random, std::size_t size) {
  static constexpr std::array<std::uint8_t, 8> kFew{'a', 'b', 'A', 'B', '[', '{', 0, 0xff};
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = kFew[random() % kFew.size()];
  return bytes;
}

TEST(ConfirmSearch, FindsWhatALoopFinds) {
  std::mt19937 random(20031);
  for (int i = 0; i < 20'000; ++i) {
    const Bytes haystack = random_bytes(random, random() % 130);
    Bytes needle = random_bytes(random, 1 + random() % (i % 2 == 0 ? 3 : 9));
    ASSERT_EQ(find_bytes(haystack, needle), naive(haystack, needle, false)) << i;
    std::ranges::transform(needle, needle.begin(), folded);
    ASSERT_EQ(find_folded(haystack, needle), naive(haystack, needle, true)) << i;
  }
}

TEST(ConfirmSearch, FindsTheFirstAtEveryPlace) {
  for (std::size_t size = 1; size < 100; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      Bytes haystack(size, '.');
      haystack[at] = 'X';
      haystack.back() = 'X';
      const std::uint8_t upper = 'X';
      const std::uint8_t lower = 'x';
      ASSERT_EQ(find_bytes(haystack, ByteSpan(&upper, 1)), at);
      ASSERT_EQ(find_folded(haystack, ByteSpan(&lower, 1)), at);
    }
  }
}

}  // namespace
}  // namespace sluice
