#include "rules/regex_cost.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sluice {
namespace {

TEST(RegexCost, FindsGroupsThatMatchTheSameBytesInSeveralWays) {
  for (const std::string_view pattern :
       {"(a+)+", "^(\\w*)*$", "(?:[^/]+)+x", "((a+))+", "(a*|b)+", "x(a{2,})*", "([a-z]+\\d*)+",
        "(?:a+?)+?", "(a?b*)+", "(^a+)*", "((a+)b|c+)+"}) {
    EXPECT_TRUE(has_nested_quantifiers(pattern)) << pattern;
  }
}

TEST(RegexCost, LeavesOthersAlone) {
  for (const std::string_view pattern : {"",          "a+b+",      "([a-z]+\\.)+com",
                                         "(a+)",      "(a+)?",     "(a+){2,3}",
                                         "(abc)+",    "\\(a+\\)+", "[(a+)]+",
                                         "(a++)+",    "[]+)(]+",   "(a+\\+)+",
                                         "(a{2,4})+", "a{1,",      "(",
                                         ")",         ")+",        "\\",
                                         "[",         "(a|b)+",    "(?:\\x20\\d+;)*"}) {
    EXPECT_FALSE(has_nested_quantifiers(pattern)) << pattern;
  }
}

TEST(RegexCost, FindsLookaheadsThatOnlyTheEndDecides) {
  EXPECT_EQ(endless_lookahead("(?!.*x)", true), 0U);
  EXPECT_EQ(endless_lookahead("a\\((?:b|(?!c.+?x))", true), 8U);
  EXPECT_EQ(endless_lookahead("a(?!(?:.{2,}x))", true), 1U);
  EXPECT_EQ(endless_lookahead("(?is)a(?!.*x)", false), 6U);
  EXPECT_EQ(endless_lookahead("(?!a[\\s\\S]*x)", false), 0U);
  EXPECT_EQ(endless_lookahead("(?!a)(*nla:[\\W\\w]+)", false), 5U);
  EXPECT_EQ(endless_lookahead("(*negative_lookahead:.*)", true), 0U);
}

TEST(RegexCost, LeavesLookaheadsAloneThatSomethingEnds) {
  for (const std::string_view pattern :
       {"(?!.*x)", "(?!\\s*x)", "(?![^>]*x)", "(?!.{0,100}x)", "(?=.*x)", "(?!a).*x",
        "(?!(?:a|b))x+", "\\(?!.*x", "[(?!.*]", "(?!", "(?-s)(?!.*x)", "(?![\\s]*x)"}) {
    EXPECT_EQ(endless_lookahead(pattern, false), std::nullopt) << pattern;
  }
  for (const std::string_view pattern :
       {"(?!.{0,100}x)", "(?!a)b.*c", "(?=.*x)", "(?!\\.*x)", "(?!)a.*", "(?<!a).*x"}) {
    EXPECT_EQ(endless_lookahead(pattern, true), std::nullopt) << pattern;
  }
}

TEST(RegexCost, TakesAnyNesting) {
  const std::string pattern = fmt::format("{:(>8000}a+{:)>8000}+", "", "");
  EXPECT_TRUE(has_nested_quantifiers(pattern));
}

}  // namespace
}  // namespace sluice
