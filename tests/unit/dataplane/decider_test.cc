#include "dataplane/decide/decider.h"

#include <gtest/gtest.h>

#include "dataplane/flow/flow_tracker.h"
#include "tests/support/mbuf_fixture.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

class DeciderTest : public testing::Test {
 protected:
  DeciderTest() {
    auto tracker = FlowTracker::create({.flows = 64, .half_open = 16}, {1, 2}, arena_, {});
    tracker_ = std::move(*tracker);
    packet_ = &heap_.receive(burst_, test::PacketBuilder().eth().arp().build());
    packet_->out_port = 1;
    packet_->flow = nullptr;
  }

  const Verdict& decide(Mode mode, std::uint32_t frame_bytes_max = 1514) {
    std::vector<PortIo> ports(2);
    ports[1].frame_bytes_max = frame_bytes_max;
    Decider(ports).decide(burst_.all(), mode, *tracker_);
    return packet_->verdict;
  }

  MemoryArena arena_;
  std::unique_ptr<FlowTracker> tracker_;
  test::MbufHeap heap_;
  Burst burst_;
  Packet* packet_ = nullptr;
};

TEST_F(DeciderTest, PassesWhatNobodyRefused) {
  EXPECT_EQ(decide(Mode::enforce).action, Action::pass);
}

TEST_F(DeciderTest, RefusesInEnforceMode) {
  packet_->drop(DropReason::denied_prefix);
  EXPECT_EQ(decide(Mode::enforce).action, Action::drop);
  EXPECT_EQ(packet_->verdict.reason, DropReason::denied_prefix);
}

TEST_F(DeciderTest, OnlyMarksInMonitorMode) {
  packet_->drop(DropReason::denied_prefix);
  EXPECT_EQ(decide(Mode::monitor).action, Action::pass);
  EXPECT_EQ(packet_->verdict.would_drop, DropReason::denied_prefix);
  EXPECT_EQ(packet_->verdict.reason, DropReason::none);
}

TEST_F(DeciderTest, RefusesAFrameThatThePeerCannotSendInBothModes) {
  EXPECT_EQ(decide(Mode::monitor, 40).action, Action::drop);
  EXPECT_EQ(packet_->verdict.reason, DropReason::frame_too_big);
}

TEST_F(DeciderTest, LeavesHeldPacketsAlone) {
  packet_->verdict.action = Action::held;
  packet_->mbuf = nullptr;
  EXPECT_EQ(decide(Mode::enforce).action, Action::held);
}

}  // namespace
}  // namespace sluice
