#include "dataplane/decode/defrag.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/fragment_pieces.h"

namespace sluice::test {
namespace {

TEST(DefragmenterMonitor, HoldsNothing) {
  DefragStation station({}, {}, Mode::monitor);
  for (const FragmentSpec& piece : {kHead, kHead, kTail}) {
    const Packet& packet = station.take(kV4, piece);
    EXPECT_TRUE(packet.is_undecided());
    EXPECT_TRUE(packet.has(kIsFragment));
  }
  EXPECT_EQ(station.station().held(), 0U);
  EXPECT_EQ(station.datagrams_decoded, 0U);
}

TEST(DefragmenterMonitor, FindsTheSameConflicts) {
  DefragStation station({}, {}, Mode::monitor);
  station.take(kV4, kMiddle);
  FragmentSpec other = kMiddle;
  other.data[3] ^= 1;
  EXPECT_EQ(station.take(kV4, other).verdict.reason, DropReason::fragment_overlap);
  EXPECT_EQ(station.take(kV4, kHead).verdict.reason, DropReason::fragment_overlap);
  WorkerCounters counters{};
  station.station().add_to(counters);
  EXPECT_EQ(counters.would_drop[static_cast<std::size_t>(DropReason::fragment_overlap)], 1U)
      << "the frame that had already passed";
}

TEST(DefragmenterMonitor, CountsWhatWouldHaveTimedOut) {
  DefragStation station({}, {}, Mode::monitor);
  station.take(kV4, kHead);
  station.now += station.config.timeout;
  EXPECT_EQ(station.expire().count, 0U);
  WorkerCounters counters{};
  station.station().add_to(counters);
  EXPECT_EQ(counters.would_drop[static_cast<std::size_t>(DropReason::fragment_timeout)], 1U);
}

TEST(DefragmenterMonitor, LetsHeldFragmentsGoWhenTheModeChanges) {
  DefragStation station;
  station.take(kV4, kHead);
  station.mode = Mode::monitor;
  EXPECT_TRUE(station.take(kV4, kTail).is_undecided());
  ASSERT_EQ(station.expire().count, 1U);
  EXPECT_EQ(station.out.packets[0].verdict.action, Action::pass);
}

}  // namespace
}  // namespace sluice::test
