// TCP, UDP, SCTP, ICMP and ICMPv6, and the control protocols among them.
#include <gtest/gtest.h>

#include "base/five_tuple.h"
#include "tests/support/decode_fixture.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;
using test::PacketBuilder;

PacketBuilder v4(const test::Ipv4Fields& fields = {}) {
  return PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2", fields);
}
PacketBuilder v6(const test::Ipv6Fields& fields = {}) {
  return PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2", fields);
}

TEST(DecodeTcp, FactsOfTheHeaderAreRead) {
  DecodeBench bench;
  const Packet& packet = bench.decode(v4().tcp(1234, 80,
                                               {.flags = kAck | kPsh,
                                                .sequence = 77,
                                                .acknowledgement = 88,
                                                .window = 4321,
                                                .options = {2, 4, 5, 0xb4}})
                                          .payload("hello")
                                          .build());
  EXPECT_TRUE(packet.has(kHasPorts));
  EXPECT_EQ(packet.source_port, 1234);
  EXPECT_EQ(packet.destination_port, 80);
  EXPECT_EQ(packet.tcp_sequence, 77U);
  EXPECT_EQ(packet.tcp_acknowledgement, 88U);
  EXPECT_EQ(packet.tcp_window, 4321);
  EXPECT_EQ(packet.tcp_flags, kAck | kPsh);
  EXPECT_EQ(packet.l4_offset, 34);
  EXPECT_EQ(packet.payload_offset, 58);
  EXPECT_EQ(packet.payload_bytes, 5);
  EXPECT_EQ(packet.since_previous, 0U);
  EXPECT_EQ(packet.flow, nullptr);
}

TEST(DecodeTcp, OffsetsOutsideOfTheSegmentAreABadHeader) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(v4().tcp(1, 2).header_words(4).build()), DropReason::bad_l4_header);
  EXPECT_EQ(bench.reason_for(v4().tcp(1, 2).header_words(6).build()), DropReason::bad_l4_header);
  EXPECT_EQ(bench.reason_for(v4().tcp(1, 2).header_words(5).build()), DropReason::none);
  EXPECT_EQ(bench.reason_for(v4().tcp(0, 2).build()), DropReason::bad_l4_header);
  EXPECT_EQ(bench.reason_for(v4().tcp(1, 0).build()), DropReason::bad_l4_header);
}

TEST(DecodeTcp, OptionsThatOverrunAreABadHeader) {
  DecodeBench bench;
  const auto reason = [&](const Bytes& options) {
    return bench.reason_for(v4().tcp(1, 2, {.options = options}).payload("abc").build());
  };
  EXPECT_EQ(reason({2, 4, 5, 0xb4}), DropReason::none);
  EXPECT_EQ(reason({2, 5, 5, 0xb4}), DropReason::bad_l4_header);
  EXPECT_EQ(reason({2, 1, 5, 0xb4}), DropReason::bad_l4_header);
  EXPECT_EQ(reason({1, 1, 1, 2}), DropReason::bad_l4_header);
  EXPECT_EQ(reason({1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}), DropReason::none);
  EXPECT_EQ(reason({1, 0, 8, 99}), DropReason::none);
}

TEST(DecodeTcp, FlagsThatNoHostSendsAreRefused) {
  DecodeBench bench;
  for (unsigned flags = 0; flags < 256; ++flags) {
    const bool has_syn = (flags & kSyn) != 0;
    const bool is_bad = (has_syn && (flags & (kFin | kRst)) != 0) || (flags & 0x3f) == 0;
    const auto frame = v4().tcp(1, 2, {.flags = static_cast<std::uint8_t>(flags)}).build();
    EXPECT_EQ(bench.reason_for(frame), is_bad ? DropReason::bad_tcp_flags : DropReason::none)
        << flags;
  }
}

TEST(DecodeUdp, TheLengthMustFitThePacket) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(v4().udp(1, 2).length(7).payload("abcd").checksum(0).build()),
            DropReason::bad_l4_header);
  EXPECT_EQ(bench.reason_for(v4().udp(1, 2).length(13).checksum(0).payload("abcd").build()),
            DropReason::bad_l4_header);
  const Packet& shorter =
      bench.decode(v4().udp(1, 2).length(10).checksum(0).payload("abcd").build());
  EXPECT_TRUE(shorter.is_undecided());
  EXPECT_EQ(shorter.payload_bytes, 2);
  EXPECT_EQ(shorter.l3_bytes, 32);
}

TEST(DecodeUdp, OnlyTheSourcePortMayBeZero) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(v4().udp(0, 2).build()), DropReason::none);
  EXPECT_EQ(bench.reason_for(v4().udp(1, 0).build()), DropReason::bad_l4_header);
}

TEST(DecodeUdp, NoChecksumIsLegalOnIpv4AndOnIpv6UnlessVerified) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(v4().udp(1, 2).checksum(0).build()), DropReason::none);
  EXPECT_EQ(bench.reason_for(v6().udp(1, 2).checksum(0).build()), DropReason::bad_l4_checksum);
  bench.port.checksums = ChecksumMode::automatic;
  EXPECT_EQ(bench.reason_for(v6().udp(1, 2).checksum(0).build()), DropReason::none);
}

TEST(DecodeSctp, PortsAndCrcAreJudged) {
  DecodeBench bench;
  const Bytes chunk{0, 3, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 'd', 'a', 't', 'a'};
  const Packet& packet = bench.decode(v4().sctp(3868, 3869).payload(chunk).build());
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(packet.source_port, 3868);
  EXPECT_EQ(packet.payload_bytes, 20);
  EXPECT_EQ(bench.reason_for(v4().sctp(3868, 3869).checksum(5).payload(chunk).build()),
            DropReason::bad_l4_checksum);
  EXPECT_EQ(bench.reason_for(v4().sctp(0, 3869).payload(chunk).build()), DropReason::bad_l4_header);
  EXPECT_EQ(bench.reason_for(v4().next(132).payload(11).build()), DropReason::truncated_header);
}

TEST(DecodeL4, HeadersThatThePacketCutsAreTruncated) {
  DecodeBench bench;
  const auto reason = [&](PacketBuilder ip, std::uint8_t protocol, std::size_t bytes) {
    return bench.reason_for(ip.next(protocol).payload(bytes).build());
  };
  EXPECT_EQ(reason(v4(), 6, 19), DropReason::truncated_header);
  EXPECT_EQ(reason(v4(), 17, 7), DropReason::truncated_header);
  EXPECT_EQ(reason(v4(), 1, 7), DropReason::truncated_header);
  EXPECT_EQ(reason(v6(), 58, 7), DropReason::truncated_header);
  EXPECT_EQ(reason(v4(), 253, 0), DropReason::none);
}

TEST(DecodeIcmp, AnEchoHasItsIdentifierInBothPorts) {
  DecodeBench bench;
  for (const Bytes& frame : {v4().icmp(8, 0, 0x12340001).payload(8).build(),
                             v4().icmp(0, 0, 0x12340001).payload(8).build(),
                             v6().icmpv6(128, 0, 0x12340001).payload(8).build(),
                             v6().icmpv6(129, 0, 0x12340001).payload(8).build()}) {
    const Packet& packet = bench.decode(frame);
    EXPECT_TRUE(packet.is_undecided());
    EXPECT_EQ(packet.source_port, 0x1234);
    EXPECT_EQ(packet.destination_port, 0x1234);
    EXPECT_EQ(packet.payload_bytes, 8);
    EXPECT_FALSE(packet.has(kIcmpError));
  }
}

/// The bytes of `frame` behind the Ethernet header, as a router quotes them.
Bytes quote(const Bytes& frame, std::size_t bytes) {
  const auto begin = frame.begin() + 14;
  return {begin, begin + static_cast<long>(std::min(bytes, frame.size() - 14))};
}

TEST(DecodeIcmp, AnErrorBelongsToTheFlowItQuotes) {
  DecodeBench bench;
  const Bytes original = v4().tcp(1234, 80, {.sequence = 0xabcdef}).payload(50).build();
  const Packet sent = bench.decode(original);
  const Bytes error = PacketBuilder()
                          .eth()
                          .ipv4("192.0.2.9", "10.0.0.1")
                          .icmp(3, 1)
                          .payload(quote(original, 28))
                          .build();
  const Packet& packet = bench.decode(error);
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_TRUE(packet.has(kIcmpError));
  EXPECT_FALSE(packet.has(kMustPass));
  EXPECT_EQ(packet.id, sent.id);
  EXPECT_EQ(packet.hash, sent.hash);
  EXPECT_NE(packet.has(kSourceIsLow), sent.has(kSourceIsLow));
  EXPECT_EQ(packet.protocol, 1);
  EXPECT_EQ(packet.tcp_sequence, 0xabcdefU);
}

TEST(DecodeIcmp, AVersion6ErrorBelongsToTheFlowItQuotesBehindItsExtensions) {
  DecodeBench bench;
  const Bytes original = v6().destination_options().udp(1234, 53).payload(50).build();
  const Packet sent = bench.decode(original);
  const Bytes error = PacketBuilder()
                          .eth()
                          .ipv6("2001:db8::99", "2001:db8::1")
                          .icmpv6(1, 4)
                          .payload(quote(original, 200))
                          .build();
  const Packet& packet = bench.decode(error);
  EXPECT_TRUE(packet.has(kIcmpError));
  EXPECT_EQ(packet.id, sent.id);
  EXPECT_NE(packet.has(kSourceIsLow), sent.has(kSourceIsLow));
}

TEST(DecodeIcmp, AnErrorAboutAnEchoBelongsToTheEcho) {
  DecodeBench bench;
  const Bytes original = v4().icmp(8, 0, 0x12340001).payload(8).build();
  const FlowId echo = bench.decode(original).id;
  const Bytes error = PacketBuilder()
                          .eth()
                          .ipv4("192.0.2.9", "10.0.0.1")
                          .icmp(11, 0)
                          .payload(quote(original, 28))
                          .build();
  EXPECT_EQ(bench.decode(error).id, echo);
}

TEST(DecodeIcmp, PathMtuMessagesMustPass) {
  DecodeBench bench;
  const Bytes original = v4().udp(1234, 53).payload(50).build();
  const auto v4_error = [&](std::uint8_t code) {
    return PacketBuilder()
        .eth()
        .ipv4("192.0.2.9", "10.0.0.1")
        .icmp(3, code, 1400)
        .payload(quote(original, 28))
        .build();
  };
  EXPECT_TRUE(bench.decode(v4_error(4)).has(kMustPass));
  EXPECT_FALSE(bench.decode(v4_error(3)).has(kMustPass));
  const Bytes original6 = v6().udp(1234, 53).payload(50).build();
  const Bytes too_big = PacketBuilder()
                            .eth()
                            .ipv6("2001:db8::99", "2001:db8::1")
                            .icmpv6(2, 0, 1280)
                            .payload(quote(original6, 90))
                            .build();
  EXPECT_TRUE(bench.decode(too_big).has(kMustPass));
}

TEST(DecodeIcmp, AnErrorWithoutAQuoteIsABadHeader) {
  DecodeBench bench;
  const Bytes original = v4().udp(1234, 53).payload(50).build();
  const auto with_quote = [&](std::size_t bytes) {
    return PacketBuilder()
        .eth()
        .ipv4("192.0.2.9", "10.0.0.1")
        .icmp(3, 1)
        .payload(quote(original, bytes))
        .build();
  };
  for (const std::size_t bytes : {0U, 19U, 27U}) {
    EXPECT_EQ(bench.reason_for(with_quote(bytes)), DropReason::bad_l4_header) << bytes;
  }
  EXPECT_EQ(bench.reason_for(with_quote(28)), DropReason::none);
}

TEST(DecodeControl, RoutingAndControlProtocolsAreExempt) {
  const std::vector<Bytes> exempt{
      v4().tcp(40000, 179).build(),
      v6().tcp(179, 40000).build(),
      v4({.ttl = 1}).next(89).payload(40).build(),
      v4({.ttl = 255}).next(112).payload(20).build(),
      v4({.ttl = 1}).next(2).payload(8).build(),
      v4({.ttl = 255}).udp(49152, 3784).payload(24).build(),
      PacketBuilder().eth().ipv4("0.0.0.0", "255.255.255.255").udp(68, 67).payload(240).build(),
      PacketBuilder().eth().ipv6("fe80::1", "ff02::1:2").udp(546, 547).payload(20).build(),
      v4({.ttl = 1}).udp(319, 319).payload(44).build(),
      v6({.hop_limit = 255}).icmpv6(135).payload(16).build(),
      v6({.hop_limit = 1}).hop_by_hop({5, 2, 0, 0}).icmpv6(143).payload(8).build(),
  };
  for (const Bytes& frame : exempt) {
    DecodeBench bench;
    EXPECT_TRUE(bench.decode(frame).is_undecided());
    EXPECT_TRUE(bench.decode(frame).has(kControlProtocol));
    bench.config.exempt_control_protocols = false;
    EXPECT_FALSE(bench.decode(frame).has(kControlProtocol));
  }
}

TEST(DecodeControl, LookAlikesAreNotExempt) {
  const std::vector<Bytes> plain{
      v4().tcp(40000, 80).build(),
      v4().udp(40000, 179).build(),
      v4({.ttl = 64}).next(112).payload(20).build(),
      v4({.ttl = 64}).next(2).payload(8).build(),
      v4({.ttl = 64}).udp(49152, 3784).payload(24).build(),
      v4().udp(40000, 67).payload(240).build(),
      v4().next(89).payload(40).build(),
      v4().udp(68, 67).payload(240).build(),
      v4().udp(319, 319).payload(44).build(),
      v6({.hop_limit = 64}).icmpv6(143).payload(8).build(),
      PacketBuilder()
          .eth()
          .ipv4("10.0.0.1", "10.0.0.2")
          .ipv4("10.0.0.3", "10.0.0.4")
          .tcp(1, 179)
          .build(),
      v6({.hop_limit = 64}).icmpv6(135).payload(16).build(),
  };
  for (const Bytes& frame : plain) {
    DecodeBench bench;
    EXPECT_TRUE(bench.decode(frame).is_undecided());
    EXPECT_FALSE(bench.decode(frame).has(kControlProtocol));
  }
}

TEST(DecodeControl, NeighborDiscoveryIsRefusedWithTheOtherControlFrames) {
  DecodeBench bench;
  bench.config.control_frames = FramePolicy::drop;
  EXPECT_EQ(bench.reason_for(v6({.hop_limit = 255}).icmpv6(135).payload(16).build()),
            DropReason::control_frame_refused);
  EXPECT_EQ(bench.reason_for(v6({.hop_limit = 255}).icmpv6(128).payload(16).build()),
            DropReason::none);
}

}  // namespace
}  // namespace sluice
