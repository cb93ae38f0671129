#include "control/policy_builder.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/control/scratch_dir.h"

namespace sluice {
namespace {

using test::ScratchDir;

IpPrefix prefix(const char* text) { return parse_ip_prefix(text).value(); }

std::vector<std::string> shown(const PolicyParts& parts) {
  std::vector<std::string> out;
  for (const ListEntry& entry : parts.lists) {
    out.push_back(std::string(entry.kind == ListKind::allow ? "allow " : "deny ") +
                  (entry.side == ListSide::source ? "from " : "to ") + to_string(entry.prefix));
  }
  return out;
}

TEST(PolicyBuilder, CarriesTheSettingsOver) {
  Config config;
  config.mode = Mode::monitor;
  config.limits.flow.packets = {1000, 10};
  config.flows.udp = 7;
  config.fragments.datagrams = 5;
  config.decode.tunnel_depth = 1;
  config.events.drop_sample = 3;
  config.events.flow_records = false;
  Diagnostics findings;
  const auto parts = build_policy_parts(config, findings);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->settings.generation, 1U);
  EXPECT_EQ(parts->settings.mode, Mode::monitor);
  EXPECT_EQ(parts->settings.limits.flow.packets.rate, 1000U);
  EXPECT_EQ(parts->settings.flows.udp, 7U);
  EXPECT_EQ(parts->settings.fragments.datagrams, 5U);
  EXPECT_EQ(parts->settings.decode.tunnel_depth, 1U);
  EXPECT_EQ(parts->settings.drop_sample, 3U);
  EXPECT_FALSE(parts->settings.flow_records);
  EXPECT_TRUE(parts->lists.empty());
}

TEST(PolicyBuilder, JoinsWrittenPrefixesAndFilesInOneOrder) {
  const ScratchDir dir;
  Config config;
  config.lists.deny_source = {prefix("192.0.2.0/24")};
  config.lists.deny_source_files = {dir.write("a", "10.0.0.0/8\n192.0.2.0/24\n"),
                                    dir.write("b", "172.16.0.0/12\n")};
  config.lists.allow_source = {prefix("10.1.0.0/16")};
  config.lists.deny_destination = {prefix("2001:db8::/32")};
  config.lists.allow_destination = {prefix("203.0.113.1/32")};
  Diagnostics findings;
  const auto parts = build_policy_parts(config, findings);
  ASSERT_TRUE(parts.has_value()) << findings.render();
  EXPECT_EQ(shown(*parts),
            (std::vector<std::string>{"allow from 10.1.0.0/16", "deny from 10.0.0.0/8",
                                      "deny from 172.16.0.0/12", "deny from 192.0.2.0/24",
                                      "allow to 203.0.113.1/32", "deny to 2001:db8::/32"}));
}

TEST(PolicyBuilder, ReportsTheErrorsOfAllFiles) {
  const ScratchDir dir;
  Config config;
  config.lists.deny_source_files = {dir.write("a", "x\n"), dir.file("absent")};
  config.lists.allow_destination_files = {dir.write("b", "10.0.0.1/8\n")};
  Diagnostics findings;
  const auto parts = build_policy_parts(config, findings);
  ASSERT_FALSE(parts.has_value());
  EXPECT_EQ(parts.error().kind, ErrorKind::invalid);
  EXPECT_EQ(findings.error_count(), 3U);
}

TEST(PolicyBuilder, WarnsOfAPrefixBothAllowedAndDenied) {
  const ScratchDir dir;
  Config config;
  config.lists.allow_source = {prefix("10.0.0.0/8")};
  config.lists.allow_destination = {prefix("192.0.2.1/32")};
  config.lists.deny_source_files = {dir.write("deny", "# x\n192.0.2.1\n10.0.0.0/8\n")};
  Diagnostics findings;
  const auto parts = build_policy_parts(config, findings);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->lists.size(), 4U);
  const std::vector<Finding> sorted = findings.sorted();
  ASSERT_EQ(sorted.size(), 1U);
  EXPECT_EQ(sorted[0].severity, Severity::warning);
  EXPECT_EQ(sorted[0].file, dir.file("deny"));
  EXPECT_EQ(sorted[0].position.line, 3U);
  EXPECT_EQ(sorted[0].message, "'10.0.0.0/8' is both allowed and denied: allow wins");
}

TEST(PolicyBuilder, SumsUpManyContradictions) {
  Config config;
  for (std::uint32_t i = 0; i < 100; ++i) {
    config.lists.allow_source.push_back({IpAddress::from_v4(0x0a000000U + i), 32});
  }
  config.lists.deny_source = config.lists.allow_source;
  Diagnostics findings;
  ASSERT_TRUE(build_policy_parts(config, findings).has_value());
  const std::vector<Finding> sorted = findings.sorted();
  EXPECT_EQ(sorted.size(), 21U);
  EXPECT_TRUE(std::any_of(sorted.begin(), sorted.end(), [](const Finding& finding) {
    return finding.message == "80 more prefixes are both allowed and denied";
  }));
}

TEST(PolicyBuilder, WarnsOfDuplicatesInAFile) {
  const ScratchDir dir;
  Config config;
  config.lists.deny_source_files = {dir.write("deny", "10.0.0.1\n10.0.0.1\n10.0.0.1\n")};
  Diagnostics findings;
  ASSERT_TRUE(build_policy_parts(config, findings).has_value());
  ASSERT_EQ(findings.sorted().size(), 1U);
  EXPECT_EQ(findings.sorted()[0].message, "2 lines repeat a prefix");
}

}  // namespace
}  // namespace sluice
