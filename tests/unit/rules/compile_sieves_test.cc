#include "rules/compile_sieves.h"

#include <gtest/gtest.h>

#include "rules/ruleset_codec.h"
#include "tests/unit/rules/rule_samples.h"

namespace sluice {
namespace {

using test::content;
using test::part;
using test::pcre;
using test::rule_on;

constexpr const char* kWords = "(?:or|and)\\s\\d";
constexpr const char* kMarks = "[<>]\\s*=";

/// A content makes it a candidate; then its body is tried.
Rule rule_with(std::uint32_t id, std::vector<Term> terms,
               std::vector<TransformStep> transforms = {},
               Buffer buffer = Buffer::http_request_body) {
  Rule rule = rule_on(id, Buffer::http_uri, {content("/login.php?name=")});
  rule.match.push_back(part(buffer, std::move(terms)));
  rule.match.back().transforms = std::move(transforms);
  return rule;
}

/// As the wire process has them.
RulesetParts parts_of(const std::vector<Rule>& rules) {
  Diagnostics findings;
  CompileReport report;
  auto parts = compile_ruleset(rules, {1, 2}, {}, findings, report);
  EXPECT_TRUE(parts);
  EXPECT_EQ(report.databases.size(), parts->databases.size());
  auto read = decode_ruleset(encode_ruleset(*parts));
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? std::move(*read) : RulesetParts{};
}

SieveRef sieve_of(const RulesetParts& parts, std::uint32_t id, std::size_t part = 1) {
  for (const CompiledRule& rule : parts.ruleset.rules) {
    if (rule.id == id) return parts.ruleset.programs[rule.parts[part].program].sieve;
  }
  return {};
}

TEST(CompileSieves, OneSieveLooksForAllThatSeeTheSameBytes) {
  const TransformStep decode{.transform = Transform::url_decode, .key = {}};
  const auto parts =
      parts_of({rule_with(1, {pcre(kWords)}), rule_with(2, {pcre(kMarks)}),
                rule_with(3, {pcre(kWords)}), rule_with(4, {pcre(kWords)}, {decode})});
  ASSERT_NE(sieve_of(parts, 1).database, kNoSieve);
  EXPECT_EQ(sieve_of(parts, 2).database, sieve_of(parts, 1).database);
  EXPECT_NE(sieve_of(parts, 2).pattern, sieve_of(parts, 1).pattern);
  EXPECT_EQ(sieve_of(parts, 3).pattern, sieve_of(parts, 1).pattern);
  ASSERT_NE(sieve_of(parts, 4).database, kNoSieve);
  EXPECT_NE(sieve_of(parts, 4).database, sieve_of(parts, 1).database);
}

TEST(CompileSieves, AreForWhatIsTriedAtEveryPlaceOfAStream) {
  PcreTerm behind = pcre(kWords);
  behind.is_relative = true;
  PcreTerm absent = pcre(kWords);
  absent.is_negated = true;
  const auto parts = parts_of({rule_with(1, {pcre(kWords)}, {}, Buffer::http_user_agent),
                               rule_with(2, {pcre("(?:a|b)xylophone-quartet")}),
                               rule_with(3, {content("a"), behind}), rule_with(4, {absent}),
                               rule_with(5, {content("x"), pcre(kMarks)}),
                               rule_with(7, {pcre("([ab])\\s(\\d)"), pcre(kMarks)}),
                               rule_on(6, Buffer::http_request_body, {pcre(kWords)})});
  for (const std::uint32_t id : {1U, 2U, 3U, 4U, 5U}) {
    EXPECT_EQ(sieve_of(parts, id).database, kNoSieve) << id;
  }
  EXPECT_NE(sieve_of(parts, 7).database, kNoSieve);
  EXPECT_EQ(sieve_of(parts, 6, 0).database, kNoSieve) << "the scan of the body has found it";
}

TEST(CompileSieves, NoPartIsPassedOverThatSetsNumbersForOthers) {
  PcreTerm named = pcre("([ab])\\s(\\d)");
  named.captures = {"letter"};
  ByteExtractTerm extract;
  extract.read.bytes = 1;
  extract.name = "size";
  const auto parts = parts_of({rule_with(1, {named}), rule_with(2, {extract, pcre(kWords)})});
  EXPECT_EQ(sieve_of(parts, 1).database, kNoSieve);
  EXPECT_EQ(sieve_of(parts, 2).database, kNoSieve);
}

TEST(CompileSieves, HaveRoomForSixtyFourAndThereAreEight) {
  std::vector<Rule> rules;
  for (std::uint32_t id = 1; id <= 600; ++id) {
    const std::string letters{static_cast<char>('a' + id / 25), static_cast<char>('a' + id % 25)};
    rules.push_back(rule_with(id, {pcre("[01]" + letters + "[23]")}));
  }
  const auto parts = parts_of(rules);
  std::uint32_t without = 0;
  for (std::uint32_t id = 1; id <= 600; ++id) {
    const SieveRef sieve = sieve_of(parts, id);
    without += sieve.database == kNoSieve ? 1 : 0;
    EXPECT_TRUE(sieve.database == kNoSieve || sieve.pattern < 64);
  }
  EXPECT_EQ(without, 600U - 8 * 64);
}

TEST(CompileSieves, WhatTheEngineRefusesIsTriedAsItIs) {
  const auto parts = parts_of({rule_with(1, {pcre("\\w*")}), rule_with(2, {pcre(kMarks)})});
  EXPECT_EQ(sieve_of(parts, 1).database, kNoSieve);
  EXPECT_NE(sieve_of(parts, 2).database, kNoSieve);
}

}  // namespace
}  // namespace sluice
