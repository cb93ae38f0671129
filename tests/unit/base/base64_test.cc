#include "base/base64.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Base64, KnowsThePlacesOfItsDigitsAndNothingElse) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::size_t place = kBase64Digits.find(static_cast<char>(byte));
    const int expected = place == std::string_view::npos ? -1 : static_cast<int>(place);
    EXPECT_EQ(base64_value(static_cast<std::uint8_t>(byte)), expected) << byte;
  }
  EXPECT_EQ(base64_value('A'), 0);
  EXPECT_EQ(base64_value('/'), 63);
}

}  // namespace
}  // namespace sluice
