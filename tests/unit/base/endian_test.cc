#include "base/endian.h"

#include <gtest/gtest.h>

#include <array>

namespace sluice {
namespace {

TEST(Endian, ReadsNetworkOrderAtAnyAlignment) {
  const std::array<std::uint8_t, 9> bytes{0xff, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(load_be16(&bytes[1]), 0x0102);
  EXPECT_EQ(load_be32(&bytes[1]), 0x01020304U);
  EXPECT_EQ(load_be64(&bytes[1]), 0x0102030405060708U);
}

TEST(Endian, KeepsTheWireOrderInTheType) {
  const Be16 port(443);
  EXPECT_EQ(port.host(), 443);
  EXPECT_EQ(port.raw(), 0xbb01);
  EXPECT_EQ(Be16::from_raw(0xbb01), port);
}

TEST(Endian, StoresWhatItLoads) {
  std::array<std::uint8_t, 5> bytes{};
  store(&bytes[1], Be32(0x0a000001));
  EXPECT_EQ(bytes[1], 0x0a);
  EXPECT_EQ(load<Be32>(&bytes[1]).host(), 0x0a000001U);
}

}  // namespace
}  // namespace sluice
