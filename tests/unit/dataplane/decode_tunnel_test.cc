// Tunnels: which are entered, how deep, and what only looks like one.
#include <gtest/gtest.h>

#include "dataplane/io/mbuf_train.h"
#include "tests/support/decode_fixture.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;
using test::PacketBuilder;

PacketBuilder outer() { return PacketBuilder().eth().ipv4("192.0.2.1", "192.0.2.2"); }
PacketBuilder outer6() { return PacketBuilder().eth().ipv6("2001:db8::1", "2001:db8::2"); }
PacketBuilder inner(PacketBuilder tunnel) {
  return tunnel.ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80).payload("hello");
}

FlowId plain_id() {
  DecodeBench bench;
  return bench.decode(inner(PacketBuilder().eth()).build()).id;
}

TEST(DecodeTunnel, EveryKindIsKeyedByItsInnerPacket) {
  const FlowId expected = plain_id();
  const std::vector<PacketBuilder> tunnels{
      outer(),
      outer6(),
      outer().gre(),
      outer6().gre({.with_checksum = true, .key = 5, .sequence = 6}),
      outer().gre().eth(),
      outer().gre().mpls(77),
      outer().udp(5000, 4789).vxlan().eth(),
      outer().udp(5000, 4789).vxlan().eth().vlan(9),
      outer6().udp(5000, 6081).geneve(5, {1, 2, 3, 1, 9, 9, 9, 9}).eth(),
      outer().udp(5000, 6081).geneve(),
      outer().udp(2152, 2152).gtpu(),
      outer().udp(2152, 2152).gtpu({.sequence = 7}),
      outer().udp(2152, 2152).gtpu({.extensions = {{0x85, {0, 9}}, {0xc0, {1, 2}}}}),
  };
  for (std::size_t i = 0; i < tunnels.size(); ++i) {
    DecodeBench bench;
    const Packet& packet = bench.decode(inner(tunnels[i]).build());
    EXPECT_TRUE(packet.is_undecided()) << i;
    EXPECT_EQ(packet.tunnel_depth, 1) << i;
    EXPECT_EQ(packet.id, expected) << i;
    EXPECT_EQ(packet.destination_port, 80) << i;
    EXPECT_EQ(packet.payload_bytes, 5) << i;
    EXPECT_EQ(packet.vlan_count, 0) << i;
  }
}

TEST(DecodeTunnel, SixInFourAndFourInSixAreEntered) {
  DecodeBench bench;
  const Packet& six = bench.decode(outer().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2).build());
  EXPECT_EQ(six.ip_version, 6);
  EXPECT_EQ(six.tunnel_depth, 1);
  const Packet& four = bench.decode(inner(outer6()).build());
  EXPECT_EQ(four.ip_version, 4);
}

TEST(DecodeTunnel, WithTheOuterKeyTunnelsAreNotEntered) {
  DecodeBench bench;
  bench.config.tunnel_key = TunnelKey::outer;
  const Packet& gre = bench.decode(inner(outer().gre()).build());
  EXPECT_EQ(gre.protocol, 47);
  EXPECT_EQ(gre.tunnel_depth, 0);
  const Packet& vxlan = bench.decode(inner(outer().udp(5000, 4789).vxlan().eth()).build());
  EXPECT_EQ(vxlan.destination_port, 4789);
  EXPECT_EQ(vxlan.tunnel_depth, 0);
}

TEST(DecodeTunnel, DeeperThanConfiguredIsRefused) {
  DecodeBench bench;
  const auto three = outer()
                         .gre()
                         .ipv4("1.1.1.1", "2.2.2.2")
                         .udp(5, 4789)
                         .vxlan()
                         .eth()
                         .ipv6("2001:db8::1", "2001:db8::2");
  EXPECT_EQ(bench.decode(inner(three).build()).tunnel_depth, 3);
  EXPECT_EQ(bench.reason_for(inner(three).build()), DropReason::none);
  const auto four = PacketBuilder(three).gre();
  EXPECT_EQ(bench.reason_for(inner(PacketBuilder(three).ipv4("1.1.1.1", "2.2.2.2")).build()),
            DropReason::tunnel_too_deep);
  bench.config.tunnel_depth = 1;
  EXPECT_EQ(bench.reason_for(inner(three).build()), DropReason::tunnel_too_deep);
  EXPECT_EQ(bench.reason_for(inner(outer().gre()).build()), DropReason::none);
}

TEST(DecodeTunnel, GreWithForbiddenBitsIsRefusedAndPptpIsNotEntered) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(inner(outer().gre({.extra_flags = 0x4000})).build()),
            DropReason::bad_tunnel_header);
  EXPECT_EQ(bench.reason_for(inner(outer().gre().version(2)).build()),
            DropReason::bad_tunnel_header);
  const Packet& pptp = bench.decode(inner(outer().gre().version(1)).build());
  EXPECT_TRUE(pptp.is_undecided());
  EXPECT_EQ(pptp.protocol, 47);
  EXPECT_EQ(bench.decode(inner(outer().gre().next(0x1234)).build()).protocol, 47);
}

TEST(DecodeTunnel, GreThatThePacketCutsIsTruncated) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(outer().next(47).payload(3).build()), DropReason::truncated_header);
  EXPECT_EQ(bench.reason_for(outer().next(47).payload(Bytes{0x20, 0, 8, 0, 0}).build()),
            DropReason::truncated_header);
}

TEST(DecodeTunnel, AWrongGreChecksumIsRefused) {
  DecodeBench bench;
  EXPECT_EQ(bench.reason_for(inner(outer().gre({.with_checksum = true}).checksum(1)).build()),
            DropReason::bad_l4_checksum);
}

TEST(DecodeTunnel, OrdinaryUdpToATunnelPortStaysUdp) {
  DecodeBench bench;
  for (const std::uint16_t port : std::vector<std::uint16_t>{4789, 6081, 2152}) {
    const Packet& dns =
        bench.decode(outer()
                         .udp(53, port)
                         .payload(Bytes{0x0c, 0x1d, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0})
                         .build());
    EXPECT_TRUE(dns.is_undecided());
    EXPECT_EQ(dns.destination_port, port);
    EXPECT_EQ(dns.tunnel_depth, 0);
    EXPECT_TRUE(bench.decode(outer().udp(53, port).payload("x").build()).is_undecided());
    EXPECT_TRUE(bench.decode(outer().udp(53, port).build()).is_undecided());
  }
}

TEST(DecodeTunnel, TunnelsThatAreNotForTheirPortAreUdp) {
  DecodeBench bench;
  const Packet& packet = bench.decode(inner(outer().udp(4789, 5000).vxlan().eth()).build());
  EXPECT_EQ(packet.tunnel_depth, 0);
  EXPECT_EQ(packet.destination_port, 5000);
}

TEST(DecodeTunnel, AnInnerFaultIsRefusedLikeAnyOther) {
  DecodeBench bench;
  const auto tunnel = outer().udp(5000, 4789).vxlan().eth();
  EXPECT_EQ(bench.reason_for(
                PacketBuilder(tunnel).ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2, {.flags = 3}).build()),
            DropReason::bad_tcp_flags);
  EXPECT_EQ(bench.reason_for(
                PacketBuilder(tunnel).ipv4("10.0.0.1", "10.0.0.2").checksum(9).tcp(1, 2).build()),
            DropReason::bad_ip_checksum);
  EXPECT_EQ(bench.reason_for(outer().udp(5000, 4789).vxlan().payload(5).build()),
            DropReason::truncated_header);
}

TEST(DecodeTunnel, GeneveOptionsThatContradictTheHeaderAreRefused) {
  DecodeBench bench;
  const auto geneve = [](const Bytes& options) {
    return inner(outer().udp(5000, 6081).geneve(1, options)).build();
  };
  EXPECT_EQ(bench.reason_for(geneve({1, 2, 3, 2, 9, 9, 9, 9})), DropReason::bad_tunnel_header);
  EXPECT_EQ(bench.reason_for(geneve({1, 2, 3, 1, 9, 9, 9, 9})), DropReason::none);
  EXPECT_EQ(
      bench.reason_for(outer().udp(5000, 6081).geneve().header_words(9).payload("abc").build()),
      DropReason::bad_tunnel_header);
}

TEST(DecodeTunnel, GtpExtensionsThatContradictTheHeaderAreRefused) {
  DecodeBench bench;
  const auto gtp = [](const test::GtpFields& fields) {
    return outer().udp(2152, 2152).gtpu(fields);
  };
  EXPECT_EQ(bench.reason_for(inner(gtp({.extensions = {{0x85, {0, 9}}}}).patch(12, {0})).build()),
            DropReason::bad_tunnel_header);
  EXPECT_EQ(bench.reason_for(inner(gtp({.extensions = {{0x85, {0, 9}}}}).patch(12, {200})).build()),
            DropReason::bad_tunnel_header);
  EXPECT_EQ(bench.reason_for(
                outer().udp(2152, 2152).payload(Bytes{0x32, 0xff, 0, 2, 0, 0, 0, 1, 0, 0}).build()),
            DropReason::bad_tunnel_header);
  test::GtpFields many;
  many.extensions.assign(9, {0x85, {0, 9}});
  EXPECT_EQ(bench.reason_for(inner(gtp(many)).build()), DropReason::too_many_headers);
  many.extensions.resize(8);
  EXPECT_EQ(bench.reason_for(inner(gtp(many)).build()), DropReason::none);
}

TEST(DecodeTunnel, GtpEchoAndOtherMessagesAreUdp) {
  DecodeBench bench;
  const Packet& echo =
      bench.decode(outer().udp(2152, 2152).gtpu({.message_type = 1, .sequence = 1}).build());
  EXPECT_TRUE(echo.is_undecided());
  EXPECT_EQ(echo.tunnel_depth, 0);
}

TEST(DecodeTunnel, AFrameInATunnelThatIsNotIpLeavesThePacketToTheTunnel) {
  DecodeBench bench;
  bench.config.control_frames = FramePolicy::drop;
  const Packet& packet = bench.decode(outer().udp(5000, 4789).vxlan().eth().arp().build());
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(packet.tunnel_depth, 0);
  EXPECT_EQ(packet.destination_port, 4789);
}

TEST(DecodeTunnel, AnInnerFragmentIsFoundAtItsOffset) {
  DecodeBench bench;
  const Bytes whole =
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(100).build();
  const Bytes piece = test::split_into_fragments(whole, 40).front();
  const Packet& packet = bench.decode(outer().udp(5000, 4789).vxlan().payload(piece).build());
  EXPECT_TRUE(packet.has(kIsFragment));
  EXPECT_EQ(packet.tunnel_depth, 1);
  EXPECT_EQ(packet.l3_offset, 14 + 20 + 8 + 8 + 14);
}

TEST(DecodeTunnel, AnAssembledDatagramIsReadFromItsIpHeader) {
  DecodeBench bench;
  const Bytes whole = inner(outer().udp(5000, 4789).vxlan().eth()).build();
  Packet packet = bench.decode(test::split_into_fragments(whole, 40).front());
  ASSERT_TRUE(packet.has(kIsFragment));
  packet.bytes = whole.data();
  packet.bytes_at_hand = static_cast<std::uint32_t>(whole.size());
  packet.l3_bytes = static_cast<std::uint16_t>(whole.size() - 14);
  bench.decoder().decode_datagram(packet, bench.config);
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_TRUE(packet.has(kIsDatagram));
  EXPECT_FALSE(packet.has(kIsFragment));
  EXPECT_EQ(packet.tunnel_depth, 1);
  EXPECT_EQ(packet.id, plain_id());
  EXPECT_EQ(packet.out_port, 1);
}

TEST(DecodeTunnel, TheHeadOfAHandedOverTrainIsNotTakenForCapturedShort) {
  DecodeBench bench;
  const Bytes whole =
      PacketBuilder().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(100).build();
  const Bytes head = test::split_into_fragments(whole, 40).front();
  test::MbufHeap heap;
  Burst burst;
  Packet& packet = heap.receive(burst, head);
  note_of(packet.mbuf).wire_bytes = static_cast<std::uint32_t>(head.size());
  packet.wire_bytes = 3 * static_cast<std::uint32_t>(head.size());
  packet.frames = 3;
  bench.decoder().decode(burst, bench.config);
  EXPECT_TRUE(packet.has(kIsFragment));
  EXPECT_FALSE(packet.has(kCapturedShort));
}

TEST(DecodeTunnel, LayerFourOfAnAssembledDatagramIsVerified) {
  DecodeBench bench;
  const Bytes whole = outer().udp(5000, 53).checksum(0x1111).payload(100).build();
  Packet packet = bench.decode(test::split_into_fragments(whole, 40).front());
  packet.bytes = whole.data();
  packet.bytes_at_hand = static_cast<std::uint32_t>(whole.size());
  bench.decoder().decode_datagram(packet, bench.config);
  EXPECT_EQ(packet.verdict.reason, DropReason::bad_l4_checksum);
}

}  // namespace
}  // namespace sluice
