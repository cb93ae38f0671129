// What the golden files beside this one cannot say: rules of several files, variables, and members
// that an importer may leave as no file can.
#include "rules/validate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

Rule sound_rule(std::uint32_t id) {
  Rule rule;
  rule.id = id;
  rule.name = "n";
  rule.pack = "a.yaml";
  rule.position = {id, 3};
  rule.when.service = Service::ssh;
  return rule;
}

std::string findings_of(const std::vector<Rule>& rules, const RuleVariables& variables = {}) {
  Diagnostics diagnostics;
  validate_rules(rules, variables, diagnostics);
  return diagnostics.render();
}

TEST(ValidateRules, HasNothingToSayAboutASoundRule) { EXPECT_EQ(findings_of({sound_rule(1)}), ""); }

TEST(ValidateRules, NamesBothPlacesOfAnIdThatComesTwice) {
  Rule second = sound_rule(1);
  second.pack = "b.yaml";
  second.position = {40, 5};
  EXPECT_EQ(findings_of({sound_rule(1), second}),
            "b.yaml:40:5: error: rule 1: this id is taken by the rule in a.yaml:1\n");
}

TEST(ValidateRules, KnowsFlagsThatAnotherFileSets) {
  Rule waits = sound_rule(1);
  waits.flags.push_back({FlagScope::flow, FlagOperation::is_set, {"x", "y"}, 0});
  Rule sets = sound_rule(2);
  sets.flags.push_back({FlagScope::flow, FlagOperation::toggle, {"y"}, 0});
  EXPECT_EQ(findings_of({waits, sets}), "");
  sets.flags[0].scope = FlagScope::source;
  EXPECT_NE(findings_of({waits, sets}).find("waits for flag 'x', which no rule sets"),
            std::string::npos);
}

TEST(ValidateRules, ReadsExpressionsWithTheVariablesOfTheConfiguration) {
  Rule rule = sound_rule(1);
  rule.when.source = "$OFFICE";
  EXPECT_NE(findings_of({rule}).find("source: no variable of addresses has the name 'OFFICE'"),
            std::string::npos);
  RuleVariables variables;
  variables.addresses["OFFICE"] = "192.0.2.0/24";
  EXPECT_EQ(findings_of({rule}, variables), "");
}

TEST(ValidateRules, KnowsTheLimitsOfTheConfiguration) {
  Rule rule = sound_rule(1);
  rule.action.kind = RuleActionKind::limit;
  rule.action.limit = "slow";
  const auto told = [&rule](const std::vector<std::string>& limits) {
    Diagnostics diagnostics;
    validate_limits(std::vector<Rule>{rule}, limits, diagnostics);
    return diagnostics.render();
  };
  EXPECT_EQ(told({"slow"}), "");
  EXPECT_EQ(told({"fast", "faster"}),
            "a.yaml:1:3: error: rule 1: action limit names 'slow', which is none of rule_limits in "
            "the configuration: fast, faster\n  hint: add '- name: slow' to rule_limits\n");
  rule.action.kind = RuleActionKind::drop;
  EXPECT_EQ(told({}), "");
}

TEST(ValidateRules, RefusesALimitWithoutAName) {
  Rule rule = sound_rule(1);
  rule.reports_pass = true;
  EXPECT_NE(findings_of({rule}).find("its action is not pass"), std::string::npos);
  rule.reports_pass = false;
  rule.action.kind = RuleActionKind::limit;
  EXPECT_NE(findings_of({rule}).find("action limit names no limit"), std::string::npos);
}

TEST(ValidateRules, LetsASilentRuleSetItsFlag) {
  Rule rule = sound_rule(1);
  rule.is_silent = true;
  rule.flags.push_back({FlagScope::flow, FlagOperation::set, {"x"}, 0});
  EXPECT_EQ(findings_of({rule}), "");
}

TEST(ValidateRules, RefusesOnlyStreamWithoutAStream) {
  Rule rule = sound_rule(1);
  rule.when.protocol = RuleProtocol::udp;
  rule.when.scope = PayloadScope::only_stream;
  EXPECT_NE(findings_of({rule}).find("payload is only_stream, where only TCP has a stream"),
            std::string::npos);
}

TEST(ValidateRules, KnowsThatQuicCarriesTlsOverUdp) {
  Rule rule = sound_rule(1);
  rule.when.protocol = RuleProtocol::udp;
  rule.when.service = Service::quic;
  rule.match.push_back({Buffer::tls_sni, {}, {SizeTerm{{1, 100, false}}}});
  EXPECT_EQ(findings_of({rule}), "");
}

TEST(ValidateRules, AllowsAShortContentBesideALongOne) {
  Rule rule = sound_rule(1);
  rule.when.service = Service::any;
  ContentTerm content;
  content.bytes = "ab";
  rule.match.push_back({Buffer::payload, {}, {content}});
  EXPECT_NE(findings_of({rule}).find("is shorter than 4 bytes"), std::string::npos);
  content.bytes = "abcd";
  rule.match[0].terms.emplace_back(content);
  EXPECT_EQ(findings_of({rule}), "");
}

TEST(ValidateRules, TakesNoSizeFromWhatIsDecoded) {
  Rule rule = sound_rule(1);
  ContentTerm content;
  content.bytes = "abcdefgh";
  rule.match.push_back({Buffer::payload, {}, {SizeTerm{{0, 4, false}}, Base64Term{}, content}});
  EXPECT_EQ(findings_of({rule}), "");
}

}  // namespace
}  // namespace sluice
