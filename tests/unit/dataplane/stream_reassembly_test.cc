// StreamReassembly: what is read, what is compared, what is refused, and how streams end.
#include "tests/unit/dataplane/stream_fixture.h"

namespace sluice::test {
namespace {

using enum SegmentFinding;

class StreamReassembly : public StreamTest {};

TEST_F(StreamReassembly, BytesInOrderAreToldOnce) {
  open();
  send(0, "GET ");
  send(4, "/ HTTP");
  EXPECT_EQ(heard[kToServer], "GET / HTTP");
  EXPECT_EQ(send(4, "/ HTTP").finding, none);
  EXPECT_EQ(heard[kToServer], "GET / HTTP");
}

TEST_F(StreamReassembly, DirectionsAreApart) {
  open();
  send(0, "ask");
  pass(segment(kToClient, 0, "answer"));
  EXPECT_EQ(heard[kToServer], "ask");
  EXPECT_EQ(heard[kToClient], "answer");
}

TEST_F(StreamReassembly, RetransmissionsAreComparedHoweverTheyAreCut) {
  open();
  send(0, "abcd");
  send(4, "efgh");
  EXPECT_EQ(finding_of(2, "cdef"), none);
  EXPECT_EQ(finding_of(0, "abcdefgh"), none);
  EXPECT_EQ(finding_of(2, "cdXf"), conflicting_retransmission);
  EXPECT_EQ(counters().conflicting_retransmission, 1U);
}

TEST_F(StreamReassembly, ASegmentPartlyOldIsComparedAndReadOn) {
  open();
  send(0, "abcd");
  EXPECT_EQ(finding_of(2, "cdef"), none);
  EXPECT_EQ(heard[kToServer], "abcdef");
  EXPECT_EQ(finding_of(4, "eXgh"), conflicting_retransmission);
  EXPECT_EQ(heard[kToServer], "abcdef");
}

TEST_F(StreamReassembly, WhatTheReceiverAcknowledgedIsNotCompared) {
  open();
  send(0, "abcd");
  acknowledge(4);
  EXPECT_EQ(finding_of(0, "XXXX"), none);
  EXPECT_EQ(finding_of(2, "XXef"), none);
  EXPECT_EQ(heard[kToServer], "abcdef");
}

TEST_F(StreamReassembly, AnAcknowledgementOfWhatDidNotLeaveIsNotBelieved) {
  open();
  EXPECT_EQ(judge(segment(kToServer, 0, "good")).finding, none);  // lost before the wire
  acknowledge(4);
  EXPECT_EQ(to_server().acknowledged_to, first[kToServer]);
  EXPECT_EQ(finding_of(0, "evil"), conflicting_retransmission);
  EXPECT_EQ(finding_of(0, "good"), none);
  EXPECT_EQ(to_server().forwarded_to, first[kToServer] + 4);
}

TEST_F(StreamReassembly, AnAcknowledgementFromTheSendersSideIsNotBelieved) {
  constexpr std::uint8_t kOutside = 1, kInside = 2;
  const auto from = [](std::uint8_t side, StreamSegment out, std::uint32_t further = 0) {
    out.side = side;
    out.acknowledgement += further;
    return out;
  };
  open();
  (void)pass(from(kInside, segment(kToClient, 0, "")));
  (void)pass(from(kOutside, segment(kToServer, 0, "good")));
  (void)pass(from(kOutside, segment(kToClient, 0, ""), 4));
  EXPECT_EQ(to_server().acknowledged_to, first[kToServer]);
  EXPECT_EQ(pass(from(kOutside, segment(kToServer, 0, "evil"))).finding,
            conflicting_retransmission);
  (void)pass(from(kInside, segment(kToClient, 0, ""), 4));
  EXPECT_EQ(to_server().acknowledged_to, first[kToServer] + 4);
}

TEST_F(StreamReassembly, BytesInTheServersNameFromTheClientsSideAreRefused) {
  constexpr std::uint8_t kOutside = 1, kInside = 2;
  open();
  StreamSegment greeting = segment(kToClient, 0, "220 ");
  greeting.side = kInside;
  (void)pass(greeting);
  StreamSegment request = segment(kToServer, 0, "helo");
  request.side = kOutside;
  (void)pass(request);
  StreamSegment forged = segment(kToClient, 4, "forged");
  forged.side = kOutside;
  EXPECT_EQ(pass(forged).finding, conflicting_retransmission);
  StreamSegment real = segment(kToClient, 4, "ready");
  real.side = kInside;
  EXPECT_EQ(pass(real).finding, none);
  EXPECT_EQ(heard[kToClient], "220 ready");
}

TEST_F(StreamReassembly, WhereSidesAreNotKnownAcknowledgementsAreBelieved) {
  open();
  send(0, "good");
  acknowledge(4);
  EXPECT_EQ(to_server().acknowledged_to, first[kToServer] + 4);
}

TEST_F(StreamReassembly, WhatIsRefusedDoesNotCountAsForwarded) {
  open();
  refused_text = "evil";
  send(0, "so ");
  EXPECT_FALSE(send(3, "ev").is_refused);
  EXPECT_TRUE(send(5, "il").is_refused);
  EXPECT_EQ(to_server().forwarded_to, first[kToServer] + 5);
}

TEST_F(StreamReassembly, OutOfOrderBytesAreReadWhenTheGapCloses) {
  open();
  EXPECT_EQ(finding_of(6, "ghi"), none);
  EXPECT_EQ(finding_of(3, "def"), none);
  EXPECT_EQ(heard[kToServer], "");
  EXPECT_EQ(to_server().forwarded_to, first[kToServer]);
  EXPECT_EQ(finding_of(0, "abc"), none);
  EXPECT_EQ(heard[kToServer], "abcdefghi");
  EXPECT_EQ(to_server().forwarded_to, first[kToServer] + 9);
}

TEST_F(StreamReassembly, ThePacketThatClosesTheGapIsRefusedForWhatIsBehindIt) {
  open();
  refused_text = "evil";
  EXPECT_FALSE(send(3, "il").is_refused);
  EXPECT_TRUE(send(0, "xev").is_refused);
  EXPECT_EQ(to_server().forwarded_to, first[kToServer]);
}

TEST_F(StreamReassembly, WaitingCopiesAreFirstCopiesToo) {
  open();
  EXPECT_EQ(finding_of(4, "efgh"), none);
  EXPECT_EQ(finding_of(4, "eXgh"), conflicting_retransmission);
  EXPECT_EQ(finding_of(6, "ghij"), none);
  EXPECT_EQ(finding_of(2, "cdXf"), conflicting_retransmission);
  EXPECT_EQ(finding_of(0, "abcdefgXi"), conflicting_retransmission);
  EXPECT_EQ(heard[kToServer], "");
  EXPECT_EQ(finding_of(0, "abcdefghijkl"), none);
  EXPECT_EQ(heard[kToServer], "abcdefghijkl");
}

TEST_F(StreamReassembly, NothingOfARefusedCopyIsKept) {
  open();
  send(4, "efgh");
  EXPECT_EQ(finding_of(6, "gXYZ"), conflicting_retransmission);
  EXPECT_EQ(finding_of(6, "ghij"), none);
  send(0, "abcd");
  EXPECT_EQ(heard[kToServer], "abcdefghij");
}

TEST_F(StreamReassembly, SequenceNumbersWrap) {
  first[kToServer] = 0xfffffffd;
  open();
  send(0, "ab");
  EXPECT_EQ(finding_of(4, "efgh"), none);
  EXPECT_EQ(finding_of(2, "cd"), none);
  EXPECT_EQ(heard[kToServer], "abcdefgh");
  EXPECT_EQ(finding_of(1, "bcdeXgh"), conflicting_retransmission);
  acknowledge(8);
  EXPECT_EQ(to_server().acknowledged_to, 5U);
}

TEST_F(StreamReassembly, AFinCountsOnceAndInOrder) {
  open();
  send(3, "def", kAck | kFin);
  EXPECT_EQ(ended[kToServer], 0U);
  send(0, "abc");
  EXPECT_EQ(ended[kToServer], 1U);
  send(3, "def", kAck | kFin);
  EXPECT_EQ(ended[kToServer], 1U);
}

TEST_F(StreamReassembly, HalfAClosedConnectionIsReadOn) {
  open();
  send(0, "bye", kAck | kFin);
  acknowledge(4);
  EXPECT_EQ(to_server().acknowledged_to, first[kToServer] + 3);
  pass(segment(kToClient, 0, "a long answer"));
  EXPECT_EQ(heard[kToClient], "a long answer");
  EXPECT_EQ(heard[kToServer], "bye");
}

TEST_F(StreamReassembly, NothingStandsBehindAFin) {
  open();
  send(0, "abc", kAck | kFin);
  EXPECT_EQ(finding_of(3, "d"), conflicting_retransmission);
  EXPECT_EQ(finding_of(0, "abc"), none);
}

TEST_F(StreamReassembly, AFinInFrontOfWaitingBytesIsRefused) {
  open();
  send(6, "ghi");
  EXPECT_EQ(send(0, "abc", kAck | kFin).finding, conflicting_retransmission);
  EXPECT_EQ(send(9, "", kAck | kFin).finding, none);
  send(0, "abcdef");
  EXPECT_EQ(heard[kToServer], "abcdefghi");
  EXPECT_EQ(ended[kToServer], 1U);
}

TEST_F(StreamReassembly, AResetAndASegmentWithoutAckBringNothing) {
  open();
  EXPECT_EQ(send(0, "decoy", kRst).finding, none);
  EXPECT_EQ(send(0, "decoy", kRst | kAck).finding, none);
  EXPECT_EQ(send(0, "decoy", kPsh).finding, none);
  EXPECT_EQ(heard[kToServer], "");
  EXPECT_EQ(to_server().forwarded_max, first[kToServer]);
  send(0, "real");
  EXPECT_EQ(heard[kToServer], "real");
}

TEST_F(StreamReassembly, ASynOnALiveStreamChangesNothing) {
  open();
  send(0, "abc");
  send(5000, "decoy", kSyn);
  send(3, "def");
  EXPECT_EQ(heard[kToServer], "abcdef");
}

TEST_F(StreamReassembly, DataOnTheFirstSynIsReadAndItsRepetitionCompared) {
  open();
  StreamSegment syn = segment(kToServer, 0, "early", kSyn);
  --syn.sequence;
  pass(syn);
  EXPECT_EQ(heard[kToServer], "early");
  EXPECT_EQ(to_server().forwarded_to, first[kToServer] + 5);
  EXPECT_EQ(finding_of(0, "later"), conflicting_retransmission);
  EXPECT_EQ(finding_of(0, "early bird"), none);
  EXPECT_EQ(heard[kToServer], "early bird");
}

TEST_F(StreamReassembly, AByteThatIsUrgentIsReadInItsPlace) {
  open();
  send(0, "abc", kAck | kUrg);
  send(3, "def");
  EXPECT_EQ(heard[kToServer], "abcdef");
}

TEST_F(StreamReassembly, AStreamMetMidwayBeginsWithItsFirstSegment) {
  open_as({});
  send(700, "abc");
  EXPECT_EQ(heard[kToServer], "abc");
  send(703, "def");
  EXPECT_EQ(heard[kToServer], "abcdef");
}

TEST_F(StreamReassembly, ASynIsNoPartOfAStreamMetMidway) {
  open_as({});
  send(9000, "decoy", kSyn);
  send(700, "abc");
  EXPECT_EQ(heard[kToServer], "abc");
}

TEST_F(StreamReassembly, AGapThatTheReceiverDoesNotHaveIsSkipped) {
  open();
  send(0, "abc");
  send(5, "fgh");
  send(10, "klm");
  const Judgement judgement = acknowledge(13);
  EXPECT_TRUE(judgement.has_gap);
  EXPECT_EQ(heard[kToServer], "abc__fgh__klm");
  EXPECT_EQ(counters().stream_gap, 2U);
  EXPECT_EQ(counters().stream_gap_bytes, 4U);
  send(13, "nop");
  EXPECT_EQ(heard[kToServer], "abc__fgh__klmnop");
}

TEST_F(StreamReassembly, TheAcknowledgementThatSkipsAGapIsRefusedForWhatIsBehindIt) {
  open();
  refused_text = "evil";
  send(2, "evil");
  EXPECT_TRUE(acknowledge(6).is_refused);
}

TEST_F(StreamReassembly, ABoundlesslyFarSegmentIsNotRead) {
  open();
  EXPECT_EQ(finding_of(0x4000'0000, "far"), none);
  EXPECT_EQ(counters().reorder_bytes, 0U);
  EXPECT_EQ(to_server().forwarded_max, first[kToServer]);
}

TEST_F(StreamReassembly, AnIgnoredDirectionIsNeitherReadNorCompared) {
  open();
  send(0, "hello");
  send(8, "later");
  reassembly_->ignore(slot_, kToServer);
  EXPECT_EQ(counters().kept_bytes + counters().reorder_bytes, 0U);
  EXPECT_EQ(finding_of(0, "HELLO"), none);
  pass(segment(kToClient, 0, "answer"));
  EXPECT_EQ(heard[kToServer], "hello");
  EXPECT_EQ(heard[kToClient], "answer");
}

TEST_F(StreamReassembly, ASegmentLargerThanAPieceComesInSeveral) {
  open();
  std::string large(60'000, 'a');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  send(0, large);
  EXPECT_EQ(heard[kToServer], large);
  EXPECT_EQ(finding_of(0, large), none);
  large[59'999] = '!';
  EXPECT_EQ(finding_of(0, large), conflicting_retransmission);
}

}  // namespace
}  // namespace sluice::test
