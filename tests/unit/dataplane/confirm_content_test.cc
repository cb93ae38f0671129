#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/unit/dataplane/confirm_fixture.h"

namespace sluice::test {
namespace {

using enum ConfirmOutcome;

ContentTerm nocase(std::string bytes) {
  ContentTerm term = content(std::move(bytes));
  term.nocase = true;
  return term;
}
ContentTerm starting(std::string bytes) {
  ContentTerm term = content(std::move(bytes));
  term.starts_with = true;
  return term;
}
ContentTerm ending(ContentTerm term) {
  term.ends_with = true;
  return term;
}

class ConfirmContent : public ConfirmTest {};

TEST_F(ConfirmContent, IsFoundAnywhere) {
  EXPECT_TRUE(holds({content("def")}, "abcdefghi"));
  EXPECT_FALSE(holds({content("deg")}, "abcdefghi"));
  EXPECT_TRUE(holds({content(std::string("\0\xff", 2))}, std::string_view("a\0\xff", 3)));
}

TEST_F(ConfirmContent, CaseCountsUnlessAskedOtherwise) {
  EXPECT_FALSE(holds({content("UNION")}, "a union b"));
  EXPECT_TRUE(holds({nocase("UNION")}, "a uNiOn b"));
  EXPECT_FALSE(holds({nocase("[")}, "{"));
}

TEST_F(ConfirmContent, OffsetIsWhereTheSearchBegins) {
  ContentTerm term = content("abc");
  term.offset = 1;
  EXPECT_FALSE(holds({term}, "abcxx"));
  EXPECT_TRUE(holds({term}, "abcabc"));
}

TEST_F(ConfirmContent, DepthCountsFromTheOffset) {
  EXPECT_TRUE(holds({at(content("def"), 3, 3)}, "abcdefghi"));
  EXPECT_FALSE(holds({at(content("def"), 2, 3)}, "abcdefghi"));
  EXPECT_TRUE(holds({at(content("def"), 0, 6)}, "abcdefghi"));
}

TEST_F(ConfirmContent, DistanceCountsFromTheEndOfTheMatchBefore) {
  EXPECT_TRUE(holds({content("abc"), after(content("def"), 0)}, "abcdef"));
  EXPECT_TRUE(holds({content("abc"), after(content("def"), 1)}, "abcxdef"));
  EXPECT_FALSE(holds({content("abc"), after(content("def"), 2)}, "abcxdef"));
  EXPECT_FALSE(holds({content("def"), after(content("abc"), 0)}, "abcdef"));
  EXPECT_TRUE(holds({content("def"), after(content("abc"), -6)}, "abcdef"));
}

TEST_F(ConfirmContent, WithinHoldsTheWholeMatch) {
  EXPECT_TRUE(holds({content("abc"), within(content("def"), 3)}, "abcdef"));
  EXPECT_FALSE(holds({content("abc"), within(content("def"), 3)}, "abcxdef"));
  EXPECT_TRUE(holds({content("abc"), within(after(content("def"), 1), 3)}, "abcxdef"));
  EXPECT_FALSE(holds({content("abc"), within(after(content("def"), 1), 3)}, "abcxxdef"));
}

TEST_F(ConfirmContent, AnEarlierMatchIsTriedAgainForALaterOne) {
  EXPECT_TRUE(holds({content("ab"), within(content("cd"), 2)}, "ab ab abcd"));
  EXPECT_TRUE(
      holds({content("a"), within(content("b"), 1), within(content("c"), 1)}, "ab abd abc"));
  EXPECT_TRUE(holds({content("a"), after(content("b"), 0), within(content("c"), 1)}, "a b b bc"));
  EXPECT_TRUE(holds({content("aa"), within(content("b"), 1)}, "aaaab"));
}

TEST_F(ConfirmContent, ANegatedOneIsNowhereInItsPlaces) {
  EXPECT_TRUE(holds({without(content("x"))}, "abc"));
  EXPECT_FALSE(holds({without(content("b"))}, "abc"));
  EXPECT_TRUE(holds({without(at(content("b"), 2, 1))}, "abc"));
  EXPECT_TRUE(holds({without(at(content("b"), 9, 1))}, "abc"));
}

TEST_F(ConfirmContent, ANegatedRelativeOneLooksBehindTheMatch) {
  const Term no_user = without(within(content("user"), 6));
  EXPECT_FALSE(holds({content("login"), no_user}, "login: user"));
  EXPECT_TRUE(holds({content("login"), no_user}, "login:   user"));
  EXPECT_TRUE(holds({content("login"), no_user}, "login: user login: root"));
}

TEST_F(ConfirmContent, ANegatedOneMovesNothing) {
  EXPECT_TRUE(
      holds({content("a"), without(within(content("x"), 9)), within(content("b"), 1)}, "ab"));
}

TEST_F(ConfirmContent, AnAbsoluteOneInBetweenIsWhatTheNextCountsFrom) {
  EXPECT_TRUE(holds({content("z"), content("a"), within(content("b"), 1)}, "ab z"));
}

TEST_F(ConfirmContent, StartsTheBuffer) {
  EXPECT_TRUE(holds({starting("GET ")}, "GET /"));
  EXPECT_FALSE(holds({starting("GET ")}, " GET /"));
}

TEST_F(ConfirmContent, EndsTheBuffer) {
  EXPECT_TRUE(holds({ending(content(".php"))}, "/a.php"));
  EXPECT_TRUE(holds({ending(content(".php"))}, "/a.php.php"));
  EXPECT_FALSE(holds({ending(content(".php"))}, "/a.php?x"));
  EXPECT_TRUE(holds({without(ending(content(".php")))}, "/a.php?x"));
  EXPECT_FALSE(holds({without(ending(content(".php")))}, "/a.php"));
  EXPECT_TRUE(holds({content("/"), ending(within(content("a"), 1))}, "/b/a"));
  EXPECT_FALSE(holds({content("/"), ending(within(content("a"), 1))}, "/ba"));
}

TEST_F(ConfirmContent, ALongerOneThanItsBufferIsNotThere) {
  EXPECT_FALSE(holds({content("abcdef")}, "abc"));
  EXPECT_FALSE(holds({content("a")}, ""));
  EXPECT_TRUE(holds({without(content("a"))}, ""));
}

TEST_F(ConfirmContent, APlaceMayBeANumberThatWasRead) {
  ByteExtractTerm extract;
  extract.read = binary(1);
  extract.name = "place";
  ContentTerm term = content("x");
  term.offset = std::string("place");
  term.depth = 1;
  EXPECT_TRUE(holds({extract, term}, "\x03__x"));
  EXPECT_FALSE(holds({extract, term}, "\x02__x"));
  ContentTerm near = content("x");
  near.within = std::string("place");
  EXPECT_TRUE(holds({extract, content("_"), near}, "\x01__x"));
  EXPECT_FALSE(holds({extract, content("-"), near}, "\x01-_x"));
}

TEST_F(ConfirmContent, APartOfManyChoicesEndsAtItsBudget) {
  std::vector<Term> terms{content("a")};
  for (int i = 0; i < 8; ++i) terms.push_back(after(content("a"), 0));
  terms.push_back(after(content("b"), 0));
  EXPECT_EQ(ask(terms, std::string(200, 'a')), limit);
  EXPECT_EQ(confirmer_->limit_hit(), ConfirmLimit::steps);
  EXPECT_EQ(ask(terms, fmt::format("{:a<{}}b", "", 200)), yes);
  EXPECT_EQ(confirmer_->limit_hit(), ConfirmLimit::none);
}

TEST_F(ConfirmContent, AFailureThatNothingCanMendIsFinal) {
  std::vector<Term> terms{content("a")};
  for (int i = 0; i < 8; ++i) terms.push_back(after(content("a"), 0));
  terms.push_back(content("b"));
  EXPECT_EQ(ask(terms, std::string(200, 'a')), no);
}

class ConfirmRegex : public ConfirmTest {};

TEST_F(ConfirmRegex, MatchesAnywhereOrNowhere) {
  EXPECT_TRUE(holds({pcre("b+c")}, "abbbc"));
  PcreTerm negated = pcre("b+c");
  negated.is_negated = true;
  EXPECT_FALSE(holds({negated}, "abbbc"));
  EXPECT_TRUE(holds({negated}, "abbb"));
}

TEST_F(ConfirmRegex, ARelativeOneBeginsBehindTheMatch) {
  EXPECT_TRUE(holds({content("id="), pcre("^[0-9]+$", true)}, "id=42"));
  EXPECT_FALSE(holds({content("id="), pcre("^[0-9]+$", true)}, "id=x42"));
  EXPECT_TRUE(holds({content("id="), pcre("^[0-9]+$", true)}, "id=x&id=42"));
}

TEST_F(ConfirmRegex, ANegatedRelativeOneIsTriedBehindEveryMatch) {
  PcreTerm digits = pcre("^[0-9]", true);
  digits.is_negated = true;
  EXPECT_FALSE(holds({content("id="), digits}, "id=4&id=2"));
  EXPECT_TRUE(holds({content("id="), digits}, "id=4&id=x"));
}

TEST_F(ConfirmRegex, IsTriedAgainForALaterTerm) {
  EXPECT_TRUE(holds({pcre("a[0-9]"), within(content("!"), 1)}, "a1 a2 a3!"));
  EXPECT_FALSE(holds({pcre("a[0-9]"), within(content("!"), 1)}, "a1 a2 a3 !"));
}

TEST_F(ConfirmRegex, WhatAGroupHeldIsANumberForLaterTerms) {
  PcreTerm length = pcre("len=([0-9a-fx]+);");
  length.captures = {"length"};
  IsDataAtTerm has;
  has.offset = std::string("length");
  has.is_relative = true;
  EXPECT_TRUE(holds({length, has}, "len=3;abc"));
  EXPECT_FALSE(holds({length, has}, "len=4;abc"));
  EXPECT_TRUE(holds({length, has}, "len=0x3;abc"));
  EXPECT_FALSE(holds({length, has}, "len=abc;abc"));
  EXPECT_TRUE(holds({length, has}, "len=99;len=3;abc"));
}

TEST_F(ConfirmRegex, OneThatBacktracksTooMuchIsALimit) {
  EXPECT_EQ(ask({pcre("(a+)+$")}, fmt::format("{:a<{}}b", "", 64)), limit);
  EXPECT_EQ(confirmer_->limit_hit(), ConfirmLimit::regex);
}

}  // namespace
}  // namespace sluice::test
