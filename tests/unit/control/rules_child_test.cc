// What the compiler's child makes of rule files, and what it keeps of it.
#include "control/rules_child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "control/ruleset_build.h"
#include "control/ruleset_cache.h"
#include "tests/support/scratch_dir.h"

namespace sluice::test {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class CompilerChild : public ::testing::Test {
 protected:
  CompilerChild() { write("malice"); }
  void write(const std::string& word) {
    const std::string rules =
        dir_.write("rules.yaml",
                   "pack: test\nversion: 1\nrules:\n  - id: 7\n    name: a word\n"
                   "    severity: high\n    stage: enforce\n    action: drop\n"
                   "    when: {proto: tcp, direction: to_server, destination_port: 80}\n"
                   "    match:\n      - payload: {contains: \"" +
                       word + "\"}\n");
    config_.files = {rules};
    dir_.write("sluice.yaml",
               "pairs:\n  - name: edge\n    outside: {device: \"ring:a\"}\n"
               "    inside: {device: \"ring:b\"}\nrules: {files: [\"" +
                   rules + "\"]}\n");
  }
  RulesRequest request() {
    return {dir_.file("sluice.yaml"), dir_.file("rulesets"), text_of(*rules_digest(config_))};
  }
  std::size_t kept() {
    const auto is_ruleset = [](const fs::directory_entry& entry) {
      return entry.path().extension() == ".ruleset";
    };
    return static_cast<std::size_t>(std::count_if(fs::directory_iterator(dir_.file("rulesets")),
                                                  fs::directory_iterator(), is_ruleset));
  }
  ScratchDir dir_;
  RulesConfig config_;
};

TEST_F(CompilerChild, CompilesOnceAndThenTakesTheRulesetFromTheCache) {
  const auto first = read_rules_here(request());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->answer.errors, 0U) << first->answer.findings;
  EXPECT_FALSE(first->answer.is_cached);
  EXPECT_EQ(first->answer.rules, 1U);
  EXPECT_TRUE(first->ruleset.is_open());
  const auto second = read_rules_here(request());
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->answer.is_cached);
  EXPECT_EQ(second->answer.rules, 1U);
  EXPECT_TRUE(second->texts.is_open());
}

TEST_F(CompilerChild, ARulesetInTheCacheNeedsNoFiles) {
  const RulesRequest wanted = request();
  ASSERT_TRUE(read_rules_here(wanted));
  fs::remove(dir_.file("rules.yaml"));
  EXPECT_TRUE(read_rules_here(wanted)->ruleset.is_open());
}

TEST_F(CompilerChild, CompilesWhatIsDamagedInTheCacheAnew) {
  ASSERT_TRUE(read_rules_here(request()));
  const std::string path = dir_.file("rulesets/" + request().digest + ".ruleset");
  fs::resize_file(path, fs::file_size(path) - 1);
  EXPECT_FALSE(read_rules_here(request())->answer.is_cached);
  EXPECT_TRUE(read_rules_here(request())->answer.is_cached);
}

TEST_F(CompilerChild, AnswersForNoOtherRulesThanThoseThatWereAskedFor) {
  RulesRequest wanted = request();
  write("mischief");
  const auto read = read_rules_here(wanted);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->answer.errors, 1U);
  EXPECT_THAT(read->answer.findings, HasSubstr("not those that were asked for"));
  EXPECT_FALSE(read->ruleset.is_open());
}

TEST_F(CompilerChild, KeepsTheRulesetsThatWereUsedLast) {
  for (const char* word : {"aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff"}) {
    write(word);
    ASSERT_TRUE(read_rules_here(request()));
  }
  EXPECT_EQ(kept(), kRulesetsKept);
  EXPECT_TRUE(read_rules_here(request())->answer.is_cached);
}

TEST(RulesAnswer, IsTheSameAfterItsBytes) {
  const RulesAnswer answer{2, 3, "a finding\n", 20'000, true};
  const auto back = decode_rules_answer(encode_rules_answer(answer));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->errors, 2U);
  EXPECT_EQ(back->findings, "a finding\n");
  EXPECT_EQ(back->rules, 20'000U);
  auto bytes = encode_rules_answer(answer);
  bytes.pop_back();
  EXPECT_FALSE(decode_rules_answer(bytes));
}

}  // namespace
}  // namespace sluice::test
