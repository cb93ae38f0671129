// What must hold for every frame: the fast path equals the general path, segments do not matter,
// and no frame is read beyond its end (the sanitizers look on).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tests/support/decode_fixture.h"
#include "tests/support/malformed.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;
using test::MalformedFrames;
using test::PacketBuilder;

/// The packets without what may differ: where the bytes are.
void expect_same(const Packet& left, const Packet& right) {
  Packet a = left;
  Packet b = right;
  a.mbuf = b.mbuf = nullptr;
  a.bytes = b.bytes = nullptr;
  a.bytes_at_hand = b.bytes_at_hand = 0;
  std::array<std::uint8_t, sizeof(Packet)> raw_a;
  std::array<std::uint8_t, sizeof(Packet)> raw_b;
  std::memcpy(raw_a.data(), &a, sizeof a);
  std::memcpy(raw_b.data(), &b, sizeof b);
  // Beside the two flags of a verdict there are bits of nothing.
  constexpr std::size_t kFlagsAt = offsetof(Packet, verdict) + 3;
  raw_a[kFlagsAt] &= 3;
  raw_b[kFlagsAt] &= 3;
  const auto differ = std::mismatch(raw_a.begin(), raw_a.end(), raw_b.begin()).first;
  EXPECT_EQ(differ - raw_a.begin(), std::ptrdiff_t{sizeof(Packet)})
      << "flags " << a.flags << " " << b.flags << ", reason " << int(a.verdict.reason) << " "
      << int(b.verdict.reason) << ", version " << int(a.ip_version) << ", protocol "
      << int(a.protocol) << " " << int(b.protocol) << ", payload " << a.payload_bytes << " "
      << b.payload_bytes;
}

std::string hex(const Bytes& bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

void vary(DecodeBench& bench, std::mt19937& random) {
  bench.port.checksums = static_cast<ChecksumMode>(random() % 4);
  bench.port.vlan_in_key = random() % 4 == 0;
  bench.config.malformed = static_cast<MalformedPolicy>(random() % 2);
  bench.config.tunnel_key = random() % 4 == 0 ? TunnelKey::outer : TunnelKey::inner;
  bench.config.exempt_control_protocols = random() % 4 != 0;
}

TEST(DecodePaths, FastAndGeneralPathAgreeOnOrdinaryPackets) {
  std::mt19937 random(1);
  DecodeBench fast;
  for (int round = 0; round < 20000; ++round) {
    PacketBuilder builder = PacketBuilder().eth();
    if (random() % 4 == 0) builder.vlan(static_cast<std::uint16_t>(random() % 4096));
    const auto last = [&random] { return std::to_string(random() % 4); };
    if (random() % 2 == 0) {
      builder.ipv4("10.0.0." + last(), "10.0.0." + last());
    } else {
      builder.ipv6("2001:db8::" + last(), "2001:db8::" + last());
    }
    const auto port = [&random] { return static_cast<std::uint16_t>(random() % 400); };
    if (random() % 2 == 0) {
      const Bytes timestamp{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
      builder.tcp(port(), port(),
                  {.flags = static_cast<std::uint8_t>(random()),
                   .options = random() % 2 == 0 ? timestamp : Bytes{}});
    } else {
      builder.udp(port(), port());
    }
    if (random() % 16 == 0) builder.checksum(static_cast<std::uint32_t>(random() % 2));
    if (random() % 16 == 0) builder.length(static_cast<std::uint32_t>(random() % 60));
    builder.payload(random() % 40);
    if (random() % 4 == 0) builder.pad_to(64);
    const Bytes frame = builder.build();
    vary(fast, random);
    const Packet by_fast = fast.decode(frame);
    const Packet by_general = fast.decode_by_general_path(frame);
    expect_same(by_fast, by_general);
    ASSERT_FALSE(HasFailure()) << hex(frame);
  }
}

TEST(DecodePaths, FastAndGeneralPathAgreeOnMalformedPackets) {
  std::mt19937 random(2);
  MalformedFrames frames(2);
  DecodeBench fast;
  for (int round = 0; round < 40000; ++round) {
    const Bytes frame = frames.next();
    vary(fast, random);
    const auto wire = static_cast<std::uint32_t>(frame.size() + (random() % 4 == 0 ? 20 : 0));
    const Packet by_fast = fast.decode(frame, {.wire_bytes = wire});
    const Packet by_general = fast.decode_by_general_path(frame, {.wire_bytes = wire});
    expect_same(by_fast, by_general);
    ASSERT_FALSE(HasFailure()) << hex(frame);
  }
}

TEST(DecodePaths, SegmentsDoNotChangeTheOutcome) {
  std::mt19937 random(3);
  MalformedFrames frames(3);
  DecodeBench bench;
  for (int round = 0; round < 20000; ++round) {
    const Bytes frame = frames.next();
    vary(bench, random);
    test::ReceiveOptions options;
    for (int i = 0; i < 6; ++i) {
      options.segments.push_back(static_cast<std::uint32_t>(1 + random() % 90));
    }
    const Packet whole = bench.decode(frame);
    const Bytes whole_after = test::MbufHeap::bytes_of(whole.mbuf);
    const Packet cut = bench.decode(frame, options);
    expect_same(whole, cut);
    EXPECT_EQ(whole_after, test::MbufHeap::bytes_of(cut.mbuf));
    ASSERT_FALSE(HasFailure()) << hex(frame);
  }
}

TEST(DecodePaths, OffsetsStayInsideOfTheFrame) {
  MalformedFrames frames(4);
  DecodeBench bench;
  for (int round = 0; round < 40000; ++round) {
    const Bytes frame = frames.next();
    const Packet& packet = bench.decode(frame);
    if (!packet.is_undecided() || packet.ip_version == 0) continue;
    EXPECT_LE(packet.l3_offset, packet.l4_offset);
    EXPECT_LE(packet.l4_offset, packet.payload_offset);
    EXPECT_LE(packet.payload_offset + packet.payload_bytes, packet.l3_offset + packet.l3_bytes);
    EXPECT_LE(packet.l3_offset + packet.l3_bytes, frame.size());
    ASSERT_FALSE(HasFailure()) << hex(frame);
  }
}

TEST(DecodePaths, EveryWellFormedFramePasses) {
  DecodeBench bench;
  for (const Bytes& frame : test::well_formed_frames()) {
    EXPECT_EQ(bench.reason_for(frame), DropReason::none) << hex(frame);
  }
}

TEST(DecodePaths, EveryTruncationOfEveryFrameIsRefusedOrNotIp) {
  DecodeBench bench;
  for (const Bytes& frame : test::well_formed_frames()) {
    if (bench.decode(frame).ip_version == 0) continue;
    const bool trusts_no_length = bench.decode(frame).l3_offset > 14;
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const Packet& packet = bench.decode({frame.begin(), frame.begin() + static_cast<long>(size)});
      if (trusts_no_length && packet.ip_version == 0) continue;  // MPLS over something cut
      EXPECT_EQ(packet.verdict.action, Action::drop) << hex(frame) << " " << size;
    }
  }
}

TEST(DecodePaths, AFullBurstIsDecodedLikeSinglePackets) {
  MalformedFrames frames(5);
  test::MbufHeap heap;
  Decoder decoder(test::kTestFlowKey);
  const DecodeConfig config;
  for (int round = 0; round < 200; ++round) {
    Burst burst;
    std::vector<Bytes> sent;
    for (std::uint32_t i = 0; i < kBurstMax; ++i) {
      sent.push_back(frames.next());
      heap.receive(burst, sent.back(),
                   {.segments = i % 3 == 0 ? std::vector<std::uint32_t>{7, 30}
                                           : std::vector<std::uint32_t>{}});
    }
    decoder.decode(burst, config);
    for (std::uint32_t i = 0; i < kBurstMax; ++i) {
      Burst one;
      Packet& alone = heap.receive(one, sent[i]);
      decoder.decode_general(alone, config);
      expect_same(burst.packets[i], alone);
      ASSERT_FALSE(HasFailure()) << hex(sent[i]);
    }
  }
}

}  // namespace
}  // namespace sluice
