// Each link type as Ethernet: which bytes go, which EtherType comes.
#include "dataplane/io/capture_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dataplane/capture_bytes.h"

namespace sluice::test {
namespace {

using testing::SizeIs;

struct LinkRow {
  const char* name;
  std::uint32_t link_type;
  Bytes link_header;
  Bytes network;
  std::uint16_t ether_type;
};

Bytes cooked_v1(std::uint16_t protocol) {
  Bytes header(16, 0);
  header[14] = static_cast<std::uint8_t>(protocol >> 8);
  header[15] = static_cast<std::uint8_t>(protocol);
  return header;
}
Bytes cooked_v2(std::uint16_t protocol) {
  Bytes header(20, 0);
  header[0] = static_cast<std::uint8_t>(protocol >> 8);
  header[1] = static_cast<std::uint8_t>(protocol);
  return header;
}

const Bytes kV4 = frame_of(28, 0x45);
const Bytes kV6 = frame_of(48, 0x60);

class LinkTypes : public testing::TestWithParam<LinkRow> {};

TEST_P(LinkTypes, BecomeEthernetWithZeroMacs) {
  const LinkRow& row = GetParam();
  Bytes frame = row.link_header;
  frame.insert(frame.end(), row.network.begin(), row.network.end());
  CaptureBuilder file;
  file.pcap_header(0xa1b2c3d4, row.link_type);
  file.pcap_record(1, 0, frame, static_cast<std::uint32_t>(frame.size()) + 100);
  file.pcap_record(2, 0, frame, static_cast<std::uint32_t>(frame.size()) + 100);

  Bytes expected(12, 0);
  expected.push_back(static_cast<std::uint8_t>(row.ether_type >> 8));
  expected.push_back(static_cast<std::uint8_t>(row.ether_type));
  expected.insert(expected.end(), row.network.begin(), row.network.end());
  for (const bool separate : {false, true}) {
    CaptureLimits limits;
    limits.separate_blocks = separate;
    const Capture capture = parse_capture(owned(file.bytes()), limits);
    ASSERT_THAT(capture.packets, SizeIs(2)) << damage_of(capture);
    for (const CapturedPacket& packet : capture.packets) {
      EXPECT_EQ(copy_of(packet), expected);
      EXPECT_EQ(packet.wire_bytes, expected.size() + 100);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    CaptureLink, LinkTypes,
    testing::Values(
        LinkRow{"RawIpv4", 101, {}, kV4, 0x0800}, LinkRow{"RawIpv6", 101, {}, kV6, 0x86dd},
        LinkRow{"RawIpNumber12", 12, {}, kV6, 0x86dd},
        LinkRow{"RawIpNumber14", 14, {}, kV4, 0x0800}, LinkRow{"OnlyIpv4", 228, {}, kV4, 0x0800},
        LinkRow{"OnlyIpv6", 229, {}, kV6, 0x86dd},
        LinkRow{"CookedV1Ipv4", 113, cooked_v1(0x0800), kV4, 0x0800},
        LinkRow{"CookedV1Vlan", 113, cooked_v1(0x8100), frame_of(40), 0x8100},
        LinkRow{"CookedV1Llc", 113, cooked_v1(4), frame_of(40), 140},
        LinkRow{"CookedV1OtherProtocol", 113, cooked_v1(12), frame_of(40), 0x88b5},
        LinkRow{"CookedV2Ipv6", 276, cooked_v2(0x86dd), kV6, 0x86dd},
        LinkRow{"LoopbackIpv4", 0, {2, 0, 0, 0}, kV4, 0x0800},
        LinkRow{"LoopbackIpv4OtherOrder", 0, {0, 0, 0, 2}, kV4, 0x0800},
        LinkRow{"LoopbackIpv6Darwin", 0, {30, 0, 0, 0}, kV6, 0x86dd},
        LinkRow{"LoopbackIpv6Freebsd", 0, {0, 0, 0, 28}, kV6, 0x86dd},
        LinkRow{"LoopbackOther", 0, {7, 0, 0, 0}, frame_of(20), 0x88b5},
        LinkRow{"LoopNetworkOrder", 108, {0, 0, 0, 24}, kV6, 0x86dd},
        LinkRow{"PppIpv4", 9, {0xff, 0x03, 0x00, 0x21}, kV4, 0x0800},
        LinkRow{"PppWithoutAddress", 9, {0x00, 0x57}, kV6, 0x86dd},
        LinkRow{"PppCompressedProtocol", 9, {0x21}, kV4, 0x0800},
        LinkRow{"PppMpls", 9, {0xff, 0x03, 0x02, 0x81}, kV4, 0x8847},
        LinkRow{"PppControl", 9, {0xff, 0x03}, {0xc0, 0x21, 1, 2, 3, 4}, 0x880b},
        LinkRow{"PppSerial", 50, {0xff, 0x03, 0x00, 0x21}, kV4, 0x0800},
        LinkRow{"PppSerialCisco", 50, {0x0f, 0x00, 0x86, 0xdd}, kV6, 0x86dd},
        LinkRow{"Pppoe", 51, {}, frame_of(30, 0x11), 0x8864},
        LinkRow{"CiscoHdlcIpv4", 104, {0x0f, 0x00, 0x08, 0x00}, kV4, 0x0800},
        LinkRow{"CiscoHdlcKeepalive", 104, {0x8f, 0x00, 0x80, 0x35}, frame_of(18), 0x8035}),
    [](const auto& param) { return param.param.name; });

TEST(CaptureLink, SimplePacketsLendBytesOfTheBlockBefore) {
  CaptureBuilder file;
  file.section().interface(101).simple(kV4, 28).simple(kV6, 48);
  const Capture capture = parse_capture(owned(file.bytes()));
  ASSERT_THAT(capture.packets, SizeIs(2)) << damage_of(capture);
  EXPECT_EQ(Bytes(capture.packets[0].bytes.begin() + 14, capture.packets[0].bytes.end()), kV4);
  EXPECT_EQ(Bytes(capture.packets[1].bytes.begin() + 14, capture.packets[1].bytes.end()), kV6);
}

TEST(CaptureLink, FrameThatEndsInsideItsLinkHeaderHasNoBytesButALength) {
  for (const std::uint32_t link_type : {0U, 9U, 50U, 104U, 108U, 113U, 276U}) {
    for (std::size_t captured = 0; captured < 20; ++captured) {
      const Bytes frame(captured, 0);
      const auto header = read_link_header(link_type, frame);
      ASSERT_TRUE(header.has_value());
      CaptureBuilder file;
      file.pcap_header(0xa1b2c3d4, link_type).pcap_record(1, 0, frame, 100);
      const Capture capture = parse(file.bytes());
      ASSERT_THAT(capture.packets, SizeIs(1));
      if (header->is_cut) {
        EXPECT_EQ(capture.packets[0].bytes.size(), 0U);
      }
      EXPECT_GT(capture.packets[0].wire_bytes, capture.packets[0].bytes.size());
    }
  }
}

TEST(CaptureLink, LongLlcFrameHasNoLengthField) {
  EXPECT_EQ(ether_type_of({.bytes = 16, .ether_type = 0}, 1500), 1500);
  EXPECT_EQ(ether_type_of({.bytes = 16, .ether_type = 0}, 1501), 0x8870);
}

TEST(CaptureLink, WireLengthNeverWraps) {
  CaptureBuilder file;
  file.pcap_header(0xa1b2c3d4, 101).pcap_record(1, 0, kV4, 0xffffffff);
  EXPECT_EQ(parse(file.bytes()).packets.at(0).wire_bytes, 0xffffffff);
}

}  // namespace
}  // namespace sluice::test
