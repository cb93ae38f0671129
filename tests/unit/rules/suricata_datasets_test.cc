// Datasets as sets: what rules say of them, and their list files.
#include "rules/suricata_datasets.h"

#include <gmock/gmock.h>

#include "config/set_file.h"
#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

using test::import_text;
using test::imported;
using test::only_part;
using test::refusal;
using test::term_at;
using testing::HasSubstr;

DatasetList converted(DatasetType type, const std::string& text) {
  test::keep_seed("dataset_list_fuzz", text);
  return convert_dataset_list(type, text);
}

std::vector<std::string> lines_of(const DatasetList& list) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < list.text.size();) {
    const std::size_t end = list.text.find('\n', at);
    lines.push_back(list.text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(SuricataDatasets, AskForASetOfTheConfiguration) {
  const BufferTerms asked = only_part(
      imported("dns", "dns.query; dataset:isset,bad-names,type string,load bad.lst,memcap 10mb;"));
  EXPECT_EQ(asked.buffer, Buffer::dns_query);
  const auto term = term_at<SetTerm>(asked, 0);
  EXPECT_EQ(term.name, "bad-names");
  EXPECT_EQ(term.match, SetMatch::named);
  EXPECT_FALSE(term.is_negated);
  const BufferTerms negated = only_part(
      imported("http", "http.user_agent; to_md5; dataset:isnotset,known, type md5 , load k.lst;"));
  EXPECT_EQ(negated.transforms.size(), 1U);
  EXPECT_TRUE(term_at<SetTerm>(negated, 0).is_negated);
}

TEST(SuricataDatasets, OfAddressesStandInTheHeader) {
  EXPECT_EQ(imported("ip", "ip.src; dataset:isset,nets,type ip,load n.lst;").when.source, "@nets");
  EXPECT_EQ(imported("ip", "ip.dst; dataset:isnotset,nets,type ipv4;").when.destination, "!@nets");
  EXPECT_EQ(imported("ip", "ip.src; dataset:isset,a; ip.dst; dataset:isset,b;").when.destination,
            "@b");
  EXPECT_EQ(imported("ip4", "ip.src; dataset:isnotset,a;").when.source, "[0.0.0.0/0, !@a]");
  EXPECT_THAT(refusal("ip4", "ip.src; dataset:isset,a;"), HasSubstr("asks for other addresses"));
  EXPECT_THAT(refusal("ip", "ip.src; sid:2;"), HasSubstr("nothing looks into it"));
  EXPECT_THAT(refusal("ip", "ip.src; content:\"abcd\";"), HasSubstr("datasets alone"));
  EXPECT_THAT(refusal("ip", "ip.src; dataset:isset,a,type md5;"), HasSubstr("is not ip"));
  EXPECT_THAT(refusal("dns", "dns.query; dataset:isset,a,type ip;"), HasSubstr("ip.src or ip.dst"));
}

TEST(SuricataDatasets, ThatAreNotImportedSayWhy) {
  EXPECT_EQ(refusal("dns", "dns.query; dataset:set,seen,type string;"),
            "dataset: set: packets do not change a set, its file and operators do");
  EXPECT_THAT(refusal("dns", "dns.query; dataset:unset,seen;"), HasSubstr("packets do not change"));
  EXPECT_THAT(refusal("dns", "dns.query; dataset:is,seen;"), HasSubstr("is no operation"));
  EXPECT_THAT(refusal("dns", "dns.query; dataset:isset;"), HasSubstr("the name of a dataset"));
  EXPECT_THAT(refusal("dns", "dns.query; dataset:isset,a,type int;"), HasSubstr("is no type"));
  EXPECT_THAT(refusal("dns", "dns.query; dataset:isset,a,size 5;"), HasSubstr("is no setting"));
  EXPECT_THAT(refusal("http", "http.request_body; dataset:isset,a;"), HasSubstr("no whole"));
  EXPECT_THAT(refusal("tcp", "dataset:isset,a;"), HasSubstr("the name of a buffer"));
  for (const char* name : {"/etc/shadow", "../x", "a/../../x", ""}) {
    EXPECT_THAT(refusal("dns", fmt::format("dns.query; dataset:isset,a,load {};", name)),
                HasSubstr("in the directory of the rules"))
        << name;
  }
}

TEST(SuricataDatasets, AreToldOnceWithWhatTheirRulesSay) {
  const ImportResult result = import_text(
      "alert dns any any -> any any (dns.query; dataset:isset,b.x; sid:1;)\n"
      "alert dns any any -> any any (dns.query; dataset:isset,b.x,type string,load b.lst; sid:2;)\n"
      "alert ip any any -> any any (ip.src; dataset:isset,a,type ip,state a.lst; sid:3;)\n"
      "alert dns any any -> any any (dns.query; dataset:isset,c; lua:x; sid:4;)\n");
  ASSERT_EQ(result.sets.size(), 2U);
  EXPECT_EQ(result.sets[0].name, "a");
  EXPECT_EQ(result.sets[0].type, DatasetType::address);
  EXPECT_EQ(result.sets[1].dataset, "b.x");
  EXPECT_EQ(result.sets[1].name, set_name_of("b.x"));
  EXPECT_EQ(result.sets[1].list, "b.lst");
  EXPECT_EQ(result.sets[1].rule_file, "x.rules");
  EXPECT_EQ(result.sets[1].rules, 2U);
  ASSERT_EQ(result.report.downgraded.size(), 1U);
  EXPECT_EQ(result.report.downgraded[0].reason, "state: the file is not written");
}

TEST(SuricataDatasets, OfWhichRulesDisagreeAreRefused) {
  const ImportResult result = import_text(
      "alert dns any any -> any any (dns.query; dataset:isset,a,type string,load a.lst; sid:1;)\n"
      "alert dns any any -> any any (dns.query; to_md5; dataset:isset,a,type md5; sid:2;)\n"
      "alert dns any any -> any any (dns.query; dataset:isset,a,load b.lst; sid:3;)\n");
  ASSERT_EQ(result.report.refused.size(), 2U);
  EXPECT_EQ(result.report.refused[0].reason,
            "another rule has 'string' as type of the dataset 'a'");
  EXPECT_EQ(result.report.refused[1].reason, "another rule has 'a.lst' as list of the dataset 'a'");
  EXPECT_EQ(result.sets[0].rules, 1U);
}

TEST(SuricataDatasets, AreCountedByTheRulesThatStay) {
  const ImportResult result = import_text(
      "alert dns any any -> any any (dns.query; dataset:isset,old; sid:1; rev:1;)\n"
      "alert dns any any -> any any (dns.query; dataset:isset,new; sid:1; rev:2;)\n");
  ASSERT_EQ(result.sets.size(), 1U);
  EXPECT_EQ(result.sets[0].name, "new");
}

TEST(SuricataDatasets, AreNoMoreThanAConfigurationHasRoomFor) {
  std::string text;
  for (int i = 1; i <= 33; ++i) {
    text +=
        fmt::format("alert dns any any -> any any (dns.query; dataset:isset,a{}; sid:{};)\n", i, i);
  }
  const ImportResult result = import_text(text);
  EXPECT_EQ(result.sets.size(), 32U);
  ASSERT_EQ(result.report.refused.size(), 1U);
  EXPECT_THAT(result.report.refused[0].reason, HasSubstr("room for 32 sets"));
}

TEST(SuricataDatasets, NamesOfSetsAreWordsAndDiffer) {
  EXPECT_EQ(set_name_of("ua-seen_2"), "ua-seen_2");
  EXPECT_NE(set_name_of("a.b"), set_name_of("a:b"));
  EXPECT_EQ(set_name_of(std::string(60, 'a')).size(), kSetNameMax);
  EXPECT_NE(set_name_of(std::string(60, 'a')), set_name_of(std::string(61, 'a')));
}

TEST(DatasetLists, OfTextsAreDecoded) {
  const DatasetList list = converted(
      DatasetType::text, "ZXZpbC5leGFtcGxl\r\n\ndGV4dCBvZiB0d28=,12\nAAH/\nI3g\nIGE=\nfDQxfA==");
  EXPECT_EQ(lines_of(list), (std::vector<std::string>{"evil.example", "text of two", "|0001ff|",
                                                      "|2378|", "|2061|", "|7c34317c|"}));
  EXPECT_EQ(list.entries, 6U);
  EXPECT_EQ(list.refused_lines, 0U);
}

TEST(DatasetLists, OfDigestsAndAddressesAreKeys) {
  EXPECT_EQ(converted(DatasetType::md5, "000102030405060708090A0B0C0D0E0F\n").text,
            "|000102030405060708090a0b0c0d0e0f|\n");
  EXPECT_EQ(lines_of(converted(DatasetType::address, "192.0.2.1\n2001:db8::1\n::ffff:10.0.0.1\n")),
            (std::vector<std::string>{"192.0.2.1", "2001:db8::1", "10.0.0.1"}));
}

TEST(DatasetLists, TellLinesThatAreNoEntries) {
  const DatasetList texts =
      converted(DatasetType::text, "A\n?\n====\nYQ==\n" + std::string(400, 'A'));
  EXPECT_EQ(texts.entries, 1U);
  ASSERT_EQ(texts.refused_lines, 4U);
  EXPECT_EQ(texts.refused[3].line, 5U);
  EXPECT_EQ(texts.refused[3].reason, "has 300 bytes: at most 255 would do");
  EXPECT_EQ(converted(DatasetType::sha256, std::string(32, 'a')).refused_lines, 1U);
  EXPECT_EQ(converted(DatasetType::address, "10.0.0.1/33\n10.0.0\n").refused_lines, 2U);
}

TEST(DatasetLists, AreReadBackByTheirSet) {
  // Every byte, alone and between blanks, as base64 of one and three bytes.
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (unsigned byte = 0; byte < 256; ++byte) {
    text += kDigits[byte >> 2];
    text += kDigits[(byte & 3) << 4];
    text += "==\n";
  }
  const DatasetList list = converted(DatasetType::text, text);
  EXPECT_EQ(list.entries, 256U);
  Diagnostics findings;
  const SetFile file =
      parse_set_file(list.text, "x.txt", {"texts", SetKind::text, false}, findings);
  EXPECT_TRUE(findings.empty()) << findings.render();
  ASSERT_EQ(file.entries.size(), 256U);
  for (unsigned byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(file.entries[byte].key, std::string(1, static_cast<char>(byte)));
  }
}

}  // namespace
}  // namespace sluice
