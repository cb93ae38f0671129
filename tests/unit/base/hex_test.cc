#include "base/hex.h"

#include <string_view>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Hex, TakesDigitsInEitherCaseAndNothingElse) {
  constexpr std::string_view kLower = "0123456789abcdef";
  constexpr std::string_view kUpper = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::size_t place = kUpper.find(c) < 16 ? kUpper.find(c) : kLower.find(c);
    const int expected = place < 16 ? static_cast<int>(place) : -1;
    EXPECT_EQ(hex_value(c), expected) << byte;
    EXPECT_EQ(hex_value(static_cast<std::uint8_t>(byte)), expected) << byte;
  }
}

TEST(Hex, TakesTwoDigitsForAByte) {
  EXPECT_EQ(hex_byte('0', '0'), 0);
  EXPECT_EQ(hex_byte('f', 'E'), 0xfe);
  EXPECT_EQ(hex_byte('g', '0'), -1);
  EXPECT_EQ(hex_byte('0', ' '), -1);
}

}  // namespace
}  // namespace sluice
