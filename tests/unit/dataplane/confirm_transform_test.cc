#include <gtest/gtest.h>

#include "tests/unit/dataplane/confirm_fixture.h"

namespace sluice::test {
namespace {

using enum ConfirmOutcome;

class ConfirmTransform : public ConfirmTest {
 protected:
  /// What the steps make of a text, read from the transform itself.
  std::string made(std::vector<TransformStep> steps, std::string_view text) {
    Rule rule = rule_of({content("x")});
    rule.match[0].transforms = std::move(steps);
    const auto result = transform_.apply(program_of(rule), as_bytes(text));
    return result ? std::string(result->begin(), result->end()) : "too long";
  }
  std::string made(Transform transform, std::string_view text) {
    return made({{transform, ""}}, text);
  }

  BufferTransform transform_;
};

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<std::uint8_t>(c) >> 4];
    text += kDigits[static_cast<std::uint8_t>(c) & 15];
  }
  return text;
}

TEST_F(ConfirmTransform, PutsADotInFront) {
  EXPECT_EQ(made(Transform::dotprefix, "google.com"), ".google.com");
  EXPECT_EQ(made({{Transform::dotprefix, ""}, {Transform::dotprefix, ""}}, "a"), "..a");
}

TEST_F(ConfirmTransform, TakesWhiteSpaceAwayOrTogether) {
  EXPECT_EQ(made(Transform::strip_whitespace, " a\t b\r\n"), "ab");
  EXPECT_EQ(made(Transform::compress_whitespace, " a\t b\r\n"), " a\tb\r");
}

TEST_F(ConfirmTransform, ChangesCase) {
  EXPECT_EQ(made(Transform::to_lowercase, "aB[\xc4"), "ab[\xc4");
  EXPECT_EQ(made(Transform::to_uppercase, "aB{\xe4"), "AB{\xe4");
}

TEST_F(ConfirmTransform, DecodesUrlsAndLeavesWhatIsNoEscape) {
  EXPECT_EQ(made(Transform::url_decode, "a%20b+c%2fd"), "a b c/d");
  EXPECT_EQ(made(Transform::url_decode, "%ZZ%4x%%41%4"), "%ZZ%4x%%41%4");
  EXPECT_EQ(made(Transform::url_decode, "100%"), "100%");
}

TEST_F(ConfirmTransform, Hashes) {
  EXPECT_EQ(hex(made(Transform::to_md5, "abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(made(Transform::to_sha1, "abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(made(Transform::to_sha256, "abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(made(Transform::to_md5, "")), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_F(ConfirmTransform, KnowsHeaders) {
  EXPECT_EQ(made(Transform::strip_pseudo_headers, ":path: /\r\nHost: a\r\n:x"), "Host: a\r\n");
  EXPECT_EQ(made(Transform::header_lowercase, "Host: AbC\r\nX-Y: Z\r\n"),
            "host: AbC\r\nx-y: Z\r\n");
  EXPECT_EQ(made(Transform::header_lowercase, ":Path: A"), ":path: A");
}

TEST_F(ConfirmTransform, CombinesWithAKey) {
  EXPECT_EQ(made({{Transform::xor_key, std::string("\x01\x02", 2)}}, "aaa"), "`c`");
}

TEST_F(ConfirmTransform, StepsWorkOnWhatTheOneBeforeLeft) {
  EXPECT_EQ(made({{Transform::url_decode, ""}, {Transform::strip_whitespace, ""}}, "a%20b"), "ab");
}

TEST_F(ConfirmTransform, TermsSeeTheChangedBuffer) {
  Rule rule = rule_of({content(".evil.test")});
  std::get<ContentTerm>(rule.match[0].terms[0]).ends_with = true;
  rule.match[0].transforms = {{Transform::dotprefix, ""}};
  const PartProgram program = program_of(rule);
  EXPECT_EQ(ask(program, {as_bytes("evil.test"), 0, true}), yes);
  EXPECT_EQ(ask(program, {as_bytes("notevil.test"), 0, true}), no);
}

TEST_F(ConfirmTransform, ABufferTooLongIsALimit) {
  Rule rule = rule_of({content("x")});
  rule.match[0].transforms = {{Transform::dotprefix, ""}};
  const PartProgram program = program_of(rule);
  const std::string fits(kTransformBytesMax - 1, 'a');
  EXPECT_EQ(ask(program, {as_bytes(fits + "x"), 0, true}), yes);
  EXPECT_EQ(ask(program, {as_bytes(fits + "xx"), 0, true}), limit);
  EXPECT_EQ(confirmer_->limit_hit(), ConfirmLimit::room);
}

TEST_F(ConfirmTransform, AHashWaitsForAllOfItsBuffer) {
  Rule rule = rule_of({content("\x90")}, Buffer::file_data);
  rule.match[0].transforms = {{Transform::to_md5, ""}};
  const PartProgram program = program_of(rule);
  EXPECT_EQ(ask(program, {as_bytes("abc"), 0, false}), not_yet);
  EXPECT_EQ(ask(program, {as_bytes("abc"), 0, true}), yes);
  EXPECT_EQ(ask(program, {as_bytes("abc"), 9, true}), limit);
}

class ConfirmBase64 : public ConfirmTest {};

TEST_F(ConfirmBase64, LaterTermsSeeTheDecodedBytes) {
  EXPECT_TRUE(holds({Base64Term{}, content("Hello World")}, "SGVsbG8gV29ybGQ="));
  EXPECT_FALSE(holds({Base64Term{}, content("SGV")}, "SGVsbG8gV29ybGQ="));
  EXPECT_TRUE(holds({Base64Term{}, at(content("Hel"), 0, 3)}, "SGVsbG8gV29ybGQ="));
}

TEST_F(ConfirmBase64, BeginsWhereItIsTold) {
  EXPECT_TRUE(holds({Base64Term{0, 8, false}, content("Hello")}, "aaaaaaaaSGVsbG8="));
  EXPECT_TRUE(
      holds({content("aaaaaaaa"), Base64Term{0, 0, true}, content("Hello")}, "aaaaaaaaSGVsbG8="));
  EXPECT_FALSE(holds({Base64Term{16, 32, false}}, "SGVsbG8gV29ybGQ="));
}

TEST_F(ConfirmBase64, DecodesNoMoreThanItIsTold) {
  EXPECT_TRUE(holds({Base64Term{4, 0, false}, SizeTerm{{3, 3, false}}}, "SGVsbG8="));
}

TEST_F(ConfirmBase64, StopsAtWhatIsNoBase64) {
  EXPECT_TRUE(holds({Base64Term{}, SizeTerm{{3, 3, false}}}, "SGVs SGVs"));
  EXPECT_FALSE(holds({Base64Term{}}, "****"));
}

TEST_F(ConfirmBase64, TheMatchBeforeItIsTriedAgain) {
  EXPECT_TRUE(holds({content("x"), Base64Term{0, 0, true}, content("Hello")}, "x!x SGx=xSGVsbG8="));
}

TEST_F(ConfirmBase64, MoreThanThereIsRoomForIsALimit) {
  const std::string text(kTransformBytesMax / 3 * 4 + 64, 'A');
  EXPECT_EQ(ask({Base64Term{}, content("x")}, text), limit);
  EXPECT_EQ(confirmer_->limit_hit(), ConfirmLimit::room);
  EXPECT_EQ(ask({Base64Term{}, content(std::string(1, '\0'))}, text), yes);
}

TEST_F(ConfirmBase64, MayStillGrowInAStream) {
  EXPECT_EQ(ask_open({Base64Term{}, content("World")}, "SGVsbG8g"), not_yet);
  EXPECT_EQ(ask_open({Base64Term{4, 0, false}, content("World")}, "SGVsbG8g"), no);
}

}  // namespace
}  // namespace sluice::test
