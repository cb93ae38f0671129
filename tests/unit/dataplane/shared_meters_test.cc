#include "dataplane/shared_meters.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "base/check.h"
#include "dataplane/limit/rate_limiter.h"

namespace sluice {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;
constexpr SipKey kKey{31, 41};

std::unique_ptr<SharedMeters> meters_of(MemoryArena& arena, const MeterOptions& options) {
  auto meters = SharedMeters::create(options, arena);
  SLUICE_CHECK(meters, "the table is small");
  return std::move(*meters);
}

RatePair packets_limit(std::uint64_t rate, std::uint64_t burst) {
  return {token_rate(rate, burst, kPacketCostMax), {}};
}

TEST(SharedMeters, LeaseIsNoMoreThanItsShareOfTheBurst) {
  MemoryArena arena;
  const auto meters = meters_of(arena, {64, 2, MeterMode::leased});
  EXPECT_EQ(meters->lease_size(token_rate(1'000'000, 100'000)), 5000 * kTokenScale);
  EXPECT_EQ(meters->lease_size(token_rate(1'000'000, 800)), 100 * kTokenScale);
}

TEST(SharedMeters, WorkersTogetherGetOneBurst) {
  MemoryArena arena;
  const auto meters = meters_of(arena, {64, 2, MeterMode::leased});
  const RatePair limit = packets_limit(1000, 100);
  const std::uint32_t slot = meters->find_or_create(77, limit, kStart).slot;
  std::uint64_t total = 0;
  while (true) {
    const Lease lease = meters->lease_packets(slot, limit.packets, kTokenScale, kStart);
    if (lease.granted == 0) break;
    total += lease.granted;
  }
  EXPECT_LE(total, 100 * kTokenScale);
  EXPECT_GT(total, 99 * kTokenScale);
}

TEST(SharedMeters, EmptyBucketSaysWhenALeaseWillBeThere) {
  MemoryArena arena;
  const auto meters = meters_of(arena, {64, 2, MeterMode::leased});
  const RatePair limit = packets_limit(1000, 100);
  const std::uint32_t slot = meters->find_or_create(77, limit, kStart).slot;
  Lease lease;
  do {
    lease = meters->lease_packets(slot, limit.packets, kTokenScale, kStart);
  } while (lease.granted != 0);
  EXPECT_GT(lease.retry_at, kStart + 4 * kNsPerMs);
  EXPECT_LE(lease.retry_at, kStart + 6 * kNsPerMs);
  const Lease next = meters->lease_packets(slot, limit.packets, kTokenScale, lease.retry_at);
  EXPECT_GE(next.granted, 4 * kTokenScale);
}

TEST(SharedMeters, WhatIsGivenBackCanBeTakenAgain) {
  MemoryArena arena;
  const auto meters = meters_of(arena, {64, 1, MeterMode::leased});
  const RatePair limit = packets_limit(1, 8);
  const std::uint32_t slot = meters->find_or_create(77, limit, kStart).slot;
  const Lease all = meters->lease_packets(slot, limit.packets, 8 * kTokenScale, kStart);
  ASSERT_EQ(all.granted, 8 * kTokenScale);
  ASSERT_EQ(meters->lease_packets(slot, limit.packets, kTokenScale, kStart).granted, 0U);
  meters->give_back(slot, limit, {3 * kTokenScale, 0}, kStart + 1);
  EXPECT_GE(meters->lease_packets(slot, limit.packets, 3 * kTokenScale, kStart + 1).granted,
            3 * kTokenScale);
  EXPECT_EQ(meters->lease_packets(slot, limit.packets, kTokenScale, kStart + 1).granted, 0U);
}

TEST(SharedMeters, GivingBackToAFullBucketAddsNothing) {
  MemoryArena arena;
  const auto meters = meters_of(arena, {64, 1, MeterMode::leased});
  const RatePair limit = packets_limit(1, 8);
  const std::uint32_t slot = meters->find_or_create(77, limit, kStart).slot;
  meters->give_back(slot, limit, {8 * kTokenScale, 0}, kStart);
  ASSERT_NE(meters->lease_packets(slot, limit.packets, 8 * kTokenScale, kStart).granted, 0U);
  EXPECT_EQ(meters->lease_packets(slot, limit.packets, kTokenScale, kStart).granted, 0U);
}

TEST(SharedMeters, IdleMeterIsHandedToAnotherSourceAsFresh) {
  for (const MeterMode mode : {MeterMode::leased, MeterMode::exact}) {
    MemoryArena arena;
    const auto meters = meters_of(arena, {8, 2, mode});
    const RatePair limit = packets_limit(1000, 10);
    const TokenPair cost{kTokenScale, 0};
    for (std::uint64_t source = 1; source <= 100; ++source) {
      const TimeNs now = kStart + source * 2 * kNsPerSecond;
      const auto found = meters->find_or_create(source, limit, now);
      EXPECT_FALSE(found.evicted);
      const bool takes =
          mode == MeterMode::exact
              ? meters->try_take(found.slot, limit, cost, now)
              : meters->lease_packets(found.slot, limit.packets, 10 * kTokenScale, now).granted ==
                    10 * kTokenScale;
      EXPECT_TRUE(takes) << source;
    }
  }
}

TEST(SharedMeters, FullTableEvictsTheOneLeasedLongestAgo) {
  MemoryArena arena;
  const auto meters = meters_of(arena, {8, 2, MeterMode::leased});
  const RatePair limit = packets_limit(1, 100);
  for (std::uint64_t source = 1; source <= 8; ++source) {
    const auto found = meters->find_or_create(source, limit, kStart + source);
    EXPECT_FALSE(found.evicted);
    ASSERT_NE(meters->lease_packets(found.slot, limit.packets, 50 * kTokenScale, kStart).granted,
              0U);
  }
  const auto found = meters->find_or_create(9, limit, kStart + 9);
  EXPECT_TRUE(found.evicted);
  EXPECT_TRUE(meters->holds(found.slot, 9));
  EXPECT_FALSE(meters->holds(found.slot, 1));
  EXPECT_EQ(meters->lease_packets(found.slot, limit.packets, 100 * kTokenScale, kStart + 9).granted,
            100 * kTokenScale);
}

TEST(SharedMeters, SameSourceIsFoundAgain) {
  MemoryArena arena;
  const auto meters = meters_of(arena, {1024, 2, MeterMode::leased});
  const RatePair limit = packets_limit(1, 100);
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t source = random() | 1;
    const std::uint32_t slot = meters->find_or_create(source, limit, kStart).slot;
    EXPECT_EQ(meters->find_or_create(source, limit, kStart).slot, slot);
    EXPECT_TRUE(meters->holds(slot, source));
  }
}

TEST(SharedMeters, ClockOfManyMonthsLaterFindsAFullBucket) {
  MemoryArena arena;
  const auto meters = meters_of(arena, {8, 2, MeterMode::leased});
  const RatePair limit = packets_limit(1000, 100);
  const std::uint32_t slot = meters->find_or_create(1, limit, kStart).slot;
  ASSERT_NE(meters->lease_packets(slot, limit.packets, 100 * kTokenScale, kStart).granted, 0U);
  const DurationNs day = 86'400 * kNsPerSecond;
  for (const DurationNs days : {1U, 60U, 100U}) {
    EXPECT_EQ(
        meters->lease_packets(slot, limit.packets, 100 * kTokenScale, kStart + days * day).granted,
        100 * kTokenScale)
        << days;
  }
}

// --- the whole limit over several workers
// ---------------------------------------------------------

struct Load {
  std::uint64_t rate;  ///< packets per second of the limit
  unsigned overload;   ///< offered = rate * overload
  unsigned workers;
  bool in_bits;
};

/// Workers of one process, driven in turns by one thread; packets of one source without flows.
class Workers {
 public:
  Workers(unsigned count, MeterMode mode) {
    if (count > 1) meters_ = meters_of(arena_, {1024, count, mode});
    for (unsigned i = 0; i < count; ++i) {
      auto made = RateLimiter::create({1024, kKey, meters_.get()}, arena_);
      SLUICE_CHECK(made, "the table is small");
      limiters_.push_back(std::move(*made));
    }
  }

  bool send(unsigned worker, TimeNs now, const CompiledLimits& limits, std::uint32_t wire_bytes) {
    Burst burst;
    Packet& packet = burst.packets[0];
    burst.count = 1;
    std::memset(static_cast<void*>(&packet), 0, sizeof packet);
    packet.bytes = bytes_.data();
    packet.l3_offset = 14;
    packet.ip_version = 4;
    packet.now = now;
    packet.wire_bytes = wire_bytes;
    packet.frames = 1;
    packet.verdict = {};
    limiters_[worker]->limit(burst, limits);
    return packet.is_undecided();
  }

  void keep_house(TimeNs now) {
    for (auto& limiter : limiters_) limiter->expire(now, 1024);
  }

 private:
  MemoryArena arena_;
  std::unique_ptr<SharedMeters> meters_;
  std::vector<std::unique_ptr<RateLimiter>> limiters_;
  std::array<std::uint8_t, 64> bytes_{};
};

class SharedLimit : public testing::TestWithParam<Load> {};

TEST_P(SharedLimit, HoldsToTwoPercentOverTenSeconds) {
  const Load& load = GetParam();
  constexpr std::uint32_t kBytes = 500;
  LimitsConfig config;
  (load.in_bits ? config.source.bits.rate : config.source.packets.rate) =
      load.in_bits ? load.rate * kBytes * 8 : load.rate;
  const CompiledLimits limits = *compile_limits(config, {});
  Workers workers(load.workers, MeterMode::leased);
  std::mt19937_64 random(17);
  const std::uint64_t offered = load.rate * load.overload * 10;
  std::uint64_t passed = 0;
  TimeNs housed = kStart;
  for (std::uint64_t i = 0; i < offered; ++i) {
    const TimeNs now = kStart + i * kNsPerSecond / (load.rate * load.overload);
    const unsigned worker = load.workers > 1 && random() % 11 == 0 ? 1 : 0;
    passed += workers.send(worker, now, limits, kBytes) ? 1 : 0;
    if (now - housed < kNsPerMs) continue;
    workers.keep_house(now);
    housed = now;
  }
  const double error = static_cast<double>(passed) / static_cast<double>(load.rate * 10) - 1;
  EXPECT_LT(error, 0.02);
  EXPECT_GT(error, -0.02);
}

INSTANTIATE_TEST_SUITE_P(
    Loads, SharedLimit,
    testing::Values(Load{1000, 1, 1, false}, Load{1000, 10, 1, false}, Load{1000, 100, 1, false},
                    Load{1000, 1, 2, false}, Load{1000, 10, 2, false}, Load{1000, 100, 2, false},
                    Load{20'000, 1, 2, false}, Load{20'000, 10, 2, false}, Load{1000, 1, 2, true},
                    Load{1000, 10, 2, true}, Load{1000, 100, 2, true}, Load{1000, 10, 1, true},
                    Load{1000, 100, 8, false}),
    [](const auto& load) {
      return std::to_string(load.param.rate) + "x" + std::to_string(load.param.overload) + "_" +
             std::to_string(load.param.workers) + (load.param.in_bits ? "_bits" : "_packets");
    });

TEST(SharedLimitBelowAThousand, LetsPassWhatOneBucketLetsPassToOnePacket) {
  for (const std::uint64_t rate : {1U, 7U, 50U, 300U, 900U}) {
    LimitsConfig config;
    config.source.packets = {rate, 1};
    const CompiledLimits limits = *compile_limits(config, {});
    Workers one(1, MeterMode::leased);
    Workers two(2, MeterMode::leased);
    std::mt19937_64 random(23);
    std::uint64_t passed_by_one = 0;
    std::uint64_t passed_by_two = 0;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
      const TimeNs now = kStart + i * kNsPerSecond / 10'000;
      passed_by_one += one.send(0, now, limits, 100) ? 1 : 0;
      passed_by_two += two.send(random() % 11 == 0 ? 1 : 0, now, limits, 100) ? 1 : 0;
    }
    EXPECT_LE(passed_by_two, passed_by_one + 1) << rate;
    EXPECT_GE(passed_by_two + 1, passed_by_one) << rate;
  }
}

TEST(SharedLimitBelowAThousand, IdleWorkerDoesNotKeepWhatItLeased) {
  LimitsConfig config;
  config.source.packets = {1000, 40};
  const CompiledLimits limits = *compile_limits(config, {});
  Workers workers(2, MeterMode::leased);
  ASSERT_TRUE(workers.send(1, kStart, limits, 100));  // leases five, uses one
  std::uint64_t passed = 1;
  while (workers.send(0, kStart, limits, 100)) ++passed;
  EXPECT_EQ(passed, 36U);
  const TimeNs later = kStart + 10 * kNsPerMs;
  workers.keep_house(later);
  passed = 0;
  while (workers.send(0, later, limits, 100)) ++passed;
  EXPECT_GE(passed, 13U);
  EXPECT_LE(passed, 14U);
}

}  // namespace
}  // namespace sluice
