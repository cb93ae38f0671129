// Rules of Suricata that ask for datasets, from their files through the replay: each finds what its
// list holds and nothing near it.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "config/set_file.h"
#include "control/rule_exam.h"
#include "rules/suricata_import.h"

namespace sluice {
namespace {

struct DatasetCase {
  const char* header;
  const char* options;
  DatasetType type;
  const char* list;
  RuleTest::Kind kind;
  const char* hit;
  const char* near_miss;
};

// The digests are those of "evil.example" and of "/evil".
constexpr DatasetCase kCases[] = {
    {"dns any any -> any any", "dns.query; dataset:isset,s,type string;", DatasetType::text,
     "ZXZpbC5leGFtcGxl\n", RuleTest::Kind::dns_query, "evil.example", "evil.examples"},
    {"dns any any -> any any", "dns.query; dotprefix; dataset:isset,s;", DatasetType::text,
     "LmV2aWwuZXhhbXBsZQ==\n", RuleTest::Kind::dns_query, "evil.example", "a.evil.example"},
    {"dns any any -> any any", "dns.query; to_md5; dataset:isset,s,type md5;", DatasetType::md5,
     "96119eb3210daa472225fbad69fa9770\n", RuleTest::Kind::dns_query, "evil.example",
     "evil.example2"},
    {"tls any any -> any any", "tls.sni; dataset:isnotset,s,type string;", DatasetType::text,
     "Z29vZC5leGFtcGxl\n", RuleTest::Kind::tls_sni, "evil.example", "good.example"},
    {"http any any -> any any", "http.uri; to_sha256; dataset:isset,s,type sha256;",
     DatasetType::sha256, "6567eeceafada61dae875f087f7f9f4bd798c14c89485a105a036417216ca810\n",
     RuleTest::Kind::http_request, "GET /evil HTTP/1.1", "GET /evi HTTP/1.1"},
    {"tcp any any -> any 80", "ip.src; dataset:isset,s,type ip; pkt_data; content:\"evil\";",
     DatasetType::address, "203.0.113.9\n", RuleTest::Kind::payload, "evil", "eviL"},
};

ImportResult imported(const DatasetCase& one) {
  const ImportFile file{"x.rules",
                        std::string("alert ") + one.header + " (" + one.options + " sid:1;)\n"};
  ImportResult result = import_suricata({&file, 1}, {});
  EXPECT_TRUE(result.report.refused.empty()) << result.report.refused.front().reason;
  return result;
}

TEST(ImportedSets, FindWhatTheirListHoldsAndNothingNearIt) {
  for (const DatasetCase& one : kCases) {
    ImportResult result = imported(one);
    ASSERT_EQ(result.sets.size(), 1U) << one.options;
    const NamedSet set{result.sets[0].name, kind_of(one.type), false};
    const DatasetList list = convert_dataset_list(one.type, one.list);
    ASSERT_EQ(list.refused_lines, 0U) << one.options;
    Diagnostics findings;
    ExamOptions options;
    options.variables.sets = {set};
    options.sets = {{set, parse_set_file(list.text, "s.txt", set, findings).entries}};
    RuleTest hit;
    hit.kind = one.kind;
    hit.text = one.hit;
    hit.is_hit = true;
    RuleTest miss = hit;
    miss.text = one.near_miss;
    miss.is_hit = false;
    result.rules[0].tests = {hit, miss};
    const auto answers = examine_rules(result.rules, options, findings);
    ASSERT_TRUE(answers) << answers.error().message;
    EXPECT_FALSE(findings.has_errors()) << findings.render();
    ASSERT_EQ(answers->size(), 2U);
    for (const ExamAnswer& answer : *answers) {
      EXPECT_EQ(answer.verdict, ExamVerdict::as_expected)
          << one.options << " " << answer.test << " " << answer.reason;
    }
  }
}

}  // namespace
}  // namespace sluice
