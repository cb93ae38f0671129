#include "rules/byte_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "base/escape.h"

namespace sluice {
namespace {

using namespace std::string_literals;

TEST(ByteText, KeepsPrintableTextAndEscapesTheRest) {
  EXPECT_EQ(escape_bytes("GET /index.html"), "GET /index.html");
  EXPECT_EQ(escape_bytes("a\\b\r\n\t"), "a\\\\b\\r\\n\\t");
  EXPECT_EQ(escape_bytes("\0\x1f\x7f\xff"s), "\\x00\\x1f\\x7f\\xff");
  EXPECT_EQ(escape_bytes("\xc3\xa4"), "\xc3\xa4");
  EXPECT_EQ(escape_bytes("\xc2\x80"), "\\xc2\\x80");
  EXPECT_EQ(escape_bytes("\xef\xbb\xbf"), "\\xef\\xbb\\xbf");
}

TEST(ByteText, ReadsBackEveryByteString) {
  std::mt19937 random(4);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes;
    for (std::size_t i = 0, count = random() % 12; i < count; ++i) {
      bytes += static_cast<char>(random() % 256);
    }
    const std::string text = escape_bytes(bytes);
    EXPECT_EQ(escape_control(text), text);
    const auto again = read_escapes(text);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*again, bytes);
  }
}

TEST(ByteText, TakesHexadecimalDigitsInEitherCase) {
  EXPECT_EQ(*read_escapes("\\xaB\\xCd"), "\xab\xcd");
  EXPECT_EQ(*read_escapes("\\x414"), "A4");
}

TEST(ByteText, RefusesWhatIsNoEscape) {
  for (const std::string_view text : {"\\", "\\x", "\\x4", "\\x4g", "\\d", "\\0", "a\\"}) {
    EXPECT_FALSE(read_escapes(text)) << text;
  }
  EXPECT_EQ(read_escapes("ab\\xzz").error().message,
            "'\\xzz' is no escape: \\xHH, \\n, \\r, \\t or \\\\ belongs here");
}

TEST(ByteText, QuotesWithoutDoublingBackslashes) {
  EXPECT_EQ(quoted_scalar("plain"), "\"plain\"");
  EXPECT_EQ(quoted_scalar("it's"), "\"it's\"");
  EXPECT_EQ(quoted_scalar("a\\d\"b'c"), "'a\\d\"b''c'");
  EXPECT_EQ(quoted_scalar(""), "\"\"");
}

}  // namespace
}  // namespace sluice
