// What ends a set that never becomes a datagram: time, and every limit.
#include "dataplane/decode/defrag.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/dataplane/fragment_pieces.h"

namespace sluice::test {
namespace {

TEST(Defragmenter, DropsATimedOutSetAsOnePacket) {
  DefragStation station;
  station.take(kV4, kHead);
  station.take(kV4, kHead);
  station.now += station.config.timeout - 1;
  EXPECT_EQ(station.expire().count, 0U);
  station.now += 1;
  ASSERT_EQ(station.expire().count, 1U);
  const Packet& gone = station.out.packets[0];
  EXPECT_EQ(gone.verdict.reason, DropReason::fragment_timeout);
  EXPECT_EQ(gone.frames, 2);
  EXPECT_EQ(gone.in_port, 3);
  EXPECT_EQ(gone.packet_number, 1U);
  EXPECT_EQ(station.expire().count, 0U);
}

TEST(Defragmenter, TreatsATimedOutSetAsAbsentBeforeExpireComes) {
  DefragStation station;
  station.take(kV4, kHead);
  station.now += station.config.timeout;
  EXPECT_EQ(station.take(kV4, kTail).verdict.action, Action::held);
  EXPECT_EQ(station.station().held(), 2U);
  EXPECT_EQ(station.expire().count, 1U);
  station.finish();
}

TEST(Defragmenter, PassesATimedOutSetWhereTheExceptionPolicySaysSo) {
  FragmentConfig config;
  config.exception_policy = ExceptionPolicy::pass;
  DefragStation station({}, config);
  station.take(kV4, kHead);
  station.now += config.timeout;
  ASSERT_EQ(station.expire().count, 1U);
  EXPECT_EQ(station.out.packets[0].verdict.action, Action::pass);
}

TEST(Defragmenter, GivesHeadersOfALeavingSetInOnePiece) {
  DefragStation station;
  station.start_burst();
  station.add(kV6, kHead, {5, 9});
  station.collect();
  station.now += station.config.timeout;
  const Packet& gone = station.expire().packets[0];
  const Data frame = fragment_frame(kV6, kHead);
  ASSERT_EQ(gone.bytes_at_hand, frame.size());
  EXPECT_EQ(bytes_of(gone), frame);
}

std::uint64_t limits_hit(DefragStation& station) {
  WorkerCounters counters{};
  station.station().add_to(counters);
  return counters.capacity[static_cast<std::size_t>(CapacityEvent::fragment_limit)];
}

TEST(Defragmenter, RefusesADatagramInTooManyFragments) {
  FragmentConfig config;
  config.fragments_per_datagram = 4;
  DefragStation station({}, config);
  const auto pieces = pieces_of(counted(48), 8);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(station.take(kV4, pieces[i]).verdict.action, Action::held);
  }
  EXPECT_EQ(station.take(kV4, pieces[4]).verdict.reason, DropReason::fragment_limit);
  EXPECT_EQ(station.take(kV4, pieces[5]).verdict.reason, DropReason::fragment_limit);
  EXPECT_EQ(station.expire().packets[0].verdict.reason, DropReason::fragment_limit);
  EXPECT_EQ(limits_hit(station), 1U);
  station.now += config.timeout;
  EXPECT_EQ(station.take(kV4, pieces[0]).verdict.action, Action::held);
  station.finish();
}

TEST(Defragmenter, RefusesTheIdLongerWhereThePolicyDropsFlows) {
  FragmentConfig config;
  config.fragments_per_datagram = 1;
  config.exception_policy = ExceptionPolicy::drop_flow;
  DefragStation station({}, config);
  station.take(kV4, kHead);
  EXPECT_EQ(station.take(kV4, kTail).verdict.reason, DropReason::fragment_limit);
  station.now += kRefusedIdTime - 1;
  EXPECT_EQ(station.take(kV4, kTail).verdict.reason, DropReason::fragment_limit);
  station.finish();
}

TEST(Defragmenter, PassesWhatIsOverTheLimitWhereThePolicySaysSo) {
  FragmentConfig config;
  config.fragments_per_datagram = 1;
  config.exception_policy = ExceptionPolicy::pass;
  DefragStation station({}, config);
  station.take(kV4, kHead);
  const Packet& over = station.take(kV4, kTail);
  EXPECT_TRUE(over.is_undecided());
  EXPECT_TRUE(over.has(kIsFragment));
  EXPECT_TRUE(station.take(kV4, kHead).is_undecided()) << "the rest follows";
  ASSERT_EQ(station.expire().count, 1U);
  EXPECT_EQ(station.out.packets[0].verdict.action, Action::pass);
}

TEST(Defragmenter, DisplacesTheOldestSetWhenTheTableIsFull) {
  DefragStation station({.datagrams = 4});
  for (std::uint32_t id = 0; id < 5; ++id) station.take({.id = id}, kHead);
  ASSERT_EQ(station.expire().count, 1U);
  EXPECT_EQ(station.out.packets[0].packet_number, 1U);
  EXPECT_EQ(station.out.packets[0].verdict.reason, DropReason::fragment_limit);
  EXPECT_EQ(limits_hit(station), 1U);
  for (std::uint32_t id = 1; id < 5; ++id) {
    EXPECT_TRUE(station.take({.id = id}, kTail).has(kIsDatagram));
  }
}

TEST(Defragmenter, UsesFewerSetsWhereThePolicyAllowsFewer) {
  FragmentConfig config;
  config.datagrams = 2;
  DefragStation station({.datagrams = 100}, config);
  for (std::uint32_t id = 0; id < 5; ++id) station.take({.id = id}, kHead);
  EXPECT_EQ(station.expire().count, 3U);
  station.finish();
}

TEST(Defragmenter, HoldsNoMoreFramesThanItsCap) {
  DefragStation station({.datagrams = 100, .frames_held_max = 10});
  for (std::uint32_t id = 0; id < 50; ++id) {
    station.take({.id = id}, kHead);
    station.take({.id = id}, kHead);
    while (station.expire().count > 0) {
    }
    EXPECT_LE(station.station().held(), 10U);
  }
  EXPECT_GT(limits_hit(station), 0U);
  station.finish();
}

TEST(Defragmenter, LimitsOneDatagramThatFillsTheCapAlone) {
  FragmentConfig config;
  config.fragments_per_datagram = 1000;
  DefragStation station({.datagrams = 100, .frames_held_max = 10}, config);
  for (int i = 0; i < 10; ++i) station.take(kV4, kHead);
  EXPECT_EQ(station.take(kV4, kHead).verdict.reason, DropReason::fragment_limit);
  EXPECT_EQ(station.expire().packets[0].frames, 10);
}

TEST(Defragmenter, StaysBoundedWhenNobodyDrainsIt) {
  DefragStation station({.datagrams = 8, .frames_held_max = 16});
  for (std::uint32_t id = 0; id < 5000; ++id) station.take({.id = id}, kHead);
  EXPECT_LE(station.station().held(), 8U + kDeadSetsMax);
  EXPECT_TRUE(station.station().has_leaving());
  station.finish();
  EXPECT_FALSE(station.station().has_leaving());
}

TEST(Defragmenter, HitsALimitWhenTheAssemblyAreaIsFull) {
  DefragStation station({.assembly_bytes = 256});
  const auto pieces = pieces_of(counted(160), 80);
  station.start_burst();
  std::vector<const Packet*> last;
  for (std::uint32_t id = 0; id < 2; ++id) {
    station.add({.id = id}, pieces[0]);
    last.push_back(&station.add({.id = id}, pieces[1]));
  }
  station.collect();
  EXPECT_TRUE(last[0]->is_undecided());
  EXPECT_EQ(last[1]->verdict.reason, DropReason::fragment_limit);
  EXPECT_EQ(last[1]->frames, 2);
  EXPECT_EQ(limits_hit(station), 1U);
  station.take({.id = 3}, pieces[0]);
  EXPECT_TRUE(station.take({.id = 3}, pieces[1]).is_undecided()) << "released with the burst";
}

TEST(Defragmenter, LeavesAFragmentInsideOfADatagramToTheExceptionPolicy) {
  DefragStation station;
  station.decoded_flags = kIsIp | kIsDatagram | kIsFragment;
  station.take(kV4, kHead);
  EXPECT_EQ(station.take(kV4, kTail).verdict.reason, DropReason::fragment_limit);
  EXPECT_EQ(limits_hit(station), 1U);
}

}  // namespace
}  // namespace sluice::test
