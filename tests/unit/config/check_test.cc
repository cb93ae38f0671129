#include "config/check.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "config/prefix_file.h"
#include "config/reference.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = SLUICE_SOURCE_DIR;

/// A directory of the test's own, gone with it.
class CheckFile : public testing::Test {
 protected:
  CheckFile() : directory_(fs::path(testing::TempDir()) / ("sluice-" + test_name())) {
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  ~CheckFile() override { fs::remove_all(directory_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name, std::ios::binary) << text;
    return (directory_ / name).string();
  }
  static std::string test_name() {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  const fs::path directory_;
};

TEST_F(CheckFile, FindsListFilesBesideTheConfiguration) {
  write("drop.txt", "198.51.100.0/24\n# none\n2001:db8::/32\n");
  const std::string file =
      write("a.yaml", "lists: {deny: {source: [192.0.2.1], source_files: [drop.txt, drop.txt]}}\n");
  const CheckedConfig checked = check_file(file, ConfigPurpose::replay);
  EXPECT_TRUE(checked.findings.empty()) << checked.findings.render();
  ASSERT_EQ(checked.lists.deny_source.size(), 5U);
  EXPECT_EQ(to_string(checked.lists.deny_source[0]), "192.0.2.1/32");
  EXPECT_EQ(to_string(checked.lists.deny_source[2]), "2001:db8::/32");
  EXPECT_TRUE(checked.lists.allow_source.empty());
  EXPECT_EQ(checked.config.lists.deny_source_files[0], (directory_ / "drop.txt").string());
}

TEST_F(CheckFile, DescribesTheFirstMistakesOfALongList) {
  std::string lines;
  for (int i = 0; i < 1'000; ++i) lines += "nonsense\n";
  write("drop.txt", lines);
  const std::string file = write("a.yaml", "lists: {allow: {source_files: [drop.txt]}}\n");
  const CheckedConfig checked = check_file(file, ConfigPurpose::replay);
  EXPECT_EQ(checked.findings.error_count(), 21U);
}

TEST_F(CheckFile, ReadsListsOfAMillionAndNoMore) {
  std::string lines;
  for (std::size_t i = 0; i < kPrefixFileEntriesMax; ++i) {
    lines += to_string(IpAddress::from_v4(static_cast<std::uint32_t>(i))) + "\n";
  }
  Diagnostics findings;
  EXPECT_EQ(read_prefix_lines("f", lines, findings).size(), kPrefixFileEntriesMax);
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(read_prefix_lines("f", lines + "1.1.1.1\n", findings).size(), kPrefixFileEntriesMax);
  EXPECT_EQ(findings.error_count(), 1U);
}

TEST_F(CheckFile, SaysWhyAFileCannotBeRead) {
  const std::string absent = (directory_ / "absent.yaml").string();
  EXPECT_EQ(check_file(absent, ConfigPurpose::replay).findings.render(),
            absent + ": error: cannot be read: No such file or directory\n");
  EXPECT_EQ(check_file(directory_.string(), ConfigPurpose::replay).findings.render(),
            directory_.string() + ": error: cannot be read: Is a directory\n");
}

TEST_F(CheckFile, ReadsNoMoreThanAConfigurationMayHold) {
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
  const fs::path page = kSource / "docs/reference/options.md";
  if (const char* update = std::getenv("SLUICE_UPDATE_GOLDEN");
      update != nullptr && *update == '1') {
    fs::create_directories(page.parent_path());
    std::ofstream(page, std::ios::binary) << options_reference();
    return;
  }
  std::ifstream file(page, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, options_reference());
}

}  // namespace
}  // namespace sluice
