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

TEST(RegexCost, TakesAnyNesting) {
  const std::string pattern = fmt::format("{:(>8000}a+{:)>8000}+", "", "");
  EXPECT_TRUE(has_nested_quantifiers(pattern));
}

}  // namespace
}  // namespace sluice
