// Four hashes side by side are the four hashes one by one.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/decode/siphash_x4.h"

namespace sluice {
namespace {

TEST(SipHashX4, EqualsSipHash13OfEachMessage) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 1000; ++round) {
    const SipKey key{random(), random()};
    std::array<LanesX4, 2> two;
    std::array<LanesX4, 5> five;
    for (LanesX4& lanes : two) lanes = {random(), random(), random(), random()};
    for (LanesX4& lanes : five) lanes = {random(), random(), random(), random()};
    const LanesX4 hashes = siphash13_x4(key, two);
    const Hash128X4 digests = siphash13_128_x4(key, five);
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_EQ(hashes[k], siphash13(key, std::array<std::uint64_t, 2>{two[0][k], two[1][k]}));
      const Hash128 expected = siphash13_128(
          key,
          std::array<std::uint64_t, 5>{five[0][k], five[1][k], five[2][k], five[3][k], five[4][k]});
      EXPECT_EQ((Hash128{digests.lo[k], digests.hi[k]}), expected);
    }
  }
}

}  // namespace
}  // namespace sluice
