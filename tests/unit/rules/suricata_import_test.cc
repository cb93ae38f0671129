// What becomes of a rule as a whole, and the report.
#include "rules/suricata_import.h"

#include <array>
#include <string>

#include "rules/suricata_rule.h"
#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

using test::import_text;
using test::imported;
using test::refusal;

constexpr const char* kSure = "metadata:confidence High, signature_severity Major;";

TEST(SuricataImport, KeepsWhatARuleSaysAboutItself) {
  const Rule rule =
      import_text(R"(alert tcp any any -> any any (msg:"a \"b\"\; c"; reference:cve,2021-1; )"
                  R"(reference:url,a.org/x,y; classtype:trojan-activity; sid:20; gid:3; )"
                  R"(rev:4; target:dest_ip; metadata:tag A, tag B, created_at 2020;))")
          .rules.at(0);
  EXPECT_EQ(rule.name, "a \"b\"; c");
  EXPECT_EQ(rule.id, 20U);
  EXPECT_EQ(rule.gid, 3U);
  EXPECT_EQ(rule.rev, 4U);
  EXPECT_EQ(rule.class_name, "trojan-activity");
  EXPECT_EQ(rule.references, (std::vector<std::string>{"cve:2021-1", "url:a.org/x,y"}));
  ASSERT_EQ(rule.metadata.size(), 4U);
  EXPECT_EQ(rule.metadata[0], (std::pair<std::string, std::string>{"target", "dest_ip"}));
  EXPECT_EQ(rule.metadata[2], (std::pair<std::string, std::string>{"tag", "B"}));
}

TEST(SuricataImport, RefusesNumbersAndTextsThatAreNone) {
  EXPECT_EQ(import_text("alert ip any any -> any any (msg:\"x\";)").report.refused.at(0).reason,
            "the rule has none");
  EXPECT_EQ(imported("ip", "").name, "m");
  EXPECT_EQ(import_text("alert ip any any -> any any (sid:9;)").rules.at(0).name, "rule 9");
  for (const char* options : {"sid:0;", "rev:x;", "gid:99999999999;", "priority:0;",
                              "reference:cve;", "target:both;", "classtype;", "msg:\"\" x;"}) {
    EXPECT_NE(refusal("ip", options), "") << options;
  }
}

TEST(SuricataImport, SeverityIsThatOfPriorityOrClass) {
  EXPECT_EQ(imported("ip", "classtype:trojan-activity;").severity, RuleSeverity::critical);
  EXPECT_EQ(imported("ip", "classtype:trojan-activity; priority:3;").severity,
            RuleSeverity::medium);
  EXPECT_EQ(imported("ip", "classtype:bad-unknown;").severity, RuleSeverity::high);
  EXPECT_EQ(imported("ip", "priority:9;").severity, RuleSeverity::low);
  EXPECT_EQ(imported("ip", "").severity, RuleSeverity::medium);
  const ImportResult unknown = test::import_options("ip", "classtype:my-own;");
  EXPECT_EQ(unknown.rules.at(0).severity, RuleSeverity::medium);
  EXPECT_EQ(unknown.report.downgraded.at(0).keyword, "classtype");
}

TEST(SuricataImport, EnforcesWhatItsAuthorIsSureOf) {
  EXPECT_EQ(imported("ip", kSure).stage, RuleStage::enforce);
  EXPECT_EQ(imported("ip", kSure).action.kind, RuleActionKind::drop);
  EXPECT_EQ(imported("ip", "").stage, RuleStage::shadow);
  EXPECT_EQ(imported("ip", "metadata:confidence Medium;").stage, RuleStage::shadow);
  EXPECT_EQ(imported("ip", "metadata:confidence High, signature_severity Informational;").stage,
            RuleStage::shadow);
}

TEST(SuricataImport, KeepsActionsWhereAsked) {
  ImportOptions as_is;
  as_is.is_as_is = true;
  const auto action = [&as_is](const char* word) {
    return import_text(fmt::format("{} ip any any -> any any (sid:1;)", word), as_is).rules.at(0);
  };
  EXPECT_EQ(action("alert").action.kind, RuleActionKind::alert);
  EXPECT_EQ(action("alert").stage, RuleStage::enforce);
  EXPECT_EQ(action("drop").action.kind, RuleActionKind::drop);
  EXPECT_EQ(action("pass").action.kind, RuleActionKind::pass);
  EXPECT_EQ(action("reject").action.kind, RuleActionKind::reject);
  EXPECT_EQ(action("rejectsrc").action.kind, RuleActionKind::reject);
}

TEST(SuricataImport, TellsActionsThatMeanLess) {
  const auto downgrade = [](const char* word) {
    return import_text(fmt::format("{} ip any any -> any any (sid:1;)", word)).report.downgraded;
  };
  EXPECT_EQ(downgrade("rejectboth").at(0).keyword, "rejectboth");
  EXPECT_EQ(downgrade("pass").at(0).keyword, "pass");
  EXPECT_TRUE(downgrade("reject").empty());
  EXPECT_EQ(import_text("config ip any any -> any any (sid:1;)").report.refused.at(0).keyword,
            "config");
}

TEST(SuricataImport, RulesThatOnlySetFlagsNeverDrop) {
  const ImportResult result = import_text(
      "drop tcp any any -> any any (flowbits:set,a; noalert; sid:1; metadata:confidence High;)");
  EXPECT_EQ(result.rules.at(0).action.kind, RuleActionKind::alert);
  EXPECT_TRUE(result.rules.at(0).is_silent);
  EXPECT_EQ(result.report.downgraded.at(0).keyword, "noalert");
}

TEST(SuricataImport, WritesVariablesOutThatHaveAValue) {
  ImportOptions options;
  options.variables = {{"HOME_NET", "[10.0.0.0/8, 192.168.0.0/16]"}};
  const Rule rule =
      import_text("alert tcp !$HOME_NET any -> [$HOME_NET,$OTHER] $HTTP_PORTS (sid:1;)", options)
          .rules.at(0);
  EXPECT_EQ(rule.when.source, "![10.0.0.0/8, 192.168.0.0/16]");
  EXPECT_EQ(rule.when.destination, "[[10.0.0.0/8, 192.168.0.0/16],$OTHER]");
  EXPECT_EQ(rule.when.destination_port, "$HTTP_PORTS");
}

TEST(SuricataImport, HeadersKeepTheirMeaning) {
  const auto header = [](const char* text) {
    return import_text(fmt::format("alert {} (sid:1;)", text)).rules.at(0).when;
  };
  EXPECT_TRUE(header("ip any any <> any any").is_bidirectional);
  EXPECT_FALSE(header("ip any any -> any any").is_bidirectional);
  EXPECT_EQ(header("ip4 $HOME_NET any -> any any").source, "[$HOME_NET, !::/0]");
  EXPECT_EQ(import_text("alert ip any any => any any (sid:1;)").report.refused.at(0).keyword, "=>");
  for (const char* text : {"ip [10.0.0.1 any -> any any", "ip 10.0.0.1] any -> any any",
                           "ip any a;b -> any any", "ip any any -> any {80}"}) {
    const ImportResult result = import_text(fmt::format("alert {} (sid:1;)", text));
    EXPECT_EQ(result.report.refused.size(), 1U) << text;
  }
}

TEST(SuricataImport, ReportsEveryRuleThatIsNotImported) {
  const std::array files{
      ImportFile{"a.rules",
                 "alert ip any any -> any any (msg:\"x\"; sid:1;)\n"
                 "#alert ip any any -> any any (msg:\"x\"; sid:2;)\n"
                 "alert ip any any -> any any (msg:\"x\"; lua:a.lua; sid:3;)\n"
                 "garbage\n"},
      ImportFile{"b.rules", "\n\nalert ip any any -> any any (lua:b.lua; sid:4;)\n"},
      ImportFile{"empty.rules", ""},
  };
  const ImportReport report = import_suricata(files, {}).report;
  EXPECT_EQ(report.counts, (ImportCounts{5, 4, 1}));
  EXPECT_EQ(report.files.at("a.rules"), (ImportCounts{4, 3, 1}));
  EXPECT_EQ(report.files.at("b.rules"), (ImportCounts{1, 1, 0}));
  EXPECT_EQ(report.files.at("empty.rules"), ImportCounts{});
  ASSERT_EQ(report.refused.size(), 3U);
  EXPECT_EQ(report.refused[0].keyword, "lua");
  EXPECT_EQ(report.refused[0].sid, 3U);
  EXPECT_EQ(report.refused[0].position, (SourcePosition{3, 39}));
  EXPECT_EQ(report.refused[1].keyword, "syntax");
  EXPECT_EQ(report.refused[1].position.line, 4U);
  EXPECT_EQ(report.refused[2].file, "b.rules");
  EXPECT_EQ(report.refused[2].position.line, 3U);
  EXPECT_EQ(report.by_keyword.at("lua"), 2U);
  EXPECT_EQ(report.counts.imported + report.refused.size(), report.counts.rules_enabled);
}

TEST(SuricataImport, KeepsTheNewestOfRulesWithOneNumber) {
  const ImportResult result = import_text(
      "alert ip any any -> any any (msg:\"old\"; sid:1; rev:2;)\n"
      "alert ip any any -> any any (msg:\"new\"; sid:1; rev:3;)\n"
      "alert ip any any -> any any (msg:\"again\"; sid:1; rev:3;)\n"
      "alert ip any any -> any any (msg:\"other\"; gid:2; sid:1; rev:1;)\n");
  ASSERT_EQ(result.rules.size(), 2U);
  EXPECT_EQ(result.rules[0].name, "new");
  EXPECT_EQ(result.rules[1].name, "other");
  ASSERT_EQ(result.report.refused.size(), 2U);
  EXPECT_EQ(result.report.refused[0].position.line, 1U);
  EXPECT_EQ(result.report.refused[0].reason, "revision 3 of this rule stands at x.rules:2");
  EXPECT_EQ(result.report.refused[1].position.line, 3U);
}

TEST(SuricataImport, ImportsOnlyWhatItsRequirementsAllow) {
  EXPECT_EQ(imported("ip", "requires:version >= 7.0.0, keyword content, feature ja4;").id, 1U);
  EXPECT_EQ(imported("ip", "requires:version < 8;").id, 1U);
  for (const char* value : {"version >= 8.0.1", "version < 6", "keyword lua.x", "feature geoip",
                            "version seven", "version >= 1.2.3.4"}) {
    EXPECT_NE(refusal("ip", fmt::format("requires:{};", value)), "") << value;
  }
}

TEST(SuricataImport, BoundsTheTermsOfARule) {
  std::string options;
  for (int i = 0; i < 65; ++i) options += "content:\"abcd\"; ";
  EXPECT_EQ(refusal("tcp", options), "rule: more than 64 terms look into payload");
}

TEST(SuricataImport, KeepsTextsPrintable) {
  const Rule rule =
      import_text("alert ip any any -> any any (msg:\"a\x01\xff\"; sid:1;)").rules.at(0);
  EXPECT_EQ(rule.name, "a\\x01\\xff");
}

}  // namespace
}  // namespace sluice
