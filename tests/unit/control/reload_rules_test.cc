// Rules on their way into force: after a start, at a reload, and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control/reload_rig.h"

namespace sluice::test {
namespace {

using ::testing::HasSubstr;

std::string pack(const std::string& word, unsigned id = 1) {
  return "pack: test\nversion: 1\nrules:\n  - id: " + std::to_string(id) +
         "\n    name: a word\n    severity: high\n    stage: enforce\n    action: drop\n"
         "    when: {proto: tcp, direction: to_server, destination_port: 80}\n"
         "    match:\n      - payload: {contains: \"" +
         word + "\"}\n";
}

struct RuledWorld : RigWorld {
  RuledWorld() {
    write_rules(pack("malice"));
    write("rules: {files: [\"" + dir.file("rules.yaml") + "\"]}");
  }
  void write_rules(const std::string& text) const { dir.write("rules.yaml", text); }
  [[nodiscard]] bool has_ruleset() const { return ruleset != Hash128{}; }
};

TEST(ReloadRules, PutsTheConfiguredRulesIntoForceAfterAStart) {
  RuledWorld world;
  ReloadRig rig(world);
  rig.settle();
  EXPECT_TRUE(world.has_ruleset());
  EXPECT_TRUE(world.last().has_rules);
  EXPECT_EQ(world.rulesets_taken, 1U);
  EXPECT_EQ(rig.texts_taken(), 1U);
  EXPECT_EQ(rig->facts().rules_error, "");
}

TEST(ReloadRules, NeedsNoPublicationWhereTheWireProcessHasThem) {
  RuledWorld world;
  { ReloadRig(world).settle(); }
  ReloadRig rig(world);
  rig.settle();
  EXPECT_EQ(world.rulesets_taken, 1U);
  EXPECT_EQ(rig.texts_taken(), 1U) << "a new control process knows no texts";
}

TEST(ReloadRules, SendsRulesOnlyWhereTheyAreOthers) {
  RuledWorld world;
  ReloadRig rig(world);
  rig.settle();
  ASSERT_TRUE(rig.reload().has_value());
  EXPECT_EQ(world.rulesets_taken, 1U);
  const Hash128 before = world.ruleset;
  world.write_rules(pack("mischief"));
  const auto diff = rig.diff();
  ASSERT_TRUE(diff.has_value());
  ASSERT_EQ(diff->changed.size(), 1U);
  EXPECT_EQ(diff->changed[0].path, "rules");
  const auto reloaded = rig.reload();
  ASSERT_TRUE(reloaded.has_value()) << reloaded.error().message;
  EXPECT_EQ(reloaded->changed, 1U);
  EXPECT_EQ(world.rulesets_taken, 2U);
  EXPECT_NE(world.ruleset, before);
  ASSERT_TRUE(rig.revert().has_value());
  EXPECT_EQ(world.ruleset, before);
}

TEST(ReloadRules, BrokenRulesLeaveThoseInForce) {
  RuledWorld world;
  ReloadRig rig(world);
  rig.settle();
  const Hash128 before = world.ruleset;
  world.write_rules("pack: test\nversion: 1\nrules: [{id: 1, nonsense: 2}]\n");
  const auto reloaded = rig.reload();
  ASSERT_FALSE(reloaded.has_value());
  EXPECT_THAT(reloaded.error().message, HasSubstr("nonsense"));
  EXPECT_EQ(world.ruleset, before);
  EXPECT_EQ(rig->facts().invalid, 1U);
  EXPECT_GT(rig.check()->errors, 0U);
}

TEST(ReloadRules, ABypassNeedNotWaitForTheCompiler) {
  RuledWorld world;
  ReloadRig rig(world);
  rig.hold_compiler(true);
  rig.settle();
  EXPECT_TRUE(rig->is_compiling());
  EXPECT_TRUE(rig.bypass(60 * kNsPerSecond).has_value());
  EXPECT_TRUE(rig.mode(Mode::monitor).has_value());
  EXPECT_TRUE(rig.check().has_value());
  EXPECT_FALSE(rig.reload().has_value()) << "a change waits";
}

constexpr const char* kNoApplicationEvents =
    "events: {http: false, dns: false, tls: false, ssh: false, smtp: false, ftp: false, "
    "quic: false}\n";

TEST(ReloadRules, RulesForAGatewayThatWasStartedWithNothingToInspectWaitForARestart) {
  RuledWorld world;
  world.write(kNoApplicationEvents);
  ReloadRig rig(world);
  rig.settle();
  world.write("rules: {files: [\"" + world.dir.file("rules.yaml") + "\"]}");
  const auto reloaded = rig.reload();
  ASSERT_TRUE(reloaded.has_value());
  EXPECT_THAT(reloaded->needs_restart, ::testing::Contains("rules.files"));
  EXPECT_FALSE(world.has_ruleset());
  EXPECT_FALSE(world.last().has_rules);
  rig.pass(2 * kNsPerSecond);
  EXPECT_THAT(rig->restart_reasons(), ::testing::Contains(HasSubstr("no memory to inspect with")));
}

TEST(ReloadRules, AGatewayWithMemoryToInspectTakesItsFirstRulesByReload) {
  const std::string with_memory = std::string(kNoApplicationEvents) + "inspect: {memory: 8MiB}\n";
  for (const std::string& text : {std::string("mode: enforce"), with_memory}) {
    RuledWorld world;
    world.write(text);
    ReloadRig rig(world);
    rig.settle();
    EXPECT_FALSE(world.has_ruleset());
    world.write("rules: {files: [\"" + world.dir.file("rules.yaml") + "\"]}");
    const auto reloaded = rig.reload();
    ASSERT_TRUE(reloaded.has_value());
    EXPECT_THAT(reloaded->needs_restart, ::testing::Not(::testing::Contains("rules.files")));
    EXPECT_TRUE(world.has_ruleset());
    EXPECT_TRUE(world.last().has_rules);
  }
}

TEST(ReloadRules, RulesThatGoAreTakenFromTheWire) {
  RuledWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: enforce");
  ASSERT_TRUE(rig.reload().has_value());
  EXPECT_FALSE(world.has_ruleset());
  ASSERT_TRUE(rig.revert().has_value());
  EXPECT_TRUE(world.has_ruleset());
}

}  // namespace
}  // namespace sluice::test
