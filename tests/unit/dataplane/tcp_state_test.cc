#include "dataplane/flow/tcp_state.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace sluice {
namespace {

/// A connection as sluice sees it: [0] the client, whose SYN was 1000, [1] the server with 5000.
class Connection {
 public:
  explicit Connection(std::uint32_t client = 1000, std::uint32_t server = 5000)
      : first_{client, server} {
    open_by_syn_ack(flow, warm, {server, client + 1, 0, 0xffff, kSyn | kAck, kToClient},
                    agreed_scales(0, 0));
  }

  /// Sequence and acknowledgement are relative to the SYNs: the first byte is 1.
  bool send(unsigned side, unsigned flags, std::uint32_t sequence, std::uint32_t acknowledgement,
            std::uint32_t payload = 0, std::uint16_t window = 0xffff) {
    return advance(flow, warm,
                   {first_[side] + sequence, first_[side ^ 1] + acknowledgement, payload, window,
                    static_cast<std::uint8_t>(flags), static_cast<std::uint8_t>(side)});
  }
  Connection& established() {
    EXPECT_TRUE(send(0, kAck, 1, 1));
    return *this;
  }
  [[nodiscard]] TcpState state() const { return flow.tcp_state; }

  Flow flow{};
  FlowWarm warm{};

 private:
  std::array<std::uint32_t, 2> first_;
};

TEST(TcpState, EveryPairOfStateAndEventHasAnAnswerThatIsAState) {
  for (unsigned s = 0; s < static_cast<unsigned>(TcpState::count_); ++s) {
    for (unsigned e = 0; e < static_cast<unsigned>(TcpEvent::count_); ++e) {
      const TcpState next = next_state(static_cast<TcpState>(s), static_cast<TcpEvent>(e));
      EXPECT_LT(static_cast<unsigned>(next), static_cast<unsigned>(TcpState::count_));
      EXPECT_STRNE(name_of(next), "unknown");
    }
  }
}

TEST(TcpState, ClientsAcknowledgementEstablishes) {
  Connection tcp;
  EXPECT_EQ(tcp.state(), TcpState::syn_received);
  EXPECT_TRUE(tcp.send(0, kAck, 1, 1));
  EXPECT_EQ(tcp.state(), TcpState::established);
}

TEST(TcpState, WrongAcknowledgementDoesNotEstablish) {
  Connection tcp;
  EXPECT_FALSE(tcp.send(0, kAck, 1, 2));
  EXPECT_FALSE(tcp.send(0, kAck, 1, 0));
  EXPECT_EQ(tcp.state(), TcpState::syn_received);
}

TEST(TcpState, ServersRepeatedAnswerDoesNotEstablish) {
  Connection tcp;
  EXPECT_TRUE(is_repeated_syn_ack(tcp.flow, {5000, 1001, 0, 0xffff, kSyn | kAck, kToClient}));
  EXPECT_FALSE(is_repeated_syn_ack(tcp.flow, {77'000'000, 1001, 0, 0, kSyn | kAck, kToClient}));
  EXPECT_EQ(tcp.state(), TcpState::syn_received);
}

TEST(TcpState, OrderlyCloseEndsClosed) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1, 1));
  EXPECT_EQ(tcp.state(), TcpState::fin_wait);
  EXPECT_TRUE(tcp.send(1, kAck, 1, 2));
  EXPECT_EQ(tcp.state(), TcpState::fin_wait);
  EXPECT_TRUE(tcp.send(1, kFin | kAck, 1, 2));
  EXPECT_EQ(tcp.state(), TcpState::closing);
  EXPECT_TRUE(tcp.send(0, kAck, 2, 2));
  EXPECT_EQ(tcp.state(), TcpState::closed);
}

TEST(TcpState, ServerMayCloseFirst) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(1, kFin | kAck, 1, 1));
  EXPECT_STREQ(name_of(tcp.state()), "fin_wait");
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1, 2));
  EXPECT_EQ(tcp.state(), TcpState::closing);
  EXPECT_TRUE(tcp.send(1, kAck, 2, 2));
  EXPECT_EQ(tcp.state(), TcpState::closed);
}

TEST(TcpState, HalfCloseKeepsTheOtherDirectionOpen) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1, 1));
  for (std::uint32_t i = 0; i < 50; ++i) {
    EXPECT_TRUE(tcp.send(1, kAck, 1 + i * 1000, 2, 1000));
    EXPECT_TRUE(tcp.send(0, kAck, 2, 1 + (i + 1) * 1000));
  }
  EXPECT_EQ(tcp.state(), TcpState::fin_wait);
}

TEST(TcpState, DataBehindAFinIsOutOfState) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1, 1));
  EXPECT_FALSE(tcp.send(0, kAck, 2, 1, 10));
}

TEST(TcpState, RepeatedFinCountsOnce) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1, 1, 5));
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1, 1, 5));
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 6, 1));
  EXPECT_EQ(tcp.state(), TcpState::fin_wait);
  EXPECT_EQ(tcp.flow.next_sequence[0], 1007U);
}

TEST(TcpState, FinBehindAGapCountsWhenItsReceiverAcknowledgesIt) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 101, 1, 100));  // bytes 1 to 100 were lost
  EXPECT_EQ(tcp.state(), TcpState::established);
  EXPECT_TRUE(tcp.send(1, kAck, 1, 1));
  EXPECT_TRUE(tcp.send(0, kAck, 1, 1, 100));
  EXPECT_EQ(tcp.state(), TcpState::established);
  EXPECT_TRUE(tcp.send(1, kAck, 1, 202));
  EXPECT_EQ(tcp.state(), TcpState::fin_wait);
}

TEST(TcpState, FinInFrontOfDataThatPassedIsIgnored) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kAck, 1, 1, 1000));
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1, 1, 10));
  EXPECT_EQ(tcp.state(), TcpState::established);
}

TEST(TcpState, BothSidesMayCloseAtOnce) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1, 1));
  EXPECT_TRUE(tcp.send(1, kFin | kAck, 1, 1));
  EXPECT_EQ(tcp.state(), TcpState::closing);
  EXPECT_TRUE(tcp.send(0, kAck, 2, 2));
  EXPECT_EQ(tcp.state(), TcpState::closing);
  EXPECT_TRUE(tcp.send(1, kAck, 2, 2));
  EXPECT_EQ(tcp.state(), TcpState::closed);
}

TEST(TcpState, BlindResetInsideTheWindowIsOutOfState) {
  Connection tcp = Connection().established();
  for (const std::uint32_t sequence : {0U, 2U, 100U, 60'000U}) {
    EXPECT_FALSE(tcp.send(0, kRst, sequence, 0)) << sequence;
  }
  EXPECT_EQ(tcp.state(), TcpState::established);
}

TEST(TcpState, ResetAtTheExpectedSequenceResets) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kAck, 1, 1, 500));
  EXPECT_TRUE(tcp.send(0, kRst, 501, 0));
  EXPECT_EQ(tcp.state(), TcpState::reset);
}

TEST(TcpState, ResetThatAnswersALostSegmentIsAtTheAcknowledgedSequence) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(1, kAck, 1, 1, 500));
  EXPECT_TRUE(tcp.send(1, kRst | kAck, 1, 1));  // nothing of the 500 was acknowledged
  EXPECT_EQ(tcp.state(), TcpState::reset);
}

TEST(TcpState, SequenceNumbersMayWrap) {
  Connection tcp(0xffffff00U, 0xfffffff0U);
  tcp.established();
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_TRUE(tcp.send(0, kAck, 1 + i * 100, 1 + i * 10, 100));
    EXPECT_TRUE(tcp.send(1, kAck, 1 + i * 10, 1 + (i + 1) * 100, 10));
  }
  EXPECT_TRUE(tcp.send(0, kFin | kAck, 1001, 101));
  EXPECT_TRUE(tcp.send(1, kFin | kAck, 101, 1002));
  EXPECT_TRUE(tcp.send(0, kAck, 1002, 102));
  EXPECT_EQ(tcp.state(), TcpState::closed);
}

TEST(TcpState, SegmentWithoutAcknowledgementIsOutOfState) {
  Connection tcp = Connection().established();
  EXPECT_FALSE(tcp.send(0, kPsh, 1, 0, 10));
}

TEST(TcpState, SegmentsOutsideOfTheWindowAreOutOfState) {
  Connection tcp = Connection().established();
  EXPECT_FALSE(tcp.send(0, kAck, 1 + 0x10000, 1, 100));
  EXPECT_FALSE(tcp.send(0, kAck, 1U - 0x20000U, 1, 100));
  EXPECT_TRUE(tcp.send(0, kAck, 1, 1, 100));
}

TEST(TcpState, AcknowledgementOfWhatWasNeverSentIsOutOfState) {
  Connection tcp = Connection().established();
  EXPECT_FALSE(tcp.send(0, kAck, 1, 2));
  EXPECT_TRUE(tcp.send(1, kAck, 1, 1, 100));
  EXPECT_TRUE(tcp.send(0, kAck, 1, 101));
}

TEST(TcpState, KeepAlivesAndWindowProbesFit) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(1, kAck, 1, 1, 0, 0));
  EXPECT_TRUE(tcp.send(0, kAck, 0, 1));  // keep-alive: one byte behind
  EXPECT_TRUE(tcp.send(0, kAck, 0, 1, 1));
}

TEST(TcpState, WindowIsScaledOnlyIfBothSidesOffer) {
  EXPECT_EQ(agreed_scales(7, 9), 0x97);
  EXPECT_EQ(agreed_scales(7, kScaleNotOffered), 0);
  EXPECT_EQ(agreed_scales(kScaleUnknown, 3), kScalesUnknown);
}

TEST(TcpState, ScaledWindowLetsMoreDataPass) {
  Connection tcp;
  tcp.warm.window_scales = agreed_scales(0, 7);
  tcp.established();
  EXPECT_TRUE(tcp.send(1, kAck, 1, 1, 0, 1000));  // 1000 << 7
  EXPECT_TRUE(tcp.send(0, kAck, 127'000, 1, 1000));
  EXPECT_FALSE(tcp.send(0, kAck, 128'500, 1, 1000));
}

TEST(TcpState, MidstreamFlowsAreNotCheckedForWindows) {
  Flow flow{};
  FlowWarm warm{};
  open_by_segment(flow, warm, {100, 900, 10, 1, kAck, kToServer}, TcpState::midstream);
  EXPECT_TRUE(advance(flow, warm, {100, 900, 10, 1, kAck, kToServer}));
  EXPECT_TRUE(advance(flow, warm, {1'000'000, 50'000'000, 10, 1, kAck, kToServer}));
  EXPECT_EQ(flow.tcp_state, TcpState::midstream);
  EXPECT_FALSE(advance(flow, warm, {55, 0, 0, 0, kRst, kToServer}));
  EXPECT_TRUE(advance(flow, warm, {1'000'010, 50'000'000, 0, 1, kFin | kAck, kToServer}));
  EXPECT_EQ(flow.tcp_state, TcpState::fin_wait);
}

Packet syn_with_options(const std::vector<std::uint8_t>& frame) {
  Packet packet{};
  packet.bytes = frame.data();
  packet.bytes_at_hand = static_cast<std::uint32_t>(frame.size());
  packet.payload_offset = static_cast<std::uint16_t>(frame.size());
  return packet;  // the TCP header starts at the first byte
}

TEST(TcpState, ReadsTheWindowScaleOption) {
  std::vector<std::uint8_t> frame(20, 0);
  EXPECT_EQ(window_scale_of(syn_with_options(frame)), kScaleNotOffered);
  for (const int byte : {2, 4, 5, 180, 1, 3, 3, 7}) {
    frame.push_back(static_cast<std::uint8_t>(byte));
  }
  EXPECT_EQ(window_scale_of(syn_with_options(frame)), 7);
  frame.back() = 200;
  EXPECT_EQ(window_scale_of(syn_with_options(frame)), 14);
}

TEST(TcpState, BrokenOptionsOfferNoWindowScale) {
  for (const std::vector<std::uint8_t>& options : {std::vector<std::uint8_t>{3, 3},
                                                   {3},
                                                   {2, 0, 3, 3},
                                                   {8, 200, 3, 3},
                                                   {0, 3, 3, 7},
                                                   {3, 2, 7, 0}}) {
    std::vector<std::uint8_t> frame(20, 0);
    frame.insert(frame.end(), options.begin(), options.end());
    EXPECT_EQ(window_scale_of(syn_with_options(frame)), kScaleNotOffered);
  }
}

TEST(TcpState, OptionsThatWereNotCapturedAreUnknown) {
  std::vector<std::uint8_t> frame(20, 0);
  Packet packet = syn_with_options(frame);
  packet.payload_offset = 40;
  EXPECT_EQ(window_scale_of(packet), kScaleUnknown);
}

TEST(TcpState, QuotedSequenceMustHaveBeenSent) {
  Connection tcp = Connection().established();
  EXPECT_TRUE(tcp.send(0, kAck, 1, 1, 500));
  EXPECT_TRUE(is_plausible_quote(tcp.flow, tcp.warm, 1001, kToServer));
  EXPECT_FALSE(is_plausible_quote(tcp.flow, tcp.warm, 2000, kToServer));
  EXPECT_FALSE(is_plausible_quote(tcp.flow, tcp.warm, 1001U - 0x20000U, kToServer));
}

/// Mostly near the marks of the connection, on both sides of every bound.
TcpSegment random_segment(const Connection& tcp, std::mt19937& random) {
  const auto side = static_cast<std::uint8_t>(random() % 2);
  const auto near = [&random](std::uint32_t mark) {
    constexpr std::int32_t kDistances[] = {0, 0, 0, 1, 2, 3, 500, 65535, 65536, 300'000};
    const auto distance = static_cast<std::uint32_t>(kDistances[random() % 10]);
    return random() % 2 == 0 ? mark + distance : mark - distance;
  };
  constexpr unsigned kFlags[] = {kAck, kAck, kAck,        kAck | kPsh, kAck | kUrg | kEce,
                                 0,    kPsh, kAck | kFin, kAck | kRst, kRst};
  return {near(tcp.flow.next_sequence[side]),
          near(tcp.flow.next_sequence[side ^ 1]),
          random() % 3 == 0 ? static_cast<std::uint32_t>(random() % 1460) : 0,
          static_cast<std::uint16_t>(random()),
          static_cast<std::uint8_t>(kFlags[random() % 10]),
          side};
}

TEST(TcpState, PlainSegmentsAdvanceAsTheGeneralRuleSays) {
  std::mt19937 random(17);
  unsigned taken = 0;
  for (unsigned i = 0; i < 200'000; ++i) {
    Connection general(static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()));
    general.established();
    general.warm.window_scales =
        random() % 8 == 0 ? kScalesUnknown : static_cast<std::uint8_t>(random() % 4 * 0x11);
    if (random() % 8 == 0) general.flow.tcp_state = static_cast<TcpState>(2 + random() % 8);
    for (unsigned step = 0; step < 4; ++step) {
      Connection plain = general;
      const TcpSegment segment = random_segment(general, random);
      const Connection before = general;
      const bool is_taken = advance_plainly(plain.flow, plain.warm, segment);
      const bool is_fit = advance(general.flow, general.warm, segment);
      taken += is_taken ? 1 : 0;
      ASSERT_TRUE(is_fit || !is_taken);
      const Connection& expected = is_taken ? general : before;
      ASSERT_EQ(plain.flow.tcp_state, expected.flow.tcp_state);
      ASSERT_EQ(plain.flow.next_sequence, expected.flow.next_sequence);
      ASSERT_EQ(plain.warm.acknowledged, expected.warm.acknowledged);
      ASSERT_EQ(plain.warm.window_edge, expected.warm.window_edge);
      ASSERT_EQ(plain.warm.tcp_flags, expected.warm.tcp_flags);
    }
  }
  EXPECT_GT(taken, 50'000U);
}

TEST(TcpState, DataAndItsAcknowledgementArePlain) {
  Connection tcp = Connection().established();
  const auto send = [&tcp](const TcpSegment& segment) {
    return advance_plainly(tcp.flow, tcp.warm, segment);
  };
  EXPECT_TRUE(send({1001, 5001, 500, 0xffff, kAck | kPsh, kToServer}));
  EXPECT_TRUE(send({5001, 1501, 0, 0xffff, kAck, kToClient}));
  EXPECT_FALSE(send({5001, 1501, 0, 0xffff, kAck | kFin, kToClient}));
  EXPECT_FALSE(send({5001, 1502, 0, 0xffff, kAck, kToClient}));
}

}  // namespace
}  // namespace sluice
