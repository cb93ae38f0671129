#include "dataplane/unready.h"

#include <cstring>

#include <gtest/gtest.h>

#include "dataplane/policy.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

class UnreadyTest : public testing::Test {
 protected:
  UnreadyTest() {
    policy_.settings.has_rules = true;
    policy_.settings.until_ready = ReadyPolicy::drop;
  }
  Packet& add(std::uint16_t flags) {
    Packet& packet = burst_.packets[burst_.count++];
    std::memset(static_cast<void*>(&packet), 0, sizeof packet);
    packet.flags = flags;
    packet.frames = 1;
    packet.verdict = {};
    return packet;
  }
  void judge() { judge_unready(burst_, policy_, counters_); }

  Policy policy_;
  WorkerCounters counters_;
  Burst burst_;
};

TEST_F(UnreadyTest, RefusesWhatARuleShouldJudge) {
  const Packet& packet = add(kIsIp);
  judge();
  EXPECT_EQ(packet.verdict.reason, DropReason::not_ready);
  EXPECT_EQ(counters_.uninspected, 0U);
}

TEST_F(UnreadyTest, CountsWhatPassesInstead) {
  policy_.settings.until_ready = ReadyPolicy::pass;
  const Packet& packet = add(kIsIp);
  judge();
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(counters_.uninspected, 1U);
}

TEST_F(UnreadyTest, LeavesControlProtocolsAndOtherFramesAlone) {
  const Packet& control = add(kIsIp | kControlProtocol);
  const Packet& frame = add(0);
  judge();
  EXPECT_TRUE(control.is_undecided());
  EXPECT_TRUE(frame.is_undecided());
}

TEST_F(UnreadyTest, RefusesNothingWithoutRulesOrWithARuleset) {
  const Packet& packet = add(kIsIp);
  policy_.settings.has_rules = false;
  judge();
  EXPECT_TRUE(packet.is_undecided());
  policy_.settings.has_rules = true;
  policy_.ruleset = std::make_shared<const LiveRuleset>();
  judge();
  EXPECT_TRUE(packet.is_undecided());
}

}  // namespace
}  // namespace sluice
