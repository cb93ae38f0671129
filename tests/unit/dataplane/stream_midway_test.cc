// Streams whose handshake was not seen: what may be hidden before and behind the first segment.
#include "tests/support/midway_model.h"
#include "tests/unit/dataplane/stream_fixture.h"

namespace sluice::test {
namespace {

using enum SegmentFinding;
constexpr std::uint8_t kOutside = 1, kInside = 2;
constexpr unsigned kSeeds = 2000;

class StreamMidway : public StreamTest {
 protected:
  void SetUp() override { open_as({}); }
};

TEST_F(StreamMidway, BytesBeforeTheFirstOnesAreReadInTheirOrder) {
  refused_text = "evil";
  send(702, "il");
  EXPECT_EQ(heard[kToServer], "il");
  EXPECT_TRUE(send(700, "ev").is_refused);
}

TEST_F(StreamMidway, BytesBeforeTheFirstOnesPassWhereTheyAreHarmless) {
  send(703, "def");
  EXPECT_EQ(finding_of(700, "abc"), none);
  EXPECT_EQ(heard[kToServer], "abcdef");
  send(706, "ghi");
  acknowledge(709);
  EXPECT_EQ(heard[kToServer], "abcdefghi");
  EXPECT_EQ(to_server().acknowledged_to, first[kToServer] + 709);
}

TEST_F(StreamMidway, WhatTheReceiverHasComesAgainUntouched) {
  acknowledge(700);
  send(700, "abc");
  EXPECT_EQ(finding_of(690, "older byte"), none);
  EXPECT_EQ(heard[kToServer], "abc");
  EXPECT_EQ(restarts, 0U);
}

TEST_F(StreamMidway, WhatTheReceiverSaysLaterHoldsToo) {
  send(700, "abc");
  acknowledge(703);
  EXPECT_EQ(finding_of(690, "older byte"), none);
  EXPECT_EQ(heard[kToServer], "abc");
}

TEST_F(StreamMidway, BytesBehindAGapWaitOnlyOnceItIsProven) {
  send(700, "abc");
  EXPECT_EQ(finding_of(706, "ghi"), reorder_limit);
  acknowledge(703);
  EXPECT_EQ(finding_of(706, "ghi"), none);
  send(703, "def");
  EXPECT_EQ(heard[kToServer], "abcdefghi");
}

TEST_F(StreamMidway, WhatSenderAndReceiverAgreeOnBeatsADecoy) {
  for (const std::uint32_t decoy : {5000U, 100U, 0x40000000U + 800U, 0x80000000U, 0xc0000000U}) {
    reassembly_->close(slot_);
    slot_ = reassembly_->open({});
    heard = {};
    send(decoy, "decoy");
    acknowledge(700);
    send(703, "def");
    send(700, "abc");
    send(703, "def");
    EXPECT_EQ(heard[kToServer].substr(heard[kToServer].rfind('_') + 1).rfind("abcdef", 5), 0U)
        << decoy << ": " << heard[kToServer];
    acknowledge(706);
    EXPECT_EQ(to_server().acknowledged_to, first[kToServer] + 706) << decoy;
  }
}

TEST_F(StreamMidway, NoMorePassesThanCanBeReadAgainWhereTheReceiverWaitsForWhatIsBefore) {
  send(700, "b");
  acknowledge(600);
  const std::string block(1024, 'x');
  std::uint32_t at = 701;
  while (finding_of(at, block) == none) {
    at += 1024;
    ASSERT_LT(at, 701U + 256 * 1024);
  }
  EXPECT_GE(at, 128U * 1024);
}

TEST_F(StreamMidway, AReceiverThatLiesHidesNothing) {
  acknowledge(5000);
  refused_text = "evil";
  send(700, "ev");
  EXPECT_TRUE(send(702, "il").is_refused);
}

TEST_F(StreamMidway, AnAcknowledgementFromTheSendersSideProvesNothing) {
  StreamSegment decoy = segment(kToServer, 700, "good");
  decoy.side = kOutside;
  (void)pass(decoy);
  StreamSegment forged = segment(kToClient, 0, "");
  forged.side = kOutside;
  forged.acknowledgement = first[kToServer] + 704;
  (void)pass(forged);
  StreamSegment other = segment(kToServer, 700, "evil");
  other.side = kOutside;
  EXPECT_EQ(pass(other).finding, conflicting_retransmission);
  forged.side = kInside;
  (void)pass(forged);
  EXPECT_EQ(to_server().acknowledged_to, first[kToServer] + 704);
}

TEST_F(StreamMidway, AnAcknowledgementBeforeTheFirstBytesCountsFromTheOtherSideOnly) {
  StreamSegment forged = segment(kToClient, 0, "");
  forged.side = kOutside;
  forged.acknowledgement = first[kToServer] + 704;
  (void)pass(forged);
  refused_text = "evil";
  StreamSegment later = segment(kToServer, 704, "il");
  later.side = kOutside;
  (void)pass(later);
  StreamSegment earlier = segment(kToServer, 702, "ev");
  earlier.side = kOutside;
  EXPECT_TRUE(pass(earlier).is_refused);
}

TEST_F(StreamMidway, BytesThatTurnUpOneByOneInReverseAreRefusedAfterAFew) {
  send(700, "z");
  acknowledge(650);
  unsigned refusals = 0;
  for (std::uint32_t place = 699; place > 650; --place) {
    refusals += finding_of(place, "y") == reorder_limit ? 1 : 0;
  }
  EXPECT_EQ(restarts, 4U);
  EXPECT_EQ(refusals, 45U);
  EXPECT_EQ(finding_of(650, std::string(50, 'y')), none) << "what the receiver lacks goes through";
  EXPECT_EQ(heard[kToServer], std::string(50, 'y') + 'z');
}

TEST_F(StreamMidway, WhereNothingIsHeardOfTheReceiverASenderThatGoesOnIsBelieved) {
  send(700, "abc");
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(finding_of(900, "def"), reorder_limit);
  EXPECT_EQ(finding_of(900, "def"), none);
  EXPECT_EQ(heard[kToServer], "def");
}

TEST_F(StreamMidway, MoreThanCanBeToldAgainIsAGapThatIsAcknowledged) {
  const std::string block(8192, 'b');
  for (std::uint32_t i = 0; i < 20; ++i) send(1000 + i * 8192, block);
  acknowledge(997);
  EXPECT_EQ(finding_of(997, "abc"), none);
  EXPECT_EQ(heard[kToServer], "abc");
  acknowledge(1000 + 20 * 8192);
  send(1000 + 20 * 8192, "def");
  EXPECT_EQ(heard[kToServer], "abc" + std::string(20 * 8192, '_') + "def");
}

TEST_F(StreamMidway, InMonitorModeEverythingGoesOn) {
  mode = Mode::monitor;
  send(700, "abc");
  EXPECT_EQ(finding_of(706, "ghi"), reorder_limit);
  EXPECT_EQ(heard[kToServer], "abc___ghi");
}

TEST_F(StreamMidway, ACloseBeforeItsBytesIsToldBehindThem) {
  send(703, "def", kAck | kFin);
  EXPECT_EQ(ended[kToServer], 1U);
  send(700, "abc");
  EXPECT_EQ(heard[kToServer], "abcdef");
  EXPECT_EQ(ended[kToServer], 2U);
}

TEST(StreamMidwayModel, NoSenderHidesAWord) {
  unsigned words = 0;
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    EXPECT_FALSE(MidwayBench(seed).run_with_bad_sender()) << seed;
    words += MidwayBench(seed, Mode::monitor).run_with_bad_sender() ? 1 : 0;
  }
  EXPECT_GT(words, kSeeds / 2) << "in monitor mode it arrives";
}

TEST(StreamMidwayModel, NoReceiverGetsAWordByLying) {
  unsigned words = 0;
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    EXPECT_FALSE(MidwayBench(seed).run_with_bad_receiver()) << seed;
    words += MidwayBench(seed, Mode::monitor).run_with_bad_receiver() ? 1 : 0;
  }
  EXPECT_GT(words, kSeeds / 2) << "in monitor mode it arrives";
}

TEST(StreamMidwayModel, HonestEndsAlwaysGetOn) {
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    EXPECT_TRUE(MidwayBench(seed).gets_on(false)) << seed;
    EXPECT_TRUE(MidwayBench(seed).gets_on(true)) << seed << ", one way";
  }
}

}  // namespace
}  // namespace sluice::test
