// Contents, their modifiers, and the buffers they belong to.
#include <string>

#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

using test::imported;
using test::only_part;
using test::refusal;
using test::term_at;

TermNumber number(std::int64_t value) { return TermNumber{value}; }

TEST(SuricataContent, ModifiersChangeTheContentBeforeThem) {
  const Rule rule = imported(
      "tcp",
      R"(content:"a|20|b"; nocase; offset:2; depth:10; content:!"cd"; distance:-1; within:5; )"
      R"(content:"xyz"; startswith; fast_pattern:1,2; content:"end"; endswith; rawbytes;)");
  const BufferTerms part = only_part(rule);
  EXPECT_EQ(part.buffer, Buffer::payload);
  ASSERT_EQ(part.terms.size(), 4U);
  const auto first = term_at<ContentTerm>(part, 0);
  EXPECT_EQ(first.bytes, "a b");
  EXPECT_TRUE(first.nocase);
  EXPECT_EQ(first.offset, number(2));
  EXPECT_EQ(first.depth, number(10));
  const auto second = term_at<ContentTerm>(part, 1);
  EXPECT_TRUE(second.is_negated);
  EXPECT_EQ(second.distance, number(-1));
  EXPECT_EQ(second.within, number(5));
  const auto third = term_at<ContentTerm>(part, 2);
  EXPECT_TRUE(third.starts_with && third.is_fast_pattern);
  EXPECT_EQ(third.fast_offset, 1U);
  EXPECT_EQ(third.fast_length, 2U);
  EXPECT_TRUE(term_at<ContentTerm>(part, 3).ends_with);
}

TEST(SuricataContent, FastPatternOnlyIsAFastPattern) {
  const BufferTerms part = only_part(imported("tcp", R"(content:"abcd"; fast_pattern:only;)"));
  EXPECT_TRUE(term_at<ContentTerm>(part, 0).is_fast_pattern);
}

TEST(SuricataContent, RefusesModifiersThatCannotHold) {
  EXPECT_EQ(refusal("tcp", "nocase;"), "nocase: there is no content before it");
  EXPECT_NE(refusal("tcp", "content:abc;"), "");
  EXPECT_NE(refusal("tcp", R"(content:"";)"), "");
  EXPECT_NE(refusal("tcp", R"(content:"abcd"; depth:3;)").find("depth: it is 3, less than the 4"),
            std::string::npos);
  EXPECT_NE(refusal("tcp", R"(content:"a"; content:"abcd"; within:3;)").find("within: it is 3"),
            std::string::npos);
  EXPECT_NE(refusal("tcp", R"(content:"a"; offset:1; offset:2;)"), "");
  EXPECT_NE(refusal("tcp", R"(content:"a"; offset:1; distance:2;)"), "");
  EXPECT_NE(refusal("tcp", R"(content:"a"; startswith; offset:1;)"), "");
  EXPECT_NE(refusal("tcp", R"(content:"abc"; fast_pattern:2,2;)"), "");
  EXPECT_NE(refusal("tcp", R"(content:"abc"; fast_pattern:some;)"), "");
  EXPECT_NE(refusal("tcp", R"(content:"a"; fast_pattern; content:"b"; fast_pattern;)"), "");
  EXPECT_NE(refusal("http", R"(http.uri; bsize:3; content:"abcd";)"), "");
}

TEST(SuricataContent, ShortOnesDoNotStandAlone) {
  EXPECT_EQ(refusal("tcp", R"(content:"abc";)"),
            "content: 'abc' is shorter than 4 bytes and stands alone, without a port or a service");
  EXPECT_EQ(refusal("tcp", R"(content:"abcd";)"), "");
  EXPECT_EQ(refusal("tcp", R"(content:"abc"; flags:A;)"), "");
  EXPECT_EQ(refusal("tcp", R"(content:"abc"; content:"d";)"), "");
  EXPECT_EQ(refusal("http", R"(content:"abc";)"), "");
  EXPECT_EQ(refusal("tcp", R"(http.uri; content:"abc";)"), "");
}

TEST(SuricataContent, NamedBuffersHoldUntilTheNext) {
  const Rule rule = imported(
      "http", R"(http.method; content:"POST"; http.uri; content:"/a"; startswith; bsize:>5; )"
              R"(pcre:"/b/"; pkt_data; content:"raw"; http.uri; content:"c"; distance:0;)");
  ASSERT_EQ(rule.match.size(), 3U);
  EXPECT_EQ(rule.match[0].buffer, Buffer::http_method);
  EXPECT_EQ(rule.match[1].buffer, Buffer::http_uri);
  ASSERT_EQ(rule.match[1].terms.size(), 4U) << "a buffer that comes once goes on where it was left";
  EXPECT_EQ(term_at<SizeTerm>(rule.match[1], 0).bytes.low, 6U);
  EXPECT_EQ(term_at<ContentTerm>(rule.match[1], 3).bytes, "c");
  EXPECT_EQ(rule.match[2].buffer, Buffer::payload);
  EXPECT_EQ(rule.when.service, Service::http);
}

TEST(SuricataContent, BuffersThatComeSeveralTimesBeginAPartEachTime) {
  const Rule rule =
      imported("dns", R"(dns.query; content:"a"; content:"b"; dns.query; content:"c";)");
  ASSERT_EQ(rule.match.size(), 2U);
  EXPECT_EQ(rule.match[0].terms.size(), 2U);
  EXPECT_EQ(rule.match[1].terms.size(), 1U);
}

TEST(SuricataContent, OldModifiersMoveTheContentIntoTheirBuffer) {
  const Rule rule = imported(
      "http",
      R"(content:"raw"; content:"/a"; nocase; http_uri; content:"b"; http_uri; distance:1; )"
      R"(isdataat:10,relative; uricontent:"c"; content:"X"; http_header; content:"raw2";)");
  ASSERT_EQ(rule.match.size(), 3U);
  EXPECT_EQ(rule.match[0].buffer, Buffer::payload);
  EXPECT_EQ(rule.match[0].terms.size(), 2U);
  EXPECT_EQ(rule.match[1].buffer, Buffer::http_uri);
  ASSERT_EQ(rule.match[1].terms.size(), 4U);
  EXPECT_TRUE(term_at<ContentTerm>(rule.match[1], 0).nocase);
  EXPECT_EQ(term_at<ContentTerm>(rule.match[1], 1).distance, number(1));
  EXPECT_TRUE(term_at<IsDataAtTerm>(rule.match[1], 2).is_relative)
      << "what is relative stands behind the last term, in its buffer";
  EXPECT_EQ(rule.match[2].buffer, Buffer::http_header);
}

TEST(SuricataContent, OldModifiersDoNotMixWithNamedBuffers) {
  EXPECT_NE(refusal("http", R"(file_data; content:"a"; http_uri;)").find("pkt_data belongs"),
            std::string::npos);
  EXPECT_EQ(imported("http", R"(content:"a"; http_uri; http_uri;)").match.size(), 1U);
}

TEST(SuricataContent, NamedBuffersNeedATerm) {
  EXPECT_EQ(refusal("http", R"(http.uri; http.method; content:"GET";)"),
            "http.method: http.uri is named, but nothing looks into it");
  EXPECT_EQ(refusal("http", R"(content:"a"; http.uri;)"),
            "rule: http.uri is named, but nothing looks into it");
}

TEST(SuricataContent, TransformsStandBehindTheName) {
  const BufferTerms part = only_part(
      imported("dns", R"(dns.query; dotprefix; to_lowercase; content:".a.org"; endswith;)"));
  ASSERT_EQ(part.transforms.size(), 2U);
  EXPECT_EQ(part.transforms[0].transform, Transform::dotprefix);
  const BufferTerms keyed =
      only_part(imported("http", R"(http.request_body; xor:"0d0ac8ff"; content:"a";)"));
  ASSERT_EQ(keyed.transforms.size(), 1U);
  EXPECT_EQ(keyed.transforms[0].key, "\x0d\x0a\xc8\xff");
  EXPECT_NE(refusal("http", R"(http.uri; xor:"0d0"; content:"a";)"), "");
  EXPECT_NE(refusal("http", R"(http.uri; content:"a"; dotprefix;)"), "");
  EXPECT_NE(refusal("http", R"(dotprefix; content:"a";)"), "");
}

TEST(SuricataContent, SizesStandInFrontAndMoveNoPlace) {
  const Rule rule =
      imported("http", R"(content:"a"; http_uri; content:"b"; distance:0; http_uri; urilen:<9; )"
                       R"(urilen:4,raw;)");
  ASSERT_EQ(rule.match.size(), 2U);
  EXPECT_EQ(term_at<SizeTerm>(rule.match[0], 0).bytes, (NumberRange{0, 8, false}));
  EXPECT_EQ(term_at<ContentTerm>(rule.match[0], 2).bytes, "b");
  EXPECT_EQ(rule.match[1].buffer, Buffer::http_uri_raw);
  EXPECT_NE(refusal("http", "urilen:4,both;"), "");
  EXPECT_NE(refusal("http", "bsize:4;"), "") << "no buffer is named";
  const BufferTerms payload = only_part(imported("udp", "dsize:9<>18;"));
  EXPECT_EQ(term_at<SizeTerm>(payload, 0).bytes, (NumberRange{10, 17, false}));
}

TEST(SuricataContent, Base64TermsSeeWhatIsDecoded) {
  const Rule rule = imported("http", R"(http.uri; content:"x="; base64_decode:bytes 64, offset 2, )"
                                     R"(relative; base64_data; content:"cmd"; within:9; )"
                                     R"(http.uri; content:"y";)");
  ASSERT_EQ(rule.match.size(), 2U);
  const auto base64 = term_at<Base64Term>(rule.match[0], 1);
  EXPECT_EQ(base64.bytes, 64U);
  EXPECT_EQ(base64.offset, 2U);
  EXPECT_TRUE(base64.is_relative);
  EXPECT_EQ(term_at<ContentTerm>(rule.match[0], 2).bytes, "cmd");
  EXPECT_EQ(term_at<ContentTerm>(rule.match[1], 0).bytes, "y") << "not among decoded bytes";
  EXPECT_NE(refusal("http", R"(base64_data; content:"a";)"), "");
  EXPECT_NE(refusal("http", R"(http.uri; base64_decode:relative; content:"a"; base64_data;)"), "");
  EXPECT_NE(refusal("http", R"(http.uri; base64_decode:words 3; base64_data; content:"a";)"), "");
}

TEST(SuricataContent, OldTlsKeywordsBringTheirContent) {
  const BufferTerms subject = only_part(imported("tls", R"(tls.subject:!"CN=a";)"));
  EXPECT_EQ(subject.buffer, Buffer::tls_cert_subject);
  EXPECT_TRUE(term_at<ContentTerm>(subject, 0).is_negated);
  const std::string digest = "AA:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd";
  const BufferTerms print =
      only_part(imported("tls", fmt::format("tls.fingerprint:\"{}\";", digest)));
  EXPECT_EQ(term_at<ContentTerm>(print, 0).bytes.substr(0, 5), "aa:bb") << "the buffer's case";
  EXPECT_NE(refusal("tls", R"(tls.fingerprint:"aa:bb";)"), "");
  const BufferTerms version = only_part(imported("tls", "tls.version:1.2;"));
  EXPECT_TRUE(term_at<ContentTerm>(version, 0).starts_with);
  EXPECT_EQ(only_part(imported("tls", R"(tls.version; content:"1.2";)")).buffer,
            Buffer::tls_version);
  EXPECT_NE(refusal("tls", "tls.version:9;"), "");
}

}  // namespace
}  // namespace sluice
