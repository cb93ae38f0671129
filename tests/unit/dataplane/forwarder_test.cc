#include "dataplane/io/forwarder.h"

#include <vector>

#include <gtest/gtest.h>

#include "dataplane/decide/decider.h"
#include "dataplane/io/mbuf_train.h"
#include "tests/support/mbuf_fixture.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

struct Wire {
  std::vector<rte_mbuf*> sent;
  std::uint16_t room = 0xffff;
};

std::uint16_t transmit(const PortIo& port, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  auto& wire = *static_cast<Wire*>(port.context);
  const std::uint16_t taken = std::min(count, wire.room);
  wire.sent.insert(wire.sent.end(), mbufs, mbufs + taken);
  return taken;
}

std::vector<rte_mbuf*>& released() {
  static std::vector<rte_mbuf*> list;
  return list;
}

void release(rte_mbuf** mbufs, std::uint32_t count) noexcept {
  released().insert(released().end(), mbufs, mbufs + count);
}

class ForwarderTest : public testing::Test {
 protected:
  ForwarderTest() : ports_(2) {
    released().clear();
    for (PortIo& port : ports_) {
      port.context = &wire_;
      port.transmit = &transmit;
    }
  }

  Packet& add(Action action, DropReason reason = DropReason::none) {
    Packet& packet = heap_.receive(burst_, test::PacketBuilder().eth().arp().build());
    packet.out_port = 1;
    packet.verdict.action = action;
    packet.verdict.reason = reason;
    return packet;
  }

  void forward() {
    Forwarder forwarder(ports_, &release, {}, counters_);
    forwarder.forward(burst_.all());
  }

  [[nodiscard]] std::uint64_t dropped(DropReason reason) const {
    return counters_.dropped[static_cast<std::size_t>(reason)];
  }

  test::MbufHeap heap_;
  Wire wire_;
  std::vector<PortIo> ports_;
  WorkerCounters counters_;
  Burst burst_;
};

TEST_F(ForwarderTest, SendsWhatPassesAndReleasesWhatIsRefused) {
  rte_mbuf* first = add(Action::pass).mbuf;
  rte_mbuf* second = add(Action::drop, DropReason::denied_prefix).mbuf;
  rte_mbuf* third = add(Action::pass).mbuf;
  forward();
  EXPECT_EQ(wire_.sent, (std::vector<rte_mbuf*>{first, third}));
  EXPECT_EQ(released(), std::vector<rte_mbuf*>{second});
  EXPECT_EQ(counters_.forwarded, 2U);
  EXPECT_EQ(counters_.ports[1].tx_packets, 2U);
  EXPECT_EQ(counters_.ports[1].tx_bytes, counters_.forwarded_bytes);
}

TEST_F(ForwarderTest, CountsEveryFrameThatThePortDidNotTake) {
  wire_.room = 1;
  for (int i = 0; i < 3; ++i) add(Action::pass);
  forward();
  EXPECT_EQ(counters_.forwarded, 1U);
  EXPECT_EQ(dropped(DropReason::tx_queue_full), 2U);
  EXPECT_EQ(released().size(), 2U);
  EXPECT_EQ(counters_.forwarded_bytes, rte_pktmbuf_pkt_len(wire_.sent.front()));
}

TEST_F(ForwarderTest, ReleasesAndCountsAtOnceWhatIsToLeave) {
  rte_mbuf* first = add(Action::undecided).mbuf;
  add(Action::undecided);
  rte_mbuf* third = add(Action::undecided).mbuf;
  Forwarder forwarder(ports_, &release, {}, counters_);
  forwarder.release_refused(burst_, 0b101, DropReason::blocked_source);
  EXPECT_EQ(released(), (std::vector<rte_mbuf*>{first, third}));
  EXPECT_EQ(dropped(DropReason::blocked_source), 2U);
  EXPECT_TRUE(wire_.sent.empty());
}

TEST_F(ForwarderTest, LeavesHeldPacketsToTheirHolder) {
  add(Action::held).mbuf = nullptr;
  forward();
  EXPECT_TRUE(wire_.sent.empty());
  EXPECT_TRUE(released().empty());
}

TEST_F(ForwarderTest, SendsTheOriginalsOfADatagramInOrderOfArrival) {
  Packet& packet = add(Action::pass);
  std::vector<rte_mbuf*> originals = {packet.mbuf};
  for (int i = 0; i < 2; ++i) originals.push_back(heap_.make(test::PacketBuilder().eth().build()));
  for (std::size_t i = 0; i < originals.size(); ++i) {
    note_of(originals[i]) = {};
    note_of(originals[i]).wire_bytes = 60;
    note_of(originals[i]).next_in_train = i + 1 < originals.size() ? originals[i + 1] : nullptr;
  }
  packet.frames = 3;
  forward();
  EXPECT_EQ(wire_.sent, originals);
  EXPECT_EQ(counters_.forwarded_bytes, 180U);
}

TEST_F(ForwarderTest, SendsMoreThanOneTransmitCallTakes) {
  Packet& packet = add(Action::pass);
  rte_mbuf* last = packet.mbuf;
  note_of(last) = {};
  for (int i = 1; i < 150; ++i) {
    rte_mbuf* next = heap_.make(test::PacketBuilder().eth().build());
    note_of(next) = {};
    note_of(last).next_in_train = next;
    last = next;
  }
  packet.frames = 150;
  forward();
  EXPECT_EQ(wire_.sent.size(), 150U);
  EXPECT_EQ(counters_.forwarded, 150U);
}

}  // namespace
}  // namespace sluice
