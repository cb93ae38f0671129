#include "dataplane/limit/token_bucket.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "dataplane/limit/compiled_limits.h"
#include "dataplane/packet.h"

namespace sluice {
namespace {

constexpr std::uint64_t kGbit = 1'000'000'000;

/// One bucket with its stamp, as flows and sources keep it.
struct Bucket {
  TokenRate limit;
  std::uint64_t level = 0;
  TimeNs stamp = 0;

  bool take(std::uint64_t tokens, TimeNs now) {
    level = refilled(limit, level, now > stamp ? now - stamp : 0);
    stamp = now > stamp ? now : stamp;
    if (!conforms(limit, level, tokens * kTokenScale)) return false;
    level += tokens * kTokenScale;
    return true;
  }
};

/// The same as a fraction without any rounding or bound: tokens = numerator / 10^9, 128 bits wide.
class RationalBucket {
 public:
  RationalBucket(std::uint64_t rate, std::uint64_t burst)
      : rate_(rate), burst_(static_cast<Wide>(burst) * 1'000'000'000), tokens_(burst_) {}

  bool take(std::uint64_t tokens, TimeNs now) {
    tokens_ += static_cast<Wide>(now - last_) * rate_;
    if (tokens_ > burst_) tokens_ = burst_;
    last_ = now;
    const Wide cost = static_cast<Wide>(tokens) * 1'000'000'000;
    if (tokens_ < cost && !(cost > burst_ && tokens_ == burst_)) return false;
    tokens_ -= cost;
    return true;
  }

 private:
  __extension__ using Wide = __int128;
  Wide rate_;
  Wide burst_;
  Wide tokens_;
  TimeNs last_ = 0;
};

TEST(TokenBucket, StartsFullAndRefusesOnlyTheExcess) {
  Bucket bucket{token_rate(10, 3)};
  EXPECT_TRUE(bucket.take(1, 0));
  EXPECT_TRUE(bucket.take(1, 0));
  EXPECT_TRUE(bucket.take(1, 0));
  EXPECT_FALSE(bucket.take(1, 0));
  EXPECT_FALSE(bucket.take(1, 99'999'999));
  EXPECT_TRUE(bucket.take(1, 100'000'000));
  EXPECT_FALSE(bucket.take(1, 100'000'000));
}

TEST(TokenBucket, RefillsNoFurtherThanCommittedBurst) {
  Bucket bucket{token_rate(1000, 2)};
  ASSERT_TRUE(bucket.take(2, 0));
  const TimeNs later = 3600 * kNsPerSecond;
  EXPECT_TRUE(bucket.take(2, later));
  EXPECT_FALSE(bucket.take(1, later));
}

TEST(TokenBucket, RefusedPacketCostsNothing) {
  Bucket bucket{token_rate(1000, 10)};
  ASSERT_TRUE(bucket.take(6, 0));
  ASSERT_FALSE(bucket.take(5, 0));
  EXPECT_TRUE(bucket.take(4, 0));
}

TEST(TokenBucket, TimeThatGoesBackRefillsNothing) {
  Bucket bucket{token_rate(1000, 1)};
  ASSERT_TRUE(bucket.take(1, kNsPerSecond));
  EXPECT_FALSE(bucket.take(1, 0));
  EXPECT_FALSE(bucket.take(1, kNsPerSecond + kNsPerMs - 1));
  EXPECT_TRUE(bucket.take(1, kNsPerSecond + kNsPerMs));
}

TEST(TokenBucket, ManySmallRefillsEqualOneLarge) {
  const TokenRate limit = token_rate(3, 1'000'000);
  const std::uint64_t start = 500'000 * kTokenScale;
  std::uint64_t level = start;
  for (int i = 0; i < 100'000; ++i) level = refilled(limit, level, 7);
  EXPECT_EQ(level, refilled(limit, start, 700'000));
}

TEST(TokenBucket, DatagramLargerThanTheBurstPassesOnceAndIsPaidForLater) {
  Bucket bucket{token_rate(1000, 10)};
  ASSERT_TRUE(bucket.take(50, 0));
  EXPECT_FALSE(bucket.take(1, 40 * kNsPerMs));
  EXPECT_TRUE(bucket.take(1, 41 * kNsPerMs));
  EXPECT_FALSE(bucket.take(50, 50 * kNsPerMs));
}

TEST(TokenBucket, LoweredLimitDoesNotInheritTheDebtOfALargerOne) {
  const TokenRate large = token_rate(kGbit, 100'000'000);
  const TokenRate small = token_rate(1'000'000, 100'000);
  Bucket bucket{large};
  ASSERT_TRUE(bucket.take(100'000'000, 0));
  bucket.limit = small;
  EXPECT_FALSE(bucket.take(1000, kNsPerMs));
  EXPECT_TRUE(bucket.take(1000, 2 * kNsPerSecond));
}

TEST(TokenBucket, WithoutLimitEverythingConformsAndNothingIsCounted) {
  const RatePair none;
  const TokenPair cost = cost_of(~0U, ~0U);
  EXPECT_TRUE(conforms(none, {}, cost));
  const TokenPair level = charged(none, refilled(none, {}, 0), cost);
  EXPECT_EQ(level.packets, 0U);
  EXPECT_EQ(level.bits, 0U);
}

TEST(TokenBucket, LargestRatesAndBurstsDoNotOverflow) {
  const TokenRate limit = token_rate(400 * kGbit, ~std::uint64_t{0});
  EXPECT_EQ(limit.burst, kBurstTokensMax * kTokenScale);
  Bucket bucket{limit};
  ASSERT_TRUE(bucket.take(kBurstTokensMax, 0));
  EXPECT_FALSE(bucket.take(400, 0));
  EXPECT_TRUE(bucket.take(400, 1));
  EXPECT_EQ(refilled(limit, bucket.level, ~std::uint64_t{0}), 0U);
  EXPECT_LT(refilled(limit, limit.burst, limit.full_after - 1), limit.rate);
}

TEST(TokenBucket, LiesAboutLengthAreChargedAtMostTheLargestDatagram) {
  EXPECT_EQ(cost_of(1, ~0U).bits, kBitCostMax);
  EXPECT_EQ(cost_of(1, 60).bits, 480 * kTokenScale);
  EXPECT_EQ(cost_of(3, 60).packets, 3 * kTokenScale);
}

struct RationalCase {
  std::uint64_t rate;
  std::uint64_t burst;
  std::uint64_t cost_max;
  DurationNs gap_max;
};

class TokenBucketAgainstRational : public testing::TestWithParam<RationalCase> {};

TEST_P(TokenBucketAgainstRational, AgreesOnEveryPacket) {
  const RationalCase& c = GetParam();
  std::mt19937_64 random(0x51'0c'e1);
  Bucket bucket{token_rate(c.rate, c.burst)};
  RationalBucket model(c.rate, c.burst);
  TimeNs now = 0;
  std::uint64_t passed = 0;
  for (int i = 0; i < 200'000; ++i) {
    now += random() % (c.gap_max + 1);
    if (random() % 1000 == 0) now += random() % (400 * kNsPerSecond);
    const std::uint64_t tokens = 1 + random() % c.cost_max;
    const bool passes = model.take(tokens, now);
    ASSERT_EQ(bucket.take(tokens, now), passes) << "packet " << i;
    passed += passes;
  }
  EXPECT_GT(passed, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Rates, TokenBucketAgainstRational,
    testing::Values(RationalCase{1, 1, 1, 100'000'000}, RationalCase{3, 7, 3, 100'000'000},
                    RationalCase{1'000, 100, 1, 500'000},
                    RationalCase{10'000'000, 1'000'000, 12'176, 300'000},
                    RationalCase{kGbit, 12'000, 20'000, 12'000},
                    RationalCase{400 * kGbit, kBurstTokensMax, 1U << 20, 2'000},
                    RationalCase{999'999'937, 65'537, 12'000, 10'000}));

LimitsConfig limits_with(RateConfig packets, RateConfig bits) {
  LimitsConfig limits;
  limits.source = {packets, bits};
  return limits;
}

TEST(CompiledLimits, BurstDefaultsToATenthOfASecond) {
  const auto limits = compile_limits(limits_with({5000, 0}, {10'000'000, 0}), {});
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->source.packets.burst, 500 * kTokenScale);
  EXPECT_EQ(limits->source.bits.burst, 1'000'000 * kTokenScale);
  EXPECT_FALSE(limits->flow.is_set());
}

TEST(CompiledLimits, BurstHoldsAtLeastOnePacketAndOneFrame) {
  const auto limits = compile_limits(limits_with({1, 0}, {8000, 64}), {});
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->source.packets.burst, kTokenScale);
  EXPECT_TRUE(conforms(limits->source.bits, 0, cost_of(1, 1514).bits));
  EXPECT_GE(limits->source.bits.burst, cost_of(1, 1514).bits);
}

TEST(CompiledLimits, BurstInBytesIsCountedInBits) {
  const auto limits = compile_limits(limits_with({}, {10'000'000, 64 << 10}), {});
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->source.bits.burst, (64 << 10) * 8 * kTokenScale);
}

TEST(CompiledLimits, MasksFollowThePrefixLengths) {
  LimitsConfig config;
  config.source_prefix_v4 = 24;
  config.source_prefix_v6 = 72;
  const auto limits = compile_limits(config, {});
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->source_mask_v4, 0xffffff00U);
  EXPECT_EQ(limits->source_mask_v6_high, ~std::uint64_t{0});
  EXPECT_EQ(limits->source_mask_v6_low, 0xff00000000000000U);
  config.source_prefix_v4 = 0;
  config.source_prefix_v6 = 0;
  const auto all = compile_limits(config, {});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->source_mask_v4, 0U);
  EXPECT_EQ(all->source_mask_v6_high, 0U);
}

TEST(CompiledLimits, ControlProtocolsAreExemptAsConfigured) {
  DecodeConfig decode;
  EXPECT_EQ(compile_limits({}, decode)->exempt_flags, kMustPass | kControlProtocol);
  decode.exempt_control_protocols = false;
  EXPECT_EQ(compile_limits({}, decode)->exempt_flags, kMustPass);
}

TEST(CompiledLimits, ImpossibleValuesAreRefused) {
  LimitsConfig config;
  config.source_prefix_v4 = 33;
  EXPECT_FALSE(compile_limits(config, {}));
  config = {};
  config.source_prefix_v6 = 129;
  EXPECT_FALSE(compile_limits(config, {}));
  EXPECT_FALSE(compile_limits(limits_with({~std::uint64_t{0}, 0}, {}), {}));
}

}  // namespace
}  // namespace sluice
