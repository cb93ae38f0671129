// Blocks, sections, interfaces and their clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/io/pcapng_reader.h"
#include "tests/unit/dataplane/capture_bytes.h"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::uint16_t kEthernet = 1;
constexpr std::uint16_t kRawIp = 101;

class PcapngInBothByteOrders : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(ByteOrder, PcapngInBothByteOrders, testing::Bool(),
                         [](const auto& param) { return param.param ? "swapped" : "native"; });

TEST_P(PcapngInBothByteOrders, ReadsEnhancedPackets) {
  CaptureBuilder file(GetParam());
  file.section().interface(kEthernet).enhanced(0, 1'700'000'000'000'001, frame_of(61), 90);
  const Capture capture = parse(file.bytes());
  ASSERT_EQ(damage_of(capture), "");
  ASSERT_THAT(capture.packets, SizeIs(1));
  EXPECT_EQ(capture.packets[0].timestamp, 1'700'000'000'000'001'000U);
  EXPECT_EQ(capture.packets[0].wire_bytes, 90U);
  EXPECT_EQ(copy_of(capture.packets[0]), frame_of(61));
}

TEST_P(PcapngInBothByteOrders, ReadsObsoletePackets) {
  CaptureBuilder file(GetParam());
  file.section().interface(kEthernet).interface(kEthernet, 0, 9);
  file.obsolete(1, 77, frame_of(33), 33);
  const Capture capture = parse(file.bytes());
  ASSERT_THAT(capture.packets, SizeIs(1));
  EXPECT_EQ(capture.packets[0].timestamp, 77U);
  EXPECT_EQ(capture.packets[0].interface, 1U);
  EXPECT_EQ(copy_of(capture.packets[0]), frame_of(33));
}

TEST_P(PcapngInBothByteOrders, SimplePacketsAreCutAtTheFirstInterfacesSnapLength) {
  CaptureBuilder file(GetParam());
  file.section().interface(kEthernet, 40).enhanced(0, 5, frame_of(20), 20);
  file.simple(frame_of(40), 90).simple(frame_of(30), 30);
  const Capture capture = parse(file.bytes());
  ASSERT_THAT(capture.packets, SizeIs(3));
  EXPECT_EQ(copy_of(capture.packets[1]), frame_of(40));
  EXPECT_EQ(capture.packets[1].wire_bytes, 90U);
  EXPECT_EQ(capture.packets[1].timestamp, capture.packets[0].timestamp);
  EXPECT_EQ(copy_of(capture.packets[2]), frame_of(30));
}

TEST(PcapngReader, SectionsMayDifferInByteOrderAndBeginTheirInterfacesAnew) {
  CaptureBuilder file;
  file.section().interface(kEthernet).interface(kEthernet).enhanced(1, 1, frame_of(20), 20);
  file.set_swapped(true);
  file.section().interface(kRawIp, 0, 9).enhanced(0, 2, frame_of(20, 0x45), 20);
  const Capture capture = parse(file.bytes());
  ASSERT_EQ(damage_of(capture), "");
  ASSERT_THAT(capture.packets, SizeIs(2));
  EXPECT_THAT(capture.interfaces, SizeIs(3));
  EXPECT_EQ(capture.packets[0].interface, 1U);
  EXPECT_EQ(capture.packets[1].interface, 2U);
  EXPECT_EQ(capture.packets[1].timestamp, 2U);
  EXPECT_EQ(capture.packets[1].bytes.size(), 34U);
}

TEST(PcapngReader, InterfaceOfAnEarlierSectionIsNotKnown) {
  CaptureBuilder file;
  file.section().interface(kEthernet).section().enhanced(0, 1, frame_of(20), 20);
  EXPECT_THAT(damage_of(parse(file.bytes())),
              HasSubstr("a packet of interface 0, and the section has 0"));
}

TEST(PcapngReader, EachInterfaceHasItsLinkTypeSnapLengthAndClock) {
  CaptureBuilder file;
  file.section().interface(kEthernet, 100, 3, 10).interface(kRawIp, 200, 0x80 | 10, -1);
  file.enhanced(0, 1'500, frame_of(20), 20).enhanced(1, 2'560, frame_of(20, 0x60), 20);
  const Capture capture = parse(file.bytes());
  ASSERT_THAT(capture.packets, SizeIs(2));
  EXPECT_EQ(capture.packets[0].timestamp, 11'500'000'000U);
  EXPECT_EQ(capture.packets[1].timestamp, 1'500'000'000U);
  EXPECT_EQ(capture.interfaces[1].snap_bytes, 200U);
  EXPECT_EQ(capture.packets[1].bytes[12], 0x86);
}

TEST(PcapngReader, UnknownBlocksAreSteppedOver) {
  CaptureBuilder file;
  file.section();
  for (const std::uint32_t type : {4U, 5U, 10U, 0xbadU, 0x40000badU, 0x7fffffffU}) {
    file.block(type, [](CaptureBuilder& b) { b.raw(frame_of(21)); });
    file.block(type, [](CaptureBuilder&) {});
  }
  file.interface(kEthernet).enhanced(0, 1, frame_of(20), 20);
  const Capture capture = parse(file.bytes());
  EXPECT_EQ(damage_of(capture), "");
  EXPECT_THAT(capture.packets, SizeIs(1));
}

TEST(PcapngReader, InterfaceOfAnUnsupportedLinkTypeMattersOnlyWhenUsed) {
  CaptureBuilder file;
  file.section().interface(127).interface(kEthernet).enhanced(1, 1, frame_of(20), 20);
  EXPECT_EQ(damage_of(parse(file.bytes())), "");
  file.enhanced(0, 1, frame_of(20), 20);
  const Capture capture = parse(file.bytes());
  EXPECT_THAT(capture.packets, SizeIs(1));
  ASSERT_TRUE(capture.damage.has_value());
  EXPECT_EQ(capture.damage->kind, ErrorKind::unavailable);
}

TEST(PcapngReader, OtherMajorVersionIsUnsupported) {
  CaptureBuilder file;
  file.block(0x0a0d0d0a, [](CaptureBuilder& b) { b.u32(0x1a2b3c4d).u16(2).u16(0).u64(0); });
  const Capture capture = parse(file.bytes());
  ASSERT_TRUE(capture.damage.has_value());
  EXPECT_EQ(capture.damage->kind, ErrorKind::unavailable);
}

struct BrokenBlock {
  const char* name;
  const char* says;
  void (*write)(CaptureBuilder&);
};

class BrokenPcapng : public testing::TestWithParam<BrokenBlock> {};

TEST_P(BrokenPcapng, IsDamageAndKeepsThePacketsBefore) {
  CaptureBuilder file;
  file.section().interface(kEthernet, 100).enhanced(0, 1, frame_of(20), 20);
  GetParam().write(file);
  const Capture capture = parse(file.bytes());
  EXPECT_THAT(capture.packets, SizeIs(1));
  EXPECT_THAT(damage_of(capture), HasSubstr(GetParam().says));
  EXPECT_EQ(capture.damage->kind, ErrorKind::invalid);
}

INSTANTIATE_TEST_SUITE_P(
    PcapngReader, BrokenPcapng,
    testing::Values(
        BrokenBlock{"LengthZero", "a block of 0 bytes",
                    [](CaptureBuilder& b) { b.u32(6).u32(0).u32(0); }},
        BrokenBlock{"LengthNoMultipleOfFour", "a block of 14 bytes",
                    [](CaptureBuilder& b) { b.u32(5).u32(14).u32(0).u32(14); }},
        BrokenBlock{"LengthBeyondTheFile", "a block of 4294967292 bytes, and 16 are left",
                    [](CaptureBuilder& b) { b.u32(5).u32(0xfffffffc).u32(0).u32(12); }},
        BrokenBlock{"LengthsThatDiffer", "that ends with the length 20",
                    [](CaptureBuilder& b) { b.u32(5).u32(16).u32(0).u32(20); }},
        BrokenBlock{"CutBlockHeader", "ends inside a block header",
                    [](CaptureBuilder& b) { b.u32(5).u32(12); }},
        BrokenBlock{"ByteOrderMagic", "byte-order magic 0x11223344",
                    [](CaptureBuilder& b) {
                      b.block(0x0a0d0d0a,
                              [](CaptureBuilder& c) { c.u32(0x11223344).u16(1).u16(0).u64(0); });
                    }},
        BrokenBlock{"ShortSectionHeader", "with 4 bytes of body: at least 16",
                    [](CaptureBuilder& b) {
                      b.block(0x0a0d0d0a, [](CaptureBuilder& c) { c.u32(0x1a2b3c4d); });
                    }},
        BrokenBlock{"ShortInterface", "a block of type 1 with 4 bytes of body: at least 8",
                    [](CaptureBuilder& b) { b.block(1, [](CaptureBuilder& c) { c.u32(1); }); }},
        BrokenBlock{"OptionBeyondItsBlock", "an interface option of 9 bytes overruns its block",
                    [](CaptureBuilder& b) {
                      b.block(1, [](CaptureBuilder& c) {
                        c.u16(1).u16(0).u32(0).u16(14).u16(9).u64(0);
                      });
                    }},
        BrokenBlock{"ShortPacket", "a block of type 6 with 16 bytes of body: at least 20",
                    [](CaptureBuilder& b) {
                      b.block(6, [](CaptureBuilder& c) { c.u32(0).u32(0).u32(0).u32(0); });
                    }},
        BrokenBlock{"CapturedLengthBeyondTheBlock",
                    "a packet of 9 captured bytes in a block with "
                    "room for 8",
                    [](CaptureBuilder& b) {
                      b.block(6, [](CaptureBuilder& c) {
                        c.u32(0).u32(0).u32(0).u32(9).u32(9).u64(0);
                      });
                    }},
        BrokenBlock{"SimplePacketBeyondItsBlock",
                    "a packet of 100 captured bytes in a block with "
                    "room for 8",
                    [](CaptureBuilder& b) {
                      b.block(3, [](CaptureBuilder& c) { c.u32(0xffffffff).u64(0); });
                    }},
        BrokenBlock{"UnknownInterface", "a packet of interface 1, and the section has 1",
                    [](CaptureBuilder& b) { b.enhanced(1, 0, frame_of(20), 20); }}),
    [](const auto& param) { return param.param.name; });

TEST(PcapngReader, SimplePacketBeforeAnyInterfaceIsDamage) {
  CaptureBuilder file;
  file.section().simple(frame_of(20), 20);
  EXPECT_THAT(damage_of(parse(file.bytes())), HasSubstr("the section has 0"));
}

TEST(PcapngReader, TruncatedAtEveryLengthIsDamageUnlessABlockEndsThere) {
  CaptureBuilder file;
  std::vector<std::size_t> ends;
  file.section();
  ends.push_back(file.size());
  file.interface(kEthernet, 0, 9, 5);
  ends.push_back(file.size());
  for (const std::size_t bytes : {20U, 0U, 33U}) {
    file.enhanced(0, 1, frame_of(bytes), 60);
    ends.push_back(file.size());
  }
  for (std::size_t length = 0; length <= file.size(); ++length) {
    const Capture capture = parse(std::span(file.bytes()).first(length));
    const auto whole = std::count_if(ends.begin() + 2, ends.end(),
                                     [length](std::size_t end) { return end <= length; });
    EXPECT_THAT(capture.packets, SizeIs(whole)) << length;
    const bool is_clean = std::find(ends.begin(), ends.end(), length) != ends.end();
    EXPECT_EQ(capture.damage.has_value(), !is_clean) << length;
  }
}

TEST(PcapngTime, EveryDecimalResolutionIsExact) {
  for (std::uint8_t exponent = 0; exponent <= 127; ++exponent) {
    long double expected = 1e18L;
    for (unsigned i = 9; i < exponent; ++i) expected /= 10;
    for (unsigned i = exponent; i < 9; ++i) expected *= 10;
    const TimeNs ns = pcapng_time(1'000'000'000'000'000'000, {false, exponent, 0});
    if (expected > static_cast<long double>(kCaptureTimeMax)) {
      EXPECT_EQ(ns, kCaptureTimeMax) << unsigned{exponent};
    } else {
      EXPECT_EQ(ns, static_cast<TimeNs>(expected)) << unsigned{exponent};
    }
  }
}

TEST(PcapngTime, EveryBinaryResolutionIsExact) {
  for (std::uint8_t exponent = 0; exponent <= 127; ++exponent) {
    const TimeNs one_second = exponent < 64
                                  ? pcapng_time(std::uint64_t{1} << exponent, {true, exponent, 0})
                                  : kNsPerSecond;
    EXPECT_EQ(one_second, kNsPerSecond) << unsigned{exponent};
  }
  EXPECT_EQ(pcapng_time(~std::uint64_t{0}, {true, 127, 0}), 0U);
  EXPECT_EQ(pcapng_time(~std::uint64_t{0}, {true, 64, 0}), kNsPerSecond - 1);
}

TEST(PcapngTime, OffsetsSaturateInsteadOfWrapping) {
  EXPECT_EQ(pcapng_time(5'000'000, {false, 6, -5}), 0U);
  EXPECT_EQ(pcapng_time(5'000'000, {false, 6, -6}), 0U);
  EXPECT_EQ(pcapng_time(5'000'000, {false, 6, INT64_MIN}), 0U);
  EXPECT_EQ(pcapng_time(5'000'000, {false, 6, INT64_MAX}), kCaptureTimeMax);
  EXPECT_EQ(pcapng_time(~std::uint64_t{0}, {false, 0, INT64_MAX}), kCaptureTimeMax);
}

}  // namespace
}  // namespace sluice::test
