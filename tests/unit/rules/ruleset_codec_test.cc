#include "rules/ruleset_codec.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "rules/compile.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/unit/rules/rule_samples.h"

namespace sluice {
namespace {

using test::content;
using test::rule_on;

/// A ruleset with something in every table.
RulesetParts some_ruleset() {
  std::vector<Rule> rules;
  for (std::uint32_t id = 1; id <= 6; ++id) {
    const Buffer buffer = id % 2 == 0 ? Buffer::payload : Buffer::http_uri;
    rules.push_back(rule_on(id, buffer, {content("attack" + std::to_string(id))}));
    rules.back().name = "rule " + std::to_string(id);
    rules.back().references = {"cwe:89"};
    rules.back().metadata = {{"confidence", "High"}};
  }
  rules[0].when.source = "[10.0.0.0/8,2001:db8::/32]";
  rules[1].when.destination_port = "[80,8000:8099]";
  rules[2].flags.push_back({FlagScope::source, FlagOperation::set, {"seen"}, kNsPerSecond});
  rules[3].counters.push_back({"tries", CounterOperation::add, Comparison::equal, -1});
  rules[4].action.kind = RuleActionKind::limit;
  rules[4].action.limit = "slow";
  rules[5].threshold = Threshold{ThresholdKind::both, ThresholdTrack::pair, 5, kNsPerSecond};
  rules[5].headers.push_back({});
  Diagnostics findings;
  CompileReport report;
  auto parts = compile_ruleset(rules, {1, 2}, {}, findings, report);
  EXPECT_TRUE(parts) << parts.error().message;
  return std::move(*parts);
}

void keep_ruleset_seed(char kind, std::span<const std::byte> bytes) {
  std::string input(1, kind);
  input.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  test::keep_seed("ruleset_fuzz", input);
}

TEST(RulesetCodec, ARulesetComesBackAsItWasWritten) {
  const RulesetParts parts = some_ruleset();
  const auto bytes = encode_ruleset(parts);
  keep_ruleset_seed('r', bytes);
  const auto back = decode_ruleset(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode_ruleset(*back), bytes);
  EXPECT_EQ(back->ruleset.rules.size(), 6U);
  EXPECT_EQ(back->ruleset.digest, (Hash128{1, 2}));
  EXPECT_EQ(back->ruleset.limits, std::vector<std::string>{"slow"});
  EXPECT_EQ(back->ruleset.addresses, parts.ruleset.addresses);
  EXPECT_EQ(back->databases.size(), parts.databases.size());
  EXPECT_TRUE(back->texts.rules.empty());
}

TEST(RulesetCodec, TextsComeBackAsTheyWereWritten) {
  const RulesetParts parts = some_ruleset();
  const auto bytes = encode_rule_texts(parts.texts);
  keep_ruleset_seed('t', bytes);
  const auto back = decode_rule_texts(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode_rule_texts(*back), bytes);
  EXPECT_EQ(back->digest, parts.ruleset.digest);
  EXPECT_EQ(back->counters, std::vector<std::string>{"tries"});
}

TEST(RulesetCodec, SmallRulesetsComeBackToo) {
  std::vector<Rule> rules;
  for (std::uint32_t count = 0; count < 3; ++count) {
    Diagnostics findings;
    CompileReport report;
    const auto parts = compile_ruleset(rules, {1, 2}, {}, findings, report);
    ASSERT_TRUE(parts);
    const auto bytes = encode_ruleset(*parts);
    keep_ruleset_seed('r', bytes);
    const auto back = decode_ruleset(bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->ruleset.rules.size(), count);
    EXPECT_EQ(encode_ruleset(*back), bytes);
    rules.push_back(rule_on(count + 1, Buffer::http_uri, {content("attack")}));
  }
}

TEST(RulesetCodec, OneIsNotReadAsTheOther) {
  const RulesetParts parts = some_ruleset();
  EXPECT_FALSE(decode_rule_texts(encode_ruleset(parts)));
  EXPECT_FALSE(decode_ruleset(encode_rule_texts(parts.texts)));
}

TEST(RulesetCodec, ADamagedByteIsFoundWhereverItIs) {
  const auto bytes = encode_ruleset(some_ruleset());
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    auto damaged = bytes;
    damaged[random() % damaged.size()] ^= std::byte{static_cast<std::uint8_t>(1U << (i % 8))};
    EXPECT_FALSE(decode_ruleset(damaged));
  }
}

TEST(RulesetCodec, NoShorterPieceIsARuleset) {
  const auto bytes = encode_ruleset(some_ruleset());
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 40) {
    std::vector<std::byte> piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_ruleset(piece)) << size;
    renew_digest(piece);
    EXPECT_FALSE(decode_ruleset(piece)) << size;
  }
}

TEST(RulesetCodec, WhatPassesTheDigestIsStillChecked) {
  const auto refused = [](auto&& change) {
    RulesetParts parts = some_ruleset();
    change(parts);
    return !decode_ruleset(encode_ruleset(parts)).has_value();
  };
  EXPECT_FALSE(refused([](RulesetParts&) {}));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.rules[0].parts[0].program = 6; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.rules[0].ends.source = 9; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.rules[0].ends.source_port = 9; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.limits.clear(); }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.counter_count = 0; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.flag_counts = {}; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.addresses.clear(); }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.groups.pop_back(); }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.groups[0].database = 99; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.groups[0].entries[0].rule = 99; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.groups[0].entries[0].part = 1; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.groups[0].first_entry.back() += 1; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.groups[0].first_entry.pop_back(); }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.ruleset.groups[0].always.push_back(99); }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.databases[0].mode = ScanMode{2}; }));
  EXPECT_FALSE(refused([](RulesetParts& p) { p.databases[0].filter.words.resize(4); }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.databases[0].filter.words.resize(3); }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.databases[0].filter.gram_bytes = 5; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.databases[0].filter.stride = 0; }));
  EXPECT_TRUE(refused([](RulesetParts& p) { p.databases[0].filter.stride = 3; }));
  EXPECT_TRUE(refused([](RulesetParts& p) {
    p.ruleset.map.class_of_port[GroupMap::slot(RuleProtocol::tcp, 0)].assign(65'536, 32);
  }));
}

}  // namespace
}  // namespace sluice
