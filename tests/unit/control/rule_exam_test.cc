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

/// The same with sets of the configuration.
void expect_with_sets(const std::string& body, std::size_t tests) {
  Diagnostics findings;
  const std::vector<Rule> rules =
      load_rules(Source("x.yaml", "rules:\n  - id: 7\n    name: x\n" + body), findings);
  ExamOptions options;
  options.sets = {{{"names", SetKind::domain, false}, {{"file.test", 0}}},
                  {{"texts", SetKind::text, true}, {}},
                  {{"nets", SetKind::address, false}, {}}};
  for (const SetContents& set : options.sets) options.variables.sets.push_back(set.set);
  const auto answers = examine_rules(rules, options, findings);
  ASSERT_TRUE(answers) << answers.error().message;
  EXPECT_FALSE(findings.has_errors()) << findings.render();
  EXPECT_EQ(answers->size(), tests);
  for (const ExamAnswer& answer : *answers) {
    EXPECT_EQ(answer.verdict, ExamVerdict::as_expected) << answer.test << " " << answer.reason;
  }
}

TEST(RuleExam, FindsNamesThatAreInASet) {
  expect_with_sets(
      "    match: [{dns.query: {in_set: names}}]\n"
      "    tests:\n"
      "      hit: [{dns_query: file.test}, {dns_query: a.FILE.test},\n"
      "            {dns_query: x.added.test, set: names, entries: [added.test]}]\n"
      "      miss: [{dns_query: notfile.test}, {dns_query: test}, {dns_query: file.test.org}]\n",
      6);
  expect_with_sets(
      "    match: [{tls.sni: {in_set: names}}]\n"
      "    tests: {hit: [{tls_sni: www.file.test}], miss: [{tls_sni: www.other.test}]}\n",
      2);
  expect_with_sets(
      "    match: [{tls.sni: {in_set: names, not: true}}]\n"
      "    tests: {hit: [{tls_sni: www.other.test}], miss: [{tls_sni: www.file.test}]}\n",
      2);
}

TEST(RuleExam, FindsTextsThatAreInASetBesideOtherTerms) {
  expect_with_sets(
      "    match: [{http.uri: {in_set: texts}}, {http.method: {equals: POST}}]\n"
      "    tests:\n"
      "      hit: [{http_request: 'POST /Gate.php HTTP/1.1', set: texts, entries: [/gate.PHP]}]\n"
      "      miss: [{http_request: 'GET /gate.php HTTP/1.1'}, "
      "{http_request: 'POST /gate.php5 HTTP/1.1'}]\n",
      3);
}

TEST(RuleExam, FindsAddressesThatAreInASet) {
  expect_with_sets(
      "    when: {proto: tcp, source: '@nets'}\n    match: [{payload: {contains: evil}}]\n"
      "    tests: {hit: [{payload: evil, set: nets, entries: [192.0.2.0/24]}]}\n",
      1);
  expect_with_sets(
      "    when: {proto: tcp, source: '[192.0.2.0/28, !@nets]'}\n"
      "    match: [{payload: {contains: evil}}]\n"
      "    tests: {hit: [{payload: evil, set: nets, entries: [192.0.2.0/29]}]}\n",
      1);
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
