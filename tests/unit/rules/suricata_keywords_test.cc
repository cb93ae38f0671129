// What holds for every row of the table of keywords.
#include "rules/suricata_keywords.h"

#include <set>
#include <string>

#include "tests/support/scratch_dir.h"
#include "tests/support/source_tree.h"
#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

using test::imported;
using test::only_part;
using test::refusal;

std::string protocol_of(Buffer buffer) {
  const Service service = row_of(buffer).service;
  return service == Service::any ? "ip" : std::string(name_of(service));
}

TEST(SuricataKeywords, StandInTheTableOnce) {
  std::set<std::string_view> names;
  for (const std::string_view name : suricata_keyword_names()) {
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(SuricataKeywords, StandOnThePageOfTheImport) {
  const std::string page = test::read_text(test::source_path("docs/import.md"));
  for (const std::string_view name : suricata_keyword_names()) {
    EXPECT_NE(page.find(fmt::format("`{}`", name)), std::string::npos) << name;
  }
}

TEST(SuricataKeywords, NamesOfBuffersSelectThem) {
  for (const SuricataKeyword& row : suricata_buffer_keywords()) {
    if (row.value != SuricataValue::none || row.name == "pkt_data") continue;
    if (row.name == "ftp.completion_code") continue;  // takes no content of four bytes
    const std::string protocol = protocol_of(row.buffer);
    const Rule rule = imported(protocol, fmt::format("{}; content:\"abcd\";", row.name));
    EXPECT_EQ(only_part(rule).buffer, row.buffer) << row.name;
    EXPECT_NE(refusal(protocol, fmt::format("{};", row.name)), "") << row.name;
    EXPECT_NE(refusal(protocol, fmt::format("{}:\"abcd\";", row.name)), "") << row.name;
  }
}

TEST(SuricataKeywords, OldModifiersNameABufferOfHttp) {
  for (const SuricataKeyword& row : suricata_content_keywords()) {
    if (!row.name.starts_with("http_")) continue;
    const Rule rule = imported("http", fmt::format("content:\"abcd\"; {};", row.name));
    EXPECT_EQ(only_part(rule).buffer, row.buffer) << row.name;
    EXPECT_NE(refusal("http", fmt::format("{};", row.name)), "") << row.name;
  }
}

TEST(SuricataKeywords, TransformsAddAStep) {
  for (const SuricataKeyword& row : suricata_transform_keywords()) {
    if (row.value != SuricataValue::none) continue;
    const Rule rule = imported("http", fmt::format("http.uri; {}; content:\"abcd\";", row.name));
    EXPECT_EQ(only_part(rule).transforms.size(), 1U) << row.name;
    EXPECT_NE(refusal("http", fmt::format("{}; content:\"abcd\";", row.name)), "") << row.name;
  }
}

TEST(SuricataKeywords, RefusedOnesSayWhy) {
  for (const SuricataKeyword& row : suricata_refused_keywords()) {
    EXPECT_EQ(refusal("tcp", fmt::format("{}:x;", row.name)),
              fmt::format("{}: {}", row.name, row.note));
  }
}

TEST(SuricataKeywords, BuffersOfServicesWithoutAParserAreRefused) {
  EXPECT_EQ(refusal("http2", "http.uri; content:\"abcd\";"), "http.uri: http2 is not parsed");
  EXPECT_EQ(refusal("smb", "file.data; content:\"abcd\";"), "file.data: smb is not parsed");
  EXPECT_EQ(refusal("smb", "content:\"abcd\";"), "");
}

TEST(SuricataKeywords, FieldsOfTheDnsHeaderAreTestsOfItsBytes) {
  const BufferTerms opcode = only_part(imported("dns", "dns.opcode:!4;"));
  EXPECT_EQ(opcode.buffer, Buffer::dns_header);
  const auto test = test::term_at<ByteTestTerm>(opcode, 0);
  EXPECT_EQ(test.read.offset, TermNumber{std::int64_t{2}});
  EXPECT_EQ(test.read.mask, 0x78U);
  EXPECT_EQ(test.comparison, Comparison::not_equal);
  EXPECT_EQ(test.operand, TermNumber{std::int64_t{4}});
  const BufferTerms range = only_part(imported("dns", "dns.opcode:1-5;"));
  EXPECT_EQ(test::term_at<ByteTestTerm>(range, 0).comparison, Comparison::greater_or_equal);
  EXPECT_EQ(test::term_at<ByteTestTerm>(range, 1).comparison, Comparison::less_or_equal);
  const BufferTerms code = only_part(imported("dns", "dns.rcode:3;"));
  ASSERT_EQ(code.terms.size(), 2U);
  EXPECT_EQ(test::term_at<ByteTestTerm>(code, 0).read.mask, 0x80U) << "of an answer";
  EXPECT_EQ(test::term_at<ByteTestTerm>(code, 1).read.offset, TermNumber{std::int64_t{3}});
  for (const char* value : {"16", "x", "", "!1-5"}) {
    EXPECT_NE(refusal("dns", fmt::format("dns.opcode:{};", value)), "") << value;
  }
}

TEST(SuricataKeywords, UnknownOnesAreReportedWithTheirName) {
  EXPECT_EQ(refusal("tcp", "contents:\"a\";"),
            "contents: unknown keyword: did you mean 'content'?");
  EXPECT_EQ(refusal("tcp", "zzzzzzzzzz;"), "zzzzzzzzzz: unknown keyword");
}

TEST(SuricataKeywords, ValuesAreAskedForAndRefused) {
  EXPECT_EQ(refusal("tcp", "content;"), "content: a value belongs behind it");
  EXPECT_NE(refusal("tcp", "noalert:yes;").find("no value belongs behind it"), std::string::npos);
}

TEST(SuricataKeywords, ServicesAndSidesOfBuffersHaveToFit) {
  EXPECT_NE(refusal("tls", R"(http.uri; content:"abcd";)"), "");
  EXPECT_NE(refusal("udp", R"(http.uri; content:"abcd";)"), "");
  EXPECT_NE(refusal("http", R"(flow:to_client; http.uri; content:"abcd";)"), "");
  EXPECT_NE(refusal("http", R"(flow:to_server; http.stat_code; content:"200";)"), "");
  EXPECT_NE(refusal("http", R"(http.uri; content:"a"; http.stat_code; content:"200";)"), "");
  EXPECT_NE(refusal("tcp", R"(http.uri; content:"a"; tls.sni; content:"b";)"), "");
  EXPECT_EQ(imported("quic", R"(tls.sni; content:"abcd";)").match.size(), 1U);
}

}  // namespace
}  // namespace sluice
