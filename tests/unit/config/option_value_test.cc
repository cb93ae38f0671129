#include "config/option_value.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

constexpr OptionShape kNumber{"n", OptionType::number, {2, 8}, "off", {}, ""};
constexpr OptionShape kDuration{"d", OptionType::duration, {1'000, 5'000'000'000}, "off", {}, ""};
constexpr OptionShape kText{"t", OptionType::text, {0, 8}, {}, {}, ""};

std::string error_of(const OptionShape& shape, std::string_view text, bool is_quoted = false) {
  const auto value = parse_scalar(shape, "x.y", {text, is_quoted});
  return value ? "" : value.error().message;
}

std::uint64_t integer_of(const OptionShape& shape, std::string_view text) {
  return std::get<std::uint64_t>(parse_scalar(shape, "x.y", {text, false}).value());
}

TEST(ParseScalar, KeepsNumbersInTheirRange) {
  EXPECT_EQ(integer_of(kNumber, "2"), 2U);
  EXPECT_EQ(integer_of(kNumber, "8"), 8U);
  EXPECT_EQ(integer_of(kNumber, "0"), 0U);  // has a meaning of its own
  EXPECT_EQ(error_of(kNumber, "1"), "x.y is 1, below the smallest of 2");
  EXPECT_EQ(error_of(kNumber, "9"), "x.y is 9, above the largest of 8");
}

TEST(ParseScalar, TakesABareZeroForAnyUnit) {
  EXPECT_EQ(integer_of(kDuration, "0"), 0U);
  EXPECT_EQ(integer_of(kDuration, "0s"), 0U);
  EXPECT_EQ(integer_of(kDuration, "5s"), 5'000'000'000U);
  EXPECT_EQ(error_of(kDuration, "6s"), "x.y is 6s, above the largest of 5s");
}

TEST(ParseScalar, RefusesNumbersInQuotes) {
  EXPECT_EQ(error_of(kNumber, "4", true), "x.y is the text '4', where a number belongs");
}

TEST(ParseScalar, CountsTextInBytes) {
  EXPECT_EQ(error_of(kText, "12345678"), "");
  EXPECT_EQ(error_of(kText, "123456789"), "x.y is 9 bytes long, above the largest of 8");
}

TEST(ParseScalar, RepeatsNoMoreThanTheStartOfAValue) {
  EXPECT_LT(error_of(kNumber, std::string(100'000, 'x')).size(), 150U);
  EXPECT_LT(error_of(kNumber, std::string(100'000, '9')).size(), 150U);
  EXPECT_LT(error_of(kDuration, std::string(100'000, 'x')).size(), 250U);
}

TEST(Quoted, EscapesWhatYamlWouldRead) { EXPECT_EQ(quoted("a\"b\\c"), "\"a\\\"b\\\\c\""); }

TEST(DescribeRange, SaysWhatZeroMeans) {
  EXPECT_EQ(describe_range(kNumber), "2 to 8, or 0: off");
  EXPECT_EQ(describe_range(kDuration), "1us to 5s, or 0: off");
}

}  // namespace
}  // namespace sluice
