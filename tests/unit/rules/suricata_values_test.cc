#include "rules/suricata_values.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::string_literals;

constexpr std::uint64_t kOpen = ~std::uint64_t{0};

NumberRange range(std::string_view text) {
  const auto read = read_range(text, 0xffff);
  EXPECT_TRUE(read.has_value()) << text;
  return read ? *read : NumberRange{};
}

TEST(SuricataValues, RangesLeaveTheirEndsOut) {
  EXPECT_EQ(range("5"), (NumberRange{5, 5, false}));
  EXPECT_EQ(range("!5"), (NumberRange{5, 5, true}));
  EXPECT_EQ(range("<5"), (NumberRange{0, 4, false}));
  EXPECT_EQ(range("<=5"), (NumberRange{0, 5, false}));
  EXPECT_EQ(range("> 5"), (NumberRange{6, kOpen, false}));
  EXPECT_EQ(range(">=5"), (NumberRange{5, kOpen, false}));
  EXPECT_EQ(range("5<>8"), (NumberRange{6, 7, false}));
  EXPECT_EQ(range("5 - 8"), (NumberRange{6, 7, false}));
  EXPECT_EQ(range("0x10"), (NumberRange{16, 16, false}));
}

TEST(SuricataValues, RefusesRangesWithoutANumber) {
  for (const char* text : {"", "x", "<0", ">65535", "65536", "5<>6", "8<>5", "1.5", "=>5", "5<>"}) {
    EXPECT_FALSE(read_range(text, 0xffff).has_value()) << text;
  }
}

TEST(SuricataValues, ReadsBytesOfContents) {
  EXPECT_EQ(read_content("a|20 42|c"), "a Bc");
  EXPECT_EQ(read_content("|0d0A|"), "\r\n");
  EXPECT_EQ(read_content(R"(\"\;\:\\)"), R"(";:\)");
  EXPECT_EQ(read_content("a|00|b"), "a\0b"s);
}

TEST(SuricataValues, RefusesContentsThatAreNone) {
  for (const char* text : {"", "||", "|4|", "|41", "|4g|", "\\n", "a\\"}) {
    EXPECT_FALSE(read_content(text).has_value()) << text;
  }
}

TEST(SuricataValues, TellsNumbersFromNames) {
  EXPECT_EQ(read_operand("-12"), TermNumber{std::int64_t{-12}});
  EXPECT_EQ(read_operand("0xff"), TermNumber{std::int64_t{255}});
  EXPECT_EQ(read_operand("frag_len"), TermNumber{std::string("frag_len")});
  EXPECT_EQ(read_operand("Certs.len"), TermNumber{std::string("Certs.len")});
  EXPECT_FALSE(read_operand("12x").has_value());
  EXPECT_FALSE(read_operand("").has_value());
  EXPECT_FALSE(read_operand("9223372036854775808").has_value());
}

TEST(SuricataValues, TakesQuotesAndEscapesOffTexts) {
  EXPECT_EQ(read_text(R"("a \"b\"\; c\n")"), R"(a "b"; c\n)");
  EXPECT_EQ(read_text("plain"), "plain");
  EXPECT_TRUE(has_open_quote("\"a"));
  EXPECT_TRUE(has_open_quote("!\""));
  EXPECT_FALSE(has_open_quote("!\"a\""));
}

}  // namespace
}  // namespace sluice
