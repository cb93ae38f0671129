#include "config/list_file.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/fuzz_seeds.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

using test::ScratchDir;

std::vector<std::string> prefixes_of(const ListFile& file) {
  std::vector<std::string> out;
  for (const ListLine& line : file.lines) out.push_back(to_string(line.prefix));
  return out;
}

std::vector<Finding> findings_of(const std::string& text) {
  test::keep_seed("list_file_fuzz", text);
  Diagnostics findings;
  (void)parse_list(text, "deny.txt", findings);
  return findings.sorted();
}

TEST(ListFile, TakesPrefixesAddressesCommentsAndBlanks) {
  Diagnostics findings;
  const ListFile file = parse_list(
      "# head\n\n  10.0.0.0/8  # private\r\n\t192.0.2.1\n2001:DB8::/32#x\n::1\n0.0.0.0/0", "l",
      findings);
  EXPECT_TRUE(findings.empty()) << findings.render();
  EXPECT_EQ(prefixes_of(file), (std::vector<std::string>{"0.0.0.0/0", "::1/128", "10.0.0.0/8",
                                                         "2001:db8::/32", "192.0.2.1/32"}));
}

TEST(ListFile, RemembersTheLineOfEachPrefix) {
  Diagnostics findings;
  const ListFile file = parse_list("\n192.0.2.1\n\n10.0.0.0/8\n", "l", findings);
  ASSERT_EQ(file.lines.size(), 2U);
  EXPECT_EQ(file.lines[0].line, 4U);
  EXPECT_EQ(file.lines[1].line, 2U);
}

TEST(ListFile, CountsDuplicatesAndKeepsTheFirst) {
  Diagnostics findings;
  const ListFile file = parse_list("10.0.0.1\n10.0.0.2\n10.0.0.1/32\n10.0.0.1\n", "l", findings);
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(file.duplicates, 2U);
  ASSERT_EQ(file.lines.size(), 2U);
  EXPECT_EQ(file.lines[0].line, 1U);
}

TEST(ListFile, HintsAtThePrefixThatHostBitsHide) {
  const std::vector<Finding> findings = findings_of("10.0.0.0/8\n  10.1.2.3/8\n");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].file, "deny.txt");
  EXPECT_EQ(findings[0].position, (SourcePosition{2, 3}));
  EXPECT_NE(findings[0].message.find("'10.1.2.3/8' has bits set"), std::string::npos);
  EXPECT_NE(findings[0].hint.find("'10.0.0.0/8'"), std::string::npos);
  EXPECT_EQ(findings[0].source_line, "  10.1.2.3/8");
}

TEST(ListFile, ReportsAllErrorsAtOnce) {
  const std::vector<Finding> findings = findings_of("x\n10.0.0.1\n1.2.3\n1.2.3.4/33\n::g\n");
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0].position.line, 1U);
  EXPECT_EQ(findings[3].position.line, 5U);
}

TEST(ListFile, PointsAtASecondWord) {
  const std::vector<Finding> findings = findings_of("10.0.0.1  10.0.0.2\n");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].position, (SourcePosition{1, 11}));
}

TEST(ListFile, RefusesWhatOnlyLooksLikeAnAddress) {
  for (const char* line : {"256.0.0.1", "01.2.3.4", "1.2.3.4/", "1.2.3.4/08", "1.2.3.4/1000",
                           "1.2.3.4.5", "1..2.3", "1.2.3.4:80", "-1.2.3.4", "1.2.3.4/ 8", "/8",
                           "10.0.0.0/-1", "1.2.3.4%eth0", "1000.1.1.1", ".1.2.3.4"}) {
    EXPECT_EQ(findings_of(std::string(line) + "\n").size(), 1U) << line;
  }
}

TEST(ListFile, AgreesWithTheGeneralParserOnEveryLength) {
  for (unsigned length = 0; length <= 32; ++length) {
    const std::string word = "255.255.255.255/" + std::to_string(length);
    Diagnostics findings;
    const bool accepted = parse_list(word, "l", findings).lines.size() == 1;
    EXPECT_EQ(accepted, parse_ip_prefix(word).has_value()) << word;
  }
}

TEST(ListFile, SumsUpWhatIsTooMuchToTell) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "nonsense\n";
  const std::vector<Finding> findings = findings_of(text);
  ASSERT_EQ(findings.size(), kListFindingsMax + 1);
  EXPECT_EQ(findings[0].position.line, 0U);
  EXPECT_EQ(findings[0].message, "950 more lines with errors");
}

TEST(ListFile, SurvivesBytesThatAreNoText) {
  std::string text;
  for (int i = 0; i < 512; ++i) text.push_back(static_cast<char>(i));
  EXPECT_FALSE(findings_of(text).empty());
}

TEST(ListFile, RefusesMoreThanAMillionPrefixes) {
  std::string text;
  for (std::uint32_t i = 0; i <= kListEntriesMax; ++i) {
    text += to_string(IpAddress::from_v4(0x0a000000U + i)) + "\n";
  }
  const std::vector<Finding> findings = findings_of(text);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].position.line, kListEntriesMax + 1);
}

TEST(ListFile, ReadsAFile) {
  const ScratchDir dir;
  Diagnostics findings;
  const auto file = read_list_file(dir.write("deny.txt", "10.0.0.0/8\n"), findings);
  ASSERT_TRUE(file);
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(file->lines.size(), 1U);
}

std::string reason_against(const std::string& path) {
  Diagnostics findings;
  const auto file = read_list_file(path, findings);
  EXPECT_TRUE(findings.empty());
  return file ? "" : file.error().message;
}

TEST(ListFile, SaysWhyAFileCannotBeRead) {
  const ScratchDir dir;
  EXPECT_EQ(reason_against(dir.file("absent")), "cannot be read: No such file or directory");
}

TEST(ListFile, RefusesWhatIsNotARegularFile) {
  const ScratchDir dir;
  ASSERT_EQ(mkfifo(dir.file("pipe").c_str(), 0600), 0);
  EXPECT_EQ(reason_against(dir.file("pipe")), "is not a regular file");
  EXPECT_EQ(reason_against(dir.file("")), "is not a regular file");
  EXPECT_EQ(reason_against("/dev/zero"), "is not a regular file");
}

TEST(ListFile, RefusesAFileAboveItsBound) {
  const ScratchDir dir;
  const std::string path = dir.write("huge", "");
  std::filesystem::resize_file(path, kListFileBytesMax + 1);
  EXPECT_EQ(reason_against(path), "is larger than 64MiB");
}

}  // namespace
}  // namespace sluice
