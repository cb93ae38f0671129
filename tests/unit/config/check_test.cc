#include "config/check.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "config/list_file.h"
#include "config/reference.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/source_tree.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using test::ScratchDir;

const fs::path kSource = test::source_path(".");

TEST(CheckFile, FindsListFilesBesideTheConfiguration) {
  const ScratchDir dir;
  dir.write("drop.txt", "198.51.100.0/24\n# none\n2001:db8::/32\n");
  const std::string file = dir.write(
      "a.yaml", "lists: {deny: {source: [192.0.2.1], source_files: [drop.txt, drop.txt]}}\n");
  const CheckedConfig checked = check_file(file, ConfigPurpose::replay);
  EXPECT_TRUE(checked.findings.empty()) << checked.findings.render();
  ASSERT_EQ(checked.lists.deny_source.size(), 3U);
  EXPECT_EQ(to_string(checked.lists.deny_source[0]), "2001:db8::/32");
  EXPECT_EQ(to_string(checked.lists.deny_source[1]), "192.0.2.1/32");
  EXPECT_TRUE(checked.lists.allow_source.empty());
  EXPECT_EQ(checked.config.lists.deny_source_files[0], dir.file("drop.txt"));
}

TEST(CheckFile, FindsRuleFilesBesideTheConfiguration) {
  const ScratchDir dir;
  const std::string file =
      dir.write("a.yaml", "rules: {files: [own.yaml, /etc/sluice/web.yaml]}\n");
  const CheckedConfig checked = check_file(file, ConfigPurpose::replay);
  EXPECT_EQ(checked.config.rules.files,
            (std::vector<std::string>{dir.file("own.yaml"), "/etc/sluice/web.yaml"}));
}

TEST(CheckFile, DescribesTheFirstMistakesOfALongList) {
  const ScratchDir dir;
  std::string lines;
  for (int i = 0; i < 1'000; ++i) lines += "nonsense\n";
  dir.write("drop.txt", lines);
  const std::string file = dir.write("a.yaml", "lists: {allow: {source_files: [drop.txt]}}\n");
  const CheckedConfig checked = check_file(file, ConfigPurpose::replay);
  EXPECT_EQ(checked.findings.error_count(), kListFindingsMax + 1);
}

TEST(CheckFile, SaysWhyAFileCannotBeRead) {
  const ScratchDir dir;
  const std::string absent = dir.file("absent.yaml");
  EXPECT_EQ(check_file(absent, ConfigPurpose::replay).findings.render(),
            absent + ": error: cannot be read: No such file or directory\n");
  EXPECT_EQ(check_file(dir.file(""), ConfigPurpose::replay).findings.render(),
            dir.file("") + ": error: cannot be read: Is a directory\n");
}

TEST(CheckFile, ReadsNoMoreThanAConfigurationMayHold) {
  EXPECT_EQ(check_file("/dev/zero", ConfigPurpose::replay).findings.render(),
            "/dev/zero: error: is larger than 1MiB\n");
}

TEST(ShippedFiles, AreValid) {
  std::vector<fs::path> files{kSource / "config/sluice.yaml"};
  for (const auto& entry : fs::directory_iterator(kSource / "config/examples")) {
    files.push_back(entry.path());
  }
  EXPECT_GE(files.size(), 4U);
  for (const fs::path& file : files) {
    const CheckedConfig checked = check_file(file.string(), ConfigPurpose::run);
    EXPECT_TRUE(checked.findings.empty()) << checked.findings.render();
  }
}

TEST(ShippedFiles, DefaultFileChangesNoDefault) {
  CheckedConfig checked = check_file((kSource / "config/sluice.yaml").string(), ConfigPurpose::run);
  checked.config.pairs.clear();
  EXPECT_EQ(checked.config, Config{});
}

// docs/reference/options.md is written by this test with SLUICE_UPDATE_GOLDEN=1.
TEST(OptionsReference, IsThePageInDocs) {
  EXPECT_EQ(test::golden_page("docs/reference/options.md", options_reference()),
            options_reference());
}

}  // namespace
}  // namespace sluice
