// Rules that ask for sets of the configuration, from the file to the compiled ruleset.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/compile.h"
#include "rules/load.h"
#include "rules/print.h"
#include "rules/ruleset_codec.h"
#include "rules/validate.h"

namespace sluice {
namespace {

using testing::HasSubstr;

const std::vector<NamedSet> kSets{{"texts", SetKind::text, true},
                                  {"bad", SetKind::domain, false},
                                  {"nets", SetKind::address, false}};

std::vector<Rule> rules_of(const std::string& body) {
  Diagnostics findings;
  auto rules = load_rules(Source("x.yaml", "rules:\n  - id: 7\n    name: x\n" + body), findings);
  EXPECT_FALSE(findings.has_errors()) << findings.render();
  return rules;
}

std::string findings_of(const std::string& body, std::vector<NamedSet> sets = kSets) {
  Diagnostics findings;
  RuleVariables variables;
  variables.sets = std::move(sets);
  validate_rules(rules_of(body), variables, findings);
  return findings.render();
}

RulesetParts compiled(const std::vector<Rule>& rules) {
  CompileOptions options;
  options.variables.sets = kSets;
  Diagnostics findings;
  CompileReport report;
  auto parts = compile_ruleset(rules, {1, 2}, options, findings, report);
  EXPECT_TRUE(findings.empty()) << findings.render();
  return std::move(parts.value());
}

const PatternGroup& group_of(const RulesetParts& parts, Buffer buffer) {
  return parts.ruleset.groups.at(parts.ruleset.map.buffer_group(buffer, 0));
}

TEST(SetRules, ReadBackAsTheyWereWritten) {
  const auto rules = rules_of(
      "    when: {source: '[@nets, !10.0.0.0/8]'}\n"
      "    match: [{tls.sni: {in_set: bad, not: true}}, {http.uri: {in_set: texts}}]\n"
      "    tests: {hit: [{tls_sni: a.test, set: bad, entries: [a.test]}]}\n");
  Diagnostics findings;
  const auto again = load_rules(Source("y.yaml", print_rules("x", 1, rules)), findings);
  ASSERT_FALSE(findings.has_errors()) << findings.render();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(is_same(again[0], rules[0])) << print_rules("x", 1, rules);
}

TEST(SetRules, AreJudgedByTheSetsThatThereAre) {
  EXPECT_EQ(findings_of("    match: [{dns.query: {in_set: bad}}]\n"), "");
  EXPECT_THAT(findings_of("    match: [{dns.query: {in_set: bat}}]\n"),
              HasSubstr("x.yaml:2:5: error: rule 7: in_set is 'bat', which is none of sets in the "
                        "configuration: texts, bad, nets\n  hint: did you mean 'bad'?"));
  EXPECT_THAT(findings_of("    match: [{dns.query: {in_set: bad}}]\n", {}),
              HasSubstr("in the configuration\n  hint: add '- name: bad' to sets"));
  EXPECT_THAT(findings_of("    match: [{dns.query: {in_set: nets}}]\n"),
              HasSubstr("holds addresses: source and destination ask for it"));
  EXPECT_THAT(findings_of("    match: [{http.uri: {in_set: bad}}]\n"),
              HasSubstr("holds no host name: a set of kind text would do"));
  EXPECT_THAT(findings_of("    match: [{payload: {in_set: texts}}]\n"),
              HasSubstr("has no whole to compare"));
  EXPECT_THAT(findings_of("    match: [{http.request_body: {in_set: texts}}]\n"),
              HasSubstr("has no whole to compare"));
}

TEST(SetRules, AnUnknownSetIsToldOnce) {
  for (const char* body :
       {"    match: [{dns.query: {in_set: bat}}]\n", "    when: {source: '@net'}\n"}) {
    const auto rules = rules_of(body);
    CompileOptions options;
    options.variables.sets = kSets;
    Diagnostics findings;
    CompileReport report;
    validate_rules(rules, options.variables, findings);
    EXPECT_EQ(findings.error_count(), 1U);
    EXPECT_TRUE(compile_ruleset(rules, {1, 2}, options, findings, report));
    EXPECT_EQ(findings.error_count(), 1U) << findings.render();
    EXPECT_EQ(report.rules_refused, 1U);
  }
}

TEST(SetRules, AreJudgedByWhatTheirTestsAdd) {
  const std::string head =
      "    match: [{dns.query: {in_set: bad}}]\n    tests: {hit: [{dns_query: a.test, ";
  EXPECT_EQ(findings_of(head + "set: bad, entries: [a.test]}]}\n"), "");
  EXPECT_THAT(findings_of(head + "set: bad, entries: ['a..b']}]}\n"),
              HasSubstr("a test's entry for 'bad': 'a..b' is no domain"));
  EXPECT_THAT(findings_of(head + "set: dab, entries: [a.test]}]}\n"),
              HasSubstr("a test names the set 'dab'"));
  EXPECT_THAT(findings_of(head + "entries: [a.test]}]}\n"), HasSubstr("no set that they are for"));
}

TEST(SetRules, AddressesAreNamedWithAnAt) {
  EXPECT_EQ(findings_of("    when: {source: '@nets'}\n    match: [{dns.query: {in_set: bad}}]\n"),
            "");
  EXPECT_THAT(findings_of("    when: {source: '@net'}\n"),
              HasSubstr("source: '@net' is none of sets in the configuration\n  hint: did you mean "
                        "'@nets'?"));
  EXPECT_THAT(findings_of("    when: {destination: '!@bad'}\n"),
              HasSubstr("'@bad' is no set of addresses in the configuration"));
  EXPECT_THAT(findings_of("    when: {destination_port: '@nets'}\n"), HasSubstr("is no port"));
}

TEST(SetRules, AnExpressionOfAddressesKeepsWhatItLeavesOut) {
  RuleVariables variables;
  variables.sets = kSets;
  const AddressSet beside = parse_addresses("[@nets, 10.0.0.0/8, !10.1.0.0/16]", variables).value();
  EXPECT_EQ(beside.named, (std::vector<NamedSetRef>{{2, false}}));
  EXPECT_TRUE(beside.contains(parse_ip_address("10.0.0.1").value()));
  EXPECT_FALSE(beside.contains(parse_ip_address("10.1.0.1").value()));
  EXPECT_TRUE(beside.excludes(parse_ip_address("10.1.0.1").value()));
  EXPECT_FALSE(beside.is_any());
  const AddressSet others = parse_addresses("!@nets", variables).value();
  EXPECT_EQ(others.named, (std::vector<NamedSetRef>{{2, true}}));
  EXPECT_TRUE(others.contains(parse_ip_address("10.1.0.1").value()));
  EXPECT_FALSE(others.is_any());
  EXPECT_THAT(parse_addresses("[10.0.0.0/8, [192.0.2.0/24, !@nets]]", variables).error().message,
              HasSubstr("one list would do"));
}

TEST(SetRules, ASetIsAskedOncePerBufferAndNoRuleIsLookedAtAlways) {
  auto rules = rules_of("    match: [{dns.query: {in_set: bad}}]\n");
  rules.push_back(rules.front());
  rules.back().id = 8;
  const RulesetParts parts = compiled(rules);
  const PatternGroup& group = group_of(parts, Buffer::dns_query);
  EXPECT_TRUE(group.always.empty());
  EXPECT_EQ(group.probes, (std::vector<SetProbe>{{1, 0}, {1, 1}}));
  EXPECT_EQ(group.database, kNoDatabase);
}

TEST(SetRules, ARuleWithAPatternIsFoundByThePattern) {
  const RulesetParts parts = compiled(
      rules_of("    match: [{http.host: {in_set: bad}}, {http.uri: {contains: '/gate.php'}}]\n"));
  EXPECT_EQ(parts.ruleset.map.buffer_group(Buffer::http_host, 0), kNoGroup);
  EXPECT_EQ(group_of(parts, Buffer::http_uri).entries.size(), 1U);
}

TEST(SetRules, WhatIsInNoSetHasToBeLookedAt) {
  Diagnostics findings;
  CompileReport report;
  CompileOptions options;
  options.variables.sets = kSets;
  const auto rules = rules_of("    match: [{tls.sni: {in_set: bad, not: true}}]\n");
  const auto parts = compile_ruleset(rules, {}, options, findings, report);
  EXPECT_EQ(group_of(*parts, Buffer::tls_sni).always.size(), 1U);
}

TEST(SetRules, CrossToTheWireProcessAndAreCheckedThere) {
  RulesetParts parts = compiled(rules_of(
      "    when: {source: '[@nets, !10.0.0.0/8]'}\n    match: [{dns.query: {in_set: bad}}]\n"));
  const auto read = decode_ruleset(encode_ruleset(parts));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->ruleset.sets, kSets);
  EXPECT_EQ(read->ruleset.addresses, parts.ruleset.addresses);
  EXPECT_EQ(group_of(*read, Buffer::dns_query).probes, group_of(parts, Buffer::dns_query).probes);
  parts.ruleset.sets.resize(1);
  EXPECT_FALSE(decode_ruleset(encode_ruleset(parts)));
}

TEST(SetRules, AnotherListOfSetsMakesAnotherDigest) {
  CompileOptions options;
  const Hash128 without = inputs_digest({}, options);
  options.variables.sets = kSets;
  const Hash128 with = inputs_digest({}, options);
  options.variables.sets[0].nocase = false;
  EXPECT_NE(without, with);
  EXPECT_NE(inputs_digest({}, options), with);
}

}  // namespace
}  // namespace sluice
