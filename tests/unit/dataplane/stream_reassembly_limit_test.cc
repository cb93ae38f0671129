// StreamReassembly: budgets, monitor mode, timestamps, and the window a rule may look back at.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "dataplane/packet.h"
#include "tests/unit/dataplane/stream_fixture.h"

namespace sluice::test {
namespace {

using enum SegmentFinding;

class StreamLimitTest : public StreamTest {
 protected:
  StreamSegment stamped(std::uint32_t place, std::string_view text, std::uint32_t timestamp) {
    StreamSegment out = segment(kToServer, place, text);
    out.has_timestamp = true;
    out.timestamp = timestamp;
    return out;
  }
  void open_with_window(std::uint16_t bytes, const StreamLimits& limits = kRoomyLimits) {
    StreamOpening opening;
    opening.next_sequence = {first[0], first[1]};
    opening.is_known = {true, true};
    opening.window_bytes = {bytes, bytes};
    open_as(opening, limits);
  }
};

TEST_F(StreamLimitTest, ARetransmissionOfBytesNoLongerKeptIsUnverifiable) {
  open({.kept_bytes = 1U << 20, .reorder_bytes = 1U << 20, .kept_bytes_unanswered = 4096});
  const std::string text(600, 'a');
  for (std::uint32_t place = 0; place < 6000; place += 600) send(place, text);
  EXPECT_EQ(heard[kToServer].size(), 6000U);
  EXPECT_GT(counters().kept_shortage, 0U);
  EXPECT_EQ(finding_of(0, text), unverifiable_retransmission);
  EXPECT_EQ(finding_of(5400, text), none);
  EXPECT_EQ(finding_of(5400, std::string(600, 'b')), conflicting_retransmission);
}

TEST_F(StreamLimitTest, AConflictIsFoundBesideWhatCannotBeVerified) {
  open({.kept_bytes = 1U << 20, .reorder_bytes = 1U << 20, .kept_bytes_unanswered = 1024});
  for (std::uint32_t place = 0; place < 3000; place += 300) send(place, std::string(300, 'a'));
  std::string all(3000, 'a');
  all.back() = 'b';
  EXPECT_EQ(finding_of(0, all), conflicting_retransmission);
}

TEST_F(StreamLimitTest, AnAnsweredDirectionMayKeepMore) {
  open({.kept_bytes = 1U << 20, .reorder_bytes = 1U << 20, .kept_bytes_unanswered = 1024});
  send(0, "a");
  acknowledge(1);
  for (std::uint32_t place = 1; place < 6000; place += 600) send(place, std::string(600, 'a'));
  EXPECT_EQ(finding_of(1, std::string(600, 'b')), conflicting_retransmission);
}

TEST_F(StreamLimitTest, WithoutMemoryBytesAreStillRead) {
  open({.kept_bytes = 0, .reorder_bytes = 0});
  send(0, "abc");
  send(3, "def");
  EXPECT_EQ(heard[kToServer], "abcdef");
  EXPECT_EQ(last_window, "def");
  EXPECT_EQ(finding_of(0, "abc"), unverifiable_retransmission);
  EXPECT_EQ(finding_of(8, "ijk"), reorder_limit);
  EXPECT_EQ(counters().reorder_limit, 1U);
}

TEST_F(StreamLimitTest, ASegmentWithoutRoomForItsCopyIsRefusedUntilTheGapCloses) {
  open({.kept_bytes = 1U << 20, .reorder_bytes = 1U << 20, .reorder_bytes_per_direction = 256});
  EXPECT_EQ(finding_of(100, std::string(100, 'b')), none);
  EXPECT_EQ(finding_of(400, std::string(100, 'e')), reorder_limit);
  EXPECT_EQ(finding_of(0, std::string(100, 'a')), none);
  EXPECT_EQ(finding_of(400, std::string(100, 'e')), none);
  EXPECT_EQ(heard[kToServer], std::string(100, 'a') + std::string(100, 'b'));
}

TEST_F(StreamLimitTest, ManyTinyHolesAreRefused) {
  open();
  for (std::uint32_t i = 0; i < kReorderPiecesMax; ++i) ASSERT_EQ(finding_of(2 + 2 * i, "x"), none);
  EXPECT_EQ(finding_of(2 + 2 * kReorderPiecesMax, "x"), reorder_limit);
  EXPECT_LE(counters().reorder_bytes, 64U * kReorderPiecesMax + 4096);
}

TEST_F(StreamLimitTest, ALongRunBehindOneGapTakesFewPieces) {
  open();
  for (std::uint32_t place = 1; place < 150'000; place += 100) {
    ASSERT_EQ(finding_of(place, std::string(100, 'r')), none);
  }
  EXPECT_LT(counters().reorder_bytes, 180'000U);
  send(0, "r");
  EXPECT_EQ(heard[kToServer], std::string(150'001, 'r'));
}

TEST_F(StreamLimitTest, AStreamWithoutMemoryIsCounted) {
  open(kRoomyLimits, 64 * 1024);
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = reassembly_->open({}); slot != kNoSlot; slot = reassembly_->open({})) {
    slots.push_back(slot);
  }
  EXPECT_EQ(slots.size(), 64 * 1024 / 192 - 1);
  EXPECT_EQ(counters().state_limit, 1U);
  EXPECT_EQ(counters().streams, slots.size() + 1);
  for (const std::uint32_t slot : slots) reassembly_->close(slot);
}

TEST_F(StreamLimitTest, OtherLimitsHoldFromThenOn) {
  open();
  reassembly_->obey({.kept_bytes = 1U << 20, .reorder_bytes = 0});
  EXPECT_EQ(finding_of(5, "x"), reorder_limit);
  reassembly_->obey(kRoomyLimits);
  EXPECT_EQ(finding_of(5, "x"), none);
}

TEST_F(StreamLimitTest, InMonitorModeFirstCopiesAreReadWhateverGoesBy) {
  mode = Mode::monitor;
  open();
  send(0, "abcd");
  EXPECT_EQ(finding_of(0, "XXXXefgh"), conflicting_retransmission);
  EXPECT_EQ(heard[kToServer], "abcdefgh");
  send(10, "kl");
  EXPECT_EQ(finding_of(8, "ijXXmn"), conflicting_retransmission);
  EXPECT_EQ(heard[kToServer], "abcdefghijklmn");
}

TEST_F(StreamLimitTest, InMonitorModeNothingWaitsForWhatHasNoRoom) {
  mode = Mode::monitor;
  open({.kept_bytes = 1U << 20, .reorder_bytes = 1U << 20, .reorder_bytes_per_direction = 256});
  send(100, std::string(100, 'b'));
  EXPECT_EQ(finding_of(300, std::string(100, 'd')), reorder_limit);
  EXPECT_EQ(heard[kToServer], std::string(100, '_') + std::string(100, 'b') +
                                  std::string(100, '_') + std::string(100, 'd'));
  send(400, "on");
  EXPECT_TRUE(heard[kToServer].ends_with("don"));
}

TEST_F(StreamLimitTest, InMonitorModeARefusedStreamIsReadOn) {
  mode = Mode::monitor;
  refused_text = "evil";
  open();
  send(4, " and more");
  EXPECT_TRUE(send(0, "evil").is_refused);
  EXPECT_EQ(heard[kToServer], "evil and more");
}

TEST_F(StreamLimitTest, WhatComesBehindAFinIsNotReadInMonitorMode) {
  mode = Mode::monitor;
  open();
  send(0, "abc", kAck | kFin);
  EXPECT_EQ(finding_of(1, "bcdef"), conflicting_retransmission);
  EXPECT_EQ(heard[kToServer], "abc");
}

TEST_F(StreamLimitTest, AnOldTimestampIsNotRead) {
  open();
  pass(stamped(0, "abc", 500));
  EXPECT_EQ(pass(stamped(3, "decoy", 498)).finding, old_timestamp);
  EXPECT_EQ(pass(stamped(3, "def", 499)).finding, none);  // within a tick, as Linux takes it
  EXPECT_EQ(heard[kToServer], "abcdef");
  EXPECT_EQ(counters().old_timestamp, 1U);
}

TEST_F(StreamLimitTest, OvertakenSegmentsAreNotOutdatedByThoseThatOvertookThem) {
  open();
  pass(stamped(0, "abc", 500));
  acknowledge(3);
  pass(stamped(6, "ghi", 600));
  EXPECT_EQ(pass(stamped(3, "def", 550)).finding, none);
  EXPECT_EQ(heard[kToServer], "abcdefghi");
}

TEST_F(StreamLimitTest, TimestampsWrapAndExpire) {
  open();
  pass(stamped(0, "abc", 0xfffffff0));
  acknowledge(3);
  EXPECT_EQ(pass(stamped(3, "def", 5)).finding, none);
  acknowledge(6);
  EXPECT_EQ(pass(stamped(6, "ghi", 0xfffffff0)).finding, old_timestamp);
  now += std::int64_t{25} * 24 * 3600 * kNsPerSecond;
  EXPECT_EQ(pass(stamped(6, "ghi", 0xfffffff0)).finding, none);
}

TEST_F(StreamLimitTest, TimestampsMeanNothingWhereTheSynsDidNotOfferThem) {
  open_with_window(0);
  pass(stamped(0, "abc", 500));
  EXPECT_EQ(pass(stamped(3, "def", 100)).finding, none);
}

TEST_F(StreamLimitTest, TheWindowReachesBackAsFarAsAsked) {
  open_with_window(5);
  send(0, "abc");
  EXPECT_EQ(last_window, "abc");
  send(3, "defg");
  EXPECT_EQ(last_window, "abcdefg");
  acknowledge(7);
  send(7, "hi");
  EXPECT_EQ(last_window, "cdefghi");
  const auto window = reassembly_->window(slot_, kToServer);
  EXPECT_EQ(window.begin, 4U);
  EXPECT_EQ(std::string(window.bytes.begin(), window.bytes.end()), "efghi");
}

TEST_F(StreamLimitTest, TheWindowIsWholeAcrossChunksAndRetransmissionsToo) {
  open_with_window(kWindowBytesMax);
  std::string text(400'000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 ^ i >> 8);
  for (std::uint32_t place = 0; place < text.size(); place += 1000) {
    send(place, std::string_view(text).substr(place, 1000));
    const std::size_t reach = std::min<std::size_t>(place, kWindowBytesMax);
    ASSERT_EQ(last_window, text.substr(place - reach, reach + 1000));
    if (place % 8000 == 0 && place > 200'000) acknowledge(place - 200'000);
  }
  EXPECT_EQ(finding_of(250'000, std::string_view(text).substr(250'000, 100'000)), none);
}

TEST_F(StreamLimitTest, BehindAGapTheWindowBeginsAnew) {
  open_with_window(100);
  send(0, "abc");
  send(5, "fgh");
  acknowledge(8);
  EXPECT_EQ(last_window, "fgh");
}

TEST_F(StreamLimitTest, AnIdleStreamWithoutAWindowKeepsNothing) {
  open();
  send(0, std::string(5000, 'a'));
  EXPECT_GT(counters().kept_bytes, 5000U);
  acknowledge(5000);
  EXPECT_EQ(counters().kept_bytes, 0U);
}

TEST(StreamSegmentOf, FindsTimestampsAmongOtherOptions) {
  std::vector<std::uint8_t> frame(20, 0);
  frame.insert(frame.end(), {1, 3, 3, 7, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 'h', 'i'});
  Packet packet{};
  packet.bytes = frame.data();
  packet.bytes_at_hand = static_cast<std::uint32_t>(frame.size());
  packet.payload_offset = 36;
  packet.payload_bytes = 2;
  packet.tcp_flags = kAck;
  const StreamSegment segment = stream_segment_of(packet, kToClient);
  EXPECT_TRUE(segment.has_timestamp);
  EXPECT_EQ(segment.timestamp, 0x01020304U);
  EXPECT_EQ(segment.payload.size(), 2U);
  EXPECT_EQ(segment.payload[0], 'h');
  EXPECT_EQ(segment.direction, kToClient);
  frame[25] = 0;  // an option without a length
  EXPECT_FALSE(stream_segment_of(packet, kToClient).has_timestamp);
}

TEST(StreamSegmentOf, TakesThePayloadAsFarAsItIsAtHand) {
  const std::array<std::uint8_t, 30> frame{};
  Packet packet{};
  packet.bytes = frame.data();
  packet.bytes_at_hand = 30;
  packet.payload_offset = 20;
  packet.payload_bytes = 100;
  EXPECT_EQ(stream_segment_of(packet, kToServer).payload.size(), 10U);
  packet.payload_offset = 40;
  EXPECT_EQ(stream_segment_of(packet, kToServer).payload.size(), 0U);
}

}  // namespace
}  // namespace sluice::test
