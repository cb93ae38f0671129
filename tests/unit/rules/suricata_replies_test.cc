// Codes and texts of FTP's replies, of which the buffer holds the whole line.
#include <string>

#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

using test::imported;
using test::only_part;
using test::refusal;
using test::term_at;

TermNumber number(std::int64_t value) { return TermNumber{value}; }

ContentTerm content_of(std::string_view options, std::size_t index) {
  const BufferTerms part = only_part(imported("ftp", options));
  EXPECT_EQ(part.buffer, Buffer::ftp_reply);
  return term_at<ContentTerm>(part, index);
}

TEST(SuricataReplies, ACodeIsWhatStandsBeforeABlank) {
  const ContentTerm blank = content_of(R"(ftp.completion_code; content:"530";)", 0);
  EXPECT_EQ(blank.bytes, " ");
  EXPECT_EQ(blank.offset, number(3));
  EXPECT_EQ(blank.depth, number(1));
  const ContentTerm code = content_of(R"(ftp.completion_code; content:"530";)", 1);
  EXPECT_EQ(code.bytes, "530");
  EXPECT_EQ(code.offset, number(0));
  EXPECT_EQ(code.depth, number(3));
  EXPECT_TRUE(content_of(R"(ftp.completion_code; content:"5"; startswith;)", 1).starts_with);
  EXPECT_TRUE(content_of(R"(ftp.completion_code; content:!"530";)", 1).is_negated);
  const ContentTerm last = content_of(R"(ftp.completion_code; content:"30"; endswith;)", 1);
  EXPECT_EQ(last.offset, number(1));
  EXPECT_EQ(last.depth, number(2));
  EXPECT_FALSE(last.ends_with);
}

TEST(SuricataReplies, ATextIsLookedForBehindTheCode) {
  const ContentTerm anywhere = content_of(R"(ftp.reply; content:"Login";)", 0);
  EXPECT_FALSE(anywhere.offset || anywhere.depth);
  EXPECT_EQ(content_of(R"(ftp.reply; content:"230";)", 0).offset, number(4));
  const ContentTerm first = content_of(R"(ftp.reply; content:"Login"; startswith;)", 0);
  EXPECT_FALSE(first.starts_with);
  EXPECT_EQ(first.offset, number(4));
  EXPECT_EQ(first.depth, number(5));
  const ContentTerm placed = content_of(R"(ftp.reply; content:"in"; offset:2; depth:9;)", 0);
  EXPECT_EQ(placed.offset, number(6));
  EXPECT_EQ(placed.depth, number(9));
  EXPECT_EQ(content_of(R"(ftp.reply; content:"in"; depth:9;)", 0).offset, number(4));
  const ContentTerm next = content_of(R"(ftp.reply; content:"in"; content:" 2"; distance:1;)", 1);
  EXPECT_EQ(next.distance, number(1));
  EXPECT_FALSE(next.offset);
}

TEST(SuricataReplies, WhatIsLostIsTold) {
  const auto notes = [](std::string_view options) {
    return test::import_options("ftp", options).report.downgraded.size();
  };
  EXPECT_EQ(notes(R"(ftp.reply; content:"Login";)"), 0U);
  EXPECT_EQ(notes(R"(ftp.reply; content:"2"; content:"Login"; startswith;)"), 1U);
}

TEST(SuricataReplies, ACodeAndATextAreTwoParts) {
  const Rule rule = imported(
      "ftp", R"(ftp.completion_code; content:"530"; ftp.reply; content:"Login"; content:"bad";)");
  ASSERT_EQ(rule.match.size(), 2U);
  EXPECT_EQ(rule.match[0].terms.size(), 2U);
  EXPECT_EQ(rule.match[1].terms.size(), 2U);
}

TEST(SuricataReplies, RefusesWhatWouldSeeTheOther) {
  for (const std::string_view options :
       {R"(ftp.completion_code;)", R"(ftp.completion_code; content:"5300";)",
        R"(ftp.completion_code; content:"30"; startswith; endswith;)",
        R"(ftp.completion_code; content:"5"; offset:1;)", R"(ftp.completion_code; pcre:"/^5/";)",
        R"(ftp.completion_code; bsize:3;)", R"(ftp.reply; pcre:"/530/";)", R"(ftp.reply; bsize:3;)",
        R"(ftp.reply; isdataat:10;)"}) {
    EXPECT_NE(refusal("ftp", options), "") << options;
  }
  EXPECT_EQ(refusal("ftp", R"(ftp.reply; content:"a"; pcre:"/b/R";)"), "");
}

}  // namespace
}  // namespace sluice
