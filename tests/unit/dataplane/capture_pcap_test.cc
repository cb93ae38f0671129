// The classic format: what each variant means, and what a broken file is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/io/pcap_reader.h"
#include "tests/unit/dataplane/capture_bytes.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::uint32_t kMicro = 0xa1b2c3d4;
constexpr std::uint32_t kNano = 0xa1b23c4d;
constexpr std::uint32_t kLongRecords = 0xa1b2cd34;
constexpr std::uint32_t kEthernet = 1;

class PcapInBothByteOrders : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(ByteOrder, PcapInBothByteOrders, testing::Bool(),
                         [](const auto& param) { return param.param ? "swapped" : "native"; });

TEST_P(PcapInBothByteOrders, ReadsMicroseconds) {
  CaptureBuilder file(GetParam());
  file.pcap_header(kMicro, kEthernet).pcap_record(7, 5, frame_of(60), 60);
  const Capture capture = parse(file.bytes());
  ASSERT_THAT(capture.packets, SizeIs(1));
  EXPECT_EQ(capture.packets[0].timestamp, 7'000'005'000U);
  EXPECT_EQ(copy_of(capture.packets[0]), frame_of(60));
  EXPECT_EQ(damage_of(capture), "");
}

TEST_P(PcapInBothByteOrders, ReadsNanoseconds) {
  CaptureBuilder file(GetParam());
  file.pcap_header(kNano, kEthernet).pcap_record(7, 5, frame_of(60), 60);
  const Capture capture = parse(file.bytes());
  ASSERT_THAT(capture.packets, SizeIs(1));
  EXPECT_EQ(capture.packets[0].timestamp, 7'000'000'005U);
}

TEST_P(PcapInBothByteOrders, ReadsLongRecordHeaders) {
  CaptureBuilder file(GetParam());
  file.pcap_header(kLongRecords, kEthernet);
  for (std::uint8_t first : {std::uint8_t{1}, std::uint8_t{100}}) {
    file.u32(7).u32(5).u32(20).u32(90).u32(3).u16(0x800).u8(0).u8(0).raw(frame_of(20, first));
  }
  const Capture capture = parse(file.bytes());
  ASSERT_THAT(capture.packets, SizeIs(2));
  EXPECT_EQ(copy_of(capture.packets[1]), frame_of(20, 100));
  EXPECT_EQ(capture.packets[1].wire_bytes, 90U);
}

TEST(PcapReader, TakesTimesUpToTheYear2106) {
  CaptureBuilder file;
  file.pcap_header(kMicro, kEthernet).pcap_record(0xffffffff, 999'999, frame_of(14), 14);
  EXPECT_EQ(parse(file.bytes()).packets.at(0).timestamp, 4'294'967'295'999'999'000U);
}

TEST(PcapReader, HeaderAloneIsACaptureWithoutPackets) {
  CaptureBuilder file;
  file.pcap_header(kMicro, kEthernet);
  const Capture capture = parse(file.bytes());
  EXPECT_THAT(capture.packets, SizeIs(0));
  EXPECT_THAT(capture.interfaces, SizeIs(1));
  EXPECT_FALSE(capture.damage.has_value());
}

TEST(PcapReader, KeepsAFrameOfNoBytes) {
  CaptureBuilder file;
  file.pcap_header(kMicro, kEthernet).pcap_record(1, 0, {}, 60).pcap_record(1, 0, {}, 0);
  const Capture capture = parse(file.bytes());
  ASSERT_THAT(capture.packets, SizeIs(2));
  EXPECT_EQ(capture.packets[0].wire_bytes, 60U);
  EXPECT_EQ(capture.packets[0].bytes.size(), 0U);
  EXPECT_EQ(capture.packets[1].wire_bytes, 0U);
}

TEST(PcapReader, WireLengthBelowTheCapturedOneIsRaised) {
  CaptureBuilder file;
  file.pcap_header(kMicro, kEthernet).pcap_record(1, 0, frame_of(60), 10);
  EXPECT_EQ(parse(file.bytes()).packets.at(0).wire_bytes, 60U);
}

TEST(PcapReader, CapturedBytesBeyondTheSnapLengthAreKept) {
  CaptureBuilder file;
  file.u32(kMicro).u16(2).u16(4).u32(0).u32(0).u32(20).u32(kEthernet);
  file.pcap_record(1, 0, frame_of(60), 60);
  EXPECT_EQ(copy_of(parse(file.bytes()).packets.at(0)), frame_of(60));
}

TEST(PcapReader, FramesOfSixtyFourKibibytesAreOrdinary) {
  CaptureBuilder file;
  const Bytes frame(65'536 + 14, 0x55);
  const auto bytes = static_cast<std::uint32_t>(frame.size());
  file.pcap_header(kMicro, kEthernet).pcap_record(1, 0, frame, bytes);
  EXPECT_EQ(copy_of(parse(file.bytes()).packets.at(0)), frame);
}

TEST(PcapReader, LargestFrameIsReadAndOneByteMoreIsDamage) {
  for (const std::uint32_t extra : {0U, 1U}) {
    CaptureBuilder file;
    const Bytes frame(kCapturedBytesMax + extra, 0x55);
    file.pcap_header(kMicro, kEthernet).pcap_record(1, 0, frame, kCapturedBytesMax);
    const Capture capture = parse(file.bytes());
    EXPECT_THAT(capture.packets, SizeIs(1 - extra));
    EXPECT_EQ(capture.damage.has_value(), extra == 1);
  }
}

TEST(PcapReader, LengthNobodyChecksIsNotAllocated) {
  CaptureBuilder file;
  file.pcap_header(kMicro, kEthernet).u32(1).u32(0).u32(0xffffffff).u32(0xffffffff);
  const Capture capture = parse(file.bytes());
  EXPECT_EQ(damage_of(capture),
            "damaged at offset 24, after 0 packets: a packet of 4294967295 captured bytes: at most "
            "262144");
  EXPECT_EQ(capture.damage->kind, ErrorKind::invalid);
}

TEST(PcapReader, EarlyVersionsHaveTheLengthsSwapped) {
  struct Row {
    std::uint16_t minor;
    std::uint32_t first, second;
  };
  for (const Row& row : {Row{2, 90, 20}, Row{3, 90, 20}, Row{3, 20, 90}, Row{4, 20, 90}}) {
    CaptureBuilder file;
    file.pcap_header(kMicro, kEthernet, row.minor);
    file.u32(1).u32(0).u32(row.first).u32(row.second).raw(frame_of(20));
    const Capture capture = parse(file.bytes());
    ASSERT_THAT(capture.packets, SizeIs(1)) << row.minor;
    EXPECT_EQ(capture.packets[0].bytes.size(), 20U);
    EXPECT_EQ(capture.packets[0].wire_bytes, 90U);
  }
}

TEST(PcapReader, UnknownVersionIsUnsupported) {
  CaptureBuilder file;
  file.pcap_header(kMicro, kEthernet, 5);
  const Capture capture = parse(file.bytes());
  ASSERT_TRUE(capture.damage.has_value());
  EXPECT_EQ(capture.damage->kind, ErrorKind::unavailable);
  EXPECT_THAT(capture.damage->message, HasSubstr("pcap version 2.5"));
}

TEST(PcapReader, UnknownLinkTypeIsUnsupportedAndNamed) {
  CaptureBuilder file;
  file.pcap_header(kMicro, 127).pcap_record(1, 0, frame_of(60), 60);
  const Capture capture = parse(file.bytes());
  ASSERT_TRUE(capture.damage.has_value());
  EXPECT_EQ(capture.damage->kind, ErrorKind::unavailable);
  EXPECT_THAT(capture.damage->message, HasSubstr("link type 127 (IEEE 802.11 with radiotap)"));
  EXPECT_THAT(capture.packets, SizeIs(0));
}

TEST(PcapReader, FrameCheckSequenceBitsAreNoPartOfTheLinkType) {
  CaptureBuilder file;
  file.pcap_header(kMicro, 0x24000001).pcap_record(1, 0, frame_of(64), 64);
  const Capture capture = parse(file.bytes());
  ASSERT_THAT(capture.packets, SizeIs(1));
  EXPECT_EQ(capture.packets[0].bytes.size(), 64U);
  EXPECT_EQ(capture.interfaces[0].link_type, kEthernet);
}

TEST(PcapReader, TruncatedAtEveryLengthKeepsTheWholePacketsBefore) {
  CaptureBuilder file;
  std::vector<std::size_t> ends;
  file.pcap_header(kMicro, kEthernet);
  for (const std::size_t bytes : {60U, 0U, 33U, 1U}) {
    file.pcap_record(1, 0, frame_of(bytes), 60);
    ends.push_back(file.size());
  }
  for (std::size_t length = 0; length <= file.size(); ++length) {
    const Capture capture = parse(std::span(file.bytes()).first(length));
    const auto whole = std::count_if(ends.begin(), ends.end(),
                                     [length](std::size_t end) { return end <= length; });
    EXPECT_THAT(capture.packets, SizeIs(whole)) << length;
    const bool is_clean = length == 24 || std::find(ends.begin(), ends.end(), length) != ends.end();
    EXPECT_EQ(capture.damage.has_value(), !is_clean) << length;
  }
}

TEST(PcapReader, SaysWhereTheFileEnds) {
  CaptureBuilder file;
  file.pcap_header(kMicro, kEthernet).pcap_record(1, 0, frame_of(60), 60);
  file.pcap_record(2, 0, frame_of(60), 60);
  EXPECT_EQ(damage_of(parse(std::span(file.bytes()).first(file.size() - 1))),
            "damaged at offset 100, after 1 packets: a packet of 60 bytes, and 59 are left in the "
            "file");
  EXPECT_EQ(damage_of(parse(std::span(file.bytes()).first(110))),
            "damaged at offset 100, after 1 packets: the file ends inside a record header");
}

}  // namespace
}  // namespace sluice::test
