#include "rules/pattern_choice.h"

#include <gtest/gtest.h>

#include "rules/pattern_strength.h"
#include "tests/unit/rules/rule_samples.h"

namespace sluice {
namespace {

using test::content;
using test::part;
using test::pcre;

Rule rule_on(Buffer buffer, std::vector<Term> terms) {
  return test::rule_on(1, buffer, std::move(terms));
}

TEST(PatternChoice, TakesTheRarestContent) {
  const auto choice =
      choose_pattern(rule_on(Buffer::payload, {content("HTTP/1.1"), content("zqxj9")}));
  EXPECT_EQ(choice.pattern->text, "zqxj9");
}

TEST(PatternChoice, TakesTheAuthorsChoiceBeforeABetterOne) {
  ContentTerm chosen = content("the");
  chosen.is_fast_pattern = true;
  const auto choice = choose_pattern(rule_on(Buffer::payload, {content("zqxj9!"), chosen}));
  EXPECT_EQ(choice.pattern->text, "the");
}

TEST(PatternChoice, TakesThePieceThatTheAuthorNamed) {
  ContentTerm chosen = content("0123456789");
  chosen.is_fast_pattern = true;
  chosen.fast_offset = 2;
  chosen.fast_length = 4;
  chosen.offset = std::int64_t{10};
  chosen.depth = std::int64_t{20};
  const auto choice = choose_pattern(rule_on(Buffer::payload, {chosen}));
  EXPECT_EQ(choice.pattern->text, "2345");
  EXPECT_EQ(choice.pattern->end_min, 16U);
  EXPECT_EQ(choice.pattern->end_max, 26U);
}

TEST(PatternChoice, NeverTakesANegatedTerm) {
  ContentTerm negated = content("zqxjzqxj");
  negated.is_negated = true;
  negated.is_fast_pattern = true;
  PcreTerm negated_pcre = pcre("abc[0-9]+def");
  negated_pcre.is_negated = true;
  EXPECT_EQ(choose_pattern(rule_on(Buffer::payload, {negated, content("abcdef")})).pattern->text,
            "abcdef");
  EXPECT_FALSE(choose_pattern(rule_on(Buffer::payload, {negated, negated_pcre})).pattern);
}

TEST(PatternChoice, InItsCarrierABodysPatternStandsAnywhere) {
  ContentTerm bounded = content("zqxj9!");
  bounded.depth = std::int64_t{20};
  const auto literal = choose_pattern(rule_on(Buffer::file_data, {bounded}));
  EXPECT_EQ(literal.pattern->end_max, 20U);
  EXPECT_EQ(pattern_in_carrier(literal)->end_max, 0U);
  const auto in_class =
      choose_pattern(rule_on(Buffer::file_data, {pcre("[^a]{2}[0-9]{9}[b-d]{4}")}));
  EXPECT_EQ(pattern_in_carrier(in_class)->text, in_class.pattern->text);
  const auto anchored = choose_pattern(rule_on(Buffer::file_data, {pcre("^[0-9]{9}[b-d]{4}")}));
  EXPECT_FALSE(pattern_in_carrier(anchored));
}

TEST(PatternChoice, PrefersBuffersOfApplications) {
  Rule rule = rule_on(Buffer::payload, {content("abcdefg")});
  rule.match.push_back(part(Buffer::http_uri, {content("abcdef")}));
  const auto choice = choose_pattern(rule);
  EXPECT_EQ(choice.part, 1U);
}

TEST(PatternChoice, BoundsEndsByOffsetAndDepthOnlyWhereTheyAreKnown) {
  ContentTerm term = content("abcdef");
  term.offset = std::int64_t{4};
  term.depth = std::int64_t{10};
  auto choice = choose_pattern(rule_on(Buffer::payload, {term}));
  EXPECT_EQ(choice.pattern->end_min, 10U);
  EXPECT_EQ(choice.pattern->end_max, 14U);
  term.offset = std::string("where");
  choice = choose_pattern(rule_on(Buffer::payload, {term}));
  EXPECT_EQ(choice.pattern->end_max, 0U);
  term.offset.reset();
  term.depth.reset();
  term.within = std::int64_t{8};
  choice = choose_pattern(rule_on(Buffer::payload, {term}));
  EXPECT_EQ(choice.pattern->end_max, 0U);
}

TEST(PatternChoice, EqualsIsBoundedOnBothSides) {
  ContentTerm term = content("www.evil.example");
  term.starts_with = term.ends_with = true;
  const auto choice = choose_pattern(rule_on(Buffer::tls_sni, {term}));
  EXPECT_EQ(choice.pattern->end_max, 16U);
  EXPECT_TRUE(choice.pattern->at_end);
}

TEST(PatternChoice, ALongContentIsCutToItsRarestPiece) {
  const std::string rare = "zq#x&j*9@!zq#x&j*9@!zq#x&j*9@!zq";
  const auto choice = choose_pattern(
      rule_on(Buffer::payload, {content(std::string(50, 'e') + rare + std::string(50, 'e'))}));
  EXPECT_EQ(choice.pattern->text, rare);
}

TEST(PatternChoice, AnEndIsKeptWhenALongContentIsCut) {
  ContentTerm term = content("zzzzqqqq." + std::string(40, 'e'));
  term.ends_with = true;
  const auto choice = choose_pattern(rule_on(Buffer::dns_query, {term}));
  EXPECT_TRUE(choice.pattern->at_end);
  EXPECT_EQ(choice.pattern->text, std::string(kPrefilterLiteralMax, 'e'));
}

TEST(PatternChoice, NothingBehindAContentIsItsEnd) {
  IsDataAtTerm nothing;
  nothing.offset = std::int64_t{1};
  nothing.is_negated = nothing.is_relative = true;
  const auto choice = choose_pattern(rule_on(Buffer::http_uri, {content("/gate.php"), nothing}));
  EXPECT_TRUE(choice.pattern->at_end);
}

TEST(PatternChoice, TakesTheDotOffThatOnlyTheTermsSee) {
  ContentTerm term = content(".evil.example");
  term.ends_with = true;
  Rule rule = rule_on(Buffer::dns_query, {term});
  rule.match[0].transforms.push_back({Transform::dotprefix, ""});
  const auto choice = choose_pattern(rule);
  EXPECT_EQ(choice.pattern->text, "evil.example");
  EXPECT_TRUE(choice.pattern->at_end);
}

TEST(PatternChoice, LooksPastLettersThatATransformChanged) {
  Rule rule = rule_on(Buffer::http_header, {content("x-evil")});
  rule.match[0].transforms.push_back({Transform::to_lowercase, ""});
  EXPECT_TRUE(choose_pattern(rule).pattern->nocase);
  rule.match[0].transforms.push_back({Transform::to_md5, ""});
  EXPECT_FALSE(choose_pattern(rule).pattern);
}

TEST(PatternChoice, DoesNotLookForDecodedBytes) {
  EXPECT_FALSE(
      choose_pattern(rule_on(Buffer::payload, {Base64Term{}, content("decoded")})).pattern);
}

TEST(PatternChoice, AnExpressionGoesAsItIs) {
  const auto choice = choose_pattern(rule_on(Buffer::payload, {pcre("un[io]on\\s+select")}));
  EXPECT_EQ(choice.pattern->kind, PatternKind::regex);
  EXPECT_EQ(choice.pattern->text, "un[io]on\\s+select");
}

TEST(PatternChoice, AnExpressionReplacesAWeakContent) {
  const auto choice =
      choose_pattern(rule_on(Buffer::payload, {content("/"), pcre("/[a-z]{3}\\.evil\\d")}));
  EXPECT_EQ(choice.pattern->kind, PatternKind::regex);
}

TEST(PatternChoice, ALiteralInsideReplacesAnExpressionThatTheEngineRefuses) {
  const auto choice = choose_pattern(rule_on(Buffer::payload, {pcre("(\\w+)=\\1evil_zq")}));
  EXPECT_EQ(choice.pattern->kind, PatternKind::loose_regex);
  const auto ahead = choose_pattern(rule_on(Buffer::payload, {pcre("evil_zq(?!fine)")}));
  EXPECT_EQ(ahead.pattern->kind, PatternKind::literal);
  EXPECT_EQ(ahead.pattern->text, "evil_zq");
}

TEST(PatternChoice, ARelativeExpressionThatLooksBehindIsNotSearchedFor) {
  PcreTerm term = pcre("^\\d[a-f]+\\d");
  term.is_relative = true;
  EXPECT_FALSE(choose_pattern(rule_on(Buffer::payload, {term})).pattern);
  term.pattern = "[^\\d][a-f]+\\d";
  EXPECT_TRUE(choose_pattern(rule_on(Buffer::payload, {term})).pattern);
}

TEST(PatternChoice, HeadersOfPacketsAreNotSearched) {
  EXPECT_FALSE(choose_pattern(rule_on(Buffer::tcp_header, {content("abcdef")})).pattern);
}

TEST(PatternChoice, InAStreamOnlyTheLastEndIsKept) {
  ScanPattern pattern;
  pattern.text = "abc";
  pattern.end_min = pattern.end_max = 8;
  pattern.at_end = true;
  const ScanPattern in_stream = pattern_in_mode(pattern, ScanMode::stream);
  EXPECT_EQ(in_stream.end_min, 0U);
  EXPECT_EQ(in_stream.end_max, 8U);
  EXPECT_FALSE(in_stream.at_end);
  EXPECT_EQ(pattern_in_mode(pattern, ScanMode::block), pattern);
}

TEST(PatternStrength, OrdinaryWordsAreWeak) {
  EXPECT_LT(literal_bits("Content-Type: ", true), literal_bits("zqxj", true));
  EXPECT_LT(literal_bits(std::string(16, '\0'), false), literal_bits("\x90\x8b\xf1", false));
  EXPECT_LT(literal_bits("evil", true), literal_bits("EVIL", false));
}

}  // namespace
}  // namespace sluice
