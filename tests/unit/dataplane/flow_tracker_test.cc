#include "dataplane/flow/flow_tracker.h"

#include <array>
#include <map>
#include <random>

#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {
namespace {

class FlowTracker : public FlowTest {
 protected:
  Flow* udp_flow() {
    Talk other = talk;
    other.protocol = 17;
    return flow_of(other);
  }
};

// What makes a flow.

TEST_F(FlowTracker, FirstPacketMakesAFlowAndSaysSo) {
  const Packet first = send(udp(true, kStart));
  ASSERT_NE(first.flow, nullptr);
  EXPECT_TRUE(first.has(kNewFlow));
  EXPECT_TRUE(first.has(kInitiator));
  EXPECT_EQ(first.since_previous, 0U);
  const Packet second = send(udp(true, kStart + 5));
  EXPECT_EQ(second.flow, first.flow);
  EXPECT_FALSE(second.has(kNewFlow));
  EXPECT_EQ(second.since_previous, 5U);
  const Packet reply = send(udp(false, kStart + 7));
  EXPECT_FALSE(reply.has(kInitiator));
  EXPECT_EQ(reply.since_previous, 2U);
  EXPECT_TRUE(udp_flow()->has(kTwoWay));
  EXPECT_EQ(tracker->counters().created, 1U);
}

TEST_F(FlowTracker, PacketsOfANewFlowInOneBurstShareIt) {
  const auto packets = send_all({udp(true, kStart), udp(true, kStart), udp(false, kStart)});
  EXPECT_EQ(packets[0].flow, packets[1].flow);
  EXPECT_EQ(packets[0].flow, packets[2].flow);
  EXPECT_FALSE(packets[1].has(kNewFlow));
  EXPECT_EQ(warm_of(*packets[0].flow).packets, (std::array<std::uint32_t, 2>{2, 1}));
}

TEST_F(FlowTracker, DecidedPacketsNonIpAndLoneFragmentsMakeNone) {
  Packet decided = udp(true, kStart);
  decided.drop(DropReason::denied_prefix);
  Packet not_ip = udp(true, kStart);
  not_ip.flags = 0;
  Packet fragment = udp(true, kStart);
  fragment.set(kIsFragment);
  for (const Packet& packet : send_all({decided, not_ip, fragment})) {
    EXPECT_EQ(packet.flow, nullptr);
  }
  EXPECT_EQ(tracker->counters().created, 0U);
}

TEST_F(FlowTracker, DatagramCountsItsFrames) {
  Packet datagram = udp(true, kStart, 4000);
  datagram.frames = 3;
  send(datagram);
  EXPECT_EQ(warm_of(*udp_flow()).packets[0], 3U);
  EXPECT_EQ(warm_of(*udp_flow()).bytes[0], 4000U);
}

TEST_F(FlowTracker, Ipv6KeyIsReadFromThePacket) {
  std::array<std::uint8_t, 64> frame{};
  frame[14] = 0x60;
  for (unsigned i = 0; i < 32; ++i) frame[22 + i] = static_cast<std::uint8_t>(200 - i);
  Packet packet = udp(true, kStart);
  packet.bytes = frame.data();
  packet.ip_version = 6;
  packet.id = {1, 6};
  packet.clear(kSourceIsLow);
  const Flow* flow = send(packet).flow;
  ASSERT_NE(flow, nullptr);
  const FlowKey& key = tracker->table().cold_of(*flow).key;
  EXPECT_EQ(key.version, 6);
  EXPECT_EQ(key.high[0], 200);
  EXPECT_EQ(key.low[0], 184);
  EXPECT_EQ(key.high_port, talk.client_port);
}

// TCP on known flows.

TEST_F(FlowTracker, SynOnALiveFlowChangesNothing) {
  shake_hands();
  const TimeNs seen = flow_of(talk)->last_seen;
  const Packet syn = send_tcp(true, kSyn, {.sequence = 99'000});
  EXPECT_TRUE(syn.is_undecided());
  EXPECT_EQ(state(), TcpState::established);
  EXPECT_EQ(flow_of(talk)->last_seen, seen);
  send_tcp(false, kAck, {.sequence = 5001, .acknowledgement = 1001});  // challenge, RFC 5961 4.2
  EXPECT_EQ(state(), TcpState::established);
  EXPECT_TRUE(records.empty());
}

TEST_F(FlowTracker, AnswerToThatSynMakesANewFlow) {
  shake_hands();
  send_tcp(true, kSyn, {.sequence = 90'000'000});
  send_tcp(false, kSyn | kAck, {.sequence = 70'000'000, .acknowledgement = 90'000'001});
  EXPECT_EQ(state(), TcpState::syn_received);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(tracker->counters().created, 2U);
  EXPECT_EQ(warm_of(*flow_of(talk)).packets, (std::array<std::uint32_t, 2>{1, 1}));
}

TEST_F(FlowTracker, ClosedTupleIsUsedAgain) {
  shake_hands();
  send_tcp(true, kFin | kAck, {.sequence = 1001, .acknowledgement = 5001});
  send_tcp(false, kFin | kAck, {.sequence = 5001, .acknowledgement = 1002});
  send_tcp(true, kAck, {.sequence = 1002, .acknowledgement = 5002});
  EXPECT_EQ(state(), TcpState::closed);
  send_tcp(true, kSyn, {.sequence = 2000});
  send_tcp(false, kSyn | kAck, {.sequence = 6000, .acknowledgement = 2001});
  send_tcp(true, kAck, {.sequence = 2001, .acknowledgement = 6001});
  EXPECT_EQ(state(), TcpState::established);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end, FlowEnd::closed);
  EXPECT_EQ(records[0].packets, (std::array<std::uint64_t, 2>{4, 2}));
}

TEST_F(FlowTracker, BlindResetNeitherEndsNorProlongsTheFlow) {
  shake_hands();
  const TimeNs seen = flow_of(talk)->last_seen;
  EXPECT_TRUE(send_tcp(true, kRst, {.sequence = 1500}).is_undecided());
  EXPECT_EQ(state(), TcpState::established);
  EXPECT_EQ(flow_of(talk)->last_seen, seen);
  EXPECT_EQ(tracker->counters().out_of_state, 1U);
}

TEST_F(FlowTracker, ExactResetOnlyShortensTheTimeout) {
  shake_hands();
  send_tcp(true, kRst, {.sequence = 1001});
  EXPECT_EQ(state(), TcpState::reset);
  EXPECT_TRUE(records.empty());
  sweep_at(now + settings.flows.tcp_closed - 1);
  EXPECT_TRUE(records.empty());
  sweep_at(now + 1);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end, FlowEnd::closed);
}

TEST_F(FlowTracker, OutOfStatePacketIsDroppedOrRefusesItsFlowAsThePolicySays) {
  shake_hands();
  settings.flows.out_of_state = ExceptionPolicy::drop_packet;
  EXPECT_EQ(send_tcp(true, kRst, {.sequence = 7}).verdict.reason, DropReason::tcp_out_of_state);
  EXPECT_TRUE(send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001}).is_undecided());
  settings.flows.out_of_state = ExceptionPolicy::drop_flow;
  const Packet last = send_tcp(true, kRst, {.sequence = 7});
  EXPECT_TRUE(last.verdict.refuses_flow);
  EXPECT_EQ(send_tcp(true, kAck, {.sequence = 1001, .acknowledgement = 5001}).verdict.reason,
            DropReason::flow_refused);
}

TEST_F(FlowTracker, IcmpErrorFindsItsFlowButDoesNotCountOrMakeOne) {
  shake_hands();
  Packet error = packet_of(talk, false, now + kNsPerSecond);
  error.set(kIcmpError);
  error.protocol = 1;
  error.tcp_sequence = 1000;
  const Packet known = send(error);
  EXPECT_EQ(known.flow, flow_of(talk));
  EXPECT_EQ(known.since_previous, 0U);
  EXPECT_EQ(warm_of(*known.flow).packets[1], 1U);
  talk.client_port = 40'001;
  Packet stray = packet_of(talk, false, now);
  stray.set(kIcmpError);
  EXPECT_EQ(send(stray).flow, nullptr);
  EXPECT_EQ(tracker->counters().created, 1U);
  EXPECT_EQ(tracker->counters().out_of_state, 1U);
  settings.flows.out_of_state = ExceptionPolicy::drop_packet;
  EXPECT_FALSE(send(stray).is_undecided());
  stray.set(kMustPass);
  EXPECT_TRUE(send(stray).is_undecided());
}

TEST_F(FlowTracker, IcmpErrorWithAQuoteThatWasNeverSentIsOutOfState) {
  shake_hands();
  settings.flows.out_of_state = ExceptionPolicy::drop_packet;
  Packet error = packet_of(talk, false, now);
  error.set(kIcmpError);
  error.tcp_sequence = 77'000;
  EXPECT_FALSE(send(error).is_undecided());
}

// Time.

TEST_F(FlowTracker, EntryPastItsTimeoutIsAbsentThoughNobodySwept) {
  send(udp(true, kStart));
  const TimeNs end = kStart + settings.flows.udp_one_way;
  EXPECT_FALSE(send(udp(true, end - 1)).has(kNewFlow));
  EXPECT_TRUE(send(udp(true, end - 1 + settings.flows.udp_one_way)).has(kNewFlow));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end, FlowEnd::timeout);
  EXPECT_EQ(records[0].emitted, end - 1);
  EXPECT_EQ(records[0].packets[0], 2U);
}

TEST_F(FlowTracker, TimeoutsGoByClass) {
  Talk icmp = talk;
  icmp.protocol = 1;
  Talk gre = talk;
  gre.protocol = 47;
  send(packet_of(icmp, true, kStart));
  send(packet_of(gre, true, kStart));
  send(udp(true, kStart));
  send(udp(false, kStart));
  sweep_at(kStart + 60 * kNsPerSecond);
  EXPECT_EQ(flow_of(icmp), nullptr);
  EXPECT_NE(udp_flow(), nullptr);
  sweep_at(kStart + 300 * kNsPerSecond);
  EXPECT_EQ(udp_flow(), nullptr);
  EXPECT_NE(flow_of(gre), nullptr);
  sweep_at(kStart + 600 * kNsPerSecond);
  EXPECT_EQ(flow_of(gre), nullptr);
}

TEST_F(FlowTracker, EstablishedConnectionLivesTwoHours) {
  shake_hands();
  sweep_at(now + 7439 * kNsPerSecond);
  EXPECT_EQ(state(), TcpState::established);
  sweep_at(now + 2 * kNsPerSecond);
  EXPECT_EQ(flow_of(talk), nullptr);
}

TEST_F(FlowTracker, SynPastItsTimeoutProvesNothing) {
  send_tcp(true, kSyn, {.sequence = 1000});
  now += settings.flows.tcp_opening;
  send_tcp(false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001});
  EXPECT_EQ(flow_of(talk), nullptr);
  sweep_at(now);
  EXPECT_EQ(tracker->half_open().expired, 1U);
  EXPECT_EQ(tracker->half_open().active, 0U);
  EXPECT_TRUE(records.empty());
}

TEST_F(FlowTracker, TimeThatStandsStillOrGoesBackCreditsNothing) {
  send(udp(true, kStart + 100));
  EXPECT_EQ(send(udp(true, kStart + 50)).since_previous, 0U);
  EXPECT_EQ(udp_flow()->last_seen, kStart + 100);
}

// The first packet neither fits nor prolongs its flow; the last comes when that is over.
TEST_F(FlowTracker, FlowThatEndsWithinABurstIsForgottenByAllOfIt) {
  shake_hands();
  const TimeNs end = now + settings.flows.tcp_established;
  const auto packets = send_all({tcp_packet(talk, true, kRst, {.sequence = 7}, end - 1),
                                 tcp_packet(talk, true, kSyn, {.sequence = 9}, end)});
  EXPECT_EQ(packets[0].flow, nullptr);
  EXPECT_EQ(packets[1].flow, nullptr);
  EXPECT_EQ(tracker->counters().active, 0U);
}

// Refusal.

TEST_F(FlowTracker, RefusalHoldsForBothDirectionsWithTheSameRule) {
  settings.flows.record_interval = 0;
  Flow* flow = send(udp(true, kStart)).flow;
  tracker->refuse(*flow, DropReason::flow_rate_exceeded, 20031);
  tracker->refuse(*flow, DropReason::tcp_out_of_state, 7);
  for (const bool from_client : {true, false}) {
    const Packet packet = send(udp(from_client, kStart + kNsPerSecond));
    EXPECT_EQ(packet.verdict.reason, DropReason::flow_refused);
    EXPECT_EQ(packet.verdict.rule_id, 20031U);
  }
  note_refused_packet(*flow, 2);
  tracker->flush(kStart + 1000 * kNsPerSecond);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end, FlowEnd::refused);
  EXPECT_EQ(records[0].refused_reason, DropReason::flow_rate_exceeded);
  EXPECT_EQ(records[0].rule_id, 20031U);
  EXPECT_EQ(records[0].dropped_packets, 2U);
}

TEST_F(FlowTracker, TombstoneStaysForItsTimeAfterTheLastPacket) {
  tracker->refuse(*send(udp(true, kStart)).flow, DropReason::flow_rate_exceeded, 0);
  TimeNs when = kStart;
  for (int i = 0; i < 5; ++i) {
    when += 119 * kNsPerSecond;
    EXPECT_FALSE(send(udp(true, when)).is_undecided());
  }
  EXPECT_TRUE(send(udp(true, when + 120 * kNsPerSecond)).has(kNewFlow));
}

TEST_F(FlowTracker, TombstoneRefusesANewHandshakeToo) {
  shake_hands();
  tracker->refuse(*flow_of(talk), DropReason::flow_rate_exceeded, 0);
  EXPECT_FALSE(send_tcp(true, kSyn, {.sequence = 99'000}).is_undecided());
  EXPECT_EQ(tracker->half_open().active, 0U);
}

// Everything at once.

TEST_F(FlowTracker, AgreesWithAnOrderedMapUnderRandomTraffic) {
  start({.flows = 512, .half_open = 128, .started = kStart});
  struct Known {
    TimeNs last_seen;
    std::array<std::uint32_t, 2> packets;
    bool client_began;
  };
  std::map<std::uint16_t, Known> oracle;
  std::mt19937_64 random(11);
  TimeNs when = kStart;
  for (int round = 0; round < 20'000; ++round) {
    when += random() % (4 * kNsPerSecond);
    const std::size_t count = 1 + random() % kBurstMax;
    std::vector<Packet> packets;
    std::vector<std::pair<std::uint16_t, bool>> said;
    for (std::size_t i = 0; i < count; ++i) {
      said.emplace_back(random() % 400, random() % 2 != 0);
      talk.client_port = said.back().first;
      packets.push_back(udp(said.back().second, when));
    }
    const std::vector<Packet> after = send_all(packets);
    for (std::size_t i = 0; i < count; ++i) {
      const auto [port, from_client] = said[i];
      auto known = oracle.find(port);
      if (known != oracle.end()) {
        const bool both = known->second.packets[0] > 0 && known->second.packets[1] > 0;
        const DurationNs timeout = both ? settings.flows.udp : settings.flows.udp_one_way;
        if (when >= known->second.last_seen + timeout) known = (oracle.erase(known), oracle.end());
      }
      ASSERT_EQ(after[i].has(kNewFlow), known == oracle.end());
      if (known == oracle.end()) known = oracle.emplace(port, Known{when, {}, from_client}).first;
      ASSERT_EQ(after[i].has(kInitiator), from_client == known->second.client_began);
      ASSERT_EQ(after[i].since_previous, when - known->second.last_seen);
      known->second.last_seen = when;
      ++known->second.packets[from_client == known->second.client_began ? 0 : 1];
    }
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(warm_of(*after[i].flow).packets, oracle.at(said[i].first).packets);
    }
    if (random() % 8 == 0) tracker->expire(when, static_cast<std::uint32_t>(random() % 600));
  }
  EXPECT_EQ(tracker->counters().evicted_one_way + tracker->counters().table_full, 0U);
}

// Any packet whatever, as a forger would send them: nothing breaks and the counters agree.
TEST_F(FlowTracker, SurvivesRandomSegments) {
  start({.flows = 64, .half_open = 16, .started = kStart});
  std::mt19937_64 random(13);
  settings.flows.record_interval = kNsPerSecond;
  for (int round = 0; round < 30'000; ++round) {
    std::vector<Packet> packets;
    for (std::size_t i = 0; i < 1 + random() % 8; ++i) {
      talk.client_port = static_cast<std::uint16_t>(random() % 100);
      constexpr std::array<unsigned, 8> kFlags{kSyn,        kSyn | kAck, kAck, kAck,
                                               kFin | kAck, kRst,        0,    kRst | kAck};
      const TcpNumbers numbers{.sequence = static_cast<std::uint32_t>(1000 + random() % 4),
                               .acknowledgement = static_cast<std::uint32_t>(1000 + random() % 4),
                               .payload = static_cast<std::uint16_t>(random() % 3),
                               .window = static_cast<std::uint16_t>(random())};
      packets.push_back(tcp_packet(talk, random() % 2 != 0, kFlags[random() % 8], numbers, now));
      if (random() % 16 == 0) packets.back().set(kIcmpError);
      if (random() % 16 == 0) packets.back().protocol = 17;
    }
    for (const Packet& packet : send_all(packets)) {
      ASSERT_TRUE(packet.flow == nullptr || packet.flow->id == packet.id);
      if (packet.flow != nullptr && random() % 64 == 0) {
        tracker->refuse(*packet.flow, DropReason::flow_rate_exceeded, 9);
      }
    }
    now += random() % kNsPerSecond;
    settings.flows.out_of_state = static_cast<ExceptionPolicy>(random() % 3);
    if (random() % 4 == 0) tracker->expire(now, 8);
    ASSERT_EQ(tracker->counters().active, tracker->table().size());
    ASSERT_EQ(tracker->counters().created, tracker->counters().ended + tracker->counters().active);
  }
  tracker->flush(now);
  EXPECT_EQ(tracker->table().size(), 0U);
  std::uint64_t ends = 0;
  for (const FlowRecord& record : records) ends += record.is_interim == 0 ? 1 : 0;
  EXPECT_EQ(ends, tracker->counters().ended);
}

}  // namespace
}  // namespace sluice::test
