#include "dataplane/inspect/set_table.h"

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/set_entry.h"
#include "config/set_memory.h"

namespace sluice {
namespace {

constexpr SipKey kKey{1, 2};
const NamedSet kDomains{"domains", SetKind::domain, false};
const NamedSet kTexts{"texts", SetKind::text, false};
const NamedSet kFolded{"folded", SetKind::text, true};
const NamedSet kAddresses{"addresses", SetKind::address, false};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

SetContents contents(const NamedSet& set, const std::vector<std::string>& entries,
                     TimeNs until = 0) {
  SetContents out{set, {}};
  for (const std::string& entry : entries) {
    out.entries.push_back({set_key(set, entry).value(), until});
  }
  return out;
}

std::shared_ptr<const SetTables> tables(std::vector<SetContents> all) {
  return make_set_tables(all, kKey, nullptr);
}

/// One set from a file.
RuleSets of(const NamedSet& set, const std::vector<std::string>& entries) {
  return {std::vector{set}, tables({contents(set, entries)}), nullptr};
}

bool has(const RuleSets& sets, std::string_view text, TimeNs now = 100) {
  return sets.contains(0, bytes_of(text), now);
}
bool has_address(const RuleSets& sets, std::string_view text, TimeNs now = 100) {
  return sets.contains(0, parse_ip_address(text).value(), now);
}

TEST(RuleSets, FindsTheDomainBehindANameOfAnyLength) {
  const RuleSets sets = of(kDomains, {"evil.example"});
  for (const std::size_t label : {1U, 200U, 242U, 243U, 244U, 300U, 4000U}) {
    EXPECT_TRUE(has(sets, fmt::format("{}.evil.example", std::string(label, 'a')))) << label;
    EXPECT_TRUE(has(sets, fmt::format("{}.b.evil.example.", std::string(label, 'a')))) << label;
    EXPECT_FALSE(has(sets, fmt::format("{}evil.example", std::string(label, 'a')))) << label;
  }
}

TEST(SetTable, HoldsWhatItWasMadeOfAndNothingElse) {
  std::mt19937_64 random(7);
  std::map<std::string, TimeNs> oracle;
  std::vector<SetEntry> entries;
  for (int i = 0; i < 5'000; ++i) {
    std::string key(1 + random() % 20, 'a');
    for (char& c : key) c = static_cast<char>('a' + random() % 3);
    const TimeNs until = random() % 3 == 0 ? 0 : 1 + random() % 100;
    const TimeNs end = until == 0 ? ~TimeNs{0} : until;
    oracle[key] = std::max(oracle[key], end);
    entries.push_back({key, until});
  }
  const SetTable table(entries, kKey);
  EXPECT_EQ(table.size(), oracle.size());
  for (int i = 0; i < 20'000; ++i) {
    std::string key(1 + random() % 20, 'a');
    for (char& c : key) c = static_cast<char>('a' + random() % 3);
    const TimeNs now = random() % 110;
    const auto known = oracle.find(key);
    ASSERT_EQ(table.contains(bytes_of(key), now), known != oracle.end() && now < known->second);
  }
}

TEST(RuleSets, ADomainStandsForItselfAndEveryNameBelowIt) {
  const RuleSets sets = of(kDomains, {".Evil.Example", "bad.test"});
  EXPECT_TRUE(has(sets, "evil.example"));
  EXPECT_TRUE(has(sets, "EVIL.example"));
  EXPECT_TRUE(has(sets, "a.b.evil.example"));
  EXPECT_TRUE(has(sets, "www.bad.test."));
  EXPECT_FALSE(has(sets, "notevil.example"));
  EXPECT_FALSE(has(sets, "evil.example.org"));
  EXPECT_FALSE(has(sets, "example"));
  EXPECT_FALSE(has(sets, ""));
}

TEST(RuleSets, ATextIsTheWholeBuffer) {
  const RuleSets exact = of(kTexts, {"/Admin"});
  EXPECT_TRUE(has(exact, "/Admin"));
  EXPECT_FALSE(has(exact, "/admin"));
  EXPECT_FALSE(has(exact, "/Admin/"));
  const RuleSets folded = of(kFolded, {"/Admin"});
  EXPECT_TRUE(has(folded, "/aDMIN"));
  EXPECT_FALSE(has(folded, "/admi"));
}

TEST(RuleSets, AnAddressIsInEveryPrefixAboveIt) {
  const RuleSets sets = of(kAddresses, {"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"});
  EXPECT_TRUE(has_address(sets, "10.255.0.1"));
  EXPECT_TRUE(has_address(sets, "192.0.2.7"));
  EXPECT_TRUE(has_address(sets, "2001:db8:1::1"));
  EXPECT_FALSE(has_address(sets, "11.0.0.1"));
  EXPECT_FALSE(has_address(sets, "192.0.2.8"));
  EXPECT_FALSE(has_address(sets, "2001:db9::1"));
  EXPECT_TRUE(has_address(of(kAddresses, {"0.0.0.0/0"}), "203.0.113.1"));
}

TEST(RuleSets, AnEntryEndsByTheTimeOfThePacket) {
  const RuleSets sets(std::vector{kDomains}, tables({contents(kDomains, {"file.test"}, 50)}),
                      tables({contents(kDomains, {"live.test"}, 60)}));
  EXPECT_TRUE(has(sets, "file.test", 49));
  EXPECT_FALSE(has(sets, "file.test", 50));
  EXPECT_TRUE(has(sets, "a.live.test", 59));
  EXPECT_FALSE(has(sets, "a.live.test", 60));
}

TEST(RuleSets, WhatWasAddedStandsBesideTheFile) {
  const RuleSets sets(std::vector{kTexts, kDomains},
                      tables({contents(kTexts, {"a"}), contents(kDomains, {"file.test"}, 50)}),
                      tables({contents(kDomains, {"file.test"}, 90)}));
  EXPECT_TRUE(sets.contains(1, bytes_of("file.test"), 60));
  EXPECT_FALSE(sets.contains(0, bytes_of("file.test"), 60));
}

TEST(RuleSets, ASetThatIsNotThereIsEmpty) {
  const RuleSets of_another_kind(std::vector{NamedSet{"texts", SetKind::domain, false}},
                                 tables({contents(kTexts, {"a"})}), nullptr);
  EXPECT_FALSE(has(of_another_kind, "a"));
  EXPECT_FALSE(RuleSets().contains(3, bytes_of("a"), 1));
}

TEST(SetTables, TakeNoMoreThanTheirEntriesAreCountedWith) {
  for (const std::size_t entries : {1U, 2U, 1'000U, 4'096U, 8'191U}) {
    SetContents names{kDomains, {}};
    for (std::size_t i = 0; i < entries; ++i) {
      names.entries.push_back({fmt::format("{:>032}", i), 0});
    }
    const SetConfig config{"domains", SetKind::domain, false, {}, entries};
    EXPECT_LE(tables({names})->memory_bytes(), entries * set_entry_bytes(config)) << entries;
  }
}

TEST(SetTables, AreTakenOverWhereNothingChanged) {
  const auto first = tables({contents(kDomains, {"a.test"})});
  const auto again = [&](const SetContents& one) {
    return make_set_tables(std::span(&one, 1), kKey, first);
  };
  EXPECT_EQ(again(contents(kDomains, {"a.test"})), first);
  EXPECT_NE(again(contents(kDomains, {"b.test"})), first);
  EXPECT_NE(again(contents(kDomains, {"a.test"}, 50)), first);
  EXPECT_NE(again(contents(kTexts, {"a.test"})), first);
  EXPECT_EQ(make_set_tables({}, kKey, first), nullptr);
}

}  // namespace
}  // namespace sluice
