// IPv4, IPv6 and its extension headers.
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
PacketBuilder v6() { return PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2"); }

FiveTuple tuple(const char* source, const char* destination, std::uint16_t source_port,
                std::uint16_t destination_port, std::uint8_t protocol) {
  return {*parse_ip_address(source),
          *parse_ip_address(destination),
          source_port,
          destination_port,
          protocol,
          7};
}

void expect_identity(const Packet& packet, const FiveTuple& expected) {
  const CanonicalKey key = canonical(expected);
  EXPECT_EQ(packet.id, flow_id(test::kTestFlowKey, key.key)) << to_string(expected);
  EXPECT_EQ(packet.has(kSourceIsLow), key.source_is_low);
  EXPECT_EQ(packet.hash, table_hash(test::kTestFlowKey, packet.id));
}

TEST(DecodeIp, FlowIdEqualsThatOfTheCanonicalTuple) {
  DecodeBench bench;
  expect_identity(bench.decode(v4().tcp(1234, 80).build()),
                  tuple("10.0.0.1", "10.0.0.2", 1234, 80, 6));
  const auto back = PacketBuilder().eth().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 1234);
  expect_identity(bench.decode(back.build()), tuple("10.0.0.2", "10.0.0.1", 80, 1234, 6));
  expect_identity(bench.decode(v6().udp(5353, 53).build()),
                  tuple("2001:db8::1", "2001:db8::2", 5353, 53, 17));
  const auto back6 = PacketBuilder().eth().ipv6("2001:db8::2", "2001:db8::1").udp(53, 5353);
  expect_identity(bench.decode(back6.build()), tuple("2001:db8::2", "2001:db8::1", 53, 5353, 17));
  const auto self = PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::1").udp(9, 5);
  expect_identity(bench.decode(self.build()), tuple("2001:db8::1", "2001:db8::1", 9, 5, 17));
  expect_identity(bench.decode(v4().next(89).payload(40).build()),
                  tuple("10.0.0.1", "10.0.0.2", 0, 0, 89));
  expect_identity(bench.decode(v6().next(59).payload(4).build()),
                  tuple("2001:db8::1", "2001:db8::2", 0, 0, 59));
}

TEST(DecodeIp, LengthsComeFromTheHeadersAndNotFromEthernetPadding) {
  DecodeBench bench;
  const Packet& packet = bench.decode(v4().tcp(1, 2).payload("abc").pad_to(60, 0xee).build());
  EXPECT_EQ(packet.l3_bytes, 43);
  EXPECT_EQ(packet.payload_bytes, 3);
  EXPECT_EQ(packet.payload_offset, 54);
  EXPECT_EQ(packet.wire_bytes, 60U);
}

TEST(DecodeIp, AWrongVersionOrHeaderLengthIsABadHeader) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(v4().version(5).udp(1, 2).build()), DropReason::bad_ip_header);
  EXPECT_EQ(bench.reason_for(v4().version(6).udp(1, 2).build()), DropReason::bad_ip_header);
  EXPECT_EQ(bench.reason_for(v4().header_words(4).udp(1, 2).build()), DropReason::bad_ip_header);
  EXPECT_EQ(bench.reason_for(v6().version(4).udp(1, 2).build()), DropReason::bad_ip_header);
  EXPECT_EQ(bench.reason_for(v4().version(4).udp(1, 2).build()), DropReason::none);
}

TEST(DecodeIp, OptionsThatOverrunAreABadHeader) {
  DecodeBench bench;
  const Bytes router_alert{0x94, 4, 0, 0};
  EXPECT_EQ(bench.reason_for(v4({.options = router_alert}).udp(1, 2).build()), DropReason::none);
  EXPECT_EQ(bench.decode(v4({.options = router_alert}).udp(1, 2).build()).l4_offset, 38);
  EXPECT_EQ(bench.reason_for(v4({.options = {0x94, 5, 0, 0}}).udp(1, 2).build()),
            DropReason::bad_ip_header);
  EXPECT_EQ(bench.reason_for(v4({.options = {0x94, 1, 0, 0}}).udp(1, 2).build()),
            DropReason::bad_ip_header);
  EXPECT_EQ(bench.reason_for(v4({.options = {1, 1, 1, 0x94}}).udp(1, 2).build()),
            DropReason::bad_ip_header);
  // Behind the end of the list anything may stand.
  EXPECT_EQ(bench.reason_for(v4({.options = {1, 0, 0x94, 99}}).udp(1, 2).build()),
            DropReason::none);
}

TEST(DecodeIp, ALengthShorterThanTheHeaderOrLongerThanTheFrameIsBad) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(v4().length(19).udp(1, 2).build()), DropReason::bad_ip_length);
  EXPECT_EQ(bench.reason_for(v4().length(29).udp(1, 2).build()), DropReason::bad_ip_length);
  EXPECT_EQ(bench.reason_for(v4().length(28).udp(1, 2).build()), DropReason::none);
  EXPECT_EQ(bench.reason_for(v6().length(9).udp(1, 2).build()), DropReason::bad_ip_length);
  EXPECT_EQ(bench.reason_for(v6().length(8).udp(1, 2).build()), DropReason::none);
}

TEST(DecodeIp, AJumboPayloadOptionIsABadLength) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(v6().hop_by_hop({0xc2, 4, 0, 1, 0, 0}).udp(1, 2).build()),
            DropReason::bad_ip_length);
  EXPECT_EQ(bench.reason_for(v6().hop_by_hop({0x05, 2, 0, 0}).udp(1, 2).build()), DropReason::none);
}

TEST(DecodeIp, AWrongHeaderChecksumIsRefusedUnlessTrusted) {
  DecodeBench bench;
  const Bytes frame = v4().checksum(0x1234).udp(1, 2).build();
  EXPECT_EQ(bench.reason_for(frame), DropReason::bad_ip_checksum);
  bench.port.checksums = ChecksumMode::automatic;
  EXPECT_EQ(bench.reason_for(frame), DropReason::bad_ip_checksum);
  bench.port.checksums = ChecksumMode::trust;
  EXPECT_EQ(bench.reason_for(frame), DropReason::none);
}

TEST(DecodeIp, AHeaderThatTheFrameCutsIsTruncated) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(v4().udp(1, 2).cut_to(33).build()), DropReason::truncated_header);
  EXPECT_EQ(bench.reason_for(v6().udp(1, 2).cut_to(53).build()), DropReason::truncated_header);
  EXPECT_EQ(bench.reason_for(v4().length(24).tcp(1, 2).build()), DropReason::truncated_header);
}

TEST(DecodeIp, FragmentsAreMarkedAndHaveNoPorts) {
  DecodeBench bench;
  const Bytes whole = v4().udp(1000, 2000).payload(100).build();
  for (const Bytes& piece : test::split_into_fragments(whole, 40)) {
    const Packet& packet = bench.decode(piece);
    EXPECT_TRUE(packet.is_undecided());
    EXPECT_TRUE(packet.has(kIsFragment));
    EXPECT_FALSE(packet.has(kHasPorts));
    EXPECT_EQ(packet.protocol, 17);
    EXPECT_EQ(packet.l3_offset, 14);
    expect_identity(packet, tuple("10.0.0.1", "10.0.0.2", 0, 0, 17));
  }
  const Bytes whole6 = v6().udp(1000, 2000).payload(100).build();
  for (const Bytes& piece : test::split_into_fragments(whole6, 40)) {
    const Packet& packet = bench.decode(piece);
    EXPECT_TRUE(packet.has(kIsFragment));
    EXPECT_EQ(packet.protocol, 17);
    EXPECT_EQ(packet.l4_offset, 14 + 48);
  }
}

TEST(DecodeIp, AnAtomicFragmentIsAnOrdinaryPacket) {
  DecodeBench bench;
  const Packet& packet = bench.decode(v6().fragment().udp(1000, 2000).payload("x").build());
  EXPECT_FALSE(packet.has(kIsFragment));
  EXPECT_EQ(packet.source_port, 1000);
}

TEST(DecodeIp, DontFragmentAloneIsNoFragment) {
  DecodeBench bench;
  EXPECT_FALSE(bench.decode(v4({.dont_fragment = true}).udp(1, 2).build()).has(kIsFragment));
}

TEST(DecodeIp, TheWholeExtensionChainIsWalked) {
  DecodeBench bench;
  const Packet& packet = bench.decode(v6().hop_by_hop({5, 2, 0, 0})
                                          .destination_options()
                                          .routing({.type = 4, .addresses = {"2001:db8::9"}})
                                          .fragment()
                                          .auth()
                                          .destination_options()
                                          .tcp(1234, 80)
                                          .build());
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(packet.protocol, 6);
  EXPECT_EQ(packet.destination_port, 80);
  EXPECT_EQ(bench.decode(v6().mobility().next(59).build()).protocol, 59);
  const Packet& auth4 = bench.decode(v4().auth().tcp(1234, 80).build());
  EXPECT_EQ(auth4.protocol, 6);
}

TEST(DecodeIp, ExtensionHeadersOutOfPlaceOrShapeAreBad) {
  DecodeBench bench;
  const auto reason = [&](PacketBuilder builder) {
    return bench.reason_for(builder.udp(1, 2).build());
  };
  constexpr auto kBad = DropReason::bad_extension_header;
  EXPECT_EQ(reason(v6().destination_options().hop_by_hop()), kBad);
  EXPECT_EQ(reason(v6().hop_by_hop().hop_by_hop()), kBad);
  EXPECT_EQ(reason(v6().hop_by_hop().destination_options()), DropReason::none);
  EXPECT_EQ(reason(v6().routing({.type = 0, .addresses = {"2001:db8::9"}})), kBad);
  EXPECT_EQ(reason(v6().routing({.type = 3, .addresses = {"2001:db8::9"}})), DropReason::none);
  EXPECT_EQ(reason(v6().fragment().fragment()), kBad);
  EXPECT_EQ(reason(v6().destination_options().header_words(9)), kBad);
  EXPECT_EQ(reason(v6().destination_options({5, 9, 0, 0})), kBad);
  EXPECT_EQ(reason(v6().routing({.type = 4}).header_words(9)), kBad);
  EXPECT_EQ(reason(v6().auth().header_words(0)), kBad);
  EXPECT_EQ(reason(v6().auth().header_words(200)), kBad);
  EXPECT_EQ(reason(v6().auth()), DropReason::none);
}

TEST(DecodeIp, ExtensionHeadersThatTheFrameCutsAreTruncated) {
  DecodeBench bench;
  for (const std::uint8_t next : Bytes{0, 43, 44, 60, 135}) {
    EXPECT_EQ(bench.reason_for(v6().next(next).payload(7).build()), DropReason::truncated_header);
  }
  EXPECT_EQ(bench.reason_for(v6().next(51).payload(11).build()), DropReason::truncated_header);
}

TEST(DecodeIp, EightExtensionHeadersAreReadAndANinthIsTooMany) {
  DecodeBench bench;
  PacketBuilder chain = v6();
  for (unsigned i = 0; i < 8; ++i) chain.destination_options();
  EXPECT_EQ(bench.reason_for(PacketBuilder(chain).udp(1, 2).build()), DropReason::none);
  EXPECT_EQ(bench.reason_for(PacketBuilder(chain).destination_options().udp(1, 2).build()),
            DropReason::too_many_headers);
}

TEST(DecodeIp, HeadersBehindTheFirst512BytesAreTooMany) {
  DecodeBench bench;
  const auto with = [](std::size_t bytes) {
    Bytes options{0x1e, 254};
    options.resize(256);
    PacketBuilder chain = v6();
    chain.destination_options(options);
    Bytes rest{0x1e, static_cast<std::uint8_t>(bytes - 2)};
    rest.resize(bytes);
    return chain.destination_options(rest).udp(1, 2).payload(600).build();
  };
  EXPECT_EQ(bench.reason_for(with(174)), DropReason::none);
  EXPECT_EQ(bench.reason_for(with(190)), DropReason::too_many_headers);
}

TEST(DecodeIp, ChecksumsUseTheFinalAddressOfARoutingHeader) {
  DecodeBench bench;
  // The checksum as the sender makes it: with the last address as destination.
  const Bytes direct = PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::9").udp(1, 2).build();
  const std::uint32_t sum = static_cast<std::uint32_t>(direct[60] << 8 | direct[61]);
  const auto routed = [&](std::uint8_t left) {
    return v6()
        .routing({.type = 4, .segments_left = left, .addresses = {"2001:db8::9"}})
        .udp(1, 2)
        .checksum(sum)
        .build();
  };
  EXPECT_EQ(bench.reason_for(routed(1)), DropReason::none);
  EXPECT_EQ(bench.reason_for(routed(0)), DropReason::bad_l4_checksum);
}

TEST(DecodeIp, CapturedShortIsJudgedAsFarAsItGoes) {
  DecodeBench bench;
  const Bytes frame = v4().tcp(1234, 80, {.options = {2, 4, 5, 0xb4}}).payload(1000).build();
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const Bytes cut(frame.begin(), frame.begin() + static_cast<long>(size));
    const Packet& packet =
        bench.decode(cut, {.wire_bytes = static_cast<std::uint32_t>(frame.size())});
    ASSERT_TRUE(packet.is_undecided()) << size;
    EXPECT_TRUE(packet.has(kCapturedShort));
    EXPECT_EQ(packet.ip_version, size >= 34 ? 4 : 0) << size;
    EXPECT_EQ(packet.has(kHasPorts), size >= 54) << size;
    EXPECT_EQ(packet.payload_bytes, size >= 54 ? 1000 : size >= 34 ? 1024 : 0) << size;
  }
  EXPECT_FALSE(bench.decode(frame).has(kCapturedShort));
}

}  // namespace
}  // namespace sluice
