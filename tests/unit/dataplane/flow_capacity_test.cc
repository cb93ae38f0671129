#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "dataplane/window.h"
#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {
namespace {

class FullFlowTable : public FlowTest {
 protected:
  static constexpr std::uint32_t kCapacity = 256;
  void SetUp() override { start({.flows = kCapacity, .half_open = 64, .started = kStart}); }

  Packet from(std::uint32_t client, bool from_client = true) {
    talk.client = 0x0a000000 + client;
    return send(udp(from_client, now + 1));
  }
};

TEST_F(FullFlowTable, OldestOneWayFlowMakesRoom) {
  for (std::uint32_t i = 0; i < kCapacity; ++i) ASSERT_NE(from(i).flow, nullptr);
  ASSERT_NE(from(1000).flow, nullptr);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end, FlowEnd::evicted);
  EXPECT_EQ(records[0].first_seen, kStart + 1);
  EXPECT_FALSE(from(1).has(kNewFlow));
  EXPECT_TRUE(from(0).has(kNewFlow));
  EXPECT_EQ(tracker->counters().active, kCapacity);
}

TEST_F(FullFlowTable, TwoWayFlowsAndTombstonesStay) {
  for (std::uint32_t i = 0; i < kCapacity; ++i) {
    Flow* flow = from(i).flow;
    if (i % 2 == 0) from(i, false);
    if (i % 2 == 1) tracker->refuse(*flow, DropReason::flow_rate_exceeded, 0);
  }
  const Packet late = from(1000);
  EXPECT_EQ(late.flow, nullptr);
  EXPECT_TRUE(late.is_undecided());
  settings.flows.table_full = ExceptionPolicy::drop_packet;
  EXPECT_EQ(from(1001).verdict.reason, DropReason::flow_table_full);
  WorkerCounters counters;
  tracker->add_to(counters);
  EXPECT_EQ(counters.capacity[static_cast<std::size_t>(CapacityEvent::flow_table_full)], 2U);
  for (std::uint32_t i = 0; i < kCapacity; ++i) EXPECT_FALSE(from(i).has(kNewFlow));
}

TEST_F(FullFlowTable, ClosedConnectionsMakeRoomFirst) {
  shake_hands();
  send_tcp(true, kRst, {.sequence = 1001});
  for (std::uint32_t i = 1; i < kCapacity; ++i) from(i + 1);
  from(1000);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end, FlowEnd::closed);
  EXPECT_EQ(tracker->counters().evicted_closed, 1U);
}

TEST_F(FullFlowTable, FlowsOfTheBurstAtHandAreNotEvictedUnderIt) {
  for (std::uint32_t i = 0; i < kCapacity; ++i) from(i);
  std::vector<Packet> packets;
  for (std::uint32_t i = 0; i < 4; ++i) {  // the four oldest, and four new ones
    talk.client = 0x0a000000 + i;
    packets.push_back(udp(true, now + 1));
  }
  for (std::uint32_t i = 0; i < 4; ++i) {
    talk.client = 0x0b000000 + i;
    packets.push_back(udp(true, now + 1));
  }
  std::set<const Flow*> flows;
  for (const Packet& packet : send_all(packets)) {
    ASSERT_NE(packet.flow, nullptr);
    EXPECT_EQ(packet.flow->id, packet.id);
    flows.insert(packet.flow);
  }
  EXPECT_EQ(flows.size(), 8U);
}

TEST_F(FullFlowTable, TenfoldSynFloodCostsNoEstablishedConnection) {
  const auto connection = [this](std::uint32_t i) {
    talk = {.client = 0x0a010000 + i};
    return i;
  };
  for (std::uint32_t i = 0; i < 200; ++i) {
    connection(i);
    shake_hands();
  }
  std::mt19937 random(5);
  for (std::uint32_t i = 0; i < 10 * kCapacity; ++i) {
    talk = {.client = static_cast<std::uint32_t>(random())};
    send_tcp(true, kSyn, {.sequence = static_cast<std::uint32_t>(random())});
  }
  EXPECT_EQ(tracker->counters().created, 200U);
  EXPECT_GT(tracker->half_open().evicted, 0U);
  for (std::uint32_t i = 0; i < 200; ++i) {
    connection(i);
    const Packet data = send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001});
    EXPECT_FALSE(data.has(kNewFlow));
  }
}

TEST_F(FullFlowTable, AnsweredSynFloodCostsNoEstablishedConnection) {
  for (std::uint32_t i = 0; i < 200; ++i) {
    talk = {.client = 0x0a010000 + i};
    shake_hands();
  }
  for (std::uint32_t i = 0; i < 10 * kCapacity; ++i) {
    talk = {.client = 0x0b000000 + i};
    send_tcp(true, kSyn, {.sequence = 1000});
    send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001});
  }
  for (std::uint32_t i = 0; i < 200; ++i) {
    talk = {.client = 0x0a010000 + i};
    EXPECT_EQ(state(), TcpState::established);
  }
  EXPECT_GT(tracker->counters().evicted_one_way, 0U);
}

TEST(FlowMemory, EverythingIsWithin272BytesPerFlow) {
  MemoryArena arena;
  constexpr std::uint32_t kFlows = 1U << 20;
  const auto tracker =
      sluice::FlowTracker::create({.flows = kFlows, .half_open = kFlows / 4}, kFlowKey, arena, {});
  ASSERT_TRUE(tracker.has_value());
  EXPECT_LE(arena.bytes_mapped(), std::size_t{kFlows} * 272 + 64 * 1024);
}

}  // namespace
}  // namespace sluice::test
