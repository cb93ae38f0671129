#include "dataplane/flow/flow_record.h"

#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {
namespace {

class FlowRecords : public FlowTest {};

TEST_F(FlowRecords, EndRecordTellsTheWholeFlow) {
  Packet first = udp(true, kStart, 60);
  first.packet_number = 17;
  first.in_port = 3;
  first.vlan_count = 1;
  first.vlan[0] = 42;
  settings.generation = 5;
  send(first);
  send(udp(false, kStart + kNsPerSecond, 1000));
  tracker->flush(kStart + 2 * kNsPerSecond);
  ASSERT_EQ(records.size(), 1U);
  const FlowRecord& record = records[0];
  EXPECT_EQ(record.end, FlowEnd::shutdown);
  EXPECT_EQ(record.first_seen, kStart);
  EXPECT_EQ(record.last_seen, kStart + kNsPerSecond);
  EXPECT_EQ(record.emitted, kStart + kNsPerSecond);
  EXPECT_EQ(record.bytes, (std::array<std::uint64_t, 2>{60, 1000}));
  EXPECT_EQ(record.packet_number, 17U);
  EXPECT_EQ(record.in_port, 3);
  EXPECT_EQ(record.vlan[0], 42);
  EXPECT_EQ(record.generation, 5);
  EXPECT_EQ(record.is_interim, 0);
  const FiveTuple tuple = tuple_from(record.key, record.initiator_is_low != 0);
  EXPECT_EQ(tuple, tuple_of({.protocol = 17}, true));
  EXPECT_EQ(tracker->counters().active, 0U);
}

TEST_F(FlowRecords, IcmpFlowHasTypeAndCodeOfItsFirstPacket) {
  std::array<std::uint8_t, 128> frame{};
  talk.protocol = 1;
  Packet first = packet_of(talk, true, kStart);
  first.payload_offset = static_cast<std::uint16_t>(first.l4_offset + 8);
  first.bytes = frame.data();
  first.icmp_type = 8;
  frame[first.l4_offset + 1U] = 5;
  send(first);
  Packet answer = packet_of(talk, false, kStart + kNsPerSecond);
  answer.payload_offset = first.payload_offset;
  send(answer);
  talk.protocol = 17;
  send(packet_of(talk, true, kStart + kNsPerSecond));
  tracker->flush(kStart + 2 * kNsPerSecond);
  ASSERT_EQ(records.size(), 2U);
  const FlowRecord& icmp = records[records[0].key.protocol == 1 ? 0 : 1];
  EXPECT_EQ(icmp.has_icmp_type, 1);
  EXPECT_EQ(icmp.icmp_type, 8);
  EXPECT_EQ(icmp.icmp_code, 5);
  EXPECT_EQ(records[records[0].key.protocol == 1 ? 1 : 0].has_icmp_type, 0);
}

TEST_F(FlowRecords, FlowNumbersDifferAndFitInto53Bits) {
  std::set<std::uint64_t> numbers;
  for (std::uint16_t port = 1; port <= 2000; ++port) {
    talk.client_port = port;
    numbers.insert(flow_number_of(*send(udp(true, kStart)).flow));
  }
  EXPECT_EQ(numbers.size(), 2000U);
  EXPECT_GT(*numbers.begin(), 0U);
  EXPECT_LT(*numbers.rbegin(), std::uint64_t{1} << 53);
}

TEST_F(FlowRecords, LaterFlowOfTheSameTupleHasAnotherNumber) {
  const std::uint64_t first = flow_number_of(*send(udp(true, kStart)).flow);
  EXPECT_NE(flow_number_of(*send(udp(true, kStart + 400 * kNsPerSecond)).flow), first);
}

TEST_F(FlowRecords, NoRecordsWhereNoneAreWanted) {
  settings.flow_records = false;
  send(udp(true, kStart));
  tracker->flush(kStart);
  EXPECT_TRUE(records.empty());
  EXPECT_EQ(tracker->counters().ended, 1U);
}

TEST_F(FlowRecords, InterimRecordsCarryDeltasAndTheLastOneTheWhole) {
  settings.flows.udp_one_way = 1000 * kNsPerSecond;
  for (TimeNs t = 0; t < 250; t += 10) send(udp(true, kStart + t * kNsPerSecond));
  tracker->flush(kStart + 250 * kNsPerSecond);
  ASSERT_EQ(records.size(), 5U);
  const FlowRecord& whole = records.back();
  EXPECT_EQ(whole.is_interim, 0);
  EXPECT_EQ(whole.first_seen, kStart);
  EXPECT_EQ(whole.bytes[0], 2500U);
  EXPECT_EQ(whole.packets[0], 25U);
  records.pop_back();
  std::uint64_t bytes = 0;
  for (const FlowRecord& record : records) {
    EXPECT_EQ(record.is_interim, 1);
    EXPECT_EQ(record.packets[0], 6U);
    bytes += record.bytes[0];
  }
  EXPECT_EQ(bytes, 2400U) << "the packet behind the last interval is in the whole only";
}

TEST_F(FlowRecords, FlowThatEndsWithNothingNewStillTellsTheWhole) {
  send(udp(true, kStart));
  send(udp(false, kStart + kNsPerSecond));
  tracker->expire(kStart + 100 * kNsPerSecond, 1U << 20);
  tracker->flush(kStart + 1000 * kNsPerSecond);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].is_interim, 1);
  EXPECT_EQ(records[1].is_interim, 0);
  for (const FlowRecord& record : records) {
    EXPECT_EQ(record.packets, (std::array<std::uint64_t, 2>{1, 1}));
    EXPECT_EQ(record.is_two_way, 1);
  }
}

TEST_F(FlowRecords, FlowThatHadAnAnswerStaysTwoWayInAnIntervalWithoutOne) {
  send(udp(true, kStart));
  send(udp(false, kStart + kNsPerSecond));
  send(udp(true, kStart + 90 * kNsPerSecond));
  send(udp(true, kStart + 150 * kNsPerSecond));
  tracker->flush(kStart + 151 * kNsPerSecond);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[1].packets, (std::array<std::uint64_t, 2>{1, 0}));
  EXPECT_EQ(records[1].is_two_way, 1);
}

TEST(FlowRecord, CountsPacketsBeyond32BitsOverItsIntervals) {
  FlowPair pair{};
  FlowCold cold{};
  pair.warm.packets = {0xfffffff0, 5};
  pair.warm.dropped_packets = 0xffffffff;
  note_told(pair, cold);
  pair.warm.packets[0] += 0x20;
  pair.warm.dropped_packets += 2;
  EXPECT_EQ(interim_record(pair, cold).packets, (std::array<std::uint64_t, 2>{0x20, 0}));
  const FlowRecord whole = flow_record(pair, cold);
  EXPECT_EQ(whole.packets, (std::array<std::uint64_t, 2>{0x1'0000'0010, 5}));
  EXPECT_EQ(whole.dropped_packets, 0x1'0000'0001U);
}

// The same packets with sweeps at every tick, seldom, or never.
TEST_F(FlowRecords, RecordsDoNotDependOnWhenTheSweepComes) {
  settings.flows.record_interval = 5 * kNsPerSecond;
  std::vector<std::multiset<std::string>> runs;
  for (const unsigned sweep_every : {1U, 7U, 1000U, 0U}) {
    start({.flows = 4096, .half_open = 1024, .started = kStart});
    std::mt19937_64 random(3);
    TimeNs when = kStart;
    for (unsigned tick = 0; tick < 3000; ++tick, when += 100 * kNsPerMs) {
      talk.client_port = static_cast<std::uint16_t>(random() % 64);
      const bool from_client = random() % 2 != 0;
      if (random() % 4 == 0) send(udp(from_client, when + random() % (100 * kNsPerMs)));
      if (sweep_every != 0 && tick % sweep_every == 0) tracker->expire(when, 1U << 20);
    }
    tracker->flush(kStart + 10'000 * kNsPerSecond);
    std::multiset<std::string>& told = runs.emplace_back();
    for (const FlowRecord& record : records) {
      told.emplace(reinterpret_cast<const char*>(&record), sizeof record);
    }
  }
  EXPECT_GT(runs[0].size(), 300U);
  for (const auto& run : runs) EXPECT_TRUE(run == runs[0]);
}

}  // namespace
}  // namespace sluice::test
