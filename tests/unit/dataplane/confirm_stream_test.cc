#include <gtest/gtest.h>

#include "tests/unit/dataplane/confirm_fixture.h"

namespace sluice::test {
namespace {

using enum ConfirmOutcome;

class ConfirmStream : public ConfirmTest {};

TEST_F(ConfirmStream, WhatMayStillComeIsNotYet) {
  EXPECT_EQ(ask_open({content("abc")}, "ab"), not_yet);
  EXPECT_EQ(ask_open({content("abc")}, "xabc"), yes);
  EXPECT_EQ(ask_open({content("a"), within(content("b"), 3)}, "a__"), not_yet);
  EXPECT_EQ(ask_open({pcre("a+$")}, "b"), not_yet);
  EXPECT_EQ(ask_open({data_at(3)}, "abc"), not_yet);
}

TEST_F(ConfirmStream, WhatCanComeNoMoreIsNo) {
  EXPECT_EQ(ask_open({at(content("abc"), 0, 3)}, "ab"), not_yet);
  EXPECT_EQ(ask_open({at(content("abc"), 0, 3)}, "abx"), no);
  EXPECT_EQ(ask_open({at(content("abc"), 0, 3)}, "abxabc"), no);
  EXPECT_EQ(ask_open({without(content("a")), content("b")}, "a"), no);
  EXPECT_EQ(ask_open({no_data_at(2)}, "abc"), no);
  EXPECT_EQ(ask_open({SizeTerm{{0, 2, false}}}, "abc"), no);
}

TEST_F(ConfirmStream, AnotherChoiceMayComeToo) {
  EXPECT_EQ(ask_open({content("a"), within(content("b"), 1)}, "a_"), not_yet);
}

TEST_F(ConfirmStream, ABodyEndsWhereItIsComplete) {
  ContentTerm ending = content("abc");
  ending.ends_with = true;
  EXPECT_EQ(ask_open({ending}, "abc"), not_yet);
  EXPECT_EQ(ask_open({no_data_at(9)}, "abc"), not_yet);
  EXPECT_EQ(ask_open({pcre("c$")}, "abc"), not_yet);
}

TEST_F(ConfirmStream, APayloadEndsWhereItEndsNow) {
  ContentTerm ending = content("abc");
  ending.ends_with = true;
  EXPECT_EQ(ask_open({ending}, "abc", Buffer::payload), yes);
  EXPECT_EQ(ask_open({content("c"), no_data_at(1, true)}, "abc", Buffer::payload), yes);
  EXPECT_EQ(ask_open({pcre("c$")}, "abc", Buffer::payload), yes);
}

TEST_F(ConfirmStream, SizeIsSettledWhenNothingCanChangeIt) {
  EXPECT_EQ(ask_open({SizeTerm{{2, 9, false}}}, "abc"), not_yet);
  EXPECT_EQ(ask_open({SizeTerm{{2, NumberRange{}.high, false}}}, "abc"), yes);
  EXPECT_EQ(ask_open({SizeTerm{{0, 2, true}}}, "abc"), yes);
  EXPECT_EQ(ask_open({SizeTerm{{4, 5, true}}}, "abc"), not_yet);
}

TEST_F(ConfirmStream, AJumpBeyondWhatCameWaits) {
  ByteJumpTerm jump;
  jump.read = binary(1);
  EXPECT_EQ(ask_open({jump, within(content("x"), 1)}, "\x09__"), not_yet);
}

TEST_F(ConfirmStream, AWindowKeepsPlacesOfTheStream) {
  EXPECT_EQ(ask_window({at(content("abc"), 100, 8)}, "__abc___", 100), yes);
  EXPECT_EQ(ask_window({at(content("abc"), 103, 3)}, "__abc___", 100), no);
  EXPECT_EQ(ask_window({content("a"), within(content("b"), 1)}, "_ab_", 1'000'000), yes);
}

TEST_F(ConfirmStream, BytesBeforeTheWindowAreALimit) {
  EXPECT_EQ(ask_window({at(content("GET"), 0, 3)}, "abc", 100), limit);
  EXPECT_EQ(confirmer_->limit_hit(), ConfirmLimit::window);
  EXPECT_EQ(ask_window({at(content("abc"), 90, 20)}, "__abc", 100), yes);
  EXPECT_EQ(ask_window({at(content("abd"), 90, 20)}, "__abc", 100), limit);
  EXPECT_EQ(ask_window({without(at(content("GET"), 0, 3))}, "abc", 100), limit);
  EXPECT_EQ(ask_window({content("b"), after(content("x"), -2)}, "b", 100), limit);
  ByteTestTerm test;
  test.read = binary(1);
  EXPECT_EQ(ask_window({test}, "abc", 100), limit);
}

TEST_F(ConfirmStream, AnUnboundedContentIsLookedForInTheWindow) {
  EXPECT_EQ(ask_window({content("abc"), without(content("x"))}, "abc", 100), yes);
  EXPECT_EQ(ask_window({content("abd")}, "abc", 100), not_yet);
}

TEST_F(ConfirmStream, ACaretIsNotTheStartOfAWindow) {
  EXPECT_EQ(ask_window({pcre("^abc")}, "abc", 0), yes);
  EXPECT_EQ(ask_window({pcre("^abc")}, "abc", 100), not_yet);
  EXPECT_EQ(ask_window({content("x"), pcre("^abc", true)}, "xabc", 100), yes);
}

TEST_F(ConfirmStream, ALimitSaysWhetherMoreBytesCouldHelp) {
  EXPECT_EQ(ask_window({content("a"), within(content("b"), 9), without(at(content("q"), 0, 1))},
                       "a___", 100),
            not_yet);
  EXPECT_EQ(ask_window({content("a"), within(after(content("b"), -200), 400)}, "a", 100), limit);
  EXPECT_TRUE(confirmer_->could_still_hold());
}

TEST_F(ConfirmStream, SetsAndHashesNeedTheWholeBuffer) {
  const SetTerm set{{"abc"}, SetMatch::exact, false};
  EXPECT_EQ(ask_open({set}, "abc"), not_yet);
  EXPECT_EQ(ask_window({set}, "abc", 100), limit);
}

}  // namespace
}  // namespace sluice::test
