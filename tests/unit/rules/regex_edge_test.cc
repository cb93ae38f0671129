// Expressions on bytes that end where a segment does, and on the last bytes of a stream.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "rules/regex.h"

namespace sluice {
namespace {

using enum RegexOutcome;

class RegexEdgeTest : public testing::Test {
 protected:
  RegexOutcome ask(const std::string& pattern, std::string_view text, bool is_begin, bool is_end,
                   bool is_cut) {
    PcreTerm term;
    term.pattern = pattern;
    auto regex = Regex::compile(term);
    EXPECT_TRUE(regex) << (regex ? "" : regex.error().message);
    PlainWriter writer;
    code(writer, *regex);
    PlainReader reader(writer.bytes());
    Regex read;
    code(reader, read);
    EXPECT_TRUE(reader.is_complete());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    return matcher_.match(read, {{bytes, text.size()}, 0, is_begin, is_end, is_cut});
  }
  /// More of a message will come.
  RegexOutcome ask_cut(const std::string& pattern, std::string_view text) {
    return ask(pattern, text, true, false, true);
  }
  /// More of a stream will come: what was sent has an end all the same.
  RegexOutcome ask_sent(const std::string& pattern, std::string_view text) {
    return ask(pattern, text, true, true, true);
  }
  RegexOutcome ask_whole(const std::string& pattern, std::string_view text) {
    return ask(pattern, text, true, true, false);
  }
  RegexMatcher matcher_ = std::move(*RegexMatcher::create({}));
};

TEST_F(RegexEdgeTest, NoEndHoldsAtACut) {
  for (const char* pattern : {"b$", "b\\Z", "b\\z", "(?m)b$", "b(?:$|x)", "b(?=$)", "b(?=\\z)"}) {
    EXPECT_EQ(ask_whole(pattern, "ab"), yes) << pattern;
    EXPECT_EQ(ask_cut(pattern, "ab"), no) << pattern;
    EXPECT_EQ(ask_sent(pattern, "ab"), yes) << pattern;
  }
  EXPECT_EQ(ask_whole("b\\Z", "ab\n"), yes);
  EXPECT_EQ(ask_cut("b\\Z", "ab\n"), no);
  EXPECT_EQ(ask_cut("b$", "ab\n"), no);
}

TEST_F(RegexEdgeTest, ALineEndsBeforeACutToo) {
  EXPECT_EQ(ask_cut("(?m)b$", "ab\nc"), yes);
  EXPECT_EQ(ask_cut("(?m)b$", "ab\n"), yes) << "whatever follows";
}

TEST_F(RegexEdgeTest, NoWordEndsAtACut) {
  EXPECT_EQ(ask_whole("\\bor\\b", "1 or"), yes);
  EXPECT_EQ(ask_cut("\\bor\\b", "1 or"), no);
  EXPECT_EQ(ask_sent("\\bor\\b", "1 or"), no) << "an order may come";
  EXPECT_EQ(ask_cut("\\bor\\b", "1 or "), yes);
  EXPECT_EQ(ask_whole("r\\B", "or"), no);
  EXPECT_EQ(ask_cut("r\\B", "or"), no);
  EXPECT_EQ(ask_cut("r\\B", "ord"), yes);
  EXPECT_EQ(ask_cut("or\\b|1", "1 or"), yes) << "another way holds";
}

TEST_F(RegexEdgeTest, WhatMustNotFollowMayStillCome) {
  EXPECT_EQ(ask_whole("or(?!der)", "or"), yes);
  EXPECT_EQ(ask_cut("or(?!der)", "or"), no);
  EXPECT_EQ(ask_cut("or(?!der)", "orde"), no);
  EXPECT_EQ(ask_cut("or(?!der)", "order"), no);
  EXPECT_EQ(ask_cut("or(?!der)", "ordx"), yes);
  EXPECT_EQ(ask_cut("or(?!der)", "or, or"), yes) << "the first of them";
  EXPECT_EQ(ask_cut("or(?!\\s*der|x)", "or  "), no);
  EXPECT_EQ(ask_cut("or(?!\\s*(?:der|x))y?", "or  a"), yes);
  EXPECT_EQ(ask_cut("(?:o(?!x)|.)r(?!d)$|or(?!q)", "or"), no);
  EXPECT_EQ(ask_cut("(?x) or (?! der ) [ ]", "or "), yes);
  EXPECT_EQ(ask_cut("^(?!.*b)a", "aaa"), no);
  EXPECT_EQ(ask_cut("^(?!.*b)a", "aaa\n"), yes);
}

TEST_F(RegexEdgeTest, ALookaheadEndsWithItsOwnBracket) {
  for (const char* pattern : {"a(?!b(?i)c)",          "a(?!b(?-i)(?#()c)",
                              "a(?!b(?^)c)",          "(?x)a(?! b (?i) # (\n c)",
                              "(?:a(?!b(?i)c))",      "a(?!b(*PRUNE)c)",
                              "a(?!b(*MARK:()c)",     "a(?!b(?#()c)",
                              "(c)?a(?!b(?1))",       "(?<n>c)?a(?!b(?&n))",
                              "(?<n>c)?a(?!b(?P>n))", "a(?!(?<n>b)c)",
                              "a(?!(?P<n>b)(?P=n))",  "a(?!(?'n'b)c)",
                              "a(?!(?>b)c)",          "a(?!(?|b|x)c)",
                              "a(?!(?i:b)c)",         "a(?!(?=b)bc)",
                              "a(?!(?<!b)bc)",        "a(?!(*pla:b)bc)",
                              "a(?!b(*atomic:c)d)",   "(x)?a(?!(?(1)x|b)c)",
                              "a(?!(?(?=b)b|x)c)",    "a(?!((?#x)b)c)",
                              "a(?!(?:b){1}c)",       "a(?!(?:b|b){1,2}c)"}) {
    EXPECT_EQ(ask_whole(pattern, "ab"), yes) << pattern;
    EXPECT_EQ(ask_cut(pattern, "ab"), no) << pattern;
    EXPECT_EQ(ask_cut(pattern, "ab!"), yes) << pattern;
  }
  EXPECT_EQ(ask_cut("(?:(?!a(?i)b)cd?)", "c"), yes) << "what follows it is none of it";
  EXPECT_EQ(ask_cut("a(?!(?:bc){2}d)", "abcbc"), no);
}

TEST_F(RegexEdgeTest, BracketsInQuotesAreNone) {
  EXPECT_EQ(ask_cut("a(?!b\\Q)\\Ec)", "ab"), no);
  EXPECT_EQ(ask_cut("a(?!b\\Q)\\Ec)", "ab)"), no);
  EXPECT_EQ(ask_cut("a(?!b\\Q)\\Ec)", "ab)!"), yes);
  EXPECT_EQ(ask_cut("a(?!\\Q(\\E+\\Q(\\Eb)", "a(("), no);
  EXPECT_EQ(ask_cut("\\Q(\\E(?!b)|\\Q)\\E(?!b)", ")"), no);
  EXPECT_EQ(ask_cut("a(?!\\Q\\Eb(?i)c)", "ab"), no);
}

TEST_F(RegexEdgeTest, AnEdgeIsOneWhateverStandsBehindIt) {
  for (const char* pattern : {"(?x) or \\b ", "or\\b(?#x)", "or\\b\\Q\\E", "or(*nla:der)",
                              "or(*negative_lookahead:der)"}) {
    EXPECT_EQ(ask_cut(pattern, "or"), no) << pattern;
    EXPECT_EQ(ask_cut(pattern, "or "), yes) << pattern;
  }
}

TEST_F(RegexEdgeTest, OneLookTooFarForgetsNothingOfTheNext) {
  EXPECT_EQ(ask_cut("a(?!bc)", "ab"), no);
  EXPECT_EQ(ask_cut("(?:a(?!bc))+.?x|a(?!c)b", "ab"), yes);
  EXPECT_EQ(ask_cut("[ab](?!bc|d)[bx]", "abb"), yes);
}

TEST_F(RegexEdgeTest, AWindowBeginsNothing) {
  EXPECT_EQ(ask("\\Aab", "ab", false, false, true), no);
  EXPECT_EQ(ask("^ab", "ab", false, false, true), no);
  EXPECT_EQ(ask("\\bab", "ab ", false, false, true), no);
  EXPECT_EQ(ask("\\bab", " ab ", false, false, true), yes);
  EXPECT_EQ(ask("\\Aab", "ab", true, false, true), yes);
}

TEST_F(RegexEdgeTest, SignsThatAreNoEdgesAreLeftAlone) {
  EXPECT_EQ(ask_cut("a[$]", "a$"), yes);
  EXPECT_EQ(ask_cut("a\\$", "a$"), yes);
  EXPECT_EQ(ask_cut("[\\b]", "\b"), yes);
  EXPECT_EQ(ask_cut("a\\\\b", "a\\b"), yes);
  EXPECT_EQ(ask_cut("\\Q\\b\\E", "\\b"), yes);
  EXPECT_EQ(ask_cut("\\(?!", "(!"), yes);
  EXPECT_EQ(ask_cut("a(?=b)", "ab"), yes);
  EXPECT_EQ(ask_cut("(?<!a)b", "b"), yes);
}

}  // namespace
}  // namespace sluice
