#include "dataplane/decode/defrag.h"

#include <algorithm>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/fragment_model.h"

namespace sluice {
namespace {

using test::DatagramSpec;
using test::DefragStation;
using test::Expected;
using test::FragmentOracle;
using test::FragmentSpec;
using Data = std::vector<std::uint8_t>;

Data counted(std::size_t bytes, std::uint8_t start = 0) {
  Data data(bytes);
  std::iota(data.begin(), data.end(), start);
  return data;
}

/// `data` in pieces of `piece_bytes`, in order.
std::vector<FragmentSpec> pieces_of(const Data& data, std::size_t piece_bytes) {
  std::vector<FragmentSpec> pieces;
  for (std::size_t at = 0; at < data.size(); at += piece_bytes) {
    const std::size_t end = std::min(at + piece_bytes, data.size());
    pieces.push_back({.first = static_cast<std::uint32_t>(at),
                      .more = end < data.size(),
                      .data = Data(data.begin() + static_cast<std::ptrdiff_t>(at),
                                   data.begin() + static_cast<std::ptrdiff_t>(end))});
  }
  return pieces;
}

/// The order of a shuffled deck.
std::vector<FragmentSpec> shuffled(std::vector<FragmentSpec> pieces, std::mt19937_64& random) {
  std::shuffle(pieces.begin(), pieces.end(), random);
  return pieces;
}

Data bytes_of(const Packet& packet) {
  return Data(packet.bytes, packet.bytes + packet.bytes_at_hand);
}

constexpr DatagramSpec kV4{};
constexpr DatagramSpec kV6{.version = 6};
const FragmentSpec kHead{.first = 0, .more = true, .data = counted(16)};
const FragmentSpec kTail{.first = 16, .more = false, .data = counted(5)};

TEST(Defragmenter, HoldsFragmentsUntilTheDatagramIsComplete) {
  DefragStation station;
  const Packet& head = station.take(kV4, kHead);
  EXPECT_EQ(head.verdict.action, Action::held);
  EXPECT_EQ(head.mbuf, nullptr);
  EXPECT_EQ(station.station().held(), 1U);
  const Packet& datagram = station.take(kV4, kTail);
  EXPECT_TRUE(datagram.is_undecided());
  EXPECT_EQ(datagram.frames, 2);
  EXPECT_EQ(station.datagrams_decoded, 1U);
  EXPECT_EQ(station.station().held(), 0U);
}

TEST(Defragmenter, CompletesWithinOneBurst) {
  DefragStation station;
  Packet& tail = station.add(kV4, kTail);
  Packet& head = station.add(kV4, kHead);
  station.collect();
  EXPECT_EQ(tail.verdict.action, Action::held);
  EXPECT_EQ(head.frames, 2);
}

struct HeaderCase {
  const char* name;
  DatagramSpec datagram;
};

class DefragmenterHeaders : public testing::TestWithParam<HeaderCase> {};

TEST_P(DefragmenterHeaders, AssemblesWhatWouldHaveComeWithoutFragmentation) {
  const DatagramSpec& datagram = GetParam().datagram;
  const Data data = counted(3001);
  const Data whole = test::whole_frame(datagram, data);
  std::mt19937_64 random(5);
  for (int round = 0; round < 8; ++round) {
    DefragStation station;
    const Packet* last = nullptr;
    for (const FragmentSpec& piece : shuffled(pieces_of(data, 504), random)) {
      last = &station.take(datagram, piece);
    }
    ASSERT_TRUE(last->has(kIsDatagram));
    EXPECT_EQ(bytes_of(*last), whole);
    EXPECT_EQ(last->l3_offset, test::l3_offset_of(datagram));
    EXPECT_EQ(last->l3_bytes, whole.size() - last->l3_offset);
    EXPECT_EQ(last->frames, 6);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Headers, DefragmenterHeaders,
    testing::Values(HeaderCase{"V4", {}}, HeaderCase{"V4Vlan", {.vlan_tags = 1}},
                    HeaderCase{"V4QinQOptions", {.vlan_tags = 2, .ipv4_option_words = 3}},
                    HeaderCase{"V6", {.version = 6, .id = 0x12345678}},
                    HeaderCase{"V6VlanHopByHop",
                               {.version = 6, .vlan_tags = 1, .with_hop_by_hop = true}}),
    [](const auto& row) { return row.param.name; });

TEST(Defragmenter, ReadsFragmentsAcrossSegments) {
  const Data data = counted(2000);
  for (const DatagramSpec& datagram : {kV4, kV6}) {
    for (std::uint32_t cut = 1; cut < 90; ++cut) {
      DefragStation station;
      Packet* last = nullptr;
      for (const FragmentSpec& piece : pieces_of(data, 800)) {
        last = &station.add(datagram, piece, {cut, 7, 1, 300});
      }
      station.collect();
      ASSERT_TRUE(last->has(kIsDatagram)) << cut;
      ASSERT_EQ(bytes_of(*last), test::whole_frame(datagram, data)) << cut;
    }
  }
}

TEST(Defragmenter, AssemblesTheLargestDatagram) {
  FragmentConfig config;
  config.fragments_per_datagram = 64;
  for (const DatagramSpec& datagram : {kV4, kV6}) {
    DefragStation station({}, config);
    const Data data = counted(65'535 - test::kept_header_bytes(datagram));
    const Packet* last = nullptr;
    for (const FragmentSpec& piece : pieces_of(data, 1480)) last = &station.take(datagram, piece);
    ASSERT_TRUE(last->has(kIsDatagram));
    EXPECT_EQ(last->l3_bytes, 65'535);
    EXPECT_EQ(bytes_of(*last), test::whole_frame(datagram, data));
  }
}

TEST(Defragmenter, RefusesADatagramBeyondTheLargest) {
  DefragStation station;
  const FragmentSpec beyond{.first = 65'512, .more = false, .data = counted(8)};
  EXPECT_EQ(station.take(kV4, beyond).verdict.reason, DropReason::bad_fragment);
  EXPECT_EQ(station.take(kV6, beyond).verdict.reason, DropReason::bad_fragment);
}

TEST(Defragmenter, RefusesMalformedFragmentsAlone) {
  DefragStation station;
  const FragmentSpec odd{.first = 0, .more = true, .data = counted(15)};
  const FragmentSpec empty{.first = 8, .more = true, .data = {}};
  for (const DatagramSpec& datagram : {kV4, kV6}) {
    EXPECT_EQ(station.take(datagram, kHead).verdict.action, Action::held);
    EXPECT_EQ(station.take(datagram, odd).verdict.reason, DropReason::bad_fragment);
    EXPECT_EQ(station.take(datagram, empty).verdict.reason, DropReason::bad_fragment);
    EXPECT_TRUE(station.take(datagram, kTail).has(kIsDatagram)) << "the others are not harmed";
  }
}

TEST(Defragmenter, RefusesAFirstFragmentWithoutTheWholeTcpHeader) {
  DefragStation station;
  Data header = counted(24);
  header[12] = 0x70;  // 28 bytes
  for (std::uint8_t version : {std::uint8_t{4}, std::uint8_t{6}}) {
    const DatagramSpec tcp{.version = version, .protocol = 6};
    const FragmentSpec tiny{.first = 0, .more = true, .data = counted(16)};
    EXPECT_EQ(station.take(tcp, tiny).verdict.reason, DropReason::bad_fragment);
    const FragmentSpec cut{.first = 0, .more = true, .data = header};
    EXPECT_EQ(station.take(tcp, cut).verdict.reason, DropReason::bad_fragment);
    const FragmentSpec inside{.first = 8, .more = true, .data = counted(8)};
    EXPECT_EQ(station.take(tcp, inside).verdict.reason, DropReason::bad_fragment);
    header[12] = 0x60;
    EXPECT_EQ(station.take(tcp, {.first = 0, .more = true, .data = header}).verdict.action,
              Action::held);
    header[12] = 0x70;
  }
  station.finish();
}

TEST(Defragmenter, RefusesAFirstFragmentWhoseExtensionChainGoesOn) {
  DefragStation station;
  Data options = counted(16);
  options[0] = 17;  // then UDP
  options[1] = 1;  // 16 bytes: the UDP header would come in the next fragment, but it fits not here
  const DatagramSpec with_options{.version = 6, .protocol = 60};
  options[1] = 2;
  EXPECT_EQ(station.take(with_options, {.first = 0, .more = true, .data = options}).verdict.reason,
            DropReason::bad_fragment);
  Data nested = counted(16);
  nested[0] = 44;  // another fragment header
  nested[1] = 0;
  EXPECT_EQ(station.take(with_options, {.first = 0, .more = true, .data = nested}).verdict.reason,
            DropReason::bad_fragment);
  nested[0] = 17;
  EXPECT_EQ(station.take(with_options, {.first = 0, .more = true, .data = nested}).verdict.action,
            Action::held);
  station.finish();
}

TEST(Defragmenter, LeavesAtomicFragmentsAlone) {
  DefragStation station;
  const Packet& atomic = station.take(kV6, {.first = 0, .more = false, .data = counted(9)});
  EXPECT_TRUE(atomic.is_undecided());
  EXPECT_NE(atomic.mbuf, nullptr);
}

TEST(Defragmenter, ToleratesAnExactDuplicateAndReleasesItWithTheRest) {
  DefragStation station;
  for (const DatagramSpec& datagram : {kV4, kV6}) {
    station.take(datagram, kHead);
    EXPECT_EQ(station.take(datagram, kHead).verdict.action, Action::held);
    const Packet& complete = station.take(datagram, kTail);
    EXPECT_EQ(complete.frames, 3);
    Data data = kHead.data;
    data.insert(data.end(), kTail.data.begin(), kTail.data.end());
    EXPECT_EQ(bytes_of(complete), test::whole_frame(datagram, data));
  }
}

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

const FragmentSpec kMiddle{.first = 16, .more = true, .data = counted(16, 7)};
const FragmentSpec kEnd{.first = 32, .more = false, .data = counted(6)};

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
  const Data frame = test::fragment_frame(kV6, kHead);
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

TEST(Defragmenter, JudgesAFrameCapturedShortAsFarAsItGoes) {
  DefragStation station;
  const auto pieces = pieces_of(counted(160), 80);
  Data cut = test::fragment_frame(kV4, pieces[1]);
  cut.resize(cut.size() - 30);
  station.take(kV4, pieces[0]);
  station.start_burst();
  Packet& last = station.add_frame(cut, 14);
  station.decoded_flags = kIsIp | kIsDatagram | kCapturedShort;
  station.collect();
  EXPECT_TRUE(last.has(kCapturedShort));
  Data whole = test::whole_frame(kV4, counted(160));
  whole.resize(whole.size() - 30);
  EXPECT_EQ(bytes_of(last), whole);
}

TEST(Defragmenter, AssemblesATrainThatAnotherWorkerHandedOver) {
  DefragStation giver;
  DefragStation taker;
  const auto pieces = pieces_of(counted(100), 32);
  for (const FragmentSpec& piece : pieces) giver.take(kV4, piece);
  Packet& datagram = giver.burst.packets[0];
  ASSERT_EQ(datagram.frames, 4);
  Packet& again = taker.add_frame(test::fragment_frame(kV4, pieces[0]), 14);
  again.mbuf = datagram.mbuf;
  again.frames = 4;
  taker.station().collect(
      taker.burst, taker.config, taker.mode,
      DatagramDecoder{nullptr, [](void*, Packet& p) noexcept { p.flags = kIsIp | kIsDatagram; }});
  EXPECT_TRUE(again.has(kIsDatagram));
  EXPECT_EQ(bytes_of(again), test::whole_frame(kV4, counted(100)));
  EXPECT_EQ(taker.station().held(), 0U);
}

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

/// Random fragmentations: most datagrams honest, some with duplicates, changed bytes, shifted
/// pieces or a second end; several at a time; time passing.
class RandomFragments {
 public:
  explicit RandomFragments(std::uint64_t seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  DatagramSpec datagram() {
    DatagramSpec spec;
    spec.version = below(2) == 0 ? 4 : 6;
    spec.id = below(1000);
    spec.source = static_cast<std::uint8_t>(below(3));
    spec.vlan_tags = static_cast<std::uint8_t>(below(3));
    spec.with_hop_by_hop = below(4) == 0;
    return spec;
  }

  std::vector<FragmentSpec> fragments() {
    const Data data = counted(9 + below(400), static_cast<std::uint8_t>(below(256)));
    auto pieces = pieces_of(data, 8 * (1 + below(8)));
    if (below(3) == 0) pieces.push_back(pieces[below(static_cast<std::uint32_t>(pieces.size()))]);
    if (below(4) == 0) spoil(pieces[below(static_cast<std::uint32_t>(pieces.size()))]);
    if (below(2) == 0) std::shuffle(pieces.begin(), pieces.end(), random_);
    return pieces;
  }

 private:
  void spoil(FragmentSpec& piece) {
    switch (below(5)) {
      case 0:
        piece.first += 8;
        break;
      case 1:
        piece.more = !piece.more;
        break;
      case 2:
        piece.data.pop_back();
        break;
      case 3:
        piece.data.resize(piece.data.size() + 8);
        break;
      default:
        piece.data[0] ^= 1;
    }
  }

  std::mt19937_64 random_;
};

bool is_atomic(const FragmentSpec& piece) { return piece.first == 0 && !piece.more; }

TEST(Defragmenter, AgreesWithAByteArrayModel) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    RandomFragments random(seed);
    FragmentConfig config;
    config.fragments_per_datagram = 20;
    if (seed % 2 == 0) config.exception_policy = ExceptionPolicy::drop_flow;
    DefragStation station({}, config);
    FragmentOracle oracle(config);
    std::vector<std::pair<DatagramSpec, std::vector<FragmentSpec>>> running;
    std::uint32_t completed = 0;
    for (int step = 0; step < 1500; ++step) {
      if (running.size() < 6) running.push_back({random.datagram(), random.fragments()});
      const auto at = random.below(static_cast<std::uint32_t>(running.size()));
      auto& [datagram, pieces] = running[at];
      const FragmentSpec piece = pieces.back();
      pieces.pop_back();
      if (!is_atomic(piece)) {
        const Expected expected = oracle.judge(datagram, piece, station.now);
        const Packet& packet = station.take(datagram, piece);
        ASSERT_TRUE(test::agrees(packet, expected)) << "seed " << seed << " step " << step;
        if (expected == Expected::completes) {
          ASSERT_EQ(packet.frames, oracle.frames);
          ASSERT_EQ(bytes_of(packet), oracle.whole);
          ++completed;
        }
      }
      if (pieces.empty()) running.erase(running.begin() + at);
      station.now += random.below(40) * kNsPerMs;
      station.expire();
      oracle.expire(station.now);
    }
    EXPECT_GT(completed, 20U);
    station.finish();
  }
}

TEST(Defragmenter, LosesNoFrameUnderEveryLimitAtOnce) {
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    RandomFragments random(seed);
    FragmentConfig config;
    config.fragments_per_datagram = 5;
    config.exception_policy = static_cast<ExceptionPolicy>(seed % 3);
    DefragStation station({.datagrams = 6, .frames_held_max = 16, .assembly_bytes = 900}, config);
    for (int step = 0; step < 1500; ++step) {
      const DatagramSpec datagram = random.datagram();
      for (const FragmentSpec& piece : random.fragments()) {
        if (station.burst.count == kBurstMax) station.start_burst();
        if (!is_atomic(piece)) station.add(datagram, piece);
        if (station.burst.count == kBurstMax) station.collect();
      }
      if (station.burst.count > 0 && station.burst.count < kBurstMax) station.collect();
      station.start_burst();
      station.now += random.below(1000) * kNsPerMs;
      if (random.below(40) == 0) station.mode = static_cast<Mode>(random.below(2));
      if (random.below(3) != 0) station.expire();
    }
    station.finish();
  }
}

}  // namespace
}  // namespace sluice
