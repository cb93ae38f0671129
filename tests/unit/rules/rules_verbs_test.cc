#include "src/rules_verbs.h"

#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr const char* kGood =
    "pack: x\nrules:\n"
    "  - id: 1\n    name: x\n    when: {proto: tcp, destination: $SERVERS}\n"
    "    match: [{payload: {contains: evil}}]\n"
    "    tests: {hit: [{payload: evil}], miss: [{payload: good}]}\n";
constexpr const char* kServers = "SERVERS=192.0.2.0/24";

struct Answer {
  int exit_code = -1;
  std::string out;
  std::string err;
};
Answer run(std::vector<std::string> words) {
  CLI::App app{"test"};
  Answer answer;
  add_rules_verbs(app, answer.exit_code);
  words.insert(words.begin(), "rules");
  std::reverse(words.begin(), words.end());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  app.parse(words);
  answer.out = testing::internal::GetCapturedStdout();
  answer.err = testing::internal::GetCapturedStderr();
  return answer;
}

TEST(RulesVerbs, CheckPrintsWhatTheRulesBecome) {
  const test::ScratchDir dir;
  const std::string file = dir.write("x.yaml", kGood);
  const Answer answer = run({"check", file, "--var", kServers, "--json"});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_EQ(nlohmann::json::parse(answer.out)["rules"], 1);
}

TEST(RulesVerbs, CheckEndsWithTwoAndThePlaceOfAMistake) {
  const test::ScratchDir dir;
  const std::string file = dir.write("x.yaml", "rules:\n  - id: 1\n    nmae: x\n");
  const Answer answer = run({"check", file});
  EXPECT_EQ(answer.exit_code, 2);
  EXPECT_EQ(answer.out, "");
  EXPECT_THAT(answer.err, HasSubstr(file + ":3:5: error: unknown key 'nmae'"));
}

TEST(RulesVerbs, VariablesThatAreWrongAreAskedWrongly) {
  const test::ScratchDir dir;
  const std::string file = dir.write("x.yaml", kGood);
  for (const char* verb : {"check", "test"}) {
    const Answer answer = run({verb, file, "--var", "SERVERS=192.0.2.0/33"});
    EXPECT_EQ(answer.exit_code, 2);
    EXPECT_THAT(answer.err, HasSubstr("--var: SERVERS: "));
  }
}

TEST(RulesVerbs, TestEndsWithZeroWhereAllTestsGoAsTheySay) {
  const test::ScratchDir dir;
  const std::string file = dir.write("x.yaml", kGood);
  const Answer answer = run({"test", "--var", kServers, file});
  EXPECT_EQ(answer.exit_code, 0) << answer.err;
  EXPECT_THAT(answer.out, HasSubstr(file));
}

TEST(RulesVerbs, TestEndsWithOneWhereATestGoesOtherwise) {
  const test::ScratchDir dir;
  std::string text = kGood;
  text.replace(text.find("payload: good"), 13, "payload: evil");
  const std::string file = dir.write("x.yaml", text);
  const Answer answer = run({"test", file, "--var", kServers, "--json"});
  EXPECT_EQ(answer.exit_code, 1);
  EXPECT_THAT(answer.err, HasSubstr(file + ":3:5: error: rule 1: miss 1 (payload) matches"));
  EXPECT_EQ(nlohmann::json::parse(answer.out)["failed"], 1);
}

TEST(RulesVerbs, TestEndsWithTwoWhereTheRulesAreWrong) {
  const test::ScratchDir dir;
  EXPECT_EQ(run({"test", dir.write("x.yaml", kGood)}).exit_code, 2);
  EXPECT_EQ(run({"test", dir.file("none.yaml")}).exit_code, 2);
}

TEST(RulesVerbs, ImportWritesAPackThatPassesTheCheckAndAReport) {
  const test::ScratchDir dir;
  const std::string rules =
      dir.write("a.rules",
                "alert tcp any any -> $SERVERS any (msg:\"x\"; content:\"evil\"; sid:5; rev:2;)\n"
                "alert tcp any any -> any any (msg:\"y\"; lua:a; sid:6;)\n");
  const std::string pack = dir.file("a.yaml");
  const std::string report = dir.file("a.json");
  const Answer imported = run({"import", "suricata", rules, "--out", pack, "--report", report,
                               "--var", kServers, "--as-is"});
  EXPECT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(imported.out, "2 rules, 2 of them enabled: 1 imported, 1 refused\n");
  EXPECT_EQ(nlohmann::json::parse(test::read_text(report))["refused"][0]["sid"], 6);
  const Answer checked = run({"check", pack});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
}

TEST(RulesVerbs, ImportWritesTheSetsThatRulesAskFor) {
  const test::ScratchDir dir;
  dir.write("bad.lst", "ZXZpbC5leGFtcGxl\n?\n");
  const std::string rules = dir.write(
      "a.rules",
      "alert dns any any -> any any (dns.query; dataset:isset,bad,type string,load bad.lst; "
      "sid:5;)\n"
      "alert ip any any -> any any (ip.src; dataset:isset,nets,type ip,load none.lst; sid:6;)\n");
  const std::string pack = dir.file("a.yaml");
  const Answer imported =
      run({"import", "suricata", rules, "--out", pack, "--report", dir.file("a.json"), "--as-is"});
  EXPECT_EQ(imported.exit_code, 0) << imported.err;
  const std::string entry = fmt::format(
      "  - {{name: bad, kind: text, file: '{}', capacity: 1024}}\n"
      "  - {{name: nets, kind: address, capacity: 1024}}\n",
      dir.file("a.bad.txt"));
  EXPECT_THAT(imported.out, testing::HasSubstr("sets:\n" + entry));
  EXPECT_THAT(imported.out, testing::HasSubstr("none.lst: cannot"));
  EXPECT_THAT(imported.out, testing::HasSubstr("bad: 1 lines of bad.lst are left out"));
  EXPECT_EQ(test::read_text(dir.file("a.bad.txt")), "evil.example\n");
  const auto sets = nlohmann::json::parse(test::read_text(dir.file("a.json")))["sets"];
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets[0]["entries"], 1U);
  EXPECT_EQ(sets[0]["refused"][0]["line"], 2U);
  EXPECT_NE(sets[1]["missing"], "");
  const Answer checked = run({"check", pack, "--config", dir.write("c.yaml", "sets:\n" + entry)});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
}

TEST(RulesVerbs, ImportEndsWithOneWhereAFileCannotBeReadOrWritten) {
  const test::ScratchDir dir;
  const std::string rules = dir.write("a.rules", "");
  EXPECT_EQ(run({"import", "suricata", dir.file("none"), "--out", dir.file("o"), "--report",
                 dir.file("r")})
                .exit_code,
            1);
  EXPECT_EQ(
      run({"import", "suricata", rules, "--out", dir.file("none/o"), "--report", dir.file("r")})
          .exit_code,
      1);
}

}  // namespace
}  // namespace sluice
