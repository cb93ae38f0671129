// Frames that sluice makes itself, byte for byte: what is expected is written by the builder of
// test packets, which shares no code with them.
#include "dataplane/reply/reply_frame.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/decode_fixture.h"

namespace sluice {
namespace {

using test::Bytes;
using test::DecodeBench;
using test::PacketBuilder;

constexpr const char* kHere = "02:00:00:00:00:01";
constexpr const char* kThere = "02:00:00:00:00:02";
constexpr test::Ipv4Fields kAnswerV4{.ttl = 64, .id = 0, .dont_fragment = true};

Bytes reset_for(const Bytes& frame, ReplySide side, const ResetMarks& marks = {}) {
  DecodeBench bench;
  const Packet& packet = bench.decode(frame);
  EXPECT_EQ(packet.verdict.reason, DropReason::none);
  const auto path = reply_path_of(packet);
  const auto fields = reset_fields(packet, side, marks, 0);
  if (!path || !fields) return {};
  Bytes reply(kReplyBytesMax);
  reply.resize(write_reset(packet, *path, side, *fields, reply));
  return reply;
}

Bytes unreachable_for(const Bytes& frame, std::size_t room = kReplyBytesMax) {
  DecodeBench bench;
  const Packet& packet = bench.decode(frame);
  const auto path = reply_path_of(packet);
  if (!path) return {};
  Bytes reply(room);
  reply.resize(write_unreachable(packet, *path, reply));
  return reply;
}

bool is_answered(const Bytes& frame) {
  DecodeBench bench;
  return can_be_answered(bench.decode(frame));
}

PacketBuilder tcp_packet(std::uint8_t flags = kAck | kPsh) {
  PacketBuilder packet;
  packet.eth().ipv4("10.0.0.1", "10.0.0.2", {.ttl = 9}).tcp(4000, 80, {.flags = flags});
  return packet;
}

TEST(ReplyFrame, ResetsTheSenderWithWhatItAcknowledged) {
  EXPECT_EQ(reset_for(tcp_packet().payload("word").build(), ReplySide::sender),
            PacketBuilder()
                .eth(kThere, kHere)
                .ipv4("10.0.0.2", "10.0.0.1", kAnswerV4)
                .tcp(80, 4000, {.flags = kRst, .sequence = 2000, .acknowledgement = 0, .window = 0})
                .pad_to(60)
                .build());
}

TEST(ReplyFrame, IsTheseBytes) {
  const std::array<std::uint8_t, 60> expected{
      0x02, 0,    0,    0,    0,    1,    0x02, 0,    0,  0, 0,    2,    0x08, 0,  //
      0x45, 0,    0,    40,   0,    0,    0x40, 0,    64, 6, 0x26, 0xce,           //
      10,   0,    0,    2,    10,   0,    0,    1,                                 //
      0,    80,   0x0f, 0xa0, 0,    0,    0x07, 0xd0, 0,  0, 0,    0,              //
      0x50, 0x04, 0,    0,    0x84, 0x1e, 0,    0};
  const Bytes reply = reset_for(tcp_packet().build(), ReplySide::sender);
  EXPECT_EQ(reply, Bytes(expected.begin(), expected.end()));
}

TEST(ReplyFrame, ResetsThePeerAsTheSenderWould) {
  EXPECT_EQ(reset_for(tcp_packet().payload("word").build(), ReplySide::peer),
            PacketBuilder()
                .eth(kHere, kThere)
                .ipv4("10.0.0.1", "10.0.0.2", {.ttl = 9, .id = 0, .dont_fragment = true})
                .tcp(4000, 80,
                     {.flags = kRst | kAck, .sequence = 1000, .acknowledgement = 2000, .window = 0})
                .pad_to(60)
                .build());
}

TEST(ReplyFrame, NumbersAreThoseThatBothExpectByNow) {
  const ResetMarks marks{{1004, 2010}, {true, true}};
  DecodeBench bench;
  const Packet& packet = bench.decode(tcp_packet().build());
  EXPECT_EQ(reset_fields(packet, ReplySide::sender, marks, 0)->sequence, 2010U);
  EXPECT_EQ(reset_fields(packet, ReplySide::peer, marks, 0)->sequence, 1004U);
  // What the sender has acknowledged it surely has.
  const ResetMarks older{{1004, 1990}, {true, true}};
  EXPECT_EQ(reset_fields(packet, ReplySide::sender, older, 0)->sequence, 2000U);
  const ResetMarks wrapped{{1004, 0xffffff00}, {true, true}};
  EXPECT_EQ(reset_fields(packet, ReplySide::sender, wrapped, 0)->sequence, 2000U);
}

TEST(ReplyFrame, ASynIsAcknowledgedAndItsPeerNotTold) {
  const Bytes syn = tcp_packet(kSyn).payload("ab").build();
  EXPECT_EQ(reset_for(syn, ReplySide::sender),
            PacketBuilder()
                .eth(kThere, kHere)
                .ipv4("10.0.0.2", "10.0.0.1", kAnswerV4)
                .tcp(80, 4000,
                     {.flags = kRst | kAck, .sequence = 0, .acknowledgement = 1003, .window = 0})
                .pad_to(60)
                .build());
  EXPECT_TRUE(reset_for(syn, ReplySide::peer).empty());
}

TEST(ReplyFrame, CarriesEveryVlanTag) {
  const Bytes frame = PacketBuilder()
                          .eth()
                          .vlan(100, 0x88a8, 3)
                          .vlan(7, 0x8100, 5)
                          .ipv6("2001:db8::1", "2001:db8::2", {.hop_limit = 3})
                          .tcp(4000, 80)
                          .build();
  EXPECT_EQ(reset_for(frame, ReplySide::sender),
            PacketBuilder()
                .eth(kThere, kHere)
                .vlan(100, 0x88a8, 3)
                .vlan(7, 0x8100, 5)
                .ipv6("2001:db8::2", "2001:db8::1")
                .tcp(80, 4000, {.flags = kRst, .sequence = 2000, .acknowledgement = 0, .window = 0})
                .build());
}

TEST(ReplyFrame, TurnsTheTunnelsOfVxlanAroundButForTheirPort) {
  const Bytes frame = PacketBuilder()
                          .eth()
                          .ipv4("192.0.2.1", "192.0.2.2", {.ttl = 5})
                          .udp(9999, 4789)
                          .vxlan(5)
                          .eth("02:00:00:00:00:0a", "02:00:00:00:00:0b")
                          .ipv4("10.0.0.1", "10.0.0.2")
                          .tcp(4000, 80)
                          .build();
  EXPECT_EQ(reset_for(frame, ReplySide::sender),
            PacketBuilder()
                .eth(kThere, kHere)
                .ipv4("192.0.2.2", "192.0.2.1", kAnswerV4)
                .udp(9999, 4789)
                .vxlan(5)
                .eth("02:00:00:00:00:0b", "02:00:00:00:00:0a")
                .ipv4("10.0.0.2", "10.0.0.1", kAnswerV4)
                .tcp(80, 4000, {.flags = kRst, .sequence = 2000, .acknowledgement = 0, .window = 0})
                .build());
}

TEST(ReplyFrame, WritesSumsOfGreAnewAndKeepsItsKey) {
  const auto frame = [](const char* from, const char* to, bool is_back) {
    PacketBuilder packet;
    packet.eth(is_back ? kThere : kHere, is_back ? kHere : kThere);
    packet.ipv4(from, to, is_back ? kAnswerV4 : test::Ipv4Fields{});
    packet.gre({.with_checksum = true, .key = 77});
    return packet;
  };
  const Bytes sent =
      frame("192.0.2.1", "192.0.2.2", false).ipv4("10.0.0.1", "10.0.0.2").tcp(4000, 80).build();
  EXPECT_EQ(reset_for(sent, ReplySide::sender),
            frame("192.0.2.2", "192.0.2.1", true)
                .ipv4("10.0.0.2", "10.0.0.1", kAnswerV4)
                .tcp(80, 4000, {.flags = kRst, .sequence = 2000, .acknowledgement = 0, .window = 0})
                .build());
}

TEST(ReplyFrame, KnowsWhereNoHeaderCanBeTurnedAround) {
  const auto path_of = [](const Bytes& frame) {
    DecodeBench bench;
    return reply_path_of(bench.decode(frame));
  };
  PacketBuilder numbered;
  numbered.eth().ipv4("192.0.2.1", "192.0.2.2").gre({.sequence = 4}).ipv4("10.0.0.1", "10.0.0.2");
  EXPECT_FALSE(path_of(numbered.udp(1, 2).build()));
  PacketBuilder labelled;
  labelled.eth().mpls(16).mpls(17).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2);
  EXPECT_FALSE(path_of(labelled.build())->has_way_back);
  PacketBuilder mobile;
  mobile.eth().ipv4("192.0.2.1", "192.0.2.2").udp(2152, 2152).gtpu({.teid = 9});
  EXPECT_FALSE(path_of(mobile.ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).build())->has_way_back);
  PacketBuilder dialled;
  dialled.eth().pppoe(3).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2);
  EXPECT_TRUE(path_of(dialled.build())->has_way_back);
}

TEST(ReplyFrame, AnUnreachablePortQuotesThePacket) {
  PacketBuilder datagram;
  datagram.eth().ipv4("10.0.0.1", "10.0.0.2").udp(5000, 53).payload("a question");
  const Bytes frame = datagram.build();
  EXPECT_EQ(unreachable_for(frame), PacketBuilder()
                                        .eth(kThere, kHere)
                                        .ipv4("10.0.0.2", "10.0.0.1", kAnswerV4)
                                        .icmp(3, 3)
                                        .payload(Bytes(frame.begin() + 14, frame.end()))
                                        .build());
}

TEST(ReplyFrame, AnUnreachablePortOverIpv6QuotesThePacket) {
  PacketBuilder datagram;
  datagram.eth().ipv6("2001:db8::1", "2001:db8::2").udp(5000, 53).payload("a question");
  const Bytes frame = datagram.build();
  EXPECT_EQ(unreachable_for(frame), PacketBuilder()
                                        .eth(kThere, kHere)
                                        .ipv6("2001:db8::2", "2001:db8::1")
                                        .icmpv6(1, 4)
                                        .payload(Bytes(frame.begin() + 14, frame.end()))
                                        .build());
}

TEST(ReplyFrame, AQuoteIsNoLongerThanAnErrorMayBe) {
  PacketBuilder four;
  four.eth().ipv4("10.0.0.1", "10.0.0.2").udp(5000, 53).payload(1400, 'x');
  EXPECT_EQ(unreachable_for(four.build()).size(), 14U + 576U);
  PacketBuilder six;
  six.eth().ipv6("2001:db8::1", "2001:db8::2").udp(5000, 53).payload(1400, 'x');
  EXPECT_EQ(unreachable_for(six.build()).size(), 14U + 1280U);
  EXPECT_TRUE(unreachable_for(six.build(), 1293).empty());
}

TEST(ReplyFrame, PaddingOfAFrameIsNotQuoted) {
  PacketBuilder datagram;
  datagram.eth().ipv4("10.0.0.1", "10.0.0.2").udp(5000, 53).payload("?").pad_to(60);
  EXPECT_EQ(unreachable_for(datagram.build()).size(), 14U + 20U + 8U + 29U);
}

TEST(ReplyFrame, GroupsErrorsAndResetsAreNotAnswered) {
  const auto datagram = [](const char* from, const char* to, const char* mac = kThere) {
    return PacketBuilder().eth(kHere, mac).ipv4(from, to).udp(5000, 53).payload("?").build();
  };
  EXPECT_TRUE(is_answered(datagram("10.0.0.1", "10.0.0.2")));
  EXPECT_FALSE(is_answered(datagram("10.0.0.1", "10.0.0.2", "ff:ff:ff:ff:ff:ff")));
  EXPECT_FALSE(is_answered(datagram("10.0.0.1", "224.0.0.1")));
  EXPECT_FALSE(is_answered(datagram("10.0.0.1", "255.255.255.255")));
  EXPECT_FALSE(is_answered(datagram("0.0.0.0", "10.0.0.2")));
  EXPECT_FALSE(is_answered(tcp_packet(kRst | kAck).build()));
  const auto icmp = [](std::uint8_t type) {
    PacketBuilder packet;
    packet.eth().ipv4("10.0.0.1", "10.0.0.2").icmp(type);
    return packet.ipv4("10.0.0.2", "10.0.0.1").udp(53, 5000).build();
  };
  EXPECT_TRUE(is_answered(icmp(8)));
  for (const int type : {3, 4, 5, 11, 12}) {
    EXPECT_FALSE(is_answered(icmp(static_cast<std::uint8_t>(type)))) << type;
  }
  const auto icmpv6 = [](std::uint8_t type) {
    PacketBuilder packet;
    packet.eth().ipv6("2001:db8::1", "2001:db8::2", {.hop_limit = 255}).icmpv6(type);
    return packet.payload(24, 0).build();
  };
  EXPECT_TRUE(is_answered(icmpv6(128)));
  for (const int type : {1, 2, 3, 4, 130, 134, 135, 136, 143}) {
    EXPECT_FALSE(is_answered(icmpv6(static_cast<std::uint8_t>(type)))) << type;
  }
}

}  // namespace
}  // namespace sluice
