// Numbers that are read from a buffer.
#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

using test::imported;
using test::only_part;
using test::refusal;
using test::term_at;

template <class T>
T term_of(std::string_view options) {
  const BufferTerms part = only_part(imported("tcp", options));
  return term_at<T>(part, part.terms.empty() ? 0 : part.terms.size() - 1);
}

TEST(SuricataBytes, ReadsByteTests) {
  const auto test = term_of<ByteTestTerm>("byte_test:4,!>=,0x10,-3,relative,little;");
  EXPECT_EQ(test.read.bytes, 4U);
  EXPECT_TRUE(test.is_negated && test.read.is_relative);
  EXPECT_EQ(test.comparison, Comparison::greater_or_equal);
  EXPECT_EQ(test.operand, TermNumber{std::int64_t{16}});
  EXPECT_EQ(test.read.offset, TermNumber{std::int64_t{-3}});
  EXPECT_EQ(test.read.order, ByteOrder::little);
  const auto text = term_of<ByteTestTerm>("byte_test:3,=,12,0,string,dec,bitmask 0xf0;");
  EXPECT_EQ(text.read.text, NumberText::decimal);
  EXPECT_EQ(text.read.mask, 0xf0U);
  EXPECT_EQ(term_of<ByteTestTerm>("byte_test:1,&,128,6;").comparison, Comparison::bits_set);
  EXPECT_EQ(term_of<ByteTestTerm>("byte_test:1,^,128,6;").comparison, Comparison::bits_xor);
  EXPECT_EQ(term_of<ByteTestTerm>("byte_test:1,!=,128,6;").comparison, Comparison::not_equal);
  EXPECT_EQ(term_of<ByteTestTerm>("byte_extract:1,0,n; byte_test:2,>,n,0;").operand,
            TermNumber{"n"});
}

TEST(SuricataBytes, RefusesByteTestsThatReadNothing) {
  for (const char* value :
       {"4,>,1", "9,>,1,0", "0,>,1,0", "4,~,1,0", "4,>,x y,0", "4,>,1,0,dce", "4,>,1,0,string",
        "4,>,1,0,dec", "24,>,1,0,string,dec", "0,>,1,0,string,dec", "4,>,1,0,bitmask 0",
        "4,>,1,0,often", "x,>,1,0", "4,>,1,1.5"}) {
    EXPECT_NE(refusal("tcp", fmt::format("byte_test:{};", value)), "") << value;
  }
}

TEST(SuricataBytes, ReadsByteJumps) {
  const auto jump = term_of<ByteJumpTerm>(
      "byte_jump:4,-10,relative,little,from_beginning, post_offset -1, multiplier 2, align;");
  EXPECT_TRUE(jump.read.is_relative && jump.from_beginning && jump.aligns_to_4);
  EXPECT_EQ(jump.post_offset, -1);
  EXPECT_EQ(jump.multiplier, 2U);
  EXPECT_TRUE(term_of<ByteJumpTerm>("byte_jump:2,0,from_end;").from_end);
  for (const char* value : {"4", "0,0", "4,0,from_end,from_beginning", "4,0,post_offset x",
                            "4,0,post_offset 99999", "4,0,multiplier -1", "4,0,sideways"}) {
    EXPECT_NE(refusal("tcp", fmt::format("byte_jump:{};", value)), "") << value;
  }
}

TEST(SuricataBytes, ReadsByteExtracts) {
  const auto extract =
      term_of<ByteExtractTerm>("byte_extract:3,1,len,relative,little,multiplier 4,align 2;");
  EXPECT_EQ(extract.name, "len");
  EXPECT_EQ(extract.multiplier, 4U);
  EXPECT_EQ(extract.align, 2U);
  for (const char* value :
       {"3,1", "3,1,", "9,1,len", "3,1,len,align 3", "3,1,2len", "3,1,len,string"}) {
    EXPECT_NE(refusal("tcp", fmt::format("byte_extract:{};", value)), "") << value;
  }
}

TEST(SuricataBytes, ReadsByteMath) {
  const auto math = term_of<ByteMathTerm>(
      "byte_math:bytes 2, offset 4, oper <<, rvalue 3, result sum, relative, endian little, "
      "bitmask 0xff;");
  EXPECT_EQ(math.op, MathOperator::shift_left);
  EXPECT_EQ(math.operand, TermNumber{std::int64_t{3}});
  EXPECT_EQ(math.result, "sum");
  EXPECT_EQ(math.read.order, ByteOrder::little);
  const auto text = term_of<ByteMathTerm>(
      "byte_extract:1,0,len; "
      "byte_math:bytes 2, offset 0, oper +, rvalue len, result sum, string dec;");
  EXPECT_EQ(text.read.text, NumberText::decimal);
  for (const char* value :
       {"bytes 2, offset 0, oper +, rvalue 1", "bytes 2, oper %, rvalue 1, result x",
        "bytes 2, oper /, rvalue 0, result x", "oper +, rvalue 1, result x",
        "bytes 2, oper +, rvalue 1, result x, endian string big"}) {
    EXPECT_NE(refusal("tcp", fmt::format("byte_math:{};", value)), "") << value;
  }
}

TEST(SuricataBytes, ReadsIsdataat) {
  const auto at = term_of<IsDataAtTerm>("isdataat:!1,relative,rawbytes;");
  EXPECT_TRUE(at.is_negated && at.is_relative);
  EXPECT_EQ(at.offset, TermNumber{std::int64_t{1}});
  EXPECT_EQ(term_of<IsDataAtTerm>("byte_extract:1,0,len; isdataat:len;").offset, TermNumber{"len"});
  EXPECT_NE(refusal("tcp", "isdataat:!;"), "");
  EXPECT_NE(refusal("tcp", "isdataat:5,absolute;"), "");
}

TEST(SuricataBytes, NamesAreSetBeforeTheyAreUsed) {
  EXPECT_EQ(refusal("tcp", "byte_test:1,>,n,0; byte_extract:1,0,n;"),
            "rule: 'n' is a name that no term before it sets");
  EXPECT_EQ(refusal("tcp", R"(content:"abcd"; within:n;)"),
            "rule: 'n' is a name that no term before it sets");
  EXPECT_EQ(refusal("tcp", R"(byte_extract:1,0,n; content:"a"; offset:n; byte_jump:1,n;)"), "");
}

TEST(SuricataBytes, RelativeOnesStandBehindTheLastTerm) {
  const Rule rule = imported("http", R"(content:"x"; content:"a"; http_uri; byte_test:1,=,1,0,)"
                                     R"(relative; byte_test:1,=,1,0;)");
  ASSERT_EQ(rule.match.size(), 2U);
  EXPECT_EQ(rule.match[0].buffer, Buffer::payload);
  EXPECT_FALSE(term_at<ByteTestTerm>(rule.match[0], 1).read.is_relative);
  EXPECT_EQ(rule.match[1].buffer, Buffer::http_uri);
  EXPECT_TRUE(term_at<ByteTestTerm>(rule.match[1], 1).read.is_relative);
}

}  // namespace
}  // namespace sluice
