// Fragments that contradict each other, and datagrams that only look alike.
#include "dataplane/decode/defrag.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/dataplane/fragment_pieces.h"

namespace sluice::test {
namespace {

const FragmentSpec kEnd{.first = 32, .more = false, .data = counted(6)};

struct OverlapCase {
  const char* name;
  std::vector<FragmentSpec> before;
  FragmentSpec conflicting;
};

class DefragmenterOverlap : public testing::TestWithParam<OverlapCase> {};

TEST_P(DefragmenterOverlap, KillsTheDatagramAndRefusesItsIdForThirtySeconds) {
  for (const DatagramSpec& datagram : {kV4, kV6}) {
    DefragStation station;
    for (const FragmentSpec& piece : GetParam().before) {
      ASSERT_EQ(station.take(datagram, piece).verdict.action, Action::held);
    }
    EXPECT_EQ(station.take(datagram, GetParam().conflicting).verdict.reason,
              DropReason::fragment_overlap);
    const Packet& killed = station.expire().packets[0];
    ASSERT_EQ(station.out.count, 1U);
    EXPECT_EQ(killed.frames, GetParam().before.size());
    EXPECT_EQ(killed.verdict.action, Action::drop);
    EXPECT_EQ(killed.verdict.reason, DropReason::fragment_overlap);
    station.now += kRefusedIdTime - 1;
    EXPECT_EQ(station.take(datagram, kHead).verdict.reason, DropReason::fragment_overlap);
    station.now += 1;
    EXPECT_EQ(station.take(datagram, kHead).verdict.action, Action::held);
    station.finish();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Conflicts, DefragmenterOverlap,
    testing::Values(
        OverlapCase{"OtherBytes", {kMiddle}, {.first = 16, .more = true, .data = counted(16, 8)}},
        OverlapCase{"StartsInside", {kMiddle}, {.first = 24, .more = true, .data = counted(16)}},
        OverlapCase{"EndsInside", {kMiddle}, {.first = 8, .more = true, .data = counted(16)}},
        OverlapCase{"Covers", {kMiddle}, {.first = 8, .more = true, .data = counted(64)}},
        OverlapCase{"IsCovered", {kMiddle}, {.first = 16, .more = true, .data = counted(8, 7)}},
        OverlapCase{"OtherEnd", {kEnd}, {.first = 64, .more = false, .data = counted(6)}},
        OverlapCase{"BehindTheEnd", {kEnd}, {.first = 40, .more = true, .data = counted(8)}},
        OverlapCase{"EndsBeforeAPiece", {kMiddle}, {.first = 8, .more = false, .data = counted(8)}},
        OverlapCase{"SameButLast", {kMiddle}, {.first = 16, .more = false, .data = counted(16, 7)}},
        OverlapCase{"LongTrain",
                    {kMiddle, kMiddle, kEnd},
                    {.first = 8, .more = true, .data = counted(16)}}),
    [](const auto& row) { return row.param.name; });

TEST(Defragmenter, RefusesASecondFirstFragmentThatNamesAnotherProtocol) {
  DefragStation station;
  station.take(kV6, kHead);
  DatagramSpec other = kV6;
  other.protocol = 58;
  EXPECT_EQ(station.take(other, kHead).verdict.reason, DropReason::fragment_overlap);
  station.finish();
}

TEST(Defragmenter, KeepsDatagramsApart) {
  DefragStation station;
  station.take(kV4, kHead);
  DatagramSpec other_id = kV4;
  other_id.id = 8;
  DatagramSpec other_source = kV4;
  other_source.source = 2;
  DatagramSpec other_protocol = kV4;
  other_protocol.protocol = 1;
  for (const DatagramSpec& other : {other_id, other_source, other_protocol, kV6}) {
    EXPECT_EQ(station.take(other, kTail).verdict.action, Action::held);
  }
  station.start_burst();
  Packet& other_domain = station.add(kV4, kTail);
  other_domain.domain = 1;
  Packet& same_domain = station.add(kV4, kTail);
  station.collect();
  EXPECT_EQ(other_domain.verdict.action, Action::held);
  EXPECT_TRUE(same_domain.has(kIsDatagram));
  station.finish();
}

}  // namespace
}  // namespace sluice::test
