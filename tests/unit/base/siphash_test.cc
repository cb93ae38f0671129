#include "base/siphash.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

namespace sluice {
namespace {

// The published vectors: key 00 01 .. 0f, input 00 01 .. n-1.
constexpr SipKey kReferenceKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::vector<std::uint8_t> counting_bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

template <std::size_t N>
std::array<std::uint64_t, N> counting_words() {
  std::array<std::uint64_t, N> words{};
  const auto bytes = counting_bytes(8 * N);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  return words;
}

template <std::size_t N>
void expect_words_equal_bytes() {
  const auto words = counting_words<N>();
  const SipKey key{0x1234 * (N + 1), ~std::uint64_t{N}};
  EXPECT_EQ((siphash13(key, words)), (siphash<1, 3>(key, words.data(), 8 * N)));
  EXPECT_EQ((siphash13_128(key, words)), (siphash128<1, 3>(key, words.data(), 8 * N)));
}

TEST(SipHash, Gives64BitReferenceVectors) {
  struct Vector {
    std::size_t bytes;
    std::uint64_t hash;
  };
  const Vector vectors[] = {
      {0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
      {3, 0x85676696d7fb7e2d},  {7, 0xab0200f58b01d137},  {8, 0x93f5f5799a932462},
      {9, 0x9e0082df0ba9e4b0},  {15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb},
      {31, 0x32d892fad841c342}, {63, 0x958a324ceb064572},
  };
  for (const Vector& vector : vectors) {
    const auto input = counting_bytes(vector.bytes);
    EXPECT_EQ((siphash<2, 4>(kReferenceKey, input.data(), input.size())), vector.hash)
        << vector.bytes << " bytes";
  }
}

TEST(SipHash, Gives128BitReferenceVectors) {
  struct Vector {
    std::size_t bytes;
    Hash128 hash;
  };
  const Vector vectors[] = {
      {0, {0xe6a825ba047f81a3, 0x930255c71472f66d}},
      {1, {0x44af996bd8c187da, 0x45fc229b11597634}},
      {2, {0xc75da4a48d227781, 0xe4ff0af6de8ba3fc}},
      {8, {0x61f55862baa9623b, 0xb49714f364e2830f}},
      {16, {0xbb54b067caa4e26e, 0x77052385bf1533fd}},
      {63, {0x4a83502f77d15051, 0x7cbd3f979a063e50}},
  };
  for (const Vector& vector : vectors) {
    const auto input = counting_bytes(vector.bytes);
    EXPECT_EQ((siphash128<2, 4>(kReferenceKey, input.data(), input.size())), vector.hash)
        << vector.bytes << " bytes";
  }
}

TEST(SipHash, GivesTheValuesOfOneAndThreeRounds) {
  const auto input = counting_bytes(40);
  EXPECT_EQ((siphash<1, 3>(kReferenceKey, input.data(), 40)), 0xc1d2363299e41531U);
  const Hash128 wide{0x13b4b93e54205750, 0x38f9eed9fa3c0bd5};
  EXPECT_EQ((siphash128<1, 3>(kReferenceKey, input.data(), 40)), wide);
}

TEST(SipHash, WordsHashAsTheirBytes) {
  expect_words_equal_bytes<1>();
  expect_words_equal_bytes<2>();
  expect_words_equal_bytes<5>();
  expect_words_equal_bytes<8>();
}

TEST(SipHash, DependsOnTheKey) {
  const std::array<std::uint64_t, 2> words{1, 2};
  EXPECT_NE(siphash13(SipKey{1, 2}, words), siphash13(SipKey{1, 3}, words));
  EXPECT_NE(siphash13(SipKey{1, 2}, words), siphash13(SipKey{2, 2}, words));
}

}  // namespace
}  // namespace sluice
