// tests/config: every NAME.in is a configuration; beside it stands NAME.ok, its normal form, with
// warnings in front as comments, or NAME.err, what is wrong with it. A name that begins with "run-"
// is judged for `run`, any other for `replay`. SLUICE_UPDATE_GOLDEN=1 writes the answers anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "config/check.h"
#include "config/load.h"
#include "config/print.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/support/source_tree.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const fs::path kDirectory = test::source_path("tests/config");

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kDirectory)) {
    if (entry.path().extension() == ".in") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

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
  const auto purpose = name.starts_with("run-") ? ConfigPurpose::run : ConfigPurpose::replay;
  const CheckedConfig checked = check_file(name + ".in", purpose);
  const std::string findings = checked.findings.render();
  if (checked.findings.has_errors()) return {".err", findings};
  return {".ok", as_comments(findings) + print_config(checked.config)};
}

/// Runs in the directory of the cases, so that findings name files without their directories.
class ConfigGolden : public testing::TestWithParam<std::string> {
 protected:
  ConfigGolden() : before_(fs::current_path()) { fs::current_path(kDirectory); }
  ~ConfigGolden() override { fs::current_path(before_); }

 private:
  fs::path before_;
};

TEST_P(ConfigGolden, GivesItsAnswer) {
  const std::string& name = GetParam();
  const Answer answer = answer_to(name);
  if (test::is_updating_golden()) {
    fs::remove(name + ".ok");
    fs::remove(name + ".err");
    std::ofstream(name + answer.extension, std::ios::binary) << answer.text;
    return;
  }
  ASSERT_TRUE(fs::exists(name + answer.extension))
      << name << answer.extension << " does not exist; the answer is\n"
      << answer.text;
  EXPECT_FALSE(fs::exists(name + (answer.extension == ".ok" ? ".err" : ".ok")));
  EXPECT_EQ(answer.text, read_all(name + answer.extension));
}

TEST_P(ConfigGolden, NormalFormSaysTheSame) {
  const std::string text = read_all(GetParam() + ".in");
  test::keep_seed("config_fuzz", text);
  const LoadedConfig loaded = load_config(GetParam() + ".in", text);
  if (loaded.findings.has_errors()) return;  // where options contradict each other it is read
  const LoadedConfig again = load_config("printed", print_config(loaded.config));
  EXPECT_TRUE(again.findings.empty()) << again.findings.render();
  EXPECT_EQ(again.config, loaded.config);
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigGolden, testing::ValuesIn(case_names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(ConfigGoldenDirectory, HasManyPairs) { EXPECT_GE(case_names().size(), 60U); }

}  // namespace
}  // namespace sluice
