#include "rules/gram_filter.h"

#include <algorithm>
#include <random>
#include <string_view>

#include <gtest/gtest.h>

#include "rules/shape_corpus.h"

namespace sluice {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string out;
  while (out.size() < size) out += static_cast<char>(random() & 0xff);
  return out;
}

std::string with_other_case(std::mt19937& random, std::string text) {
  for (char& c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter && random() % 2 == 0) c = static_cast<char>(c ^ 0x20);
  }
  return text;
}

TEST(GramFilter, EveryPlaceOfEveryPatternPasses) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> certain;
    const std::size_t shortest = 3 + seed % 7;
    for (std::size_t i = 0; i < 1 + random() % 40; ++i) {
      certain.push_back(random_bytes(random, shortest + random() % 9));
    }
    const GramFilter filter = make_gram_filter(certain);
    ASSERT_FALSE(filter.words.empty());
    ASSERT_TRUE(filter.is_sound());
    for (const std::string& text : certain) {
      const std::string buffer = random_bytes(random, random() % 12) +
                                 with_other_case(random, text) +
                                 random_bytes(random, random() % 12);
      ASSERT_TRUE(filter.may_match(bytes_of(buffer))) << "seed " << seed;
      ASSERT_TRUE(filter.may_match(bytes_of(text))) << "seed " << seed;
    }
  }
}

TEST(GramFilter, OrdinaryTextIsMostlyKeptFromTheEngine) {
  std::mt19937 random(7);
  std::vector<std::string> certain;
  for (int i = 0; i < 200; ++i) certain.push_back(random_bytes(random, 8));
  const GramFilter filter = make_gram_filter(certain);
  EXPECT_EQ(filter.stride, 4U);
  const auto texts = ordinary_texts(500, 40);
  const auto passed = std::ranges::count_if(
      texts, [&](const std::string& text) { return filter.may_match(bytes_of(text)); });
  EXPECT_LT(passed, 25);
}

TEST(GramFilter, LongerPatternsAreLookedForAtFewerPlaces) {
  const auto stride_for = [](std::size_t bytes) {
    return make_gram_filter(std::vector<std::string>{std::string(bytes, 'q')}).stride;
  };
  EXPECT_EQ(stride_for(4), 1U);
  EXPECT_EQ(stride_for(5), 2U);
  EXPECT_EQ(stride_for(6), 2U);
  EXPECT_EQ(stride_for(7), 4U);
  EXPECT_EQ(stride_for(32), 4U);
}

TEST(GramFilter, ThereIsNoneWhereSomePatternHasNoGram) {
  const std::vector<std::string> with_short{"longenough", "ab"};
  const std::vector<std::string> with_unknown{"longenough", ""};
  EXPECT_TRUE(make_gram_filter(with_short).words.empty());
  EXPECT_TRUE(make_gram_filter(with_unknown).words.empty());
  EXPECT_TRUE(make_gram_filter({}).words.empty());
}

TEST(GramFilter, IsAskedOfShortBuffersOnly) {
  const GramFilter filter = make_gram_filter(std::vector<std::string>{"gram"});
  EXPECT_TRUE(filter.is_for(1));
  EXPECT_TRUE(filter.is_for(128));
  EXPECT_FALSE(filter.is_for(129));
  EXPECT_FALSE(GramFilter{}.is_for(1));
}

TEST(GramFilter, BytesShorterThanAGramMatchNothing) {
  const GramFilter filter = make_gram_filter(std::vector<std::string>{"abc"});
  EXPECT_FALSE(filter.may_match({}));
  EXPECT_FALSE(filter.may_match(bytes_of("ab")));
  EXPECT_TRUE(filter.may_match(bytes_of("abc")));
  EXPECT_TRUE(filter.may_match(bytes_of("xxabc")));
}

}  // namespace
}  // namespace sluice
