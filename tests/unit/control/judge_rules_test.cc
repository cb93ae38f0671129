// Rules that were compiled before are taken to be right, and what the rest of the configuration
// says of them is judged all the same.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/ruleset_build.h"
#include "control/ruleset_cache.h"
#include "rules/ruleset_codec.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

using testing::HasSubstr;

/// There is nothing to enforce in it, which is a warning of the one who reads it.
const std::string kRule =
    "rules:\n  - {id: 7, name: x, class: c, stage: enforce, match: [{payload: {contains: "
    "evil}}]}\n";
const std::string kLimited =
    "rules:\n  - {id: 7, name: x, class: c, stage: enforce, action: {limit: slow},\n"
    "     match: [{payload: {contains: evil}}]}\n";

class JudgeRules : public testing::Test {
 protected:
  void write(const std::string& rules) {
    checked_.config.rules.files = {dir_.write("rules.yaml", rules)};
  }
  void compile() {
    Diagnostics findings;
    CompileReport report;
    const auto parts = build_ruleset(checked_.config.rules, findings, report).value();
    const auto stored = RulesetCache(cache_).store(
        text_of(parts.ruleset.digest), {encode_ruleset(parts), encode_rule_texts(parts.texts), 1});
    ASSERT_TRUE(stored) << stored.error().message;
  }
  std::string judged() {
    CheckedConfig checked = checked_;
    EXPECT_TRUE(judge_rules(checked, cache_));
    return checked.findings.render();
  }

  test::ScratchDir dir_;
  const std::string cache_ = ruleset_cache_in(dir_.file(""));
  CheckedConfig checked_;
};

TEST_F(JudgeRules, ReadsThemWhereTheyWereNeverCompiled) {
  write(kRule);
  EXPECT_THAT(judged(), HasSubstr("there is nothing to enforce"));
}

TEST_F(JudgeRules, DoesNotReadThemASecondTime) {
  write(kRule);
  compile();
  EXPECT_EQ(judged(), "");
  CheckedConfig checked = checked_;
  EXPECT_TRUE(judge_rules(checked));
  EXPECT_THAT(checked.findings.render(), HasSubstr("there is nothing to enforce")) << "a check";
}

TEST_F(JudgeRules, ReadsThemWhereTheyWereChanged) {
  write(kRule);
  compile();
  write(kRule + "  - {id: 8}\n");
  EXPECT_THAT(judged(), HasSubstr("has no name"));
  write(kRule);
  checked_.config.rules.variables = {"HOME_NET=10.0.0.0/8"};
  EXPECT_THAT(judged(), HasSubstr("there is nothing to enforce"));
}

TEST_F(JudgeRules, TellsLimitsThatAreGone) {
  write(kLimited);
  compile();
  EXPECT_THAT(judged(), HasSubstr("action limit names 'slow', which is none of rule_limits"));
  checked_.config.rule_limits.resize(1);
  checked_.config.rule_limits[0].name = "slow";
  EXPECT_EQ(judged(), "");
}

TEST_F(JudgeRules, TellsOfExceptionsForRulesThatThereAreNot) {
  write(kRule);
  compile();
  RuleExceptionConfig& exception = checked_.config.rules.exceptions.emplace_back();
  exception.rules = {"7", "1:7"};
  exception.class_name = "c";
  EXPECT_EQ(judged(), "");
  exception.rules = {"8"};
  exception.class_name = "d";
  EXPECT_THAT(judged(), HasSubstr("rules[0] is 8, the id of no rule"));
  EXPECT_THAT(judged(), HasSubstr("is 'd', the class of no rule"));
}

TEST_F(JudgeRules, ReadsThemWhereTheCacheIsDamaged) {
  write(kRule);
  compile();
  const auto digest = text_of(rules_digest(checked_.config.rules).value());
  dir_.write("rulesets/" + digest + ".ruleset", "damaged");
  EXPECT_THAT(judged(), HasSubstr("there is nothing to enforce"));
}

}  // namespace
}  // namespace sluice
