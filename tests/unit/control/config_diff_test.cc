#include "control/config_diff.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "config/options.h"

namespace sluice {
namespace {

std::vector<OptionChange> changes(const Config& from, const Config& to) {
  const auto before = option_texts(from);
  const auto after = option_texts(to);
  return changes_between(before, after);
}

ListEntry deny(const char* prefix, ListSide side = ListSide::source) {
  return {parse_ip_prefix(prefix).value(), ListKind::deny, side};
}

TEST(ConfigDiff, SeesNothingBetweenEqualConfigurations) { EXPECT_TRUE(changes({}, {}).empty()); }

TEST(ConfigDiff, HasEveryOptionOnce) {
  Config config;
  config.pairs.resize(2);
  config.rule_limits.resize(1);
  std::set<std::string> paths;
  for (const OptionText& option : option_texts(config)) {
    EXPECT_TRUE(paths.insert(option.path).second) << option.path;
  }
  EXPECT_EQ(paths.size(),
            config_options().size() + 2 * pair_options().size() + rule_limit_options().size());
}

TEST(ConfigDiff, ShowsAnOptionInItsNormalUnit) {
  Config to;
  to.flows.udp = 7 * kNsPerSecond;
  const auto found = changes({}, to);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].path, "flows.timeouts.udp");
  EXPECT_EQ(found[0].from, "5min");
  EXPECT_EQ(found[0].to, "7s");
  EXPECT_FALSE(found[0].needs_restart);
}

TEST(ConfigDiff, ShowsPairsThatComeAndGo) {
  Config one;
  one.pairs.resize(1);
  const auto come = changes({}, one);
  ASSERT_EQ(come.size(), pair_options().size());
  EXPECT_EQ(come[0].from, "");
  EXPECT_EQ(come[0].path, "pairs[0].name");
  EXPECT_TRUE(come[0].needs_restart);
  const auto gone = changes(one, {});
  ASSERT_EQ(gone.size(), pair_options().size());
  EXPECT_EQ(gone[0].to, "");
}

TEST(ConfigDiff, TellsLongValuesApartThatBeginAlike) {
  Config from;
  Config to;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    from.lists.deny_source.push_back({IpAddress::from_v4(0x0a000000U + i), 32});
  }
  to.lists.deny_source = from.lists.deny_source;
  EXPECT_TRUE(changes(from, to).empty());
  to.lists.deny_source.back().address = IpAddress::from_v4(0x0a0000ffU);
  const auto found = changes(from, to);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].from, found[0].to);
  EXPECT_LE(found[0].to.size(), kOptionTextMax);
}

TEST(ConfigDiff, CountsListEntriesAndNamesTheFirst) {
  std::vector<ListEntry> from;
  std::vector<ListEntry> to;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const ListEntry entry{
        {IpAddress::from_v4(0x0a000000U + i), 32}, ListKind::deny, ListSide::source};
    if (i < 60) from.push_back(entry);
    if (i >= 20) to.push_back(entry);
  }
  const ListDifference difference = difference_of(from, to);
  EXPECT_EQ(difference.added, 40U);
  EXPECT_EQ(difference.removed, 20U);
  ASSERT_EQ(difference.added_examples.size(), kListExamplesMax);
  EXPECT_EQ(difference.added_examples[0], "deny source 10.0.0.60/32");
  EXPECT_EQ(difference.removed_examples[0], "deny source 10.0.0.0/32");
}

TEST(ConfigDiff, TakesTheOtherSideForAnotherEntry) {
  const std::vector<ListEntry> from{deny("10.0.0.0/8")};
  const std::vector<ListEntry> to{deny("10.0.0.0/8", ListSide::destination)};
  const ListDifference difference = difference_of(from, to);
  EXPECT_EQ(difference.added_examples, std::vector<std::string>{"deny destination 10.0.0.0/8"});
  EXPECT_EQ(difference.removed_examples, std::vector<std::string>{"deny source 10.0.0.0/8"});
}

TEST(ConfigDiff, FixedOptionsAreThoseThatSizeThings) {
  std::set<std::string> fixed;
  for (const OptionText& option : option_texts({})) {
    if (option.needs_restart) fixed.insert(option.path.substr(0, option.path.find('.')));
  }
  EXPECT_EQ(fixed, (std::set<std::string>{"workers", "memory", "fragments", "flows", "limits",
                                          "blocks", "control", "inspect"}));
}

TEST(ConfigDiff, DigestsAreThoseOfSha256) {
  EXPECT_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace sluice
