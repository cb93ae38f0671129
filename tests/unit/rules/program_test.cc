#include "rules/program.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/dataplane/confirm_fixture.h"

namespace sluice::test {
namespace {

std::vector<std::byte> bytes_of(PartProgram& program) {
  PlainWriter writer;
  code(writer, program);
  return writer.bytes();
}

/// One of every kind of term and step.
Rule rich_rule() {
  ByteExtractTerm extract;
  extract.read = binary(2, 1, true);
  extract.name = "length";
  ByteMathTerm math;
  math.read = text(3, NumberText::decimal);
  math.operand = std::string("length");
  math.result = "sum";
  ByteTestTerm test;
  test.read = binary(1);
  test.operand = std::string("sum");
  ByteJumpTerm jump;
  jump.read = binary(1, -1, true);
  jump.post_offset = -2;
  PcreTerm regex = pcre("a(b+)", true);
  regex.captures = {"group"};
  ContentTerm named = content("x");
  named.nocase = true;
  named.within = std::string("group");
  Rule rule = rule_of({content("Abc"), extract, math, test, jump, regex, named, data_at(3, true),
                       SizeTerm{{1, 99, false}}, Base64Term{8, 0, true},
                       SetTerm{{"one", "two"}, SetMatch::exact, true}});
  rule.match[0].transforms = {{Transform::dotprefix, ""}, {Transform::xor_key, "key"}};
  return rule;
}

/// The same without its regular expression, whose bytes PCRE2 marks when it reads them.
Rule plain_rule() {
  Rule rule = rich_rule();
  std::erase_if(rule.match[0].terms,
                [](const Term& term) { return std::holds_alternative<PcreTerm>(term); });
  std::get<ContentTerm>(rule.match[0].terms[5]).within = 4;
  return rule;
}

TEST(PartProgram, IsTheSameReadBack) {
  RuleNames names;
  auto program = compile_part(rich_rule(), 0, names);
  ASSERT_TRUE(program) << program.error().message;
  const auto bytes = bytes_of(*program);
  PlainReader reader(bytes);
  PartProgram read;
  code(reader, read);
  ASSERT_TRUE(reader.is_complete());
  EXPECT_EQ(read.steps.size(), 11U);
  EXPECT_EQ(bytes_of(read).size(), bytes.size());
}

TEST(PartProgram, WithoutARegexIsWrittenBackTheSame) {
  RuleNames names;
  auto program = compile_part(plain_rule(), 0, names);
  ASSERT_TRUE(program) << program.error().message;
  const auto bytes = bytes_of(*program);
  PlainReader reader(bytes);
  PartProgram read;
  code(reader, read);
  ASSERT_TRUE(reader.is_complete());
  EXPECT_EQ(bytes_of(read), bytes);
}

TEST(PartProgram, TheSameRuleGivesTheSameBytes) {
  RuleNames names;
  RuleNames again;
  auto program = compile_part(rich_rule(), 0, names);
  auto other = compile_part(rich_rule(), 0, again);
  EXPECT_EQ(bytes_of(*program), bytes_of(*other));
}

TEST(PartProgram, EveryLengthButItsOwnIsRefused) {
  RuleNames names;
  auto program = compile_part(rich_rule(), 0, names);
  const auto bytes = bytes_of(*program);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    PlainReader reader{std::span(bytes).first(size)};
    PartProgram read;
    code(reader, read);
    ASSERT_FALSE(reader.is_complete()) << size;
  }
}

TEST(PartProgram, WhatReadsBackDamagedIsStillSafeToEvaluate) {
  RuleNames names;
  auto program = compile_part(plain_rule(), 0, names);
  ASSERT_TRUE(program) << program.error().message;
  const auto bytes = bytes_of(*program);
  const auto confirmer = std::move(*Confirmer::create({}));
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto damaged = bytes;
    for (int n = 0; n < 3; ++n) damaged[random() % damaged.size()] = std::byte(random() & 0xff);
    PlainReader reader(damaged);
    PartProgram read;
    code(reader, read);
    if (!reader.is_complete()) continue;
    ++accepted;
    TermVariables variables;
    static_cast<void>(
        confirmer->evaluate(read, {as_bytes("Abc\x01\x02 12 key abX"), 0, false}, variables));
  }
  EXPECT_GT(accepted, 100);
}

TEST(PartProgram, OnlyWhatLaterTermsCountFromIsAChoice) {
  const PartProgram program = program_of(
      rule_of({content("a"), within(content("b"), 2), content("c"), without(content("d"))}));
  EXPECT_TRUE(program.steps[0].is_choice);
  EXPECT_TRUE(program.steps[1].is_dependent);
  EXPECT_FALSE(program.steps[1].is_choice);
  EXPECT_FALSE(program.steps[2].is_choice);
  EXPECT_FALSE(program.steps[2].is_dependent);
  EXPECT_TRUE(program.is_chained);
  EXPECT_FALSE(program.needs_bytes);
}

TEST(PartProgram, ANumberReadAtAFixedPlaceDependsOnNoChoice) {
  ByteExtractTerm extract;
  extract.read = binary(1);
  extract.name = "n";
  ContentTerm term = content("b");
  term.offset = std::string("n");
  EXPECT_FALSE(program_of(rule_of({content("a"), extract, term})).steps[2].is_dependent);
  extract.read.is_relative = true;
  EXPECT_TRUE(program_of(rule_of({content("a"), extract, term})).steps[2].is_dependent);
}

TEST(PartProgram, KnowsHowManyBytesAMatchSpans) {
  const auto reach = [](std::vector<Term> terms) {
    return program_of(rule_of(std::move(terms))).reach_bytes;
  };
  EXPECT_EQ(reach({content("abc")}), 3U);
  EXPECT_EQ(reach({content("abc"), within(after(content("d"), 2), 5)}), 10U);
  EXPECT_EQ(reach({content("abc"), data_at(50, true)}), 53U);
  EXPECT_EQ(reach({content("abc"), content("d")}), kUnboundedReach);
  EXPECT_EQ(reach({content("abc"), after(content("d"), 0)}), kUnboundedReach);
  EXPECT_EQ(reach({pcre("a")}), kUnboundedReach);
}

TEST(PartProgram, NamesOfAnEarlierPartAreKnown) {
  Rule rule = rule_of({});
  ByteExtractTerm extract;
  extract.read = binary(1);
  extract.name = "n";
  rule.match[0].terms = {extract};
  BufferTerms second;
  second.terms = {IsDataAtTerm{std::string("n"), false, false}};
  rule.match.push_back(second);
  RuleNames names;
  ASSERT_TRUE(compile_part(rule, 0, names));
  const auto program = compile_part(rule, 1, names);
  ASSERT_TRUE(program);
  EXPECT_TRUE(program->has_variables);
  EXPECT_EQ(names.slot_of("n"), 0);
  RuleNames others;
  EXPECT_FALSE(compile_part(rule, 1, others));
}

TEST(RuleNames, ANameSetAgainMeansTheNewSlot) {
  RuleNames names;
  EXPECT_EQ(names.define("a"), 0);
  EXPECT_EQ(names.define("b"), 1);
  EXPECT_EQ(names.define("a"), 2);
  EXPECT_EQ(names.slot_of("a"), 2);
  EXPECT_EQ(names.slot_of("c"), std::nullopt);
  for (std::size_t i = 3; i < kRuleSlots; ++i) EXPECT_TRUE(names.define("x"));
  EXPECT_EQ(names.define("x"), std::nullopt);
}

TEST(CompilePart, ErrorsNameTheRuleTheTermAndTheValue) {
  EXPECT_EQ(error_of(rule_of({content("a"), content("")})),
            "rule 7: match 1, term 2: content: has 0 bytes: 1 to 8192 are possible");
  EXPECT_EQ(
      error_of(rule_of({within(content("abc"), 2)})),
      "rule 7: match 1, term 1: content: depth or within: 2: 3 to 1099511627776 are possible");
  EXPECT_EQ(error_of(rule_of({IsDataAtTerm{std::string("n"), false, false}})),
            "rule 7: match 1, term 1: data_at: 'n' is set by no term before it");
  EXPECT_EQ(error_of(rule_of({pcre("(")})),
            "rule 7: match 1, term 1: pcre: pcre: '(': missing closing parenthesis, at byte 1");
}

TEST(CompilePart, TermsWithoutAMeaningAreRefused) {
  EXPECT_NE(error_of(rule_of({within(at(content("a"), 0, 3), 3)})), "none");
  ContentTerm starting = at(content("a"), 0, 3);
  starting.starts_with = true;
  EXPECT_NE(error_of(rule_of({starting})), "none");
  EXPECT_NE(error_of(rule_of({at(content("a"), -1, 3)})), "none");
  PcreTerm captures = pcre("a");
  captures.captures = {"n"};
  EXPECT_NE(error_of(rule_of({captures})), "none");
  ByteTestTerm test;
  EXPECT_NE(error_of(rule_of({test})), "none");
  test.read = binary(9);
  EXPECT_NE(error_of(rule_of({test})), "none");
  test.read = text(4, NumberText::decimal);
  EXPECT_EQ(error_of(rule_of({test})), "none");
  test.read.order = ByteOrder::dce;
  EXPECT_NE(error_of(rule_of({test})), "none");
  ByteMathTerm math;
  math.read = binary(1);
  math.result = "r";
  math.op = MathOperator::divide;
  EXPECT_NE(error_of(rule_of({math})), "none");
  EXPECT_NE(error_of(rule_of({Base64Term{}, Base64Term{}})), "none");
  EXPECT_NE(error_of(rule_of({SetTerm{{}, SetMatch::exact, false}})), "none");
  EXPECT_NE(error_of(rule_of({SetTerm{{"."}, SetMatch::domain_suffix, false}})), "none");
  EXPECT_NE(error_of(rule_of(std::vector<Term>(kPartSteps + 1, content("a")))), "none");
}

TEST(CompilePart, TransformsAreChecked) {
  Rule rule = rule_of({content("a")});
  rule.match[0].transforms = {{Transform::xor_key, ""}};
  EXPECT_EQ(error_of(rule), "rule 7: match 1: xor: has no key: give the bytes to combine with");
  rule.match[0].transforms.assign(kPartTransforms + 1, {Transform::dotprefix, ""});
  EXPECT_NE(error_of(rule), "none");
}

}  // namespace
}  // namespace sluice::test
