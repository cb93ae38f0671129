#include "rules/compile.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/compile_groups.h"
#include "rules/ruleset_codec.h"
#include "tests/unit/rules/rule_samples.h"

namespace sluice {
namespace {

using test::content;
using test::part;
using test::pcre;
using test::rule_on;
using testing::HasSubstr;

struct Compiled {
  RulesetParts parts;
  CompileReport report;
  Diagnostics findings;

  explicit Compiled(const std::vector<Rule>& rules, const CompileOptions& options = {}) {
    auto result = compile_ruleset(rules, {1, 2}, options, findings, report);
    if (!result) {
      ADD_FAILURE() << result.error().message;
      return;
    }
    parts = std::move(*result);
  }
  [[nodiscard]] const Ruleset& ruleset() const { return parts.ruleset; }

  /// Ids of the rules that a group looks for, whether by a pattern or always.
  [[nodiscard]] std::vector<std::uint32_t> ids(std::uint32_t group) const {
    std::vector<std::uint32_t> out;
    if (group == kNoGroup) return out;
    for (const PatternEntry& entry : ruleset().groups[group].entries) {
      out.push_back(ruleset().rules[entry.rule].id);
    }
    for (const std::uint32_t rule : ruleset().groups[group].always) {
      out.push_back(ruleset().rules[rule].id);
    }
    std::ranges::sort(out);
    return out;
  }
  [[nodiscard]] std::vector<std::uint32_t> in_packets(RuleProtocol protocol, unsigned direction,
                                                      std::uint16_t port) const {
    return ids(ruleset().map.packet_group(protocol, direction, port));
  }
  [[nodiscard]] std::vector<std::uint32_t> in_stream(unsigned direction, std::uint16_t port) const {
    return ids(ruleset().map.stream_group(direction, port));
  }
  [[nodiscard]] std::vector<std::uint32_t> in_buffer(Buffer buffer, unsigned direction) const {
    return ids(ruleset().map.buffer_group(buffer, direction));
  }
};

using Ids = std::vector<std::uint32_t>;

TEST(Compile, ContentsOfTcpAreLookedForInTheStream) {
  const Compiled compiled({rule_on(1, Buffer::payload, {content("attack")})});
  EXPECT_EQ(compiled.in_stream(0, 80), Ids{1});
  EXPECT_EQ(compiled.in_stream(1, 80), Ids{1});
  EXPECT_EQ(compiled.in_packets(RuleProtocol::tcp, 0, 80), Ids{});
  EXPECT_EQ(compiled.in_packets(RuleProtocol::udp, 0, 80), Ids{});
}

TEST(Compile, StreamsOfWebPortsLookForBodiesToo) {
  Rule elsewhere = rule_on(3, Buffer::payload, {content("elsewhere")});
  elsewhere.when.destination_port = "9000";
  const Compiled compiled({rule_on(1, Buffer::payload, {content("attack")}),
                           rule_on(2, Buffer::http_request_body, {content("needle")}), elsewhere});
  EXPECT_EQ(compiled.in_stream(0, 80), (Ids{1, 2}));
  EXPECT_EQ(compiled.in_stream(0, 9000), (Ids{1, 3}));
  EXPECT_EQ(compiled.in_buffer(Buffer::http_request_body, 0), Ids{2});
  const auto& groups = compiled.ruleset().groups;
  const auto& map = compiled.ruleset().map;
  EXPECT_TRUE(groups[map.stream_group(0, 80)].carries_bodies);
  EXPECT_FALSE(groups[map.stream_group(0, 9000)].carries_bodies);
}

TEST(Compile, AStreamCarriesNoBodiesWhereOnePatternAsksWhereTheBodyBegins) {
  const Compiled compiled({rule_on(1, Buffer::payload, {content("attack")}),
                           rule_on(2, Buffer::http_request_body, {content("needle")}),
                           rule_on(3, Buffer::http_request_body, {pcre("^[a-f0-9]{8}[xyz]{6}")})});
  EXPECT_EQ(compiled.in_stream(0, 80), Ids{1});
  EXPECT_EQ(compiled.in_buffer(Buffer::http_request_body, 0), (Ids{2, 3}));
}

TEST(Compile, ContentsAtAPlaceAreLookedForInPacketsToo) {
  ContentTerm term = content("attack");
  term.depth = std::int64_t{20};
  Rule starts = rule_on(2, Buffer::payload, {content("attack")});
  std::get<ContentTerm>(starts.match[0].terms[0]).starts_with = true;
  const Compiled compiled({rule_on(1, Buffer::payload, {term}), starts});
  EXPECT_EQ(compiled.in_stream(0, 80), (Ids{1, 2}));
  EXPECT_EQ(compiled.in_packets(RuleProtocol::tcp, 0, 80), (Ids{1, 2}));
}

TEST(Compile, WhatIsAboutOnePacketIsLookedForInPacketsAlone) {
  Rule sized = rule_on(1, Buffer::payload, {SizeTerm{{100, 200, false}}, content("attack")});
  Rule flags = rule_on(2, Buffer::payload, {content("attack")});
  flags.headers.push_back({});
  Rule scoped = rule_on(3, Buffer::payload, {content("attack")});
  scoped.when.scope = PayloadScope::no_stream;
  Rule streamed = rule_on(4, Buffer::payload, {content("attack")});
  streamed.when.scope = PayloadScope::only_stream;
  const Compiled compiled({sized, flags, scoped, streamed});
  EXPECT_EQ(compiled.in_packets(RuleProtocol::tcp, 0, 80), (Ids{1, 2, 3}));
  EXPECT_EQ(compiled.in_stream(0, 80), Ids{4});
}

TEST(Compile, AnyProtocolIsEveryProtocol) {
  Rule rule = rule_on(1, Buffer::payload, {content("attack")});
  rule.when.protocol = RuleProtocol::ip;
  const Compiled compiled({rule});
  EXPECT_EQ(compiled.in_stream(0, 80), Ids{1});
  EXPECT_EQ(compiled.in_packets(RuleProtocol::tcp, 0, 80), Ids{});
  for (const RuleProtocol protocol :
       {RuleProtocol::ip, RuleProtocol::udp, RuleProtocol::icmp, RuleProtocol::icmpv6}) {
    EXPECT_EQ(compiled.in_packets(protocol, 0, 0), Ids{1});
  }
}

TEST(Compile, RulesWithoutTermsAreCandidatesForEveryPacket) {
  Rule rule;
  rule.id = 1;
  rule.when.protocol = RuleProtocol::icmp;
  const Compiled compiled({rule});
  const auto group = compiled.ruleset().map.packet_group(RuleProtocol::icmp, 1, 0);
  ASSERT_NE(group, kNoGroup);
  EXPECT_EQ(compiled.ruleset().groups[group].always, Ids{0});
  EXPECT_TRUE(compiled.report.rules[0].is_always);
  EXPECT_TRUE(compiled.parts.databases.empty());
}

TEST(Compile, AnAlertAboutAServiceAloneIsToldOnceAFlow) {
  Rule about;
  about.id = 1;
  about.name = "a service";
  about.when.service = Service::tls;
  Rule refuses = about;
  refuses.id = 2;
  refuses.stage = RuleStage::enforce;
  refuses.action.kind = RuleActionKind::drop;
  const Compiled compiled({about, refuses});
  for (const CompiledRule& rule : compiled.ruleset().rules) {
    EXPECT_EQ(rule.flags.size(), rule.id == 1 ? 2U : 0U) << rule.id;
  }
}

TEST(Compile, AGroupHasTheRulesOfItsServerPort) {
  Rule web = rule_on(1, Buffer::payload, {content("attack")});
  web.when.destination_port = "[80,8080]";
  web.when.direction = RuleDirection::to_server;
  Rule answer = rule_on(2, Buffer::payload, {content("attack")});
  answer.when.source_port = "25";
  answer.when.direction = RuleDirection::to_client;
  Rule both = rule_on(3, Buffer::payload, {content("attack")});
  both.when.source_port = "7";
  both.when.is_bidirectional = true;
  both.when.destination_port = "9";
  const Compiled compiled({web, answer, both});
  EXPECT_EQ(compiled.in_stream(0, 80), Ids{1});
  EXPECT_EQ(compiled.in_stream(1, 80), Ids{});
  EXPECT_EQ(compiled.in_stream(1, 25), Ids{2});
  EXPECT_EQ(compiled.in_stream(0, 7), Ids{3});
  EXPECT_EQ(compiled.in_stream(0, 9), Ids{3});
  EXPECT_EQ(compiled.in_stream(0, 10), Ids{});
}

TEST(Compile, BuffersHaveGroupsByTheDirectionThatFillsThem) {
  Rule response = rule_on(2, Buffer::http_cookie, {content("attack")});
  response.when.direction = RuleDirection::to_client;
  const Compiled compiled({rule_on(1, Buffer::http_uri, {content("attack")}), response});
  EXPECT_EQ(compiled.in_buffer(Buffer::http_uri, 0), Ids{1});
  EXPECT_EQ(compiled.in_buffer(Buffer::http_uri, 1), Ids{});
  EXPECT_EQ(compiled.in_buffer(Buffer::http_cookie, 0), Ids{});
  EXPECT_EQ(compiled.in_buffer(Buffer::http_cookie, 1), Ids{2});
}

TEST(Compile, ARuleThatNoGroupTakesIsTold) {
  Rule rule = rule_on(1, Buffer::http_stat_code, {content("404")});
  rule.when.direction = RuleDirection::to_server;
  const Compiled compiled({rule});
  EXPECT_THAT(compiled.findings.render(), HasSubstr("rule 1: its direction and its buffers"));
}

TEST(Compile, BodiesAreStreamsAndHeadsAreBlocks) {
  const Compiled compiled({rule_on(1, Buffer::file_data, {content("attack")}),
                           rule_on(2, Buffer::http_uri, {content("attack")})});
  const auto& map = compiled.ruleset().map;
  EXPECT_EQ(compiled.ruleset().groups[map.buffer_group(Buffer::file_data, 1)].mode,
            ScanMode::stream);
  EXPECT_EQ(compiled.ruleset().groups[map.buffer_group(Buffer::http_uri, 0)].mode, ScanMode::block);
}

TEST(Compile, OfBlocksIsKnownWhatEveryMatchHolds) {
  const auto filter_of = [](std::vector<Rule> rules) {
    const Compiled compiled(std::move(rules));
    EXPECT_EQ(compiled.parts.databases.size(), 1U);
    return compiled.parts.databases.front().filter;
  };
  const Rule literal = rule_on(1, Buffer::http_uri, {content("attack")});
  const Rule with_literal = rule_on(2, Buffer::http_uri, {pcre("zugzwang[0-9]+")});
  const Rule without = rule_on(3, Buffer::http_uri, {pcre("[a-f][0-9]{3}|[g-z]{5}")});
  EXPECT_FALSE(filter_of({literal}).words.empty());
  EXPECT_FALSE(filter_of({literal, with_literal}).words.empty());
  EXPECT_TRUE(filter_of({literal, without}).words.empty());
  EXPECT_TRUE(filter_of({rule_on(4, Buffer::file_data, {content("attack")})}).words.empty());
}

TEST(Compile, GroupsWithTheSamePatternsShareADatabase) {
  Rule web = rule_on(1, Buffer::payload, {content("attack")});
  web.when.destination_port = "80";
  Rule mail = rule_on(2, Buffer::payload, {content("attack")});
  mail.when.destination_port = "25";
  const Compiled compiled({web, mail, rule_on(3, Buffer::file_data, {content("attack")})});
  EXPECT_EQ(compiled.parts.databases.size(), 1U);
  EXPECT_EQ(compiled.in_stream(0, 80), (Ids{1, 3}));  // as a body may come this way
  EXPECT_EQ(compiled.in_stream(0, 25), Ids{2});
}

TEST(Compile, APatternOfSeveralRulesIsLookedForOnce) {
  const Compiled compiled({rule_on(1, Buffer::payload, {content("attack")}),
                           rule_on(2, Buffer::payload, {content("attack")})});
  const auto& group = compiled.ruleset().groups[compiled.ruleset().map.stream_group(0, 80)];
  EXPECT_EQ(group.first_entry, (Ids{0, 2}));
  EXPECT_EQ(group.entries.size(), 2U);
}

TEST(Compile, AnotherRuleLeavesOtherDatabasesAlone) {
  const std::vector<Rule> before{rule_on(1, Buffer::payload, {content("attack")}),
                                 rule_on(2, Buffer::http_uri, {content("/gate")})};
  std::vector<Rule> after = before;
  after.push_back(rule_on(3, Buffer::http_uri, {content("/door")}));
  const Compiled one(before);
  const Compiled two(after);
  const auto digest = [](const Compiled& compiled, std::uint32_t group) {
    return compiled.parts.databases[compiled.ruleset().groups[group].database].digest;
  };
  EXPECT_EQ(digest(one, one.ruleset().map.stream_group(0, 80)),
            digest(two, two.ruleset().map.stream_group(0, 80)));
  EXPECT_NE(digest(one, one.ruleset().map.buffer_group(Buffer::http_uri, 0)),
            digest(two, two.ruleset().map.buffer_group(Buffer::http_uri, 0)));
}

TEST(Compile, RulesStandInTheOrderOfTheirActionsFlagsAndSeverities) {
  std::vector<Rule> rules;
  for (std::uint32_t id = 1; id <= 6; ++id) {
    rules.push_back(rule_on(id, Buffer::payload, {content("attack")}));
  }
  rules[5].flags.push_back({FlagScope::flow, FlagOperation::unset, {"seen"}, 0});
  rules[0].flags.push_back({FlagScope::flow, FlagOperation::is_set, {"seen"}, 0});
  rules[1].flags.push_back({FlagScope::flow, FlagOperation::set, {"seen"}, 0});
  rules[2].action.kind = RuleActionKind::drop;
  rules[3].action.kind = RuleActionKind::pass;
  rules[4].severity = RuleSeverity::critical;
  const Compiled compiled(rules);
  Ids order;
  for (const CompiledRule& rule : compiled.ruleset().rules) order.push_back(rule.id);
  EXPECT_EQ(order, (Ids{4, 3, 2, 1, 6, 5}));
  EXPECT_EQ(compiled.ruleset().flag_counts[0], 1U);
  EXPECT_EQ(compiled.parts.texts.flags[0], std::vector<std::string>{"seen"});
}

TEST(Compile, ResolvesVariablesAndTellsWhichAreUnknown) {
  CompileOptions options;
  options.variables.addresses["HOME_NET"] = "10.0.0.0/8";
  Rule rule = rule_on(1, Buffer::payload, {content("attack")});
  rule.when.destination = "$HOME_NET";
  Rule unknown = rule_on(2, Buffer::payload, {content("attack")});
  unknown.when.source = "$NOWHERE_AT_ALL";
  unknown.position = {7, 3};
  const Compiled compiled({rule, unknown}, options);
  const Ruleset& ruleset = compiled.ruleset();
  ASSERT_EQ(ruleset.rules.size(), 1U);
  EXPECT_TRUE(
      ruleset.addresses[ruleset.rules[0].ends.destination].contains(*parse_ip_address("10.1.2.3")));
  EXPECT_EQ(ruleset.rules[0].ends.source, 0U);
  EXPECT_EQ(compiled.findings.error_count(), 1U);
  EXPECT_THAT(compiled.findings.render(), HasSubstr("7:3: error: rule 2: source: "));
}

TEST(Compile, ARuleThatCannotBeSearchedForIsAlwaysACandidateAndTold) {
  ContentTerm negated = content("fine");
  negated.is_negated = true;
  const Compiled compiled({rule_on(1, Buffer::http_uri, {negated})});
  const auto group = compiled.ruleset().map.buffer_group(Buffer::http_uri, 0);
  EXPECT_EQ(compiled.ruleset().groups[group].always, Ids{0});
  EXPECT_THAT(compiled.findings.render(), HasSubstr("rule 1: nothing in it can be searched for"));
}

TEST(Compile, ARuleThatCannotBeCompiledIsNamedAndTheRestCompiles) {
  const Compiled compiled({rule_on(1, Buffer::payload, {content("attack")}),
                           rule_on(2, Buffer::payload, {pcre("evil(door")})});
  EXPECT_EQ(compiled.in_stream(0, 80), Ids{1});
  EXPECT_EQ(compiled.report.rules_refused, 1U);
  EXPECT_THAT(compiled.findings.render(), HasSubstr("error: rule 2: "));
}

/// One group with these patterns, each of a rule of its own.
CompiledGroups compiled_group(const std::vector<ScanPattern>& patterns) {
  std::vector<PatternChoice> choices(patterns.size());
  std::vector<GroupPlan> plans(1);
  for (std::uint32_t i = 0; i < patterns.size(); ++i) {
    choices[i].pattern = patterns[i];
    plans[0].rules.push_back(i);
  }
  return compile_groups(std::move(plans), choices, {});
}

ScanPattern expression(std::string text) {
  ScanPattern pattern;
  pattern.kind = PatternKind::regex;
  pattern.text = std::move(text);
  return pattern;
}

TEST(CompileGroups, APatternThatTheEngineRefusesIsToldAndTheRestCompiles) {
  const auto groups =
      compiled_group({expression("un[io]on"), expression("bro(ken"), expression("se[lc]ect")});
  ASSERT_EQ(groups.refused.size(), 1U);
  EXPECT_EQ(groups.refused[0].pattern.text, "bro(ken");
  EXPECT_THAT(groups.refused[0].message, HasSubstr("at index 3"));
  ASSERT_EQ(groups.databases.size(), 1U);
  EXPECT_EQ(groups.databases[0].patterns, 2U);
  ASSERT_EQ(groups.groups[0].entries.size(), 2U);
  std::vector<std::uint32_t> rules{groups.groups[0].entries[0].rule,
                                   groups.groups[0].entries[1].rule};
  EXPECT_THAT(rules, testing::UnorderedElementsAre(0U, 2U));
}

TEST(CompileGroups, APatternThatIsTooLargeDoesNotTakeTheGroupWithIt) {
  const auto groups =
      compiled_group({expression("(([a-z]{1,900}x){1,900}y){1,900}"), expression("se[lc]ect")});
  ASSERT_EQ(groups.databases.size(), 1U);
  EXPECT_GE(groups.databases[0].patterns, 1U);
  EXPECT_EQ(groups.databases[0].patterns + groups.refused.size(), 2U);
}

TEST(CompileGroups, HundredsOfExpressionsGiveWayToTheirLiterals) {
  std::vector<PatternChoice> choices(500);
  std::vector<GroupPlan> plans(1);
  for (std::uint32_t i = 0; i < choices.size(); ++i) {
    choices[i].pattern = expression("word" + std::to_string(i) + "[a-f]+x");
    choices[i].cheaper.emplace();
    choices[i].cheaper->text = "word" + std::to_string(i);
    plans[0].rules.push_back(i);
  }
  const auto many = compile_groups(plans, choices, {});
  plans[0].rules.resize(300);
  const auto few = compile_groups(plans, choices, {});
  EXPECT_EQ(many.databases[0].patterns, 500U);
  EXPECT_LT(many.databases[0].bytes.size(), few.databases[0].bytes.size());
}

TEST(Compile, SameRulesGiveTheSameBytesInAnyOrderAndWithAnyThreads) {
  std::vector<Rule> rules;
  for (std::uint32_t id = 1; id <= 40; ++id) {
    const Buffer buffer = id % 2 == 0 ? Buffer::payload : Buffer::http_uri;
    rules.push_back(rule_on(id, buffer, {content("attack" + std::to_string(id * 77))}));
    rules.back().when.destination_port = std::to_string(id % 5 + 80);
  }
  const Compiled one(rules);
  std::ranges::reverse(rules);
  CompileOptions options;
  options.threads = 3;
  const Compiled other(rules, options);
  EXPECT_EQ(encode_ruleset(one.parts), encode_ruleset(other.parts));
}

TEST(Compile, MeasuredShapesFindTheSameRules) {
  std::vector<Rule> rules;
  for (std::uint32_t id = 1; id <= 200; ++id) {
    rules.push_back(rule_on(id, Buffer::payload, {content("attack" + std::to_string(id * 7'919))}));
  }
  CompileOptions options;
  options.measures_shapes = true;
  const Compiled compiled(rules, options);
  EXPECT_EQ(compiled.in_stream(0, 80).size(), 200U);
  EXPECT_EQ(compiled.parts.databases[0].patterns, 200U);
}

TEST(Compile, StreamsWithSomeDozensOfLiteralsAreLookedIntoInTheShapeOfMany) {
  std::vector<Rule> few;
  std::vector<Rule> some;
  for (std::uint32_t id = 1; id <= 100; ++id) {
    const Rule rule =
        rule_on(id, Buffer::payload, {content("attack" + std::to_string(id * 7'919))});
    if (id <= 20) few.push_back(rule);
    some.push_back(rule);
  }
  const Compiled padded(some);
  EXPECT_EQ(padded.parts.databases[0].patterns, 100U);
  EXPECT_EQ(padded.parts.databases[0].padding, 716U);
  EXPECT_EQ(padded.in_stream(0, 80).size(), 100U);
  EXPECT_EQ(Compiled(few).parts.databases[0].padding, 0U);
}

TEST(Compile, ReportsWhatEveryGroupAndRuleCosts) {
  const Compiled compiled({rule_on(1, Buffer::http_uri, {content("attack")})});
  ASSERT_EQ(compiled.report.groups.size(), 1U);
  EXPECT_EQ(compiled.report.groups[0].name, "http.uri to_server");
  EXPECT_EQ(compiled.report.groups[0].patterns, 1U);
  EXPECT_EQ(compiled.report.rules[0].pattern, "contains 'attack' in http.uri");
  EXPECT_LT(compiled.report.rules[0].candidates_per_mebibyte, 1.0);
  EXPECT_EQ(compiled.report.database_bytes, compiled.parts.databases[0].bytes.size());
}

TEST(Compile, EveryInputChangesTheDigest) {
  const std::vector<std::string_view> files{"one", "two"};
  const Hash128 digest = inputs_digest(files, {});
  EXPECT_EQ(inputs_digest(files, {}), digest);
  CompileOptions options;
  options.threads = 4;
  EXPECT_EQ(inputs_digest(files, options), digest);
  options.variables.ports["HTTP_PORTS"] = "80";
  EXPECT_NE(inputs_digest(files, options), digest);
  options = {};
  options.measures_shapes = true;
  EXPECT_NE(inputs_digest(files, options), digest);
  EXPECT_NE(inputs_digest(std::vector<std::string_view>{"onet", "wo"}, {}), digest);
}

}  // namespace
}  // namespace sluice
