#include "rules/regex_loose.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

std::string loose(std::string_view pattern) { return loosened(pattern).value_or("none"); }

TEST(RegexLoose, LetsGoOfHowOftenAGroupMayComeAtMost) {
  EXPECT_EQ(loose("(?:ab|c){2,40}d"), "(?:ab|c){2,}d");
  EXPECT_EQ(loose("(?:ab|c){2,40}?d"), "(?:ab|c){2,}?d");
  EXPECT_EQ(loose("((a){1,9}){0,12}"), "((a){1,}){0,}");
}

TEST(RegexLoose, KeepsBoundsThatCostLittle) {
  EXPECT_EQ(loose("(?:ab){1,8}"), "(?:ab){1,8}");
  EXPECT_EQ(loose("(?:ab){24}"), "(?:ab){24}");
  EXPECT_EQ(loose("(?:ab){3,}"), "(?:ab){3,}");
  EXPECT_EQ(loose("a{1,40}[b-d]{1,40}"), "a{1,40}[b-d]{1,40}");
}

TEST(RegexLoose, LetsGoOfHowOftenManyBytesMayComeAtMost) {
  EXPECT_EQ(loose("a[bc]{2,256}.{1,99999999999}"), "a[bc]{2,}.{1,}");
  EXPECT_EQ(loose("a.{0,255}b{9000}"), "a.{0,255}b{9000}");
}

TEST(RegexLoose, WhatIsNoBoundInBracesStaysAsItIs) {
  for (const char* pattern : {"(a){x,40}", "(?:get|set){id:1,20}", "(a){,40}", "(?s){x,20}",
                              "(a){ 1,40}", "(a){1,40", "(a){1,4 0}", "a{300,x}"}) {
    EXPECT_EQ(loose(pattern), pattern);
  }
}

TEST(RegexLoose, LetsGoOfAnEndInside) {
  EXPECT_EQ(loose("a(?:b|$)"), "a(?:b|(?:))");
  EXPECT_EQ(loose("a\\$[$]"), "a\\$[$]");
}

TEST(RegexLoose, LeavesWhatMustNotBeThereAsItIs) {
  EXPECT_EQ(loose("a(?!b$|(?:c){1,40})d$"), "a(?!b$|(?:c){1,40})d(?:)");
  EXPECT_EQ(loose("(?<!(?:c){1,40}$)d"), "(?<!(?:c){1,40}$)d");
  EXPECT_EQ(loose("a(?!b){1,40}"), "a(?!b){1,}");
}

TEST(RegexLoose, KnowsClassesAndEscapes) {
  EXPECT_EQ(loose("[)](?:a[]$]\\)){0,20}"), "[)](?:a[]$]\\)){0,}");
  EXPECT_EQ(loose("[^]$)]{0,20}"), "[^]$)]{0,20}");
  EXPECT_EQ(loose("\\(a\\){0,20}"), "\\(a\\){0,20}");
}

TEST(RegexLoose, IsNoneWhereTheMeaningIsNotCertain) {
  for (const char* pattern : {"\\Qa$\\E", "[[:alpha:]]$", "[\\Q]$", "a#b$", "(*ACCEPT)a$",
                              "(?#a)b$", "a)$", "[a", "a\\"}) {
    EXPECT_EQ(loosened(pattern), std::nullopt) << pattern;
  }
}

}  // namespace
}  // namespace sluice
