#include "rules/regex.h"

#include <gtest/gtest.h>

#include <string_view>

#include <fmt/format.h>

namespace sluice {
namespace {

using enum RegexOutcome;

RegexMatcher::Subject subject(std::string_view text, std::size_t start = 0) {
  return {{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, start, true, true};
}

Regex compiled(std::string pattern, void (*change)(PcreTerm&) = nullptr) {
  PcreTerm term;
  term.pattern = std::move(pattern);
  if (change != nullptr) change(term);
  auto regex = Regex::compile(term);
  EXPECT_TRUE(regex) << (regex ? "" : regex.error().message);
  return regex ? std::move(*regex) : Regex{};
}

Regex read_back(Regex& regex) {
  PlainWriter writer;
  code(writer, regex);
  PlainReader reader(writer.bytes());
  Regex read;
  code(reader, read);
  EXPECT_TRUE(reader.is_complete());
  return read;
}

class RegexTest : public testing::Test {
 protected:
  RegexOutcome ask(const Regex& regex, std::string_view text) {
    return matcher_.match(regex, subject(text));
  }
  RegexMatcher matcher_ = std::move(*RegexMatcher::create({}));
};

TEST_F(RegexTest, EveryFlagDoesWhatItSays) {
  EXPECT_EQ(ask(compiled("abc"), "ABC"), no);
  EXPECT_EQ(ask(compiled("abc", [](PcreTerm& term) { term.nocase = true; }), "ABC"), yes);
  EXPECT_EQ(ask(compiled("^b"), "a\nb"), no);
  EXPECT_EQ(ask(compiled("^b", [](PcreTerm& term) { term.multiline = true; }), "a\nb"), yes);
  EXPECT_EQ(ask(compiled("a.b"), "a\nb"), no);
  EXPECT_EQ(ask(compiled("a.b", [](PcreTerm& term) { term.dotall = true; }), "a\nb"), yes);
  EXPECT_EQ(ask(compiled("a b", [](PcreTerm& term) { term.extended = true; }), "ab"), yes);
  EXPECT_EQ(ask(compiled("b", [](PcreTerm& term) { term.anchored = true; }), "ab"), no);
  EXPECT_EQ(ask(compiled("a$"), "a\n"), yes);
  EXPECT_EQ(ask(compiled("a$", [](PcreTerm& term) { term.dollar_end_only = true; }), "a\n"), no);
  ASSERT_EQ(ask(compiled("a+", [](PcreTerm& term) { term.ungreedy = true; }), "aaa"), yes);
  EXPECT_EQ(matcher_.group(0)->end, 1U);
}

TEST_F(RegexTest, BytesAreBytes) {
  EXPECT_EQ(ask(compiled("^.$"), "\xe4"), yes);
  EXPECT_EQ(ask(compiled("\\xe4\\x00b"), std::string_view("a\xe4\0b", 4)), yes);
  PcreTerm term;
  term.pattern = "(*UTF)a";
  EXPECT_FALSE(Regex::compile(term));
}

TEST_F(RegexTest, AnErrorNamesThePlace) {
  PcreTerm term;
  term.pattern = "a(b";
  const auto regex = Regex::compile(term);
  ASSERT_FALSE(regex);
  EXPECT_EQ(regex.error().message, "pcre: 'a(b': missing closing parenthesis, at byte 3");
  term.pattern.assign(kRegexBytesMax + 1, 'a');
  EXPECT_EQ(Regex::compile(term).error().kind, ErrorKind::limit);
}

TEST_F(RegexTest, OneThatCompilesToTooMuchIsRefused) {
  PcreTerm term;
  term.pattern = "((((a{1,200}){1,100}){1,20}){1,20})";
  const auto regex = Regex::compile(term);
  ASSERT_FALSE(regex);
}

TEST_F(RegexTest, GroupsAreWhereTheyMatched) {
  ASSERT_EQ(ask(compiled("(a)|(b)(c)"), "xbc"), yes);
  EXPECT_EQ(matcher_.group(0)->begin, 1U);
  EXPECT_FALSE(matcher_.group(1));
  EXPECT_EQ(matcher_.group(3)->begin, 2U);
  EXPECT_FALSE(matcher_.group(4));
  EXPECT_FALSE(matcher_.group(kRegexGroups + 1));
  EXPECT_EQ(ask(compiled("q"), "xbc"), no);
  EXPECT_FALSE(matcher_.group(0));
}

TEST_F(RegexTest, MoreGroupsThanCanBeAskedForStillMatch) {
  EXPECT_EQ(ask(compiled("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\10"), "abcdefghijj"), yes);
}

TEST_F(RegexTest, StartsWhereItIsToldAndLooksBack) {
  const Regex regex = compiled("(?<=a)b");
  EXPECT_EQ(matcher_.match(regex, subject("ab", 1)), yes);
  EXPECT_EQ(matcher_.match(regex, subject("ab", 2)), no);
  EXPECT_EQ(matcher_.match(regex, subject("ab", 3)), no);
  EXPECT_EQ(matcher_.match(compiled("^b"), subject("ab", 1)), no);
}

TEST_F(RegexTest, MatchesTheSameReadBack) {
  Regex regex = compiled("id=([0-9]{2,4})$", [](PcreTerm& term) { term.nocase = true; });
  const Regex read = read_back(regex);
  EXPECT_EQ(read.groups(), 1U);
  EXPECT_EQ(ask(read, "ID=123"), yes);
  EXPECT_EQ(ask(read, "ID=12345"), no);
}

TEST_F(RegexTest, BytesOfNoRegexAreRefused) {
  Regex regex = compiled("a");
  PlainWriter writer;
  code(writer, regex);
  auto bytes = writer.bytes();
  bytes[4] ^= std::byte{1};  // PCRE2's mark
  PlainReader damaged(bytes);
  Regex read;
  code(damaged, read);
  EXPECT_FALSE(damaged.is_good());
  PlainReader shorter(std::span(writer.bytes()).first(100));
  code(shorter, read);
  EXPECT_FALSE(shorter.is_good());
  EXPECT_TRUE(read.is_empty());
  EXPECT_EQ(ask(read, "a"), no);
}

TEST_F(RegexTest, TooManyTriesAreALimit) {
  EXPECT_EQ(ask(compiled("(a+)+$"), fmt::format("{:a<{}}b", "", 64)), limit);
}

TEST_F(RegexTest, WorkCountsOverAllPlacesWhereAMatchMayBegin) {
  const Regex costly = compiled("a.{0,900}!.x");
  EXPECT_EQ(ask(costly, fmt::format("{:a<{}}!x", "", 2'048)), limit);
  EXPECT_GT(matcher_.work(), kRegexWork);
  EXPECT_EQ(ask(costly, "aaa!!x"), yes);
  EXPECT_LT(matcher_.work(), 100U);
  EXPECT_EQ(ask(compiled("a[^x]*y"), fmt::format("{:a<{}}y", "", 16'384)), yes);
  EXPECT_EQ(ask(compiled("a[^x]*x+[yz]"), fmt::format("{:a<{}}x", "", 16'384)), limit);
}

TEST_F(RegexTest, AGreatDepthIsALimitAndNoMoreMemory) {
  const Regex regex = compiled("(?:a|b)*c");
  auto small = std::move(*RegexMatcher::create({1U << 30, 1U << 30, 1U << 17}));
  EXPECT_EQ(small.match(regex, subject(fmt::format("{:a<{}}c", "", 100'000))), limit);
  EXPECT_EQ(small.match(regex, subject("aaac")), yes);
  EXPECT_EQ(ask(regex, fmt::format("{:a<{}}c", "", 5'000)), limit);
}

TEST_F(RegexTest, AnEmptySubjectIsOne) {
  EXPECT_EQ(matcher_.match(compiled("^$"), RegexMatcher::Subject{}), yes);
  EXPECT_EQ(matcher_.match(compiled("a"), RegexMatcher::Subject{}), no);
}

}  // namespace
}  // namespace sluice
