#include "control/rule_exam.h"

#include <gtest/gtest.h>

#include "rules/load.h"

namespace sluice {
namespace {

/// What becomes of the tests of a rule with this body.
std::vector<ExamAnswer> answers_to(const std::string& body, std::size_t split_bytes_max = 512) {
  Diagnostics findings;
  const std::vector<Rule> rules =
      load_rules(Source("x.yaml", "rules:\n  - id: 7\n    name: x\n" + body), findings);
  ExamOptions options;
  options.split_bytes_max = split_bytes_max;
  auto answers = examine_rules(rules, options, findings);
  EXPECT_FALSE(findings.has_errors()) << findings.render();
  if (!answers) {
    ADD_FAILURE() << answers.error().message;
    return {};
  }
  return *answers;
}

void expect_all_as_expected(const std::string& body, std::size_t tests) {
  const auto answers = answers_to(body);
  EXPECT_EQ(answers.size(), tests);
  for (const ExamAnswer& answer : answers) {
    EXPECT_EQ(answer.verdict, ExamVerdict::as_expected) << answer.test << " " << answer.reason;
  }
}

TEST(RuleExam, FindsWhatAStreamSays) {
  expect_all_as_expected(
      "    when: {proto: tcp}\n"
      "    match: [{payload: {contains: evil}}, {payload: {contains: word, distance: 1}}]\n"
      "    tests: {hit: [{payload: an evil word}], miss: [{payload: evilword}]}\n",
      2);
}

TEST(RuleExam, FindsWhatADatagramAndAnEchoSay) {
  expect_all_as_expected(
      "    when: {proto: udp, direction: to_client, flow: established, source_port: 53}\n"
      "    match: [{payload: {contains: evil}}]\n"
      "    tests:\n"
      "      hit: [{payload: evil, to_client: true}]\n"
      "      miss: [{payload: evil}, {payload: evil, to_client: true, port: 54}]\n",
      3);
  expect_all_as_expected(
      "    when: {proto: icmp}\n    headers: [{icmp_type: 8}]\n"
      "    match: [{payload: {contains: evil}}]\n"
      "    tests: {hit: [{payload: evil}], miss: [{payload: evil, to_client: true}]}\n",
      2);
}

TEST(RuleExam, LooksAtARuleWhateverItsStageThresholdAndAction) {
  expect_all_as_expected(
      "    stage: shadow\n    silent: true\n    action: pass\n    when: {proto: tcp}\n"
      "    threshold: {kind: threshold, track: source, count: 9, window: 60s}\n"
      "    match: [{payload: {contains: evil}}]\n"
      "    tests: {hit: [{payload: evil}], miss: [{payload: good}]}\n",
      2);
}

TEST(RuleExam, TellsOfTestsThatGoOtherwise) {
  const auto answers = answers_to(
      "    when: {proto: tcp}\n    match: [{payload: {contains: evil}}]\n"
      "    tests: {hit: [{payload: good}], miss: [{payload: evil}]}\n");
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].verdict, ExamVerdict::otherwise);
  EXPECT_EQ(answers[0].reason, "does not match");
  EXPECT_EQ(answers[1].verdict, ExamVerdict::otherwise);
  EXPECT_EQ(answers[1].reason, "matches");
}

// A negated content of what has not come yet holds, so that the first half is hit.
TEST(RuleExam, DividesAMessageThatIsToBeMissedOnlyWhereTheEndDoesNotMatter) {
  expect_all_as_expected(
      "    when: {proto: tcp}\n"
      "    match: [{payload: {contains: evil}}, {payload: {not: true, contains: good}}]\n"
      "    tests: {hit: [{payload: evil}], miss: [{payload: evil but good}]}\n",
      2);
}

// A dollar holds where the bytes end now.
TEST(RuleExam, FindsThePlaceAtWhichADividedMessageGoesOtherwise) {
  const std::string body =
      "    when: {proto: tcp}\n    match: [{payload: {pcre: 'evil$'}}]\n"
      "    tests: {miss: [{payload: evil but good}]}\n";
  const auto whole = answers_to(body, 0);
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole[0].verdict, ExamVerdict::as_expected);
  const auto divided = answers_to(body);
  ASSERT_EQ(divided.size(), 1U);
  EXPECT_EQ(divided[0].verdict, ExamVerdict::otherwise);
  EXPECT_EQ(divided[0].reason, "matches where the message is divided behind byte 4");
}

TEST(RuleExam, SaysWhatATestWouldNeed) {
  const auto answers = answers_to(
      "    when: {proto: tcp, source: \"2001:db8::/32\"}\n"
      "    match: [{payload: {contains: evil}}]\n    tests: {hit: [{payload: evil}]}\n");
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].verdict, ExamVerdict::not_testable);
  EXPECT_EQ(answers[0].reason, "an IPv4 address");
}

TEST(RuleExam, FindsWhatMessagesOfHttpSayHoweverTheyAreDivided) {
  expect_all_as_expected(
      "    when: {proto: tcp, service: http, direction: to_server}\n"
      "    match: [{http.method: {contains: POST}}, {http.request_body: {contains: evil}}]\n"
      "    tests:\n"
      "      hit: [{http_request: POST /, body: an evil word}]\n"
      "      miss: [{http_request: POST /evil, body: word}, {http_request: GET /evil}]\n",
      3);
  expect_all_as_expected(
      "    when: {proto: tcp, service: http, direction: to_client}\n"
      "    match: [{http.stat_code: {contains: \"404\"}}]\n"
      "    tests:\n"
      "      hit: [{http_response: HTTP/1.1 404 Not Found}]\n"
      "      miss: [{http_response: HTTP/1.1 200 404}]\n",
      2);
}

TEST(RuleExam, FindsWhatOtherServicesSay) {
  expect_all_as_expected(
      "    when: {proto: tcp, service: smtp}\n    match: [{smtp.helo: {contains: evil}}]\n"
      "    tests: {hit: [{payload: \"HELO evil\\r\\n\"}], miss: [{payload: \"HELO "
      "good\\r\\n\"}]}\n",
      2);
}

TEST(RuleExam, NeverPassesATestOfAServiceThatNothingReads) {
  const auto answers = answers_to(
      "    when: {proto: tcp, service: smb}\n    match: [{payload: {contains: evil}}]\n"
      "    tests: {hit: [{payload: evil}], miss: [{payload: good}]}\n");
  ASSERT_EQ(answers.size(), 2U);
  for (const ExamAnswer& answer : answers) {
    EXPECT_EQ(answer.verdict, ExamVerdict::not_testable);
    EXPECT_EQ(answer.reason, "service smb");
  }
}

TEST(RuleExam, TestsOfOneRuleDoNotTouchEachOther) {
  std::string tests = "    tests:\n      hit: [{payload: evil}";
  for (int i = 0; i < 20; ++i) tests += ", {payload: evil}";
  expect_all_as_expected(
      "    when: {proto: tcp, source: 192.0.2.1, source_port: 1000}\n"
      "    match: [{payload: {contains: evil}}]\n" +
          tests + "]\n",
      21);
}

}  // namespace
}  // namespace sluice
