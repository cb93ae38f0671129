#include "dataplane/inspect/rule_memory.h"

#include <gtest/gtest.h>

#include "tests/support/decode_fixture.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;

constexpr SipKey kKey{1, 2};
constexpr std::uint32_t kRule = 77;

class RuleMemories : public testing::Test {
 protected:
  RuleMemory& memory(std::uint32_t entries = 1024) {
    if (!memory_) memory_ = std::move(RuleMemory::create(entries, kKey, arena_).value());
    return *memory_;
  }
  Packet& packet(const std::string& source, const std::string& destination, TimeNs now = 0) {
    Packet& decoded =
        bench_.decode(test::PacketBuilder().eth().ipv4(source, destination).udp(1, 2).build());
    decoded.now = now;
    return decoded;
  }

  MemoryArena arena_;
  DecodeBench bench_;
  std::unique_ptr<RuleMemory> memory_;
};

Threshold threshold(ThresholdKind kind, std::uint32_t count,
                    ThresholdTrack track = ThresholdTrack::source) {
  return {kind, track, count, 10 * kNsPerSecond};
}

TEST_F(RuleMemories, LimitReportsTheFirstMatchesOfEveryWindow) {
  const Threshold limit = threshold(ThresholdKind::limit, 2);
  using enum ThresholdAnswer;
  EXPECT_EQ(memory().count_match(limit, kRule, packet("10.0.0.1", "10.0.0.2")), report);
  EXPECT_EQ(memory().count_match(limit, kRule, packet("10.0.0.1", "10.0.0.2")), report);
  EXPECT_EQ(memory().count_match(limit, kRule, packet("10.0.0.1", "10.0.0.2")), silent);
  EXPECT_EQ(memory().count_match(limit, kRule, packet("10.0.0.1", "10.0.0.2", 10 * kNsPerSecond)),
            report);
}

TEST_F(RuleMemories, ThresholdReportsEveryNthMatch) {
  const Threshold every_third = threshold(ThresholdKind::threshold, 3);
  using enum ThresholdAnswer;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(memory().count_match(every_third, kRule, packet("10.0.0.1", "10.0.0.2")), silent);
    EXPECT_EQ(memory().count_match(every_third, kRule, packet("10.0.0.1", "10.0.0.2")), silent);
    EXPECT_EQ(memory().count_match(every_third, kRule, packet("10.0.0.1", "10.0.0.2")), report);
  }
}

TEST_F(RuleMemories, BothReportsOnceAWindowWhenTheCountIsReached) {
  const Threshold both = threshold(ThresholdKind::both, 2);
  using enum ThresholdAnswer;
  EXPECT_EQ(memory().count_match(both, kRule, packet("10.0.0.1", "10.0.0.2")), silent);
  EXPECT_EQ(memory().count_match(both, kRule, packet("10.0.0.1", "10.0.0.2")), report);
  EXPECT_EQ(memory().count_match(both, kRule, packet("10.0.0.1", "10.0.0.2")), silent);
}

TEST_F(RuleMemories, RateMatchesOnlyAboveItsCount) {
  const Threshold rate = threshold(ThresholdKind::rate, 1);
  using enum ThresholdAnswer;
  EXPECT_EQ(memory().count_match(rate, kRule, packet("10.0.0.1", "10.0.0.2")), none);
  EXPECT_EQ(memory().count_match(rate, kRule, packet("10.0.0.1", "10.0.0.2")), report);
}

TEST_F(RuleMemories, CountsApartWhatIsTrackedApart) {
  const Threshold by_source = threshold(ThresholdKind::limit, 1);
  const Threshold by_destination = threshold(ThresholdKind::limit, 1, ThresholdTrack::destination);
  using enum ThresholdAnswer;
  EXPECT_EQ(memory().count_match(by_source, kRule, packet("10.0.0.1", "10.0.0.2")), report);
  EXPECT_EQ(memory().count_match(by_source, kRule, packet("10.0.0.3", "10.0.0.2")), report);
  EXPECT_EQ(memory().count_match(by_source, kRule + 1, packet("10.0.0.1", "10.0.0.2")), report);
  EXPECT_EQ(memory().count_match(by_destination, kRule, packet("10.0.0.1", "10.0.0.2")), report);
  EXPECT_EQ(memory().count_match(by_destination, kRule, packet("10.0.0.4", "10.0.0.2")), silent);
}

TEST_F(RuleMemories, FlagsOfAnAddressHoldForTheirTime) {
  memory().set(FlagScope::source, 5, packet("10.0.0.1", "10.0.0.2"), 3 * kNsPerSecond);
  EXPECT_TRUE(memory().is_set(FlagScope::source, 5, packet("10.0.0.1", "10.0.0.9", kNsPerSecond)));
  EXPECT_FALSE(memory().is_set(FlagScope::source, 6, packet("10.0.0.1", "10.0.0.9")));
  EXPECT_FALSE(memory().is_set(FlagScope::source, 5, packet("10.0.0.2", "10.0.0.1")));
  EXPECT_FALSE(
      memory().is_set(FlagScope::source, 5, packet("10.0.0.1", "10.0.0.9", 3 * kNsPerSecond)));
}

TEST_F(RuleMemories, FlagsOfAPairHoldInBothDirections) {
  memory().set(FlagScope::pair, 5, packet("10.0.0.1", "10.0.0.2"), kNsPerSecond);
  EXPECT_TRUE(memory().is_set(FlagScope::pair, 5, packet("10.0.0.2", "10.0.0.1")));
  memory().unset(FlagScope::pair, 5, packet("10.0.0.2", "10.0.0.1"));
  EXPECT_FALSE(memory().is_set(FlagScope::pair, 5, packet("10.0.0.1", "10.0.0.2")));
}

TEST_F(RuleMemories, AFullTableForgetsWhatEndsSoonestAndSaysSo) {
  for (std::uint32_t flag = 0; flag < 64; ++flag) {
    memory(16).set(FlagScope::source, flag, packet("10.0.0.1", "10.0.0.2"),
                   (flag + 1) * kNsPerSecond);
  }
  EXPECT_EQ(memory().evictions(), 48U);
  EXPECT_TRUE(memory().is_set(FlagScope::source, 63, packet("10.0.0.1", "10.0.0.2")));
}

}  // namespace
}  // namespace sluice
