#include "src/import_report.h"

#include <nlohmann/json.hpp>

#include "tests/unit/rules/suricata_one.h"

namespace sluice {
namespace {

TEST(ImportReport, HoldsCountsRefusalsAndFiles) {
  const ImportResult result = test::import_text(
      "alert tcp any any -> any any (msg:\"x\"; content:\"abcd\"; tag:session; sid:1;)\n"
      "# alert tcp any any -> any any (sid:2;)\n"
      "alert tcp any any -> any any (msg:\"\xff\"; lua:a; sid:3;)\n");
  const auto report = nlohmann::json::parse(render_import_report(result.report));
  EXPECT_EQ(report["rules_total"], 3);
  EXPECT_EQ(report["rules_enabled"], 2);
  EXPECT_EQ(report["imported"], 1);
  ASSERT_EQ(report["refused"].size(), 1U);
  EXPECT_EQ(report["refused"][0]["file"], "x.rules");
  EXPECT_EQ(report["refused"][0]["line"], 3);
  EXPECT_EQ(report["refused"][0]["sid"], 3);
  EXPECT_EQ(report["refused"][0]["keyword"], "lua");
  EXPECT_EQ(report["refused"][0]["reason"], "scripts are not run in the path of packets");
  ASSERT_EQ(report["downgraded"].size(), 1U);
  EXPECT_EQ(report["downgraded"][0]["keyword"], "tag");
  EXPECT_EQ(report["downgraded"][0]["line"], 1);
  EXPECT_EQ(report["by_keyword"], nlohmann::json({{"lua", 1}}));
  EXPECT_EQ(report["files"]["x.rules"]["imported"], 1);
}

TEST(ImportReport, OfNothingHasAllMembers) {
  const auto report = nlohmann::json::parse(render_import_report({}));
  for (const char* member : {"rules_total", "rules_enabled", "imported", "refused", "downgraded",
                             "by_keyword", "files"}) {
    EXPECT_TRUE(report.contains(member)) << member;
  }
}

}  // namespace
}  // namespace sluice
