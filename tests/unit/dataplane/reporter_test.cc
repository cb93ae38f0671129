#include "dataplane/decide/reporter.h"

#include <array>
#include <cstdint>

#include <gtest/gtest.h>

namespace sluice {
namespace {

/// An IPv4 packet behind its Ethernet header, as the decoder leaves it.
class DropRecords : public testing::Test {
 protected:
  DropRecord record_of(std::uint8_t protocol, std::uint16_t header_bytes) {
    Packet packet{};
    packet.bytes = frame_.data();
    packet.ip_version = 4;
    packet.l3_offset = 14;
    packet.protocol = protocol;
    packet.l4_offset = 34;
    packet.payload_offset = static_cast<std::uint16_t>(34 + header_bytes);
    packet.payload_bytes = header_bytes == 0 ? 0 : 22;
    packet.icmp_type = 3;
    return drop_record(packet);
  }

  std::array<std::uint8_t, 64> frame_{};
};

TEST_F(DropRecords, TellTypeAndCodeOfAnIcmpMessage) {
  frame_[35] = 4;
  const DropRecord record = record_of(1, 8);
  EXPECT_EQ(record.icmp_type, 3);
  EXPECT_EQ(record.icmp_code, 4);
  EXPECT_EQ(record_of(58, 8).icmp_code, 4);
}

TEST_F(DropRecords, ReadNoCodeWhereThereIsNoIcmpHeader) {
  frame_[35] = 4;
  EXPECT_EQ(record_of(1, 0).icmp_code, 0);
  EXPECT_EQ(record_of(17, 8).icmp_code, 0);
}

TEST_F(DropRecords, TellTheLengthOfLayerFourWithItsHeader) {
  EXPECT_EQ(record_of(17, 8).l4_bytes, 30);
  EXPECT_EQ(record_of(6, 20).l4_bytes, 42);
}

TEST_F(DropRecords, TellNoLengthWhereTheHeaderWasNotUnderstood) {
  EXPECT_EQ(record_of(17, 0).l4_bytes, 0);
}

}  // namespace
}  // namespace sluice
