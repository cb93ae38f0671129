// How connections of TCP begin, and what does not begin one.
#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {
namespace {

class FlowOpening : public FlowTest {};

TEST_F(FlowOpening, SynAloneMakesNoFlow) {
  const Packet syn = send_tcp(true, kSyn, {.sequence = 1000});
  EXPECT_EQ(syn.flow, nullptr);
  EXPECT_TRUE(syn.is_undecided());
  EXPECT_EQ(tracker->counters().created, 0U);
  EXPECT_EQ(tracker->half_open().active, 1U);
}

TEST_F(FlowOpening, HandshakeMakesAFlowOfItsInitiatorWithTheSynCounted) {
  shake_hands();
  ASSERT_NE(flow_of(talk), nullptr);
  EXPECT_EQ(state(), TcpState::established);
  EXPECT_EQ(warm_of(*flow_of(talk)).packets, (std::array<std::uint32_t, 2>{2, 1}));
  EXPECT_EQ(warm_of(*flow_of(talk)).bytes, (std::array<std::uint64_t, 2>{108, 54}));
  EXPECT_EQ(tracker->table().cold_of(*flow_of(talk)).first_seen, kStart + kNsPerMs);
  EXPECT_EQ(tracker->half_open().active, 0U);
  EXPECT_EQ(tracker->half_open().completed, 1U);
}

TEST_F(FlowOpening, WrongAnswerToASynMakesNoFlow) {
  send_tcp(true, kSyn, {.sequence = 1000});
  send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1002});
  EXPECT_EQ(flow_of(talk), nullptr);
  EXPECT_EQ(tracker->counters().out_of_state, 1U);
}

TEST_F(FlowOpening, AnswerTellsWhichOfSeveralSynsArrived) {
  for (const std::uint32_t sequence : {1000U, 77U, 0x80000000U, 5U}) {
    send_tcp(true, kSyn, {.sequence = sequence});
  }
  EXPECT_EQ(tracker->half_open().active, 4U);
  send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001});
  ASSERT_NE(flow_of(talk), nullptr);
  EXPECT_FALSE(flow_of(talk)->has(kMidstream));
  EXPECT_EQ(flow_of(talk)->next_sequence[0], 1001U);
}

TEST_F(FlowOpening, ResetThatMayHaveDiedForgetsNoSyn) {
  send_tcp(true, kSyn, {.sequence = 1000});
  send_tcp(true, kRst, {.sequence = 1001});
  send_tcp(false, kRst | kAck, {.sequence = 0, .acknowledgement = 1001});
  EXPECT_EQ(tracker->half_open().active, 0U);
  EXPECT_EQ(tracker->half_open().refused, 1U) << "it counts once";
  send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001});
  send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001});
  EXPECT_EQ(state(), TcpState::established);
  EXPECT_EQ(tracker->half_open().completed, 1U);
}

TEST_F(FlowOpening, AnswerToADisplacedSynIsRefusedUntilTheSynComesAgain) {
  for (const std::uint32_t sequence : {1000U, 1U, 2U, 3U, 4U}) {
    send_tcp(true, kSyn, {.sequence = sequence});
    now += 20 * kNsPerMs;
  }
  EXPECT_EQ(tracker->half_open().active, 4U);
  EXPECT_EQ(
      send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001}).verdict.reason,
      DropReason::tcp_out_of_state);
  send_tcp(true, kAck, {.sequence = 5, .acknowledgement = 9});
  EXPECT_EQ(
      send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001}).verdict.reason,
      DropReason::tcp_out_of_state)
      << "another SYN having become a flow changes nothing";
  send_tcp(true, kSyn, {.sequence = 1000});
  EXPECT_TRUE(
      send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001}).is_undecided());
  EXPECT_EQ(flow_of(talk)->next_sequence[0], 1001U);
}

TEST_F(FlowOpening, AnswerToAnotherSynThanThatOfAnUnansweredFlowIsRefused) {
  send_tcp(true, kSyn, {.sequence = 1000});
  send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001});
  EXPECT_EQ(send_tcp(false, kSyn | kAck, {.sequence = 9000, .acknowledgement = 55}).verdict.reason,
            DropReason::tcp_out_of_state);
  EXPECT_TRUE(
      send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001}).is_undecided())
      << "the one that came late passes";
}

TEST_F(FlowOpening, RepeatedSynIsOneHalfOpenEntryAndCounts) {
  for (int i = 0; i < 3; ++i) send_tcp(true, kSyn, {.sequence = 1000});
  EXPECT_EQ(tracker->half_open().created, 1U);
  send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001});
  EXPECT_EQ(warm_of(*flow_of(talk)).packets[0], 3U);
}

TEST_F(FlowOpening, ProvenAcknowledgementMakesAFlowWhereAnswersAreNotSeen) {
  send_tcp(true, kSyn, {.sequence = 1000});
  send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001});
  EXPECT_EQ(state(), TcpState::established);
  EXPECT_FALSE(flow_of(talk)->has(kTwoWay));
  EXPECT_FALSE(flow_of(talk)->has(kMidstream));
}

TEST_F(FlowOpening, UnprovenAcknowledgementIsMidstream) {
  send_tcp(true, kSyn, {.sequence = 1000});
  send_tcp(true, kAck, {.sequence = 1007, .acknowledgement = 5001});
  EXPECT_EQ(state(), TcpState::midstream);
}

TEST_F(FlowOpening, PortsTellTheServerOfWhatIsMetMidway) {
  EXPECT_FALSE(send_tcp(false, kAck, {.sequence = 5000, .acknowledgement = 1000}).has(kInitiator));
  ASSERT_EQ(state(), TcpState::midstream);
  EXPECT_FALSE(flow_of(talk)->has(kTwoWay));
  EXPECT_TRUE(send_tcp(true, kAck, {.sequence = 1000, .acknowledgement = 5000}).has(kInitiator));
  EXPECT_TRUE(flow_of(talk)->has(kTwoWay));
}

TEST_F(FlowOpening, FirstSenderIsTheClientWherePortsDoNotTell) {
  for (const std::uint16_t port : {std::uint16_t{50'000}, std::uint16_t{33'000}}) {
    talk.server_port = port;
    EXPECT_TRUE(send_tcp(false, kAck, {.sequence = 5000, .acknowledgement = 1}).has(kInitiator));
  }
  talk.server_port = 8080;
  EXPECT_FALSE(send_tcp(false, kAck, {.sequence = 5000, .acknowledgement = 1}).has(kInitiator));
}

TEST_F(FlowOpening, SimultaneousOpenIsTheFirstSendersFlow) {
  send_tcp(true, kSyn, {.sequence = 1000});
  send_tcp(false, kSyn, {.sequence = 5000});
  EXPECT_EQ(tracker->half_open().active, 2U);
  const Packet answer = send_tcp(true, kSyn | kAck, {.sequence = 1000, .acknowledgement = 5001});
  ASSERT_NE(answer.flow, nullptr);
  EXPECT_TRUE(answer.has(kInitiator));
  send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001});
  send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001});
  EXPECT_EQ(state(), TcpState::established);
  EXPECT_EQ(warm_of(*flow_of(talk)).packets, (std::array<std::uint32_t, 2>{3, 2}));
  EXPECT_EQ(tracker->half_open().active, 0U);
}

TEST_F(FlowOpening, DataOnTheSynMayBeTakenOrNot) {
  send_tcp(true, kSyn, {.sequence = 1000, .payload = 100});
  send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1101});
  send_tcp(true, kAck, {.sequence = 1101, .acknowledgement = 5001, .payload = 10});
  EXPECT_EQ(state(), TcpState::established);
  talk.client_port = 40'001;
  send_tcp(true, kSyn, {.sequence = 1000, .payload = 100});
  send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001});
  send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001, .payload = 100});
  EXPECT_EQ(state(), TcpState::established);
}

TEST_F(FlowOpening, RefusedConnectionLeavesNothing) {
  send_tcp(true, kSyn, {.sequence = 1000});
  send_tcp(false, kRst | kAck, {.sequence = 0, .acknowledgement = 1001});
  EXPECT_EQ(tracker->half_open().active, 0U);
  EXPECT_EQ(tracker->half_open().refused, 1U);
  EXPECT_EQ(tracker->counters().created, 0U);
}

TEST_F(FlowOpening, ResetsAndFinsOfUnknownFlowsAreOutOfState) {
  settings.flows.out_of_state = ExceptionPolicy::drop_packet;
  EXPECT_EQ(send_tcp(true, kRst, {.sequence = 1}).verdict.reason, DropReason::tcp_out_of_state);
  EXPECT_EQ(send_tcp(true, kFin | kAck, {.sequence = 1}).verdict.reason,
            DropReason::tcp_out_of_state);
  EXPECT_EQ(tracker->counters().created, 0U);
}

TEST_F(FlowOpening, MidstreamIsRefusedBehindTheGraceTimeIfThePolicySaysSo) {
  settings.flows.midstream = ExceptionPolicy::drop_flow;
  now = kStart + 59 * kNsPerSecond;
  EXPECT_TRUE(send_tcp(true, kAck, {.sequence = 7}).is_undecided());
  now = kStart + 61 * kNsPerSecond;
  talk.client_port = 40'001;
  EXPECT_EQ(send_tcp(true, kAck, {.sequence = 7}).verdict.reason, DropReason::midstream_refused);
  talk.client_port = 40'000;
  EXPECT_TRUE(send_tcp(true, kAck, {.sequence = 7}).is_undecided()) << "picked up before";
}

}  // namespace
}  // namespace sluice::test
