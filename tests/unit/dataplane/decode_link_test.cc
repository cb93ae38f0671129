// Ethernet, VLAN, LLC, MPLS, PPPoE.
#include <gtest/gtest.h>

#include "tests/support/decode_fixture.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;
using test::PacketBuilder;

PacketBuilder tcp_in(PacketBuilder link) {
  return link.ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80).payload("hello");
}

TEST(DecodeLink, EveryFrameShorterThanAnEthernetHeaderIsTruncated) {
  DecodeBench bench;
  const Bytes frame = tcp_in(PacketBuilder().eth()).build();
  for (std::size_t size = 0; size < 14; ++size) {
    EXPECT_EQ(bench.reason_for({frame.begin(), frame.begin() + static_cast<long>(size)}),
              DropReason::truncated_header);
  }
}

TEST(DecodeLink, ThreeVlanTagsAreReadAndAFourthIsTooMany) {
  DecodeBench bench;
  const auto tagged = PacketBuilder().eth().vlan(5, 0x88a8).vlan(6, 0x9100).vlan(7, 0x8100, 3);
  const Packet& packet = bench.decode(tcp_in(tagged).build());
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(packet.vlan_count, 3);
  EXPECT_EQ(packet.vlan[0], 5);
  EXPECT_EQ(packet.vlan[1], 6);
  EXPECT_EQ(packet.vlan[2], 7);
  EXPECT_EQ(packet.l3_offset, 26);
  EXPECT_EQ(packet.destination_port, 80);
  EXPECT_EQ(bench.reason_for(tcp_in(PacketBuilder(tagged).vlan(8)).build()),
            DropReason::too_many_headers);
}

TEST(DecodeLink, AVlanTagCutShortIsTruncated) {
  DecodeBench bench;
  const auto frame = PacketBuilder().eth().vlan(5).payload("");
  EXPECT_EQ(bench.reason_for(PacketBuilder(frame).cut_to(17).build()),
            DropReason::truncated_header);
}

TEST(DecodeLink, VlanIdsKeepFlowsApartOnlyWhereConfigured) {
  DecodeBench bench;
  const Bytes five = tcp_in(PacketBuilder().eth().vlan(5)).build();
  const Bytes six = tcp_in(PacketBuilder().eth().vlan(6)).build();
  const FlowId shared = bench.decode(five).id;
  EXPECT_EQ(bench.decode(six).id, shared);
  bench.port.vlan_in_key = true;
  const FlowId own = bench.decode(five).id;
  EXPECT_NE(bench.decode(six).id, own);
  EXPECT_NE(own, shared);
}

TEST(DecodeLink, SnapWithAPlainOrganisationCarriesIp) {
  DecodeBench bench;
  const auto snap = PacketBuilder().eth().llc(0xaa, 0xaa, 3).snap();
  const Packet& packet = bench.decode(tcp_in(snap).build());
  EXPECT_EQ(packet.ip_version, 4);
  EXPECT_EQ(packet.l3_offset, 22);
  const auto foreign = PacketBuilder().eth().llc(0xaa, 0xaa, 3).snap(0x00000c);
  EXPECT_EQ(bench.decode(tcp_in(foreign).build()).ip_version, 0);
}

TEST(DecodeLink, FramesThatAreNotIpPassUnlessRefused) {
  DecodeBench bench;
  const Bytes frame = PacketBuilder().eth().next(0x88b5).payload(50).build();
  const Packet& packet = bench.decode(frame);
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(packet.ip_version, 0);
  EXPECT_EQ(packet.out_port, 1);
  EXPECT_EQ(packet.id, FlowId{});
  EXPECT_FALSE(packet.has(kControlProtocol));
  bench.config.control_frames = FramePolicy::drop;
  EXPECT_EQ(bench.reason_for(frame), DropReason::none);
  bench.config.non_ip = FramePolicy::drop;
  EXPECT_EQ(bench.reason_for(frame), DropReason::non_ip_refused);
}

TEST(DecodeLink, ControlFramesPassUnlessRefused) {
  const std::vector<Bytes> frames{
      PacketBuilder().eth().arp().build(),
      PacketBuilder().eth().next(0x88cc).payload(46).build(),  // LLDP
      PacketBuilder().eth().next(0x8809).payload(46).build(),  // LACP
      PacketBuilder().eth().next(0x888e).payload(46).build(),  // EAPOL
      PacketBuilder().eth().next(0x8863).payload(46).build(),  // PPPoE discovery
      PacketBuilder().eth().llc(0x42, 0x42, 3).payload(35).build(),
      PacketBuilder()
          .eth("02:00:00:00:00:01", "01:80:c2:00:00:0e")
          .next(0x88b5)
          .payload(46)
          .build(),
      PacketBuilder().eth().pppoe().next(0xc021).payload(10).build(),  // LCP
  };
  for (const Bytes& frame : frames) {
    DecodeBench bench;
    bench.config.non_ip = FramePolicy::drop;
    const Packet& packet = bench.decode(frame);
    EXPECT_TRUE(packet.is_undecided());
    EXPECT_TRUE(packet.has(kControlProtocol));
    bench.config.control_frames = FramePolicy::drop;
    EXPECT_EQ(bench.reason_for(frame), DropReason::control_frame_refused);
  }
}

TEST(DecodeLink, MplsLabelsAreReadUpToEight) {
  DecodeBench bench;
  PacketBuilder link = PacketBuilder().eth();
  for (unsigned i = 0; i < 8; ++i) link.mpls(100 + i);
  const Packet& packet = bench.decode(tcp_in(link).build());
  EXPECT_EQ(packet.ip_version, 4);
  EXPECT_EQ(packet.l3_offset, 14 + 32);
  EXPECT_EQ(bench.reason_for(tcp_in(PacketBuilder(link).mpls(1)).build()),
            DropReason::too_many_headers);
}

TEST(DecodeLink, MplsOverSomethingLikeAnEthernetAddressIsNotTakenForIp) {
  DecodeBench bench;
  const Bytes inner = PacketBuilder()
                          .eth("02:00:00:00:00:01", "45:00:00:00:00:02")
                          .ipv4("10.0.0.1", "10.0.0.2")
                          .udp(1, 2)
                          .build();
  const Packet& packet = bench.decode(PacketBuilder().eth().mpls(16).payload(inner).build());
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(packet.ip_version, 0);
}

TEST(DecodeLink, MplsThatEndsInsideALabelIsTruncated) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(PacketBuilder().eth().mpls(16).mpls(17).cut_to(21).build()),
            DropReason::truncated_header);
}

TEST(DecodeLink, PppoeSessionCarriesBothFamilies) {
  DecodeBench bench;
  EXPECT_EQ(bench.decode(tcp_in(PacketBuilder().eth().pppoe()).build()).ip_version, 4);
  const auto six = PacketBuilder().eth().pppoe().ipv6("2001:db8::1", "2001:db8::2").tcp(1, 2);
  EXPECT_EQ(bench.decode(PacketBuilder(six).build()).ip_version, 6);
}

TEST(DecodeLink, PppoeWithAWrongVersionCodeOrLengthIsRefused) {
  DecodeBench bench;
  const auto with = [](std::size_t at, std::uint8_t value) {
    return tcp_in(PacketBuilder().eth().pppoe().patch(at, {value})).build();
  };
  EXPECT_EQ(bench.reason_for(with(0, 0x21)), DropReason::bad_tunnel_header);
  EXPECT_EQ(bench.reason_for(with(1, 0xa7)), DropReason::bad_tunnel_header);
  EXPECT_EQ(bench.reason_for(with(4, 0x10)), DropReason::bad_tunnel_header);
  EXPECT_EQ(bench.reason_for(with(0, 0x11)), DropReason::none);
}

TEST(DecodeLink, MalformedFramesPassWithWhatIsKnownWhereConfigured) {
  DecodeBench bench;
  bench.config.malformed = MalformedPolicy::pass;
  const Packet& short_frame = bench.decode(tcp_in(PacketBuilder().eth()).cut_to(20).build());
  EXPECT_TRUE(short_frame.is_undecided());
  EXPECT_EQ(short_frame.ip_version, 0);
  const Packet& flags = bench.decode(
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2, {.flags = 3}).build());
  EXPECT_TRUE(flags.is_undecided());
  EXPECT_EQ(flags.ip_version, 4);
  EXPECT_TRUE(flags.has(kHasPorts));
  const Packet& offset = bench.decode(
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).header_words(4).build());
  EXPECT_EQ(offset.ip_version, 4);
  EXPECT_FALSE(offset.has(kHasPorts));
  EXPECT_EQ(offset.source_port, 0);
}

}  // namespace
}  // namespace sluice
