#include "rules/suricata_pcre.h"

#include <string>

#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

using test::imported;
using test::only_part;
using test::refusal;
using test::term_at;

TEST(SuricataPcre, ReadsPatternAndFlags) {
  const auto pcre = read_suricata_pcre(R"(!"/^a\/b\x2f(c|d)$/imsxAEGRO")");
  ASSERT_TRUE(pcre.has_value());
  EXPECT_EQ(pcre->term.pattern, R"(^a\/b\x2f(c|d)$)");
  EXPECT_TRUE(pcre->term.is_negated && pcre->term.nocase && pcre->term.multiline);
  EXPECT_TRUE(pcre->term.dotall && pcre->term.extended && pcre->term.anchored);
  EXPECT_TRUE(pcre->term.dollar_end_only && pcre->term.ungreedy && pcre->term.is_relative);
  EXPECT_FALSE(pcre->buffer.has_value());
}

TEST(SuricataPcre, LettersNameBuffers) {
  struct Row {
    char letter;
    Buffer buffer;
  };
  constexpr Row kRows[] = {
      {'U', Buffer::http_uri},          {'I', Buffer::http_uri_raw},
      {'P', Buffer::http_request_body}, {'Q', Buffer::http_response_body},
      {'H', Buffer::http_header},       {'D', Buffer::http_header_raw},
      {'M', Buffer::http_method},       {'C', Buffer::http_cookie},
      {'S', Buffer::http_stat_code},    {'Y', Buffer::http_stat_msg},
      {'V', Buffer::http_user_agent},   {'W', Buffer::http_host},
      {'Z', Buffer::http_host_raw},     {'B', Buffer::payload},
  };
  for (const Row& row : kRows) {
    const Rule rule = imported("http", fmt::format("pcre:\"/a/i{}\";", row.letter));
    EXPECT_EQ(only_part(rule).buffer, row.buffer) << row.letter;
  }
}

TEST(SuricataPcre, GoesIntoTheNamedBuffer) {
  const BufferTerms part =
      only_part(imported("http", R"(http.uri; content:"a"; pcre:"/b/R"; pcre:"/c/U";)"));
  EXPECT_EQ(part.buffer, Buffer::http_uri);
  EXPECT_EQ(part.terms.size(), 3U);
  EXPECT_TRUE(term_at<PcreTerm>(part, 1).is_relative);
  EXPECT_NE(refusal("http", R"(http.uri; content:"a"; pcre:"/b/P";)"), "");
}

TEST(SuricataPcre, WritesUnprintableBytesAsEscapes) {
  const auto pcre = read_suricata_pcre("\"/[\xe9\\\xe8]\\\\\t/\"");
  ASSERT_TRUE(pcre.has_value());
  EXPECT_EQ(pcre->term.pattern, R"([\xe9\xe8]\\\x09)");
}

TEST(SuricataPcre, RefusesWhatIsNoPattern) {
  for (const char* value : {"/a/", "\"a\"", "\"/a\"", "\"//\"", "\"/a/k\"", "\"/a/UP\"",
                            "\"/(.)/, flow:x\"", "\"/(?P<flow_x>.)/\"", "\"\"", "", "!"}) {
    EXPECT_FALSE(read_suricata_pcre(value).has_value()) << value;
  }
}

}  // namespace
}  // namespace sluice
