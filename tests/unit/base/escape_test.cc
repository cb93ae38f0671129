#include "base/escape.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(EscapeControl, LeavesPrintableTextAlone) {
  EXPECT_EQ(escape_control("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80"),
            "plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80");
}

TEST(EscapeControl, WritesControlCharactersAsHex) {
  EXPECT_EQ(escape_control("a\nb\t\x1b[0m\x7f"), "a\\x0ab\\x09\\x1b[0m\\x7f");
  EXPECT_EQ(escape_control("\xc2\x9b"), "\\xc2\\x9b");  // CSI as one C1 character
  EXPECT_EQ(escape_control(std::string_view("\0", 1)), "\\x00");
}

TEST(EscapeControl, WritesBrokenUtf8AsHex) {
  EXPECT_EQ(escape_control("\xff"), "\\xff");
  EXPECT_EQ(escape_control("\xc3"), "\\xc3");                    // cut
  EXPECT_EQ(escape_control("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(escape_control("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(escape_control("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(escape_control("\xe2\x82x"), "\\xe2\\x82x");
}

}  // namespace
}  // namespace sluice
