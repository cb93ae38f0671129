#include "dataplane/reply/replier.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/io/mbuf_train.h"
#include "tests/support/decode_fixture.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;
using test::MbufHeap;
using test::PacketBuilder;

constexpr std::uint32_t kRate = 100;

struct Wire {
  std::vector<Bytes> sent;
  std::uint16_t room = 0xffff;
};

std::uint16_t transmit(const PortIo& port, rte_mbuf** mbufs, std::uint16_t count) noexcept {
  auto& wire = *static_cast<Wire*>(port.context);
  const std::uint16_t taken = std::min(count, wire.room);
  for (std::uint16_t i = 0; i < taken; ++i) wire.sent.push_back(MbufHeap::bytes_of(mbufs[i]));
  return taken;
}

unsigned released = 0;
void release(rte_mbuf**, std::uint32_t count) noexcept { released += count; }

/// Buffers for replies, as many as the test allows.
struct Pool {
  MbufHeap heap;
  std::size_t left = 1000;
  std::size_t room = kReplyBytesMax;

  static rte_mbuf* make(void* self, const rte_mbuf&) noexcept {
    auto& pool = *static_cast<Pool*>(self);
    if (pool.left == 0) return nullptr;
    --pool.left;
    rte_mbuf* mbuf = pool.heap.make(Bytes(pool.room));
    mbuf->data_len = 0;
    mbuf->pkt_len = 0;
    return mbuf;
  }
};

class ReplierTest : public testing::Test {
 protected:
  ReplierTest() : ports_(2) {
    released = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      ports_[i].context = &wires_[i];
      ports_[i].transmit = &transmit;
      ports_[i].peer = static_cast<std::uint8_t>(1 - i);
    }
    replier_ = std::make_unique<Replier>(ports_, &release, MakeMbuf{&pool_, &Pool::make}, counters_,
                                         SipKey{});
  }

  void reject(const Bytes& frame, TimeNs now = kNsPerSecond, Action action = Action::reject) {
    Burst burst;
    Packet& packet = burst.packets[burst.count++] = bench_.decode(frame, {.now = now});
    packet.flow = nullptr;
    packet.out_port = 1;
    packet.verdict.action = action;
    Rejections rejections;
    rejections.places = 1;
    replier_->answer(burst, rejections, rate_);
    replier_->send();
  }

  [[nodiscard]] std::uint64_t unsent() const {
    return counters_.capacity[static_cast<std::size_t>(CapacityEvent::reply_limit)];
  }

  static Bytes datagram(int host = 1) {
    const std::string source = "10.0.0." + std::to_string(host);
    return PacketBuilder().eth().ipv4(source, "10.0.1.2").udp(5000, 53).payload("?").build();
  }
  static Bytes segment() {
    return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(4000, 80).payload("x").build();
  }

  DecodeBench bench_;
  Pool pool_;
  Wire wires_[2];
  std::vector<PortIo> ports_;
  WorkerCounters counters_;
  std::uint32_t rate_ = kRate;
  std::unique_ptr<Replier> replier_;
};

TEST_F(ReplierTest, TellsTheSenderByThePortThePacketCameInBy) {
  reject(datagram());
  ASSERT_EQ(wires_[0].sent.size(), 1U);
  EXPECT_TRUE(wires_[1].sent.empty());
  EXPECT_EQ(counters_.generated, 1U);
  EXPECT_EQ(counters_.ports[0].tx_packets, 1U);
  EXPECT_EQ(counters_.ports[0].tx_bytes, wires_[0].sent[0].size());
  EXPECT_EQ(counters_.forwarded, 0U);
}

TEST_F(ReplierTest, ResetsAConnectionAtBothEnds) {
  reject(segment());
  EXPECT_EQ(wires_[0].sent.size(), 1U);
  EXPECT_EQ(wires_[1].sent.size(), 1U);
  EXPECT_EQ(counters_.generated, 2U);
}

TEST_F(ReplierTest, SaysNothingOfWhatAModeLetThrough) {
  reject(segment(), kNsPerSecond, Action::pass);
  EXPECT_EQ(counters_.generated + unsent(), 0U);
}

TEST_F(ReplierTest, SendsNoMoreThanItsRate) {
  for (int i = 0; i < 30; ++i) reject(datagram(1 + i), kNsPerSecond);
  EXPECT_EQ(counters_.generated, kRate / 10);
  EXPECT_EQ(unsent(), 30 - kRate / 10);
  reject(datagram(), kNsPerSecond + kNsPerSecond / kRate);
  EXPECT_EQ(counters_.generated, kRate / 10 + 1);
}

TEST_F(ReplierTest, TellsOneHostOfFewDatagrams) {
  rate_ = 1'000'000;
  for (int i = 0; i < 30; ++i) reject(datagram(), kNsPerSecond);
  EXPECT_EQ(counters_.generated, ReplyPace::kBurst);
  EXPECT_EQ(unsent(), 30 - ReplyPace::kBurst);
  reject(datagram(2), kNsPerSecond);
  reject(datagram(), 2 * kNsPerSecond);
  EXPECT_EQ(counters_.generated, ReplyPace::kBurst + 2);
  for (int i = 0; i < 30; ++i) reject(segment(), kNsPerSecond);
  EXPECT_EQ(counters_.generated, ReplyPace::kBurst + 62);
}

TEST_F(ReplierTest, WithARateOfNothingNobodyIsTold) {
  rate_ = 0;
  reject(segment());
  EXPECT_EQ(counters_.generated + unsent(), 0U);
}

TEST_F(ReplierTest, WithoutABufferCountsAndGoesOn) {
  pool_.left = 1;
  reject(segment());
  EXPECT_EQ(counters_.generated, 1U);
  EXPECT_EQ(unsent(), 1U);
}

TEST_F(ReplierTest, GivesBackABufferThatIsTooSmall) {
  pool_.room = 40;
  reject(datagram());
  EXPECT_EQ(counters_.generated, 0U);
  EXPECT_EQ(unsent(), 1U);
  EXPECT_EQ(released, 1U);
}

TEST_F(ReplierTest, WhatThePortDoesNotTakeIsGivenBackAndCounted) {
  wires_[0].room = 0;
  reject(datagram());
  EXPECT_EQ(counters_.generated, 0U);
  EXPECT_EQ(counters_.ports[0].tx_bytes, 0U);
  EXPECT_EQ(unsent(), 1U);
  EXPECT_EQ(released, 1U);
}

}  // namespace
}  // namespace sluice
