#include "rules/load.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "rules/keywords.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

std::string rendered(const std::string& text) {
  Diagnostics diagnostics;
  static_cast<void>(load_rules(Source("f", text), diagnostics));
  return diagnostics.render();
}

TEST(LoadRules, KeepsWhereEachRuleStands) {
  Diagnostics diagnostics;
  const Source source("web.yaml", "rules:\n  - id: 1\n    name: a\n  - {id: 2, name: b}\n");
  const auto rules = load_rules(source, diagnostics);
  ASSERT_EQ(rules.size(), 2U) << diagnostics.render();
  EXPECT_EQ(rules[0].position, (SourcePosition{2, 5}));
  EXPECT_EQ(rules[1].position, (SourcePosition{4, 5}));
  EXPECT_EQ(rules[1].pack, "web.yaml");
}

TEST(LoadRules, LeavesOutWhatHasAMistakeAndKeepsTheRest) {
  Diagnostics diagnostics;
  const Source source("f", "rules:\n- {id: 1}\n- {id: two}\n- {id: 3}\n");
  const auto rules = load_rules(source, diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 1U);
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[1].id, 3U);
}

TEST(LoadRules, EndsAfterManyFindings) {
  std::string text = "rules:\n";
  for (int i = 0; i < 1000; ++i) text += "- {id: x, nme: y}\n";
  const std::string findings = rendered(text);
  EXPECT_NE(findings.find("only the first 200 findings are listed"), std::string::npos);
}

TEST(LoadRules, RefusesMoreRulesThanAFileMayHave) {
  std::string text = "rules:\n";
  for (std::size_t i = 0; i <= kRulesOfAFileMax; ++i) text += "- 1\n";
  EXPECT_NE(rendered(text).find("rules has 200001 entries, above the most of 200000"),
            std::string::npos);
}

TEST(LoadRules, RefusesContentsThatAreTooLong) {
  const auto with_content = [](std::size_t bytes) {
    return rendered(fmt::format("rules:\n- {{id: 1, match: [{{payload: {{contains: {}}}}}]}}\n",
                                std::string(bytes, 'a')));
  };
  EXPECT_EQ(with_content(kContentBytesMax), "");
  EXPECT_NE(with_content(kContentBytesMax + 1).find("is 8193 bytes long, above the largest"),
            std::string::npos);
}

TEST(LoadRules, RefusesTheBytesOfAnotherKindOfFile) {
  EXPECT_NE(rendered(std::string("rules:\0", 7)).find("a rule file is UTF-8"), std::string::npos);
}

TEST(LoadRuleFile, ReadsAFileWithinItsCap) {
  const test::ScratchDir directory;
  const std::string path = directory.write("web.yaml", "pack: web\nrules: [{id: 9}]\n");
  Diagnostics diagnostics;
  const RulePack pack = load_rule_file(path, diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.render();
  EXPECT_EQ(pack.name, "web");
  ASSERT_EQ(pack.rules.size(), 1U);
  EXPECT_EQ(pack.rules[0].pack, path);
  EXPECT_TRUE(load_rule_file(path, diagnostics, 8).rules.empty());
  EXPECT_EQ(diagnostics.render(), fmt::format("{}: error: is larger than 8\n", path));
}

TEST(LoadRuleFile, TellsOfAFileThatIsNotThere) {
  Diagnostics diagnostics;
  EXPECT_TRUE(load_rule_file("/nonexistent/rules.yaml", diagnostics).rules.empty());
  EXPECT_EQ(diagnostics.render(),
            "/nonexistent/rules.yaml: error: cannot be read: No such file or directory\n");
}

}  // namespace
}  // namespace sluice
