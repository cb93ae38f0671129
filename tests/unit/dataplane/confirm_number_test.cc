#include <gtest/gtest.h>

#include <array>

#include "tests/unit/dataplane/confirm_fixture.h"

namespace sluice::test {
namespace {

using enum ConfirmOutcome;

ByteTestTerm test_of(ByteRead read, Comparison comparison, std::int64_t operand) {
  ByteTestTerm term;
  term.read = std::move(read);
  term.comparison = comparison;
  term.operand = operand;
  return term;
}

ByteTestTerm named(ByteRead read, Comparison comparison, std::string name) {
  ByteTestTerm term = test_of(std::move(read), comparison, 0);
  term.operand = std::move(name);
  return term;
}

ByteJumpTerm jump(ByteRead read) {
  ByteJumpTerm term;
  term.read = std::move(read);
  return term;
}

ByteExtractTerm extract(ByteRead read, std::string name) {
  ByteExtractTerm term;
  term.read = std::move(read);
  term.name = std::move(name);
  return term;
}

class ConfirmNumber : public ConfirmTest {};

TEST_F(ConfirmNumber, ReadsEitherByteOrder) {
  ByteRead little = binary(2);
  little.order = ByteOrder::little;
  EXPECT_TRUE(holds({test_of(binary(2), Comparison::equal, 0x0102)}, "\x01\x02"));
  EXPECT_TRUE(holds({test_of(little, Comparison::equal, 0x0201)}, "\x01\x02"));
}

TEST_F(ConfirmNumber, ComparesEveryWay) {
  const auto is = [this](Comparison comparison, std::int64_t operand) {
    return holds({test_of(binary(1), comparison, operand)}, "\x05");
  };
  EXPECT_TRUE(is(Comparison::less, 6));
  EXPECT_FALSE(is(Comparison::less, 5));
  EXPECT_TRUE(is(Comparison::less_or_equal, 5));
  EXPECT_TRUE(is(Comparison::greater, 4));
  EXPECT_FALSE(is(Comparison::greater, 5));
  EXPECT_TRUE(is(Comparison::greater_or_equal, 5));
  EXPECT_TRUE(is(Comparison::not_equal, 4));
  EXPECT_TRUE(is(Comparison::bits_set, 4));
  EXPECT_FALSE(is(Comparison::bits_set, 2));
  EXPECT_TRUE(is(Comparison::bits_xor, 4));
  EXPECT_FALSE(is(Comparison::bits_xor, 5));
}

TEST_F(ConfirmNumber, AMaskShiftsToItsLowestBit) {
  ByteRead read = binary(1);
  read.mask = 0xf0;
  EXPECT_TRUE(holds({test_of(read, Comparison::equal, 0xa)}, "\xa5"));
}

TEST_F(ConfirmNumber, ANegatedTestStillNeedsItsBytes) {
  ByteTestTerm term = test_of(binary(2), Comparison::equal, 1);
  term.is_negated = true;
  EXPECT_TRUE(holds({term}, std::string_view("\0\2", 2)));
  EXPECT_FALSE(holds({term}, std::string_view("\0\1", 2)));
  EXPECT_FALSE(holds({term}, std::string_view("\0", 1)));
}

TEST_F(ConfirmNumber, ReadsTextUpToTheFirstThatIsNoDigit) {
  EXPECT_TRUE(holds({test_of(text(5, NumberText::decimal), Comparison::equal, 123)}, "123ab"));
  EXPECT_TRUE(holds({test_of(text(5, NumberText::decimal), Comparison::equal, 12)}, "  12;"));
  EXPECT_TRUE(holds({test_of(text(4, NumberText::hexadecimal), Comparison::equal, 0x1f)}, "0x1f"));
  EXPECT_TRUE(holds({test_of(text(4, NumberText::hexadecimal), Comparison::equal, 0x1f)}, "1F__"));
  EXPECT_TRUE(holds({test_of(text(3, NumberText::octal), Comparison::equal, 8)}, "108"));
  EXPECT_FALSE(holds({test_of(text(3, NumberText::decimal), Comparison::equal, 0)}, "abc"));
  EXPECT_FALSE(holds({test_of(text(23, NumberText::decimal), Comparison::greater, 0)},
                     "99999999999999999999999"));
}

TEST_F(ConfirmNumber, RelativeOnesCountFromTheLastMatch) {
  EXPECT_TRUE(holds({content("A"), test_of(binary(1, 1, true), Comparison::equal, 7)}, "xA_\x07"));
  EXPECT_TRUE(holds({content("A"), test_of(binary(1, -2, true), Comparison::equal, 7)},
                    "\x07"
                    "A"));
  EXPECT_FALSE(holds({content("A"), test_of(binary(1, -3, true), Comparison::equal, 7)},
                     "\x07"
                     "A"));
  EXPECT_TRUE(holds({content("A"), test_of(binary(1, 0, true), Comparison::equal, 7)},
                    "A\x01"
                    "A\x02"
                    "A\x07"));
}

TEST_F(ConfirmNumber, AJumpMovesThePlace) {
  EXPECT_TRUE(holds({jump(binary(1)), within(content("x"), 1)}, "\x02__x"));
  EXPECT_FALSE(holds({jump(binary(1)), within(content("x"), 1)}, "\x01__x"));
  EXPECT_FALSE(holds({jump(binary(1)), no_data_at(9)}, "\x03__x"));
}

TEST_F(ConfirmNumber, AJumpMayMultiplyAlignAndAdd) {
  ByteJumpTerm term = jump(binary(1));
  term.multiplier = 3;
  term.aligns_to_4 = true;
  term.post_offset = -1;
  EXPECT_TRUE(holds({term, within(content("x"), 1)}, "\x01___x"));
}

TEST_F(ConfirmNumber, AJumpMayCountFromEitherEnd) {
  ByteJumpTerm term = jump(binary(1));
  term.from_beginning = true;
  EXPECT_TRUE(holds({term, within(content("x"), 1)}, "\x02_x"));
  term.from_beginning = false;
  term.from_end = true;
  term.post_offset = -4;
  EXPECT_TRUE(holds({term, within(content("x"), 1)}, "\x02_x_"));
  ByteJumpTerm last = jump(binary(0));
  last.from_end = true;
  last.post_offset = -1;
  EXPECT_TRUE(holds({last, within(content("x"), 1)}, "abx"));
}

TEST_F(ConfirmNumber, AJumpOutsideTheBufferFails) {
  EXPECT_FALSE(holds({jump(binary(1))}, "\x02__"));
  ByteJumpTerm back = jump(binary(1));
  back.post_offset = -9;
  EXPECT_FALSE(holds({back}, "\x01__"));
  ByteJumpTerm far = jump(binary(8));
  far.multiplier = 0xffffffff;
  EXPECT_FALSE(holds({far}, "\xff\xff\xff\xff\xff\xff\xff\xff__"));
}

TEST_F(ConfirmNumber, AnExtractedNumberServesLaterTerms) {
  EXPECT_TRUE(
      holds({extract(binary(1), "n"), named(binary(1, 1), Comparison::equal, "n")}, "\x05\x05"));
  EXPECT_FALSE(
      holds({extract(binary(1), "n"), named(binary(1, 1), Comparison::equal, "n")}, "\x05\x06"));
}

TEST_F(ConfirmNumber, AnExtractedNumberMayBeMultipliedAndAligned) {
  ByteExtractTerm term = extract(binary(1), "n");
  term.multiplier = 3;
  term.align = 4;
  EXPECT_TRUE(holds({term, named(binary(1, 1), Comparison::equal, "n")}, "\x02\x08"));
}

TEST_F(ConfirmNumber, ReadingMovesThePlaceBehindTheNumber) {
  EXPECT_TRUE(holds({extract(binary(2), "n"), within(content("x"), 1)}, "__x"));
  EXPECT_FALSE(holds({extract(binary(1), "n"), within(content("x"), 1)}, "__x"));
  EXPECT_TRUE(holds({extract(text(3, NumberText::decimal), "n"), within(content("x"), 1)}, "1x_"));
}

TEST_F(ConfirmNumber, AChoiceIsMadeAgainForANumberReadBehindIt) {
  EXPECT_TRUE(holds(
      {content("L"), extract(binary(1, 0, true), "n"), named(binary(1), Comparison::equal, "n")},
      "\x09L\x01L\x09"));
}

TEST_F(ConfirmNumber, MathComputes) {
  const auto is = [this](MathOperator op, std::int64_t operand, char result) {
    ByteMathTerm math;
    math.read = binary(1);
    math.op = op;
    math.operand = operand;
    math.result = "r";
    const std::array<char, 2> buffer{'\x06', result};
    return holds({math, named(binary(1, 1), Comparison::equal, "r")}, {buffer.data(), 2});
  };
  EXPECT_TRUE(is(MathOperator::add, 2, 8));
  EXPECT_TRUE(is(MathOperator::subtract, 2, 4));
  EXPECT_TRUE(is(MathOperator::multiply, 2, 12));
  EXPECT_TRUE(is(MathOperator::divide, 4, 1));
  EXPECT_TRUE(is(MathOperator::shift_left, 2, 24));
  EXPECT_TRUE(is(MathOperator::shift_right, 1, 3));
  EXPECT_TRUE(is(MathOperator::shift_left, 64, 0));
}

TEST_F(ConfirmNumber, DivisionByANumberThatIsNullFails) {
  ByteMathTerm math;
  math.read = binary(1);
  math.op = MathOperator::divide;
  math.operand = std::string("n");
  math.result = "r";
  EXPECT_FALSE(holds({extract(binary(1), "n"), math}, std::string_view("\0", 1)));
}

TEST_F(ConfirmNumber, DataAtAsksForBytesBehindAPlace) {
  EXPECT_TRUE(holds({data_at(2)}, "abc"));
  EXPECT_FALSE(holds({data_at(3)}, "abc"));
  EXPECT_TRUE(holds({no_data_at(3)}, "abc"));
  EXPECT_TRUE(holds({content("a"), data_at(2, true)}, "abc"));
  EXPECT_FALSE(holds({content("a"), data_at(3, true)}, "abc"));
  EXPECT_TRUE(holds({content("c"), no_data_at(1, true)}, "abc"));
  EXPECT_FALSE(holds({content("b"), no_data_at(1, true)}, "abc"));
}

TEST_F(ConfirmNumber, SizeIsOfTheWholeBuffer) {
  EXPECT_TRUE(holds({SizeTerm{{3, 3, false}}}, "abc"));
  EXPECT_FALSE(holds({SizeTerm{{4, 9, false}}}, "abc"));
  EXPECT_TRUE(holds({SizeTerm{{4, 9, true}}}, "abc"));
}

class ConfirmSet : public ConfirmTest {};

TEST_F(ConfirmSet, HoldsWholeBuffers) {
  const SetTerm set{{"abc", "de"}, SetMatch::exact, false};
  EXPECT_TRUE(holds({set}, "de"));
  EXPECT_FALSE(holds({set}, "d"));
  EXPECT_FALSE(holds({set}, "abcd"));
}

TEST_F(ConfirmSet, HoldsDomainsAndWhatIsBelowThem) {
  const SetTerm set{{".Evil.example", "bad.test"}, SetMatch::domain_suffix, false};
  EXPECT_TRUE(holds({set}, "evil.example"));
  EXPECT_TRUE(holds({set}, "www.EVIL.example"));
  EXPECT_FALSE(holds({set}, "notevil.example"));
  EXPECT_FALSE(holds({set}, "example"));
  EXPECT_TRUE(holds({SetTerm{{"bad.test"}, SetMatch::domain_suffix, true}}, "good.test"));
}

}  // namespace
}  // namespace sluice::test
