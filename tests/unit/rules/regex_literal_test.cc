#include "rules/regex_literal.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string literal_of(std::string pattern) {
  PcreTerm term;
  term.pattern = std::move(pattern);
  const auto literal = required_literal(term);
  return literal ? literal->bytes : "";
}

TEST(RegexLiteral, IsTheRarestRunOfPlainBytes) {
  EXPECT_EQ(literal_of("abc\\d+zzzqqq"), "zzzqqq");
  EXPECT_EQ(literal_of("^/gate\\.php\\?id=[a-f0-9]{32}$"), "/gate.php?id=");
  EXPECT_EQ(literal_of("\\x41\\x42\\x00\\t\\/"), std::string("AB\0\t/", 5));
}

TEST(RegexLiteral, LeavesOutWhatMayBeAbsent) {
  EXPECT_EQ(literal_of("abcd*"), "abc");
  EXPECT_EQ(literal_of("abcd?"), "abc");
  EXPECT_EQ(literal_of("abcd{0,3}"), "abc");
  EXPECT_EQ(literal_of("abcd{0}"), "abc");
  EXPECT_EQ(literal_of("abc(xyz)?"), "abc");
}

TEST(RegexLiteral, EndsARunBehindARepeatedByte) {
  EXPECT_EQ(literal_of("abc+d"), "abc");
  EXPECT_EQ(literal_of("abc{2,}?d"), "abc");
  EXPECT_EQ(literal_of("abc++d"), "abc");
}

TEST(RegexLiteral, IsNoneWhereTheMeaningIsNotCertain) {
  for (const char* pattern : {"(?^x)abc def", "(?:(?C')')longliteral(?C'(')zz)?q", "[[:a]longer"}) {
    EXPECT_EQ(literal_of(pattern), "") << pattern;
  }
}

TEST(RegexLiteral, ABraceThatIsNoQuantifierIsAByte) {
  EXPECT_EQ(literal_of("a{x}b"), "a{x}b");
  EXPECT_EQ(literal_of("a{,3}b"), "a{,3}b");
}

TEST(RegexLiteral, StepsOverGroupsAndClasses) {
  EXPECT_EQ(literal_of("(?:ab|cd[)]|\\))xyz"), "xyz");
  EXPECT_EQ(literal_of("[]x]abc[^]x]"), "abc");
  EXPECT_EQ(literal_of("[[:alpha:]\\]]abc"), "abc");
  EXPECT_EQ(literal_of("((a)|(b))abc"), "abc");
}

TEST(RegexLiteral, IgnoresCaseWhereAnOptionInsideMayDoSo) {
  PcreTerm term;
  term.pattern = "abc";
  EXPECT_FALSE(required_literal(term)->nocase);
  term.pattern = "(?i)abc";
  EXPECT_TRUE(required_literal(term)->nocase);
  term.pattern = "abc";
  term.nocase = true;
  EXPECT_TRUE(required_literal(term)->nocase);
}

TEST(RegexLiteral, SaysNothingWhereItIsNotCertain) {
  for (const char* pattern :
       {"abc|xyz", "\\Qabc\\E", "(?x)a b c", "(?xi: a)abc", "(*ANYCRLF)abc", "(?#()abc", "abc\\1",
        "\\x{41}bc", "abc\\k<n>", "(abc", "[abc", "abc\\", "abc)", "\\cAbc", "[\\Qa]\\E]abc"}) {
    EXPECT_EQ(literal_of(pattern), "") << pattern;
  }
  PcreTerm extended;
  extended.pattern = "a b";
  extended.extended = true;
  EXPECT_FALSE(required_literal(extended));
}

}  // namespace
}  // namespace sluice
