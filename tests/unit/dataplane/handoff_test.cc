#include "dataplane/io/handoff.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "dataplane/decode/decoder.h"
#include "dataplane/decode/defrag.h"
#include "dataplane/io/mbuf_train.h"
#include "tests/support/mbuf_fixture.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

using test::Bytes;
using test::MbufHeap;
using test::PacketBuilder;

constexpr SipKey kKey{11, 22};

std::string address_v4(unsigned last) { return "10.1.2." + std::to_string(last); }
std::string address_v6(unsigned last) { return "2001:db8::" + std::to_string(last); }

Bytes udp_v4(unsigned from, unsigned to, std::size_t payload = 20) {
  return PacketBuilder()
      .eth()
      .ipv4(address_v4(from), address_v4(to))
      .udp(1000, 53)
      .payload(payload)
      .build();
}

/// Decoded frames, and rings to hand them over.
class Handoff : public testing::Test {
 protected:
  static constexpr std::uint32_t kWorkers = 3;

  void make_rings(std::uint32_t slots) {
    auto made = HandoffRings::create(kWorkers, slots, kKey, arena_);
    ASSERT_TRUE(made.has_value());
    rings_ = std::move(*made);
  }
  void SetUp() override { make_rings(64); }

  Packet decoded(const Bytes& frame) {
    Burst burst;
    heap_.receive(burst, frame);
    decoder_.decode(burst, {});
    return burst.packets[0];
  }
  std::uint32_t owner(const Bytes& frame, std::uint32_t workers = kWorkers) {
    return owner_of(kKey, decoded(frame), workers);
  }
  /// A frame that `worker` owns; another one for every `salt`.
  Bytes frame_of(std::uint32_t worker, unsigned salt = 0) {
    for (unsigned last = salt * 8;; ++last) {
      Bytes frame = udp_v4(last % 250 + 1, 251 + last / 250);
      if (owner(frame) == worker) return frame;
    }
  }
  Packet& receive(const Bytes& frame, std::uint32_t number) {
    return heap_.receive(burst_, frame, {.in_port = 2, .packet_number = number});
  }
  void hand_off(std::uint32_t worker) {
    decoder_.decode(burst_, {});
    rings_->hand_off(burst_, worker, counters_[worker]);
  }
  std::vector<std::uint32_t> numbers_taken(std::uint32_t worker) {
    std::vector<std::uint32_t> numbers;
    Burst burst;
    while (rings_->take(worker, burst, 5, counters_[worker])) {
      for (const Packet& packet : burst.all()) numbers.push_back(packet.packet_number);
    }
    return numbers;
  }

  MemoryArena arena_;
  MbufHeap heap_;
  Decoder decoder_{SipKey{1, 2}};
  std::unique_ptr<HandoffRings> rings_;
  Burst burst_{};
  std::array<WorkerCounters, kWorkers> counters_{};
};

using Owner = Handoff;

TEST_F(Owner, IsTheSameForBothDirections) {
  for (unsigned last = 2; last < 60; ++last) {
    EXPECT_EQ(owner(udp_v4(1, last)), owner(udp_v4(last, 1)));
    const auto there =
        PacketBuilder().eth().ipv6(address_v6(1), address_v6(last)).tcp(1, 2).build();
    const auto back = PacketBuilder().eth().ipv6(address_v6(last), address_v6(1)).tcp(2, 1).build();
    EXPECT_EQ(owner(there), owner(back));
  }
}

TEST_F(Owner, IsTheSameForAllFragments) {
  const Bytes whole = udp_v4(3, 4, 600);
  for (const Bytes& fragment : test::split_into_fragments(whole, 200)) {
    EXPECT_EQ(owner(fragment), owner(whole));
  }
  const Bytes v6 =
      PacketBuilder().eth().ipv6(address_v6(3), address_v6(9)).udp(1, 2).payload(600).build();
  for (const Bytes& fragment : test::split_into_fragments(v6, 200)) {
    EXPECT_EQ(owner(fragment), owner(v6));
  }
}

TEST_F(Owner, OfAnIcmpErrorIsThatOfTheQuotedFlow) {
  for (unsigned last = 2; last < 40; ++last) {
    const Bytes flow = udp_v4(1, last);
    const Bytes quote(flow.begin() + 14, flow.begin() + 14 + 28);
    const auto error =
        PacketBuilder().eth().ipv4("192.0.2.99", address_v4(1)).icmp(3, 4).payload(quote).build();
    ASSERT_TRUE(decoded(error).has(kIcmpError));
    EXPECT_EQ(owner(error), owner(flow));
    const Bytes flow6 =
        PacketBuilder().eth().ipv6(address_v6(1), address_v6(last)).tcp(5, 6).build();
    const auto error6 = PacketBuilder()
                            .eth()
                            .ipv6("2001:db8:99::1", address_v6(1))
                            .icmpv6(2)
                            .payload(Bytes(flow6.begin() + 14, flow6.end()))
                            .build();
    ASSERT_TRUE(decoded(error6).has(kIcmpError));
    EXPECT_EQ(owner(error6), owner(flow6));
  }
}

TEST_F(Owner, OfATunnelPacketIsThatOfTheInnerFlow) {
  for (unsigned last = 2; last < 40; ++last) {
    const auto inner = udp_v4(1, last);
    const auto tunnel = PacketBuilder()
                            .eth()
                            .ipv4("192.0.2.1", "192.0.2.2")
                            .gre()
                            .ipv4(address_v4(1), address_v4(last))
                            .udp(7, 8)
                            .build();
    EXPECT_EQ(owner(tunnel), owner(inner));
  }
}

TEST_F(Owner, IsBelowTheNumberOfWorkersAndSpread) {
  for (std::uint32_t workers : {1U, 2U, 3U, 7U, 64U}) {
    std::map<std::uint32_t, int> seen;
    for (unsigned i = 0; i < 2500; ++i) {
      const std::uint32_t who = owner(udp_v4(1 + i % 250, 1 + i / 250), workers);
      ASSERT_LT(who, workers);
      ++seen[who];
    }
    EXPECT_EQ(seen.size(), workers);
    for (const auto& [who, count] : seen) {
      EXPECT_GT(count * static_cast<int>(workers), 2500 / 3) << who << " of " << workers;
    }
  }
}

TEST_F(Owner, DependsOnTheKeyAndTheDomain) {
  int moved_by_key = 0;
  int moved_by_domain = 0;
  for (unsigned last = 2; last < 100; ++last) {
    Packet packet = decoded(udp_v4(1, last));
    const std::uint32_t before = owner_of(kKey, packet, 8);
    moved_by_key += owner_of(SipKey{3, 4}, packet, 8) != before ? 1 : 0;
    packet.domain = 9;
    moved_by_domain += owner_of(kKey, packet, 8) != before ? 1 : 0;
  }
  EXPECT_GT(moved_by_key, 50);
  EXPECT_GT(moved_by_domain, 50);
}

TEST_F(Handoff, MovesForeignPacketsToTheirOwnerInOrder) {
  std::vector<std::uint32_t> to_one;
  for (std::uint32_t i = 0; i < 30; ++i) {
    receive(frame_of(i % 3, i), i + 1);
    if (i % 3 == 1) to_one.push_back(i + 1);
  }
  hand_off(0);
  for (std::uint32_t i = 0; i < 30; ++i) {
    const Packet& packet = burst_.packets[i];
    EXPECT_EQ(packet.verdict.action, i % 3 == 0 ? Action::undecided : Action::held);
    EXPECT_EQ(packet.mbuf == nullptr, i % 3 != 0);
  }
  EXPECT_EQ(counters_[0].handed_out, 20U);
  EXPECT_EQ(numbers_taken(1), to_one);
  EXPECT_EQ(counters_[1].handed_in, 10U);
  EXPECT_EQ(numbers_taken(2).size(), 10U);
  EXPECT_TRUE(numbers_taken(0).empty());
}

TEST_F(Handoff, GivesBackWhatReceiveHadSet) {
  const Bytes frame = frame_of(1);
  Packet& given = heap_.receive(
      burst_, frame, {.in_port = 2, .packet_number = 9, .wire_bytes = 1500, .segments = {30}});
  decoder_.decode(burst_, {});
  const FlowId id = given.id;
  rte_mbuf* mbuf = given.mbuf;
  rings_->hand_off(burst_, 0, counters_[0]);
  Burst taken;
  ASSERT_TRUE(rings_->take(1, taken, 77, counters_[1]));
  ASSERT_EQ(taken.count, 1U);
  const Packet& packet = taken.packets[0];
  EXPECT_EQ(packet.mbuf, mbuf);
  EXPECT_EQ(packet.wire_bytes, 1500U);
  EXPECT_EQ(packet.bytes_at_hand, 30U);
  EXPECT_EQ(packet.in_port, 2);
  EXPECT_EQ(packet.packet_number, 9U);
  EXPECT_EQ(packet.now, 77U);
  EXPECT_EQ(packet.frames, 1);
  EXPECT_EQ(note_of(mbuf).received, 1'000'000'000U);
  decoder_.decode(taken, {});
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(packet.id, id);
}

TEST_F(Handoff, LeavesDecidedAndNonIpPackets) {
  receive(PacketBuilder().eth().arp().build(), 1);
  receive(frame_of(1), 2);
  decoder_.decode(burst_, {});
  burst_.packets[1].drop(DropReason::bad_l4_checksum);
  rings_->hand_off(burst_, 0, counters_[0]);
  EXPECT_NE(burst_.packets[0].mbuf, nullptr);
  EXPECT_NE(burst_.packets[1].mbuf, nullptr);
  EXPECT_EQ(counters_[0].handed_out, 0U);
}

TEST_F(Handoff, RefusesWhatAFullRingCannotTake) {
  make_rings(8);
  for (std::uint32_t i = 0; i < 12; ++i) receive(frame_of(1), i + 1);
  hand_off(0);
  EXPECT_EQ(counters_[0].handed_out, 8U);
  EXPECT_EQ(counters_[0].capacity[static_cast<std::size_t>(CapacityEvent::handoff_full)], 4U);
  EXPECT_EQ(burst_.packets[7].verdict.action, Action::held);
  EXPECT_EQ(burst_.packets[8].verdict.reason, DropReason::handoff_full);
  EXPECT_NE(burst_.packets[8].mbuf, nullptr);
  EXPECT_EQ(numbers_taken(1), (std::vector<std::uint32_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(Handoff, KeepsTheOrderOverManyRoundsOfTheRing) {
  make_rings(16);
  std::uint32_t given = 0;
  std::uint32_t expected = 0;
  const Bytes frame = frame_of(2);
  for (std::uint32_t round = 0; round < 200; ++round) {
    burst_.count = 0;
    for (std::uint32_t i = 0; i <= round % 16; ++i) receive(frame, ++given);
    hand_off(1);
    for (const std::uint32_t number : numbers_taken(2)) ASSERT_EQ(number, ++expected);
  }
  EXPECT_EQ(expected, given);
}

TEST_F(Handoff, ServesEveryGiver) {
  for (std::uint32_t from : {1U, 2U}) {
    burst_.count = 0;
    for (std::uint32_t i = 0; i < 32; ++i) receive(frame_of(0), from * 100 + i);
    hand_off(from);
  }
  Burst burst;
  std::set<std::uint32_t> givers;
  for (int turn = 0; turn < 2; ++turn) {
    ASSERT_TRUE(rings_->take(0, burst, 1, counters_[0]));
    EXPECT_EQ(burst.count, kBurstMax);
    for (const Packet& packet : burst.all()) givers.insert(packet.packet_number / 100);
  }
  EXPECT_EQ(givers, (std::set<std::uint32_t>{1, 2}));
  EXPECT_FALSE(rings_->take(0, burst, 1, counters_[0]));
}

TEST_F(Handoff, RefusesRingsForOneWorkerOrNone) {
  EXPECT_FALSE(HandoffRings::create(1, 64, kKey, arena_).has_value());
  EXPECT_FALSE(HandoffRings::create(kWorkersMax + 1, 64, kKey, arena_).has_value());
  EXPECT_FALSE(HandoffRings::create(2, 0, kKey, arena_).has_value());
}

/// Fragments of a tunnel packet meet at the owner of the outer addresses; the datagram inside
/// belongs to another worker, who gets the whole train.
TEST_F(Handoff, HandsADatagramToTheOwnerOfItsInnerFlow) {
  Bytes tunnel;
  std::uint32_t outer_owner = 0;
  std::uint32_t inner_owner = 0;
  for (unsigned last = 2; outer_owner == inner_owner; ++last) {
    tunnel = PacketBuilder()
                 .eth()
                 .ipv4("192.0.2.1", "192.0.2.2")
                 .gre()
                 .ipv4(address_v4(1), address_v4(last))
                 .udp(7, 8)
                 .payload(900)
                 .build();
    inner_owner = owner(tunnel);
    outer_owner = owner(test::split_into_fragments(tunnel, 400)[0]);
  }
  std::vector<std::unique_ptr<Defragmenter>> defragmenters;
  for (std::uint32_t i = 0; i < kWorkers; ++i) {
    defragmenters.push_back(std::move(*Defragmenter::create({}, SipKey{5, 6}, arena_)));
  }
  const auto fragments = test::split_into_fragments(tunnel, 400);
  for (std::uint32_t i = 0; i < fragments.size(); ++i) receive(fragments[i], i + 1);
  hand_off(outer_owner);
  defragmenters[outer_owner]->collect(burst_, {}, Mode::enforce, decoder_, DecodeConfig{});
  rings_->hand_off_datagrams(burst_, outer_owner, counters_[outer_owner]);
  EXPECT_EQ(counters_[outer_owner].handed_out, fragments.size());
  EXPECT_EQ(defragmenters[outer_owner]->held(), 0U);

  Burst taken;
  ASSERT_TRUE(rings_->take(inner_owner, taken, 5, counters_[inner_owner]));
  ASSERT_EQ(taken.count, 1U);
  EXPECT_EQ(counters_[inner_owner].handed_in, fragments.size());
  decoder_.decode(taken, {});
  rings_->hand_off(taken, inner_owner, counters_[inner_owner]);
  defragmenters[inner_owner]->collect(taken, {}, Mode::enforce, decoder_, DecodeConfig{});
  rings_->hand_off_datagrams(taken, inner_owner, counters_[inner_owner]);
  const Packet& datagram = taken.packets[0];
  EXPECT_TRUE(datagram.is_undecided());
  EXPECT_TRUE(datagram.has(kIsDatagram));
  EXPECT_TRUE(datagram.has(kHasPorts));
  EXPECT_EQ(datagram.destination_port, 8);
  EXPECT_EQ(datagram.tunnel_depth, 1);
  EXPECT_EQ(datagram.frames, fragments.size());
  std::uint32_t number = 0;
  for_each_in_train(datagram.mbuf,
                    [&](rte_mbuf* mbuf) { EXPECT_EQ(note_of(mbuf).packet_number, ++number); });
  EXPECT_EQ(number, fragments.size());
}

}  // namespace
}  // namespace sluice
