#include "dataplane/decode/defrag.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/dataplane/fragment_pieces.h"

namespace sluice::test {
namespace {

/// The order of a shuffled deck.
std::vector<FragmentSpec> shuffled(std::vector<FragmentSpec> pieces, std::mt19937_64& random) {
  std::shuffle(pieces.begin(), pieces.end(), random);
  return pieces;
}

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
  const Data whole = whole_frame(datagram, data);
  std::mt19937_64 random(5);
  for (int round = 0; round < 8; ++round) {
    DefragStation station;
    const Packet* last = nullptr;
    for (const FragmentSpec& piece : shuffled(pieces_of(data, 504), random)) {
      last = &station.take(datagram, piece);
    }
    ASSERT_TRUE(last->has(kIsDatagram));
    EXPECT_EQ(bytes_of(*last), whole);
    EXPECT_EQ(last->l3_offset, l3_offset_of(datagram));
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
      ASSERT_EQ(bytes_of(*last), whole_frame(datagram, data)) << cut;
    }
  }
}

TEST(Defragmenter, AssemblesTheLargestDatagram) {
  FragmentConfig config;
  config.fragments_per_datagram = 64;
  for (const DatagramSpec& datagram : {kV4, kV6}) {
    DefragStation station({}, config);
    const Data data = counted(65'535 - kept_header_bytes(datagram));
    const Packet* last = nullptr;
    for (const FragmentSpec& piece : pieces_of(data, 1480)) last = &station.take(datagram, piece);
    ASSERT_TRUE(last->has(kIsDatagram));
    EXPECT_EQ(last->l3_bytes, 65'535);
    EXPECT_EQ(bytes_of(*last), whole_frame(datagram, data));
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
    EXPECT_EQ(bytes_of(complete), whole_frame(datagram, data));
  }
}

TEST(Defragmenter, JudgesAFrameCapturedShortAsFarAsItGoes) {
  DefragStation station;
  const auto pieces = pieces_of(counted(160), 80);
  Data cut = fragment_frame(kV4, pieces[1]);
  cut.erase(cut.end() - 30, cut.end());
  station.take(kV4, pieces[0]);
  station.start_burst();
  Packet& last = station.add_frame(cut, 14);
  station.decoded_flags = kIsIp | kIsDatagram | kCapturedShort;
  station.collect();
  EXPECT_TRUE(last.has(kCapturedShort));
  Data whole = whole_frame(kV4, counted(160));
  whole.erase(whole.end() - 30, whole.end());
  EXPECT_EQ(bytes_of(last), whole);
}

TEST(Defragmenter, AssemblesATrainThatAnotherWorkerHandedOver) {
  DefragStation giver;
  DefragStation taker;
  const auto pieces = pieces_of(counted(100), 32);
  for (const FragmentSpec& piece : pieces) giver.take(kV4, piece);
  Packet& datagram = giver.burst.packets[0];
  ASSERT_EQ(datagram.frames, 4);
  Packet& again = taker.add_frame(fragment_frame(kV4, pieces[0]), 14);
  again.mbuf = datagram.mbuf;
  again.frames = 4;
  taker.station().collect(
      taker.burst, taker.config, taker.mode,
      DatagramDecoder{nullptr, [](void*, Packet& p) noexcept { p.flags = kIsIp | kIsDatagram; }});
  EXPECT_TRUE(again.has(kIsDatagram));
  EXPECT_EQ(bytes_of(again), whole_frame(kV4, counted(100)));
  EXPECT_EQ(taker.station().held(), 0U);
}

}  // namespace
}  // namespace sluice::test
