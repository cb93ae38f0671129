#include "dataplane/inspect/inspector.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "dataplane/inspect/rule_overlay.h"
#include "dataplane/overload.h"
#include "rules/load.h"
#include "tests/unit/dataplane/http_coded.h"
#include "tests/unit/dataplane/inspector_fixture.h"
#include "tests/unit/dataplane/tls_bytes.h"

namespace sluice {
namespace {

std::string rule_text(std::uint32_t id, std::string_view action, std::string_view word) {
  return fmt::format(
      "  - id: {}\n    name: a word\n    class: policy-violation\n    severity: high\n"
      "    stage: enforce\n    action: {}\n    when: {{proto: tcp, direction: to_server}}\n"
      "    match:\n      - payload: {{contains: \"{}\"}}\n",
      id, action, word);
}

std::shared_ptr<const LiveRuleset> ruleset_of(const std::string& rules) {
  Diagnostics findings;
  const RulePack pack =
      load_rule_pack(Source("rules.yaml", "pack: test\nversion: 1\nrules:\n" + rules), findings);
  EXPECT_TRUE(findings.empty()) << findings.render();
  return test::live_of(pack.rules);
}

class InspectorTest : public test::InspectionTest {
 protected:
  InspectorTest() {
    ruleset = ruleset_of(rule_text(1, "drop", "forbidden"));
    window = std::make_unique<WorkerWindow>();
  }

  bool is_refused(std::string_view text) { return say(text).reason == DropReason::signature_match; }
  void say_bytes(std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += 1024) say(std::string(1024, 'x'));
  }
  [[nodiscard]] std::uint64_t flows_shed() const {
    WorkerCounters counters;
    inspector->add_to(counters);
    return counters.flows_shed;
  }

  [[nodiscard]] std::uint64_t streams() const {
    WorkerCounters counters;
    inspector->add_to(counters);
    return counters.inspected_flows;
  }

  /// Over rule 1, which is written with stage enforce.
  void stand_over(const RuleOverrides& overrides) {
    overlay = make_overlay(ruleset->rules, overrides, overlay);
    ++settings.generation;
  }
  [[nodiscard]] const RuleCounts& counted() const { return counts[kNoRuleSlot]; }
};

TEST_F(InspectorTest, CountsAnEvaluationThatTookTooLong) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: costly\n    class: policy-violation\n    stage: enforce\n"
      "    action: drop\n    when: {proto: tcp, direction: to_server}\n    match:\n"
      "      - payload: {contains: \"needle\"}\n      - payload: {pcre: 'a.{0,900}!(?<!a!)x'}\n");
  connect();
  EXPECT_EQ(say(fmt::format("needle {:a<{}}!x", "", 1'200)).action, Action::undecided);
  WorkerCounters counters;
  inspector->add_to(counters);
  EXPECT_EQ(counters.capacity[static_cast<std::size_t>(CapacityEvent::match_limit)], 1U);
}

TEST_F(InspectorTest, CountsAnEvaluationThatNeedsABytePastItsWindow) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: far\n    class: policy-violation\n    stage: enforce\n"
      "    action: drop\n    when: {proto: tcp, direction: to_server}\n    match:\n"
      "      - payload: {contains: \"odd\", offset: 0, depth: 3}\n"
      "      - payload: {contains: \"needle\"}\n");
  connect();
  const std::string segment(1'000, 'x');
  for (std::size_t i = 0; i <= kWindowBytesMax / segment.size(); ++i) (void)say(segment);
  EXPECT_EQ(say("needle").action, Action::undecided);
  WorkerCounters counters;
  inspector->add_to(counters);
  EXPECT_EQ(counters.window_exhausted, 1U);
  EXPECT_EQ(counters.capacity[static_cast<std::size_t>(CapacityEvent::match_limit)], 0U);
}

TEST_F(InspectorTest, RefusesWhatARuleDescribesOverTwoSegments) {
  connect();
  EXPECT_FALSE(is_refused("this is for"));
  EXPECT_TRUE(is_refused("bidden"));
}

TEST_F(InspectorTest, ForgetsStreamsWhileThereAreNoRules) {
  connect();
  EXPECT_FALSE(is_refused("this is for"));
  EXPECT_NE(flow_of(talk)->stream_slot, kNoSlot);
  const auto rules = std::exchange(ruleset, nullptr);
  say("anything");
  EXPECT_EQ(flow_of(talk)->stream_slot, kNoSlot);
  ruleset = rules;
  EXPECT_FALSE(is_refused("bidden"));
  EXPECT_TRUE(is_refused("forbidden"));
}

TEST_F(InspectorTest, ReadsMessagesForTheirEventsWithoutRulesAndRefusesNothing) {
  ruleset = nullptr;
  settings.transaction_records = bit_of(Service::http);
  connect();
  EXPECT_EQ(say("GET / HTTP/1.1\r\nHost: a\r\n").action, Action::undecided);
  skip_bytes(0U - 7);
  EXPECT_EQ(say("Host: another\r\n").action, Action::undecided) << "a conflict reaches its host";
  EXPECT_NE(flow_of(talk)->stream_slot, kNoSlot);
  EXPECT_EQ(streams(), 1U);
}

TEST_F(InspectorTest, WithoutRulesLeavesAFlowOfWhichNothingWillBeToldUntilRulesCome) {
  const auto rules = std::exchange(ruleset, nullptr);
  settings.transaction_records = bit_of(Service::http);
  connect();
  EXPECT_EQ(streams(), 1U);
  say("SSH-2.0-client\r\n");
  EXPECT_EQ(streams(), 0U);
  ruleset = rules;
  settings.has_rules = true;
  EXPECT_TRUE(is_refused("forbidden"));
}

TEST_F(InspectorTest, PassesAFlowAsLongAsTheRuleThatSaysSoIsThere) {
  const std::string drop = rule_text(1, "drop", "forbidden");
  ruleset = ruleset_of(drop + rule_text(2, "pass", "let me through"));
  connect();
  say("let me through");
  EXPECT_FALSE(is_refused("forbidden"));
  ruleset = ruleset_of(drop);
  EXPECT_TRUE(is_refused("forbidden"));
}

TEST_F(InspectorTest, APassRuleAboutOnePacketPassesNoOther) {
  const std::string pass =
      "  - id: 2\n    name: short\n    class: policy-violation\n    severity: low\n"
      "    stage: enforce\n    action: pass\n    report_pass: true\n"
      "    when: {proto: tcp, direction: to_server}\n    headers:\n      - {tcp_window: 7}\n";
  ruleset = ruleset_of(rule_text(1, "drop", "forbidden") + pass);
  connect();
  Packet packet =
      tcp_packet(talk, true, kAck, {.sequence = 1001, .acknowledgement = 5001}, now += kNsPerMs);
  packet.tcp_window = 7;
  inspect(packet);
  EXPECT_EQ(counted().hits.load(), 1U);
  std::uint32_t told = 0;
  window->inspections.drain(~0U, [&](const InspectRecord& record) { told += record.rule_id; });
  EXPECT_EQ(told, 2U) << "that it passed is reported";
  EXPECT_TRUE(is_refused("forbidden"));
}

TEST_F(InspectorTest, TellsOnceOfAFlowWhichServiceItIsOf) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: web\n    class: policy-violation\n    severity: low\n"
      "    when: {proto: tcp, service: http}\n");
  connect();
  for (int i = 0; i < 3; ++i) say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(counted().hits.load(), 1U);
}

TEST_F(InspectorTest, TellsOnceOfAHandshakeThoughItsClientGreetsTwice) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: a server\n    class: policy-violation\n    severity: low\n"
      "    when: {proto: tcp, service: tls}\n"
      "    match:\n      - tls.sni: {contains: \"example\"}\n");
  connect();
  const std::string hello = test::client_hello(test::server_name("www.example.com"));
  for (int i = 0; i < 2; ++i) say(test::record(test::kHandshakeType, hello));
  EXPECT_EQ(counted().hits.load(), 1U);
}

TEST_F(InspectorTest, NoTwoRulesetsHaveOneEpoch) {
  const auto first = ruleset_of(rule_text(1, "drop", "forbidden"));
  EXPECT_NE(first->epoch, 0U);
  EXPECT_NE(first->epoch, ruleset_of(rule_text(1, "drop", "forbidden"))->epoch);
}

// Whoever knows the ports can send it; no receiver takes it.
TEST_F(InspectorTest, LeavesNothingOnAFlowForAPacketThatIsOutOfItsState) {
  ruleset = ruleset_of(rule_text(1, "drop", "forbidden") + rule_text(2, "pass", "let me through") +
                       rule_text(3, "reject", "reset it"));
  connect();
  for (const std::string_view text : {"let me through", "reset it"}) {
    skip_bytes(0x4000'0000);
    const Verdict verdict = say(text);
    skip_bytes(0xc000'0000U - static_cast<std::uint32_t>(text.size()));
    EXPECT_EQ(verdict.reason, DropReason::tcp_out_of_state) << text;
    EXPECT_FALSE(verdict.refuses_flow) << text;
  }
  EXPECT_EQ(say("welcome").action, Action::undecided);
  EXPECT_TRUE(is_refused("forbidden"));
}

TEST_F(InspectorTest, LooksNoFurtherThanItsDepth) {
  settings.inspect.stream_depth = 16 * 1024;
  connect();
  say_bytes(16 * 1024);
  EXPECT_FALSE(is_refused("forbidden"));
}

TEST_F(InspectorTest, LooksLessFarFromTheThirdStepOfOverloadOn) {
  connect();
  say_bytes(kShedDepthBytes);
  EXPECT_EQ(flows_shed(), 0U);
  inspector->shed(kShedDepth);
  EXPECT_FALSE(is_refused("forbidden"));
  EXPECT_GT(flows_shed(), 0U);
}

TEST_F(InspectorTest, LeavesElephantsFromTheFourthStepOfOverloadOn) {
  connect();
  say_bytes(kElephantBytes + 1024);
  inspector->shed(kShedElephants);
  EXPECT_FALSE(is_refused("forbidden"));
  EXPECT_EQ(flows_shed(), 1U);
  inspector->shed(0);
  EXPECT_TRUE(is_refused("forbidden")) << "shedding has ended";
}

TEST_F(InspectorTest, ReadsMessagesAgainWhereSheddingHasEnded) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: a path\n    class: policy-violation\n    severity: high\n"
      "    stage: enforce\n    action: drop\n"
      "    when: {proto: tcp, service: http, direction: to_server}\n"
      "    match:\n      - http.uri: {contains: \"/forbidden\"}\n");
  connect();
  say("GET /welcome HTTP/1.1\r\nHost: a\r\n\r\n");
  say_bytes(kElephantBytes + 1024);
  inspector->shed(kShedElephants);
  say("GET /welcome HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(flows_shed(), 1U);
  inspector->shed(0);
  EXPECT_TRUE(is_refused("GET /%66orbidden HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST_F(InspectorTest, OpensNoStreamsAtTheLastStepOfOverloadAndMeetsThemMidwayBehindIt) {
  inspector->shed(kShedStreams);
  connect();
  EXPECT_FALSE(is_refused("forbidden"));
  EXPECT_EQ(flows_shed(), 1U);
  inspector->shed(0);
  EXPECT_TRUE(is_refused("forbidden"));
}

TEST_F(InspectorTest, ObeysAnotherStageOnOpenStreams) {
  connect();
  stand_over({.stages = {{{1, 1}, RuleStage::shadow}}, .exceptions = {}});
  EXPECT_FALSE(is_refused("this is forbidden"));
  EXPECT_EQ(counted().hits.load(), 1U);
  EXPECT_EQ(counted().refused.load(), 0U);
  EXPECT_FALSE(is_refused("and so is for"));
  stand_over({});
  EXPECT_TRUE(is_refused("bidden")) << "the stream began before the stage was set";
  EXPECT_EQ(counted().hits.load(), 2U);
  EXPECT_EQ(counted().refused.load(), 1U);
}

TEST_F(InspectorTest, LetsPassWhatAnExceptionTakesBack) {
  connect();
  RuleException exception;
  exception.class_name = "policy-violation";
  exception.sources = {parse_ip_prefix("0.0.0.0/0").value()};
  exception.until = now + kNsPerSecond;
  stand_over({.stages = {}, .exceptions = {exception}});
  EXPECT_FALSE(is_refused("this is forbidden"));
  EXPECT_EQ(counted().excepted.load(), 1U);
  EXPECT_EQ(counted().hits.load(), 0U);
  now += kNsPerSecond;
  EXPECT_TRUE(is_refused("this is forbidden")) << "it has ended";
}

TEST_F(InspectorTest, CountsARuleOnceOfAMessageHoweverOftenItsBodySaysSo) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: a word\n    class: policy-violation\n    severity: high\n"
      "    when: {proto: tcp, service: http, direction: to_server}\n"
      "    match:\n      - http.request_body: {contains: \"forbidden\"}\n");
  connect();
  say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nforbidden;");
  EXPECT_EQ(counted().hits.load(), 1U);
  say("forbidden;");
  say("forbidden;");
  EXPECT_EQ(counted().hits.load(), 1U);
  say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nforbidden;");
  EXPECT_EQ(counted().hits.load(), 2U) << "another message";
}

TEST_F(InspectorTest, FindsAWordInWhatACodedRequestStandsFor) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: a word\n    class: policy-violation\n    severity: high\n"
      "    stage: enforce\n    action: drop\n"
      "    when: {proto: tcp, service: http, direction: to_server}\n"
      "    match:\n      - http.request_body: {contains: \"forbidden\"}\n");
  connect();
  const std::string_view head = "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: ";
  const auto request = [&](std::string_view text) {
    const std::string coded = test::deflated(text, test::kGzip);
    return fmt::format("{}{}\r\n\r\n{}", head, coded.size(), coded);
  };
  EXPECT_FALSE(is_refused(request("this is fine")));
  EXPECT_FALSE(is_refused(fmt::format("{}4\r\n\r\nfine", head)));
  EXPECT_TRUE(is_refused(request("this is forbidden")));
}

TEST_F(InspectorTest, AWordThatCameBeforeItsServiceWasToldIsFound) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: a word\n    class: policy-violation\n    severity: high\n"
      "    stage: enforce\n    action: drop\n"
      "    when: {proto: tcp, service: http, direction: to_server}\n"
      "    match:\n      - payload: {contains: \"WORD\"}\n");
  connect();
  EXPECT_FALSE(is_refused("WORD"));
  EXPECT_TRUE(is_refused(" /a HTTP/1.1\r\n"));
}

TEST_F(InspectorTest, ExceptServiceHoldsForAStreamThatCannotBeTls) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: no TLS\n    class: policy-violation\n    severity: high\n"
      "    stage: enforce\n    action: drop\n"
      "    when: {proto: tcp, except_service: tls, direction: to_server}\n"
      "    match:\n      - payload: {contains: \"WORD\"}\n");
  const std::string hello("\x16\x03\x01\x00\x44\x01\x00\x00\x40\x03\x03", 11);
  connect();
  EXPECT_FALSE(is_refused(hello.substr(0, 2))) << "it may be TLS";
  EXPECT_FALSE(is_refused(hello.substr(2) + "WORD"));
  talk.client_port += 1;
  connect();
  EXPECT_TRUE(is_refused("\x01 WORD")) << "though its server has not said anything";
}

TEST_F(InspectorTest, WhatHasNotShownItsServiceByItsEndIsOfNone) {
  ruleset = ruleset_of(
      "  - id: 1\n    name: no HTTP\n    class: policy-violation\n    severity: high\n"
      "    stage: enforce\n    action: drop\n"
      "    when: {proto: tcp, except_service: http, direction: to_server}\n"
      "    match:\n      - payload: {contains: \"WORD\"}\n");
  connect();
  EXPECT_FALSE(is_refused("WORD")) << "it may be a method";
  EXPECT_EQ(end_talk().reason, DropReason::signature_match);
}

/// A rule on messages of one service.
std::string message_rule(std::string_view service, std::string_view matches) {
  return fmt::format(
      "  - id: 1\n    name: a word\n    class: policy-violation\n    severity: high\n"
      "    stage: enforce\n    action: drop\n"
      "    when: {{proto: tcp, service: {}, direction: to_server}}\n    match:\n{}",
      service, matches);
}

TEST_F(InspectorTest, BelievesAServerThatSpeaksAnotherProtocolThanItsClientPretends) {
  talk.server_port = 21;
  ruleset = ruleset_of(message_rule("ftp", "      - ftp.command: {contains: \"evil\"}\n"));
  connect();
  say("GET / HTTP/1.0\r\n");
  answer("220 ready\r\n500 what?\r\n");
  EXPECT_FALSE(is_refused("RETR other\r\n"));
  EXPECT_TRUE(is_refused("RETR evil\r\n"));
}

TEST_F(InspectorTest, GoesOnWithTheProtocolThatBothSidesSpeak) {
  ruleset = ruleset_of(message_rule("http", "      - http.uri: {contains: \"evil\"}\n"));
  connect();
  say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  answer("HTT");
  answer("P/1.1 200 OK\r\nContent-Length: 4\r\n\r\n220 ");
  EXPECT_TRUE(is_refused("GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST_F(InspectorTest, KnowsTheSenderOfAMailWithItsRecipient) {
  talk.server_port = 25;
  ruleset = ruleset_of(message_rule("smtp",
                                    "      - smtp.mail_from: {contains: \"evil\"}\n"
                                    "      - smtp.rcpt_to: {contains: \"victim\"}\n"));
  connect();
  answer("220 x ESMTP\r\n");
  say("EHLO me\r\nMAIL FROM:<evil@a>\r\n");
  answer("250 x\r\n250 ok\r\n");
  EXPECT_FALSE(is_refused("RCPT TO:<other@b>\r\n"));
  EXPECT_TRUE(is_refused("RCPT TO:<victim@b>\r\n"));
}

/// What a rule waited for in the first of them is no reason not to look at the second.
TEST_F(InspectorTest, LooksAtEveryFileOfAMailFromItsBegin) {
  ruleset = ruleset_of(message_rule("smtp",
                                    "      - file.data: {contains: \"first words\"}\n"
                                    "      - file.data: {contains: \"then others\"}\n"));
  connect();
  answer("220 x ESMTP\r\n");
  say("EHLO me\r\n");
  answer("250 x\r\n");
  say("MAIL FROM:<a@a>\r\nDATA\r\n");
  answer("250 ok\r\n354 go\r\n");
  const std::string_view file = "--=_x\r\nContent-Type: text/plain\r\n\r\nfirst words ";
  say("Content-Type: multipart/mixed; boundary=\"=_x\"\r\n\r\n");
  say(file);
  EXPECT_FALSE(is_refused(fmt::format("{:a<{}}\r\n", "", 1'200)));
  EXPECT_FALSE(is_refused(file));
  EXPECT_TRUE(is_refused("then others\r\n--=_x--\r\n"));
}

TEST_F(InspectorTest, JudgesOncePerPacketWhatComesInChunksOfAByte) {
  ruleset = ruleset_of(message_rule("http",
                                    "      - http.request_body: {contains: \"first words\"}\n"
                                    "      - http.request_body: {contains: \"then others\"}\n"));
  connect();
  say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nfirst words\r\n");
  const auto chunks = [](std::string_view text) {
    std::string out;
    for (const char byte : text) out += fmt::format("1\r\n{}\r\n", byte);
    return out;
  };
  const auto before = counted().candidates.load();
  EXPECT_FALSE(is_refused(chunks(std::string(100, 'a'))));
  EXPECT_EQ(counted().candidates.load(), before + 1);
  EXPECT_TRUE(is_refused(chunks("and then others follow")));
}

TEST_F(InspectorTest, RefusesWhatHasTwoReadingsWhereTheOperatorSaysSo) {
  ruleset = ruleset_of(message_rule("http", "      - http.uri: {contains: \"evil\"}\n"));
  const std::string_view odd =
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip;\r\nContent-Length: 1\r\n\r\nx";
  connect();
  say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(answer(odd).action, Action::undecided);
  talk.client_port = 41'000;
  settings.inspect.match_limit = ExceptionPolicy::drop_packet;
  connect();
  say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(answer(odd).reason, DropReason::inspection_limit);
}

TEST_F(InspectorTest, MeasuresOneLookInMany) {
  connect();
  stand_over({.stages = {{{1, 1}, RuleStage::shadow}}, .exceptions = {}});
  for (std::uint32_t i = 0; i < 2 * kLooksPerMeasure; ++i) say("forbidden");
  EXPECT_EQ(counted().candidates.load(), 2 * kLooksPerMeasure);
  EXPECT_EQ(counted().cost_looks.load(), 2U);
  EXPECT_GT(counted().cost_cycles.load(), 0U);
}

}  // namespace
}  // namespace sluice
