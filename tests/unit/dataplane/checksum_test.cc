#include "dataplane/decode/checksum.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/decode_fixture.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;
using test::PacketBuilder;

Bytes random_bytes(std::mt19937& random, std::size_t count) {
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

PacketBuilder v4() { return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2"); }
PacketBuilder v6() { return PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2"); }

TEST(Checksum, EqualsThePlainLoopForEveryLength) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    const Bytes bytes = random_bytes(random, size);
    const auto sum = static_cast<std::uint16_t>(~fold(ones_sum(bytes.data(), bytes.size())));
    EXPECT_EQ(byte_swap(sum), test::internet_checksum(bytes)) << size;
  }
}

TEST(Checksum, DoesNotLoseCarriesInLongRunsOfOnes) {
  const Bytes bytes(65535, 0xff);
  EXPECT_EQ(fold(ones_sum(bytes.data(), 65534)), 0xffff);
}

TEST(Checksum, DoesNotDependOnHowTheFrameIsCutIntoSegments) {
  std::mt19937 random(2);
  test::MbufHeap heap;
  for (int round = 0; round < 500; ++round) {
    const Bytes bytes = random_bytes(random, 1 + random() % 200);
    test::ReceiveOptions options;
    for (int i = 0; i < 5; ++i) {
      options.segments.push_back(static_cast<std::uint32_t>(1 + random() % 40));
    }
    Burst burst;
    const Packet& packet = heap.receive(burst, bytes, options);
    Packet plain = packet;
    plain.flags = 0;
    const auto begin = static_cast<std::uint32_t>(random() % bytes.size());
    const auto count = static_cast<std::uint32_t>(bytes.size()) - begin;
    EXPECT_EQ(fold(ones_sum(plain, {begin, count})), fold(ones_sum(bytes.data() + begin, count)));
    if (count < 12) continue;
    Bytes zeroed(bytes.begin() + static_cast<long>(begin), bytes.end());
    std::fill_n(zeroed.begin() + 8, 4, std::uint8_t{0});
    EXPECT_EQ(sctp_crc32c(plain, {begin, count}), test::crc32c_bitwise(zeroed));
  }
}

TEST(Checksum, IncrementalUpdateEqualsRecomputing) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes = random_bytes(random, 40);
    const auto sum_of = [&] {
      return static_cast<std::uint16_t>(~fold(ones_sum(bytes.data(), 40)));
    };
    const std::uint16_t before_sum = sum_of();
    const std::size_t at = 4 * (random() % 10);
    const auto before = load<std::uint32_t>(bytes.data() + at);
    const auto after = static_cast<std::uint32_t>(random());
    store(bytes.data() + at, after);
    EXPECT_EQ(updated_sum32(before_sum, before, after), sum_of());
  }
}

TEST(Checksum, IncrementalUpdateKeepsTheExampleOfTheRfc) {
  // RFC 1624 section 4: checksum 0xDD2F, a field goes from 0x5555 to 0x3285, the result is 0x0000.
  EXPECT_EQ(updated_sum(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(Checksum, AWrongSumStaysWrongByTheSameAmount) {
  const std::uint16_t right = updated_sum(0x1234, 0x0001, 0x0002);
  EXPECT_NE(updated_sum(0x1235, 0x0001, 0x0002), right);
}

TEST(ChecksumMode, WrongLayerFourSumsAreRefusedUnlessTrusted) {
  const std::vector<Bytes> frames{
      v4().tcp(1, 2).checksum(0x1111).payload("abc").build(),
      v6().tcp(1, 2).checksum(0x1111).payload("abc").build(),
      v4().udp(1, 2).checksum(0x1111).payload("abc").build(),
      v6().udp(1, 2).checksum(0x1111).payload("abc").build(),
      v4().icmp(8).checksum(0x1111).payload("abc").build(),
      v6().icmpv6(128).checksum(0x1111).payload("abc").build(),
      v4().sctp(1, 2).checksum(0x1111).payload("abcd").build(),
  };
  for (const Bytes& frame : frames) {
    DecodeBench bench;
    for (const ChecksumMode mode : {ChecksumMode::verify, ChecksumMode::automatic}) {
      bench.port.checksums = mode;
      EXPECT_EQ(bench.reason_for(frame), DropReason::bad_l4_checksum);
    }
    bench.port.checksums = ChecksumMode::trust;
    EXPECT_EQ(bench.reason_for(frame), DropReason::none);
  }
}

/// The sum of the pseudo-header alone, not inverted: what Linux leaves for a NIC to complete.
Bytes with_partial_sum(Bytes frame, std::size_t l4, std::size_t sum_at, std::uint8_t protocol) {
  const bool is_v4 = frame[14] >> 4 == 4;
  Bytes pseudo(frame.begin() + (is_v4 ? 26 : 22), frame.begin() + (is_v4 ? 34 : 54));
  const std::size_t bytes = frame.size() - l4;
  pseudo.insert(pseudo.end(), {0, protocol, static_cast<std::uint8_t>(bytes >> 8),
                               static_cast<std::uint8_t>(bytes)});
  const auto sum = static_cast<std::uint16_t>(~test::internet_checksum(pseudo));
  frame[l4 + sum_at] = static_cast<std::uint8_t>(sum >> 8);
  frame[l4 + sum_at + 1] = static_cast<std::uint8_t>(sum);
  return frame;
}

TEST(ChecksumMode, AutomaticAcceptsPartialSums) {
  const std::vector<Bytes> frames{
      with_partial_sum(v4().tcp(1, 2).payload("abc").build(), 34, 16, 6),
      with_partial_sum(v6().tcp(1, 2).payload("abc").build(), 54, 16, 6),
      with_partial_sum(v4().udp(1, 2).payload("abc").build(), 34, 6, 17),
      v4().sctp(1, 2).checksum(0).payload("abcd").build(),
  };
  for (const Bytes& frame : frames) {
    DecodeBench bench;
    bench.port.checksums = ChecksumMode::automatic;
    EXPECT_EQ(bench.reason_for(frame), DropReason::none);
    bench.port.checksums = ChecksumMode::verify;
    EXPECT_EQ(bench.reason_for(frame), DropReason::bad_l4_checksum);
  }
}

TEST(ChecksumMode, FixWritesTheRightSumIntoTheFrame) {
  struct Case {
    Bytes wrong;
    Bytes right;
  };
  const auto both = [](PacketBuilder builder, auto rest) {
    return Case{rest(PacketBuilder(builder).checksum(0x1111)), rest(builder)};
  };
  const auto with_payload = [](PacketBuilder builder) {
    return builder.payload("abcdefg").build();
  };
  const auto with_tcp = [](PacketBuilder builder) { return builder.tcp(1, 2).build(); };
  const std::vector<Case> cases{
      both(v4().tcp(1, 2), with_payload),
      both(v6().udp(1, 2), with_payload),
      both(v4().icmp(8), with_payload),
      both(v4().sctp(1, 2), with_payload),
      both(v4(), with_tcp),
      both(v4().udp(5, 4789).vxlan().eth().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2), with_payload),
  };
  for (const Case& c : cases) {
    for (const auto& segments : {std::vector<std::uint32_t>{}, {15, 9, 11, 3}}) {
      DecodeBench bench;
      bench.port.checksums = ChecksumMode::fix;
      const Packet& packet = bench.decode(c.wrong, {.segments = segments});
      EXPECT_TRUE(packet.is_undecided());
      EXPECT_TRUE(packet.has(kChecksumFixed));
      EXPECT_EQ(test::MbufHeap::bytes_of(packet.mbuf), c.right);
      EXPECT_FALSE(bench.decode(c.right, {.segments = segments}).has(kChecksumFixed));
    }
  }
}

TEST(ChecksumMode, WhatTheNicFoundRightIsNotSummedAgain) {
  DecodeBench bench;
  const Bytes l4 = v4().tcp(1, 2).checksum(0x1111).payload("abc").build();
  EXPECT_EQ(bench.reason_for(l4, {.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD}), DropReason::none);
  EXPECT_EQ(bench.reason_for(l4, {.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE}), DropReason::none);
  EXPECT_EQ(bench.reason_for(l4, {.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD}),
            DropReason::bad_l4_checksum);
  const Bytes l3 = v4().checksum(0x1111).tcp(1, 2).build();
  EXPECT_EQ(bench.reason_for(l3, {.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD}), DropReason::none);
  // A NIC's "wrong" about a right sum is looked at again.
  const Bytes right = v4().tcp(1, 2).build();
  EXPECT_EQ(bench.reason_for(right, {.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD}), DropReason::none);
}

TEST(ChecksumMode, APayloadThatWasNotCapturedIsNotJudged) {
  DecodeBench bench;
  const Bytes frame = v4().tcp(1, 2).checksum(0x1111).payload(100).cut_to(100).build();
  EXPECT_EQ(bench.reason_for(frame, {.wire_bytes = 154}), DropReason::none);
}

TEST(ChecksumMode, WrongSumsPassWhereMalformedPacketsDo) {
  DecodeBench bench;
  bench.config.malformed = MalformedPolicy::pass;
  const Packet& packet = bench.decode(v4().tcp(1, 2).checksum(0x1111).build());
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(packet.source_port, 1);
}

}  // namespace
}  // namespace sluice
