// tests/unit/rules/golden: every NAME.in is a rule file; beside it stands NAME.ok, its normal form,
// with warnings in front as comments, or NAME.err, what is wrong with it. What is well-formed is
// judged as a set. SLUICE_UPDATE_GOLDEN=1 writes the answers anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "rules/load.h"
#include "rules/print.h"
#include "rules/validate.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/source_tree.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const fs::path kDirectory = test::source_path("tests/unit/rules/golden");

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kDirectory)) {
    if (entry.path().extension() == ".in") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string path_of(const std::string& file) { return (kDirectory / file).string(); }

std::string as_comments(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) out += "# " + line + "\n";
  return out;
}

struct Answer {
  std::string extension;
  std::string text;
};
Answer answer_to(const std::string& name) {
  Diagnostics diagnostics;
  const Source source(name + ".in", test::read_text(path_of(name + ".in")));
  const RulePack pack = load_rule_pack(source, diagnostics);
  if (!diagnostics.has_errors()) validate_rules(pack.rules, {}, diagnostics);
  const std::string findings = diagnostics.render();
  if (diagnostics.has_errors()) return {".err", findings};
  return {".ok", as_comments(findings) + print_rules(pack.name, pack.version, pack.rules)};
}

class RulesGolden : public testing::TestWithParam<std::string> {};

TEST_P(RulesGolden, GivesItsAnswer) {
  const std::string& name = GetParam();
  const Answer answer = answer_to(name);
  if (test::is_updating_golden()) {
    fs::remove(path_of(name + ".ok"));
    fs::remove(path_of(name + ".err"));
    std::ofstream(path_of(name + answer.extension), std::ios::binary) << answer.text;
    return;
  }
  ASSERT_TRUE(fs::exists(path_of(name + answer.extension)))
      << name << answer.extension << " does not exist; the answer is\n"
      << answer.text;
  EXPECT_FALSE(fs::exists(path_of(name + (answer.extension == ".ok" ? ".err" : ".ok"))));
  EXPECT_EQ(answer.text, test::read_text(path_of(name + answer.extension)));
}

TEST_P(RulesGolden, NormalFormSaysTheSame) {
  const std::string text = test::read_text(path_of(GetParam() + ".in"));
  test::keep_seed("rules_fuzz", text);
  Diagnostics diagnostics;
  const RulePack pack = load_rule_pack(Source("f", text), diagnostics);
  if (diagnostics.has_errors()) return;
  const RulePack again = load_rule_pack(
      Source("printed", print_rules(pack.name, pack.version, pack.rules)), diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.render();
  EXPECT_TRUE(std::ranges::equal(again.rules, pack.rules, is_same));
}

INSTANTIATE_TEST_SUITE_P(Files, RulesGolden, testing::ValuesIn(case_names()), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(RulesGoldenDirectory, HasManyPairs) { EXPECT_GE(case_names().size(), 40U); }

}  // namespace
}  // namespace sluice
