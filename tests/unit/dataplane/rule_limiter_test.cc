#include "dataplane/limit/rule_limiter.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "dataplane/shared_meters.h"
#include "tests/support/decode_fixture.h"

namespace sluice {
namespace {

using test::DecodeBench;
using test::PacketBuilder;

constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;

std::unique_ptr<RuleLimiter> limiter_in(MemoryArena& arena, SharedMeters* meters = nullptr,
                                        std::uint32_t entries = 64) {
  auto limiter = RuleLimiter::create({.entries = entries, .key = {3, 4}, .meters = meters}, arena);
  SLUICE_CHECK(limiter, "the table is small");
  return std::move(*limiter);
}

RuleLimit limit_of(LimitedEnd per, std::uint64_t rate, std::uint64_t burst) {
  return {{'x'}, per, {token_rate(rate, burst, kPacketCostMax), {}}};
}

/// Packets of a source, a flow each.
struct Sender {
  DecodeBench bench;
  Packet& at(TimeNs now, const char* source = "10.0.0.1", std::uint16_t port = 4000) {
    PacketBuilder packet;
    packet.eth().ipv4(source, "10.0.0.2").udp(port, 53).payload("?");
    return bench.decode(packet.build(), {.now = now});
  }
};

unsigned taken(RuleLimiter& limiter, const RuleLimit& limit, Sender& sender, unsigned tries,
               TimeNs now) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; ++i) {
    const auto port = static_cast<std::uint16_t>(4000 + i);
    count += limiter.try_take(limit, {}, sender.at(now, "10.0.0.1", port)) ? 1 : 0;
  }
  return count;
}

TEST(RuleLimiter, LetsABurstPassAndThenItsRate) {
  MemoryArena arena;
  const auto limiter = limiter_in(arena);
  Sender sender;
  const RuleLimit limit = limit_of(LimitedEnd::source, 10, 3);
  EXPECT_EQ(taken(*limiter, limit, sender, 5, kStart), 3U);
  EXPECT_EQ(taken(*limiter, limit, sender, 5, kStart + 200 * kNsPerMs), 2U);
}

TEST(RuleLimiter, AnotherSourceHasItsOwn) {
  MemoryArena arena;
  const auto limiter = limiter_in(arena);
  Sender sender;
  const RuleLimit limit = limit_of(LimitedEnd::source, 10, 3);
  EXPECT_EQ(taken(*limiter, limit, sender, 5, kStart), 3U);
  EXPECT_TRUE(limiter->try_take(limit, {}, sender.at(kStart, "10.0.0.9")));
}

TEST(RuleLimiter, ASourceIsAsLongAsTheLimitsSay) {
  MemoryArena arena;
  const auto limiter = limiter_in(arena);
  Sender sender;
  CompiledLimits limits;
  limits.source_mask_v4 = 0xffffff00;
  const RuleLimit limit = limit_of(LimitedEnd::source, 10, 1);
  EXPECT_TRUE(limiter->try_take(limit, limits, sender.at(kStart, "10.0.0.1")));
  EXPECT_FALSE(limiter->try_take(limit, limits, sender.at(kStart, "10.0.0.200")));
  EXPECT_TRUE(limiter->try_take(limit, limits, sender.at(kStart, "10.0.1.1")));
}

TEST(RuleLimiter, AFlowHasItsOwn) {
  MemoryArena arena;
  const auto limiter = limiter_in(arena);
  Sender sender;
  const RuleLimit limit = limit_of(LimitedEnd::flow, 10, 1);
  EXPECT_EQ(taken(*limiter, limit, sender, 5, kStart), 5U);
  EXPECT_EQ(taken(*limiter, limit, sender, 5, kStart), 0U);
}

TEST(RuleLimiter, LimitsOfOtherNamesAreOtherLimits) {
  MemoryArena arena;
  const auto limiter = limiter_in(arena);
  Sender sender;
  const RuleLimit one = limit_of(LimitedEnd::source, 10, 1);
  RuleLimit other = one;
  other.name = {'y'};
  EXPECT_TRUE(limiter->try_take(one, {}, sender.at(kStart)));
  EXPECT_FALSE(limiter->try_take(one, {}, sender.at(kStart)));
  EXPECT_TRUE(limiter->try_take(other, {}, sender.at(kStart)));
}

TEST(RuleLimiter, BucketsThatFindNoRoomAreCountedUnlessTheyWereFull) {
  MemoryArena arena;
  const auto limiter = limiter_in(arena, nullptr, 4);
  Sender sender;
  const RuleLimit limit = limit_of(LimitedEnd::flow, 10, 1);
  EXPECT_EQ(taken(*limiter, limit, sender, 5, kStart), 5U);
  EXPECT_EQ(limiter->evictions(), 1U);
  EXPECT_EQ(taken(*limiter, limit, sender, 4, kStart + 3'600 * kNsPerSecond), 4U);
  EXPECT_EQ(limiter->evictions(), 1U);
}

TEST(RuleLimiter, WorkersOfAReplayShareOneLimitExactly) {
  MemoryArena arena;
  const auto meters =
      SharedMeters::create({.meters = 64, .workers = 2, .mode = MeterMode::exact}, arena);
  ASSERT_TRUE(meters);
  const auto one = limiter_in(arena, meters->get());
  const auto other = limiter_in(arena, meters->get());
  Sender sender;
  const RuleLimit limit = limit_of(LimitedEnd::source, 10, 3);
  EXPECT_EQ(taken(*one, limit, sender, 2, kStart), 2U);
  EXPECT_EQ(taken(*other, limit, sender, 2, kStart), 1U);
}

TEST(RuleLimiter, WorkersOfTheWireTogetherLetNoMoreThanTheBurstPass) {
  MemoryArena arena;
  const auto meters =
      SharedMeters::create({.meters = 64, .workers = 2, .mode = MeterMode::leased}, arena);
  ASSERT_TRUE(meters);
  const auto one = limiter_in(arena, meters->get());
  const auto other = limiter_in(arena, meters->get());
  Sender sender;
  const RuleLimit limit = limit_of(LimitedEnd::source, 1000, 100);
  unsigned count = 0;
  for (int i = 0; i < 100; ++i) {
    count += taken(*one, limit, sender, 1, kStart) + taken(*other, limit, sender, 1, kStart);
  }
  EXPECT_EQ(count, 100U);
}

TEST(RuleLimiter, LimitsAreFoundByTheNamesOfTheRuleset) {
  PolicySettings settings;
  const std::string name = "logins";
  name.copy(settings.rule_limits[0].name.data(), kRuleLimitNameMax);
  settings.rule_limits[0].limit.packets.rate = 50;
  settings.rule_limits[0].per = LimitedEnd::flow;
  settings.rule_limit_count = 1;
  const std::vector<std::string> names{"other", "logins"};
  const auto limits = compile_rule_limits(settings, names);
  ASSERT_TRUE(limits && limits->size() == 2);
  EXPECT_FALSE((*limits)[0].rate.is_set());
  EXPECT_EQ((*limits)[1].rate.packets.rate, 50U);
  EXPECT_EQ((*limits)[1].per, LimitedEnd::flow);
}

}  // namespace
}  // namespace sluice
