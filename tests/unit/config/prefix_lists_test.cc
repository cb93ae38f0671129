#include "config/prefix_lists.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

using test::ScratchDir;
using testing::ElementsAre;

IpPrefix prefix(const char* text) { return parse_ip_prefix(text).value(); }

struct Read {
  PrefixLists lists;
  Diagnostics findings;
};
Read read(const ListConfig& config) {
  const Source source("a.yaml", "lists:\n");
  Read out;
  out.lists = read_prefix_lists(config, source, out.findings);
  return out;
}

TEST(PrefixLists, JoinWrittenPrefixesAndFilesInOneOrder) {
  const ScratchDir dir;
  ListConfig config;
  config.deny_source = {prefix("192.0.2.0/24")};
  config.deny_source_files = {dir.write("a", "192.0.2.0/24\n10.0.0.0/8\n"),
                              dir.write("b", "172.16.0.0/12\n10.0.0.0/8\n")};
  config.allow_destination = {prefix("2001:db8::/32"), prefix("203.0.113.1/32")};
  const Read got = read(config);
  EXPECT_TRUE(got.findings.empty()) << got.findings.render();
  EXPECT_THAT(got.lists.deny_source,
              ElementsAre(prefix("10.0.0.0/8"), prefix("172.16.0.0/12"), prefix("192.0.2.0/24")));
  EXPECT_THAT(got.lists.allow_destination,
              ElementsAre(prefix("2001:db8::/32"), prefix("203.0.113.1/32")));
  EXPECT_TRUE(got.lists.allow_source.empty());
  EXPECT_TRUE(got.lists.deny_destination.empty());
}

TEST(PrefixLists, ReportTheErrorsOfAllFiles) {
  const ScratchDir dir;
  ListConfig config;
  config.deny_source_files = {dir.write("a", "x\n"), dir.file("absent")};
  config.allow_destination_files = {dir.write("b", "10.0.0.1/8\n")};
  EXPECT_EQ(read(config).findings.error_count(), 3U);
}

TEST(PrefixLists, WarnOfAPrefixBothAllowedAndDenied) {
  const ScratchDir dir;
  ListConfig config;
  config.allow_source = {prefix("10.0.0.0/8")};
  config.allow_destination = {prefix("192.0.2.1/32")};
  config.deny_source_files = {dir.write("deny", "# x\n192.0.2.1\n10.0.0.0/8\n")};
  const Read got = read(config);
  EXPECT_EQ(got.findings.render(),
            dir.file("deny") + ":3: warning: 10.0.0.0/8 is allowed too: allow beats deny\n");
}

TEST(PrefixLists, WarnOfAWrittenPrefixThatAFileAllows) {
  const ScratchDir dir;
  ListConfig config;
  config.deny_source = {prefix("192.0.2.0/24"), prefix("10.0.0.0/8")};
  config.allow_source_files = {dir.write("allow", "10.0.0.0/8\n")};
  const std::vector<Finding> findings = read(config).findings.sorted();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].message,
            "lists.deny.source[1] is 10.0.0.0/8, which is allowed too: allow beats deny");
}

TEST(PrefixLists, SumUpManyContradictions) {
  ListConfig config;
  for (std::uint32_t i = 0; i < 100; ++i) {
    config.allow_source.push_back({IpAddress::from_v4(0x0a000000U + i), 32});
  }
  config.deny_source = config.allow_source;
  const std::vector<Finding> findings = read(config).findings.sorted();
  EXPECT_EQ(findings.size(), 21U);
  EXPECT_TRUE(std::ranges::any_of(findings, [](const Finding& finding) {
    return finding.message ==
           "lists.deny.source: 80 more prefixes are allowed too: allow beats deny";
  }));
}

TEST(PrefixLists, WarnOfDuplicatesInAFile) {
  const ScratchDir dir;
  ListConfig config;
  config.deny_source_files = {dir.write("deny", "10.0.0.1\n10.0.0.1\n10.0.0.1\n")};
  EXPECT_EQ(read(config).findings.render(),
            dir.file("deny") + ": warning: 2 lines repeat a prefix\n");
}

}  // namespace
}  // namespace sluice
