#include "dataplane/limit/rate_limiter.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>
#include <random>
#include <string>

#include "base/check.h"
#include "dataplane/flow/flow.h"
#include "dataplane/shared_meters.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

constexpr SipKey kKey{11, 22};
constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;

CompiledLimits compiled(const LimitsConfig& config) {
  auto limits = compile_limits(config, {});
  SLUICE_CHECK(limits, "the configuration is valid");
  return *limits;
}

/// A source limit in packets per second.
CompiledLimits source_packets(std::uint64_t rate, std::uint64_t burst) {
  LimitsConfig config;
  config.source.packets = {rate, burst};
  return compiled(config);
}

CompiledLimits flow_packets(std::uint64_t rate, std::uint64_t burst) {
  LimitsConfig config;
  config.flow.packets = {rate, burst};
  return compiled(config);
}

Flow fresh_flow() {
  Flow flow{};
  flow.source_slot = kNoSlot;
  return flow;
}

struct PacketFields {
  std::string source = "192.0.2.1";
  TimeNs now = kStart;
  Flow* flow = nullptr;
  std::uint16_t flags = kInitiator;
  std::uint32_t wire_bytes = 100;
  std::uint16_t frames = 1;
  std::uint16_t domain = 0;
};

class Limiter : public testing::Test {
 protected:
  void SetUp() override { make(1024, nullptr); }

  void make(std::uint32_t sources, SharedMeters* meters) {
    auto made = RateLimiter::create({sources, kKey, meters}, arena_);
    ASSERT_TRUE(made);
    limiter_ = std::move(*made);
  }

  /// One packet through the station, with what the tracker says of its flow.
  Verdict send(const PacketFields& fields, const CompiledLimits& limits) {
    Burst burst;
    add(burst, fields);
    limiter_->limit(burst, limits);
    return burst.packets[0].verdict;
  }

  bool passes(const PacketFields& fields, const CompiledLimits& limits) {
    return send(fields, limits).action == Action::undecided;
  }

  Packet& add(Burst& burst, const PacketFields& fields) {
    Packet& packet = burst.packets.at(burst.count++);
    std::memset(static_cast<void*>(&packet), 0, sizeof packet);
    const auto source = parse_ip_address(fields.source);
    SLUICE_CHECK(source, "tests write addresses correctly");
    auto& bytes = bytes_.emplace_back();
    std::memcpy(&bytes[14 + (source->version == 4 ? 12 : 8)], source->bytes.data(),
                source->version == 4 ? 4 : 16);
    packet.bytes = bytes.data();
    packet.l3_offset = 14;
    packet.ip_version = source->version;
    packet.now = fields.now;
    packet.flow = fields.flow;
    packet.flags = fields.flags;
    packet.wire_bytes = fields.wire_bytes;
    packet.frames = fields.frames;
    packet.domain = fields.domain;
    packet.verdict = {};
    if (fields.flow != nullptr) {
      const TimeNs seen = fields.flow->last_seen;
      packet.since_previous = seen == 0 ? 0 : fields.now - seen;
      fields.flow->last_seen = fields.now;
    }
    return packet;
  }

  MemoryArena arena_;
  std::unique_ptr<RateLimiter> limiter_;
  std::deque<std::array<std::uint8_t, 64>> bytes_;
};

using RateLimiterTest = Limiter;

TEST_F(RateLimiterTest, FlowBeyondItsRateLosesOnlyTheExcess) {
  const auto limits = flow_packets(10, 2);
  Flow flow = fresh_flow();
  EXPECT_TRUE(passes({.flow = &flow}, limits));
  EXPECT_TRUE(passes({.flow = &flow}, limits));
  const Verdict refused = send({.flow = &flow}, limits);
  EXPECT_EQ(refused.action, Action::drop);
  EXPECT_EQ(refused.reason, DropReason::flow_rate_exceeded);
  EXPECT_FALSE(refused.refuses_flow);
  EXPECT_TRUE(passes({.now = kStart + 100 * kNsPerMs, .flow = &flow}, limits));
}

TEST_F(RateLimiterTest, BothDirectionsOfAFlowShareItsLimit) {
  const auto limits = flow_packets(10, 2);
  Flow flow = fresh_flow();
  EXPECT_TRUE(passes({.flow = &flow}, limits));
  EXPECT_TRUE(passes({.source = "192.0.2.2", .flow = &flow, .flags = 0}, limits));
  EXPECT_FALSE(passes({.flow = &flow}, limits));
}

TEST_F(RateLimiterTest, PacketsOfAFlowWithinOneBurstAreChargedInOrder) {
  const auto limits = flow_packets(10, 3);
  Flow flow = fresh_flow();
  Burst burst;
  for (int i = 0; i < 5; ++i) add(burst, {.flow = &flow});
  limiter_->limit(burst, limits);
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(burst.packets[i].is_undecided(), i < 3) << i;
}

TEST_F(RateLimiterTest, DecidedPacketsCreditTheirFlowButAreNotCharged) {
  const auto limits = flow_packets(10, 1);
  Flow flow = fresh_flow();
  ASSERT_TRUE(passes({.flow = &flow}, limits));
  Burst burst;
  add(burst, {.now = kStart + 100 * kNsPerMs, .flow = &flow}).drop(DropReason::flow_refused);
  limiter_->limit(burst, limits);
  EXPECT_EQ(burst.packets[0].verdict.reason, DropReason::flow_refused);
  EXPECT_TRUE(passes({.now = kStart + 100 * kNsPerMs, .flow = &flow}, limits));
}

TEST_F(RateLimiterTest, SourceIsLimitedOverAllItsFlows) {
  const auto limits = source_packets(10, 3);
  std::array<Flow, 4> flows{fresh_flow(), fresh_flow(), fresh_flow(), fresh_flow()};
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(passes({.flow = &flows[i]}, limits));
  EXPECT_EQ(send({.flow = &flows[3]}, limits).reason, DropReason::source_rate_exceeded);
  EXPECT_TRUE(passes({.source = "192.0.2.2"}, limits));
}

TEST_F(RateLimiterTest, PacketWithoutFlowIsChargedToItsSource) {
  const auto limits = source_packets(10, 1);
  EXPECT_TRUE(passes({.flags = 0}, limits));
  EXPECT_FALSE(passes({.flags = 0}, limits));
}

TEST_F(RateLimiterTest, AnswersAreNotChargedToTheServer) {
  const auto limits = source_packets(10, 1);
  Flow flow = fresh_flow();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(passes({.source = "198.51.100.1", .flow = &flow, .flags = 0}, limits));
  }
}

TEST_F(RateLimiterTest, ServerThatOnlyItsPortTellsIsChargedUntilItsClientSpeaks) {
  const auto limits = source_packets(10, 1);
  Flow flow = fresh_flow();
  flow.set(kMidstream);
  const PacketFields answer{.source = "198.51.100.1", .flow = &flow, .flags = 0};
  EXPECT_TRUE(passes(answer, limits));
  EXPECT_FALSE(passes(answer, limits));
  EXPECT_EQ(flow.source_slot, kNoSlot);
  flow.set(kTwoWay);
  EXPECT_TRUE(passes(answer, limits));
}

TEST_F(RateLimiterTest, Ipv6SourcesAreJoinedByTheirPrefix) {
  const auto limits = source_packets(10, 2);
  EXPECT_TRUE(passes({.source = "2001:db8::1"}, limits));
  EXPECT_TRUE(passes({.source = "2001:db8::2"}, limits));
  EXPECT_FALSE(passes({.source = "2001:db8::3"}, limits));
  EXPECT_TRUE(passes({.source = "2001:db8:0:1::1"}, limits));
}

TEST_F(RateLimiterTest, DomainsAreDifferentSources) {
  const auto limits = source_packets(10, 1);
  EXPECT_TRUE(passes({.domain = 1}, limits));
  EXPECT_TRUE(passes({.domain = 2}, limits));
  EXPECT_FALSE(passes({.domain = 1}, limits));
}

TEST_F(RateLimiterTest, RefusedByOneBucketChargesNone) {
  LimitsConfig config;
  config.flow.packets = {1, 10};
  config.source.bits = {8000, 2000};  // bytes: one frame and a little
  const auto limits = compiled(config);
  Flow flow = fresh_flow();
  ASSERT_TRUE(passes({.flow = &flow, .wire_bytes = 1500}, limits));
  const std::uint64_t level = flow.packet_tokens;
  EXPECT_EQ(send({.flow = &flow, .wire_bytes = 1500}, limits).reason,
            DropReason::source_rate_exceeded);
  EXPECT_EQ(flow.packet_tokens, level);
  EXPECT_TRUE(passes({.flow = &flow, .wire_bytes = 500}, limits));
}

TEST_F(RateLimiterTest, FlowIsReportedBeforeSource) {
  LimitsConfig config;
  config.flow.packets = {1, 1};
  config.source.packets = {1, 1};
  const auto limits = compiled(config);
  Flow flow = fresh_flow();
  ASSERT_TRUE(passes({.flow = &flow}, limits));
  EXPECT_EQ(send({.flow = &flow}, limits).reason, DropReason::flow_rate_exceeded);
}

TEST_F(RateLimiterTest, DatagramCountsAllItsFragments) {
  const auto limits = source_packets(10, 5);
  EXPECT_TRUE(passes({.frames = 4}, limits));
  EXPECT_FALSE(passes({.frames = 2}, limits));
  EXPECT_TRUE(passes({.frames = 1}, limits));
}

TEST_F(RateLimiterTest, MustPassAndControlProtocolsAreExempt) {
  LimitsConfig config;
  config.flow.packets = {1, 1};
  config.source.packets = {1, 1};
  const auto limits = compiled(config);
  Flow flow = fresh_flow();
  ASSERT_TRUE(passes({.flow = &flow}, limits));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(passes({.flow = &flow, .flags = kInitiator | kMustPass}, limits));
    EXPECT_TRUE(passes({.flow = &flow, .flags = kInitiator | kControlProtocol}, limits));
  }
}

TEST_F(RateLimiterTest, IcmpErrorIsChargedToItsOwnSource) {
  LimitsConfig config;
  config.flow.packets = {1, 1};
  config.source.packets = {1, 1};
  const auto limits = compiled(config);
  Flow quoted = fresh_flow();
  ASSERT_TRUE(passes({.flow = &quoted}, limits));
  const std::uint32_t slot = quoted.source_slot;
  EXPECT_TRUE(passes({.source = "203.0.113.1", .flow = &quoted, .flags = kIcmpError}, limits));
  EXPECT_EQ(send({.source = "203.0.113.1", .flow = &quoted, .flags = kIcmpError}, limits).reason,
            DropReason::source_rate_exceeded);
  EXPECT_EQ(quoted.source_slot, slot);
}

TEST_F(RateLimiterTest, AllowedPacketIsStillLimited) {
  const auto limits = source_packets(10, 1);
  EXPECT_TRUE(passes({.flags = kAllowed}, limits));
  EXPECT_FALSE(passes({.flags = kAllowed}, limits));
}

TEST_F(RateLimiterTest, StaleHandleDoesNotChargeAnotherSource) {
  const auto limits = source_packets(10, 1);
  Flow flow = fresh_flow();
  ASSERT_TRUE(passes({.flow = &flow}, limits));
  Flow other = fresh_flow();
  other.source_slot = flow.source_slot;
  EXPECT_TRUE(passes({.source = "192.0.2.77", .flow = &other}, limits));
  EXPECT_NE(other.source_slot, flow.source_slot);
  other.source_slot = 0x7ffffff0;
  EXPECT_FALSE(passes({.source = "192.0.2.77", .flow = &other}, limits));
}

TEST_F(RateLimiterTest, IdleSourcesAreForgottenAndKeepNoAdvantage) {
  const auto limits = source_packets(10, 2);
  ASSERT_TRUE(passes({}, limits));
  EXPECT_EQ(limiter_->sources().size(), 1U);
  limiter_->expire(kStart + kNsPerSecond, 1024);
  EXPECT_EQ(limiter_->sources().size(), 1U);
  limiter_->expire(kStart + 3600 * kNsPerSecond, 1024);
  EXPECT_EQ(limiter_->sources().size(), 0U);
  const TimeNs later = kStart + 3601 * kNsPerSecond;
  EXPECT_TRUE(passes({.now = later}, limits));
  EXPECT_TRUE(passes({.now = later}, limits));
  EXPECT_FALSE(passes({.now = later}, limits));
}

TEST_F(RateLimiterTest, FullTableForgetsTheLongestSilentAndSaysSo) {
  make(16, nullptr);
  const auto limits = source_packets(10, 1);
  for (unsigned i = 0; i < 40; ++i) {
    const std::string source = "192.0.2." + std::to_string(i);
    EXPECT_TRUE(passes({.source = source, .now = kStart + i}, limits));
  }
  EXPECT_EQ(limiter_->sources().size(), 16U);
  EXPECT_FALSE(passes({.source = "192.0.2.39", .now = kStart + 40}, limits));
  WorkerCounters counters;
  limiter_->add_to(counters);
  EXPECT_EQ(counters.capacity[static_cast<std::size_t>(CapacityEvent::source_table_full)], 24U);
}

TEST_F(RateLimiterTest, ChangedLimitHoldsFromTheNextPacket) {
  ASSERT_TRUE(passes({}, source_packets(10, 5)));
  const auto tight = source_packets(10, 1);
  EXPECT_FALSE(passes({}, tight));
  EXPECT_TRUE(passes({.now = kStart + 100 * kNsPerMs}, tight));
}

TEST_F(RateLimiterTest, TimeThatGoesBackIsHarmless) {
  const auto limits = source_packets(10, 1);
  ASSERT_TRUE(passes({}, limits));
  EXPECT_FALSE(passes({.now = kStart - kNsPerSecond}, limits));
  EXPECT_FALSE(passes({.now = kStart + 99 * kNsPerMs}, limits));
  EXPECT_TRUE(passes({.now = kStart + 100 * kNsPerMs}, limits));
}

TEST_F(RateLimiterTest, ExactMetersGiveTheVerdictsOfALocalBucket) {
  LimitsConfig config;
  config.source.packets = {997, 10};
  config.source.bits = {1'000'003, 3000};
  const auto limits = compiled(config);
  MemoryArena arena;
  auto meters = SharedMeters::create({1024, 2, MeterMode::exact}, arena);
  ASSERT_TRUE(meters);
  auto local = RateLimiter::create({1024, kKey, nullptr}, arena);
  auto one = RateLimiter::create({1024, kKey, meters->get()}, arena);
  auto two = RateLimiter::create({1024, kKey, meters->get()}, arena);
  ASSERT_TRUE(local && one && two);
  std::mt19937_64 random(5);
  TimeNs now = kStart;
  int refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    now += random() % (i % 1000 == 0 ? 20 * kNsPerSecond : 2 * kNsPerMs);
    const PacketFields fields{.source = "192.0.2." + std::to_string(random() % 8),
                              .now = now,
                              .wire_bytes = static_cast<std::uint32_t>(60 + random() % 3000)};
    Burst alone;
    add(alone, fields);
    (*local)->limit(alone, limits);
    Burst shared;
    add(shared, fields);
    (random() % 10 == 0 ? *two : *one)->limit(shared, limits);
    ASSERT_EQ(alone.packets[0].verdict.action, shared.packets[0].verdict.action) << i;
    refused += alone.packets[0].is_undecided() ? 0 : 1;
    bytes_.clear();
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace sluice
