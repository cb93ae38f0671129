#include "dataplane/bypass.h"

#include <cstring>

#include <gtest/gtest.h>

namespace sluice {
namespace {

class BypassTest : public testing::Test {
 protected:
  void pair_until(std::uint8_t pair, TimeNs until) {
    BypassEntry& entry = settings_.bypasses[settings_.bypass_count++];
    entry.id = settings_.bypass_count;
    entry.pair = pair;
    entry.until = until;
  }
  Packet& add(std::uint8_t in_port, TimeNs now) {
    Packet& packet = burst_.packets[burst_.count++];
    std::memset(static_cast<void*>(&packet), 0, sizeof packet);
    packet.in_port = in_port;
    packet.now = now;
    packet.frames = 1;
    packet.wire_bytes = 60;
    packet.verdict = {};
    return packet;
  }

  PolicySettings settings_;
  WorkerCounters counters_;
  Bypass bypass_{counters_};
  Burst burst_;
};

TEST_F(BypassTest, PassesBothPortsOfAPairAndNoOther) {
  pair_until(1, 100);
  const Packet& outside = add(2, 1);
  const Packet& inside = add(3, 1);
  const Packet& other = add(4, 1);
  EXPECT_EQ(bypass_.pass_pairs(burst_, settings_), 0U);
  EXPECT_EQ(outside.verdict.action, Action::pass);
  EXPECT_EQ(inside.verdict.action, Action::pass);
  EXPECT_TRUE(other.is_undecided());
}

TEST_F(BypassTest, EndsWithItsTime) {
  pair_until(0, 100);
  const Packet& before = add(0, 99);
  const Packet& after = add(0, 100);
  bypass_.pass_pairs(burst_, settings_);
  EXPECT_EQ(before.verdict.action, Action::pass);
  EXPECT_TRUE(after.is_undecided());
}

TEST_F(BypassTest, CountsWhatWasNotRefusedAfterAll) {
  pair_until(0, 100);
  add(0, 1);
  Packet& too_big = add(0, 1);
  bypass_.pass_pairs(burst_, settings_);
  too_big.drop(DropReason::frame_too_big);
  bypass_.count(burst_);
  EXPECT_EQ(counters_.bypassed, 1U);
  EXPECT_EQ(counters_.bypassed_bytes, 60U);
}

TEST_F(BypassTest, LeavesWhatIsDecidedAlone) {
  pair_until(0, 100);
  Packet& packet = add(0, 1);
  packet.drop(DropReason::handoff_full);
  bypass_.pass_pairs(burst_, settings_);
  EXPECT_EQ(packet.verdict.action, Action::drop);
  bypass_.count(burst_);
  EXPECT_EQ(counters_.bypassed, 0U);
}

}  // namespace
}  // namespace sluice
