// Verbs about rules as clients see them, and what becomes of stages that were set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "control/command_handlers.h"
#include "control/rule_desk.h"
#include "tests/unit/control/reload_rig.h"

namespace sluice {
namespace {

using nlohmann::json;
using test::ReloadRig;
using test::RigWorld;
using ::testing::HasSubstr;

constexpr Hash128 kDigest{7, 8};

class WorldClock final : public Clock {
 public:
  explicit WorldClock(const RigWorld& world) : world_(world) {}
  [[nodiscard]] TimeNs now() const noexcept override { return world_.now; }

 private:
  const RigWorld& world_;
};

std::shared_ptr<const RuleCatalog> some_catalog(std::size_t more = 0) {
  Ruleset rules;
  RuleTexts texts;
  rules.digest = kDigest;
  const auto add = [&](RuleKey key, RuleStage stage, const char* name, const char* class_name) {
    CompiledRule& rule = rules.rules.emplace_back();
    rule.gid = key.gid;
    rule.id = key.id;
    rule.stage = stage;
    rule.action.kind = stage == RuleStage::enforce ? RuleActionKind::drop : RuleActionKind::alert;
    texts.rules.emplace_back() = {.name = name,
                                  .class_name = class_name,
                                  .pack = "web.yaml",
                                  .severity = RuleSeverity::high,
                                  .references = {},
                                  .metadata = {}};
  };
  add({1, 20031}, RuleStage::enforce, "SQL injection, UNION SELECT", "web-application-attack");
  add({1, 20040}, RuleStage::alert, "a scanner", "scan");
  add({3, 20040}, RuleStage::alert, "another scanner", "scan");
  for (std::size_t i = 0; i < more; ++i) {
    add({1, static_cast<std::uint32_t>(100'000 + i)}, RuleStage::alert, "one of many", "scan");
  }
  return std::make_shared<const RuleCatalog>(rules, texts);
}

class CommandsRules : public testing::Test {
 protected:
  CommandsRules() { live_again(); }
  /// Another control process beside the same world.
  void live_again() {
    rig_.emplace(world_);
    rig_->settle();
    desk_.use(some_catalog());
    services_.clock = &clock_;
    services_.reload = &**rig_;
    services_.rules = &desk_;
  }
  using Handler = void (*)(Services&, const Caller&, const json&, Reply);
  Result<json> run(Handler handler, const json& args = json::object()) {
    return rig_->ask<json>([&](auto answer) {
      handler(services_, ReloadRig::caller(), args, [answer](Result<json> r) { answer(r); });
      while (desk_.has_work()) desk_.work();
    });
  }
  Result<json> stage(const json& rules, const char* stage) {
    return run(set_stages, {{"rules", rules}, {"stage", stage}, {"reason", "noise"}});
  }
  std::vector<StageOverride> published() const { return world_.published.back().overrides.stages; }
  static std::vector<std::uint32_t> ids(const json& page) {
    std::vector<std::uint32_t> ids;
    for (const json& item : page["items"]) ids.push_back(item["id"]);
    return ids;
  }

  RigWorld world_;
  WorldClock clock_{world_};
  std::map<std::uint32_t, RuleFigures> figures_;
  RuleDesk desk_{[] { return kDigest; }, [this](std::uint32_t place) { return figures_[place]; },
                 1};
  std::optional<ReloadRig> rig_;
  Services services_;
};

TEST_F(CommandsRules, ListTellsWhatARuleIsAndWhatItFound) {
  figures_[0] = {.candidates = 90, .hits = 7, .refused = 3, .excepted = 1};
  const json page = run(list_rules).value();
  EXPECT_EQ(page["next"], nullptr);
  ASSERT_EQ(page["items"].size(), 3U);
  EXPECT_EQ(page["items"][0], (json{{"id", 20031},
                                    {"gid", 1},
                                    {"rev", 1},
                                    {"name", "SQL injection, UNION SELECT"},
                                    {"class", "web-application-attack"},
                                    {"severity", "high"},
                                    {"stage", "enforce"},
                                    {"stage_written", "enforce"},
                                    {"stage_set", nullptr},
                                    {"action", "drop"},
                                    {"candidates", 90},
                                    {"hits", 7},
                                    {"refused", 3},
                                    {"excepted", 1},
                                    {"pack", "web.yaml"},
                                    {"exceptions", json::array()}}));
}

TEST_F(CommandsRules, ListFindsByClassStageActionAndWords) {
  ASSERT_TRUE(stage({"3:20040"}, "shadow"));
  const std::vector<std::uint32_t> sql{20031};
  const std::vector<std::uint32_t> scans{20040, 20040};
  EXPECT_EQ(ids(run(list_rules, {{"class", "scan"}}).value()), scans);
  EXPECT_EQ(ids(run(list_rules, {{"stage", "enforce"}}).value()), sql);
  EXPECT_EQ(run(list_rules, {{"stage", "shadow"}}).value()["items"][0]["gid"], 3);
  EXPECT_EQ(ids(run(list_rules, {{"action", "drop"}}).value()), sql);
  EXPECT_EQ(ids(run(list_rules, {{"search", "union select"}}).value()), sql);
  EXPECT_EQ(ids(run(list_rules, {{"search", "2003"}}).value()), sql);
  EXPECT_EQ(run(list_rules, {{"changed", true}}).value()["items"].size(), 1U);
}

TEST_F(CommandsRules, ListTellsWrongWordsWithWhatWouldDo) {
  EXPECT_EQ(run(list_rules, {{"class", "scam"}}).error().hint, "did you mean 'scan'?");
  EXPECT_EQ(run(list_rules, {{"stage", "shaddow"}}).error().hint, "did you mean 'shadow'?");
  EXPECT_EQ(run(list_rules, {{"action", "dorp"}}).error().kind, ErrorKind::invalid);
}

TEST_F(CommandsRules, ListGoesThroughManyRulesInPages) {
  desk_.use(some_catalog(9'000));
  std::size_t rows = 0;
  std::size_t pages = 0;
  json cursor = 0;
  for (; !cursor.is_null() && pages < 1000; ++pages) {
    const json page = run(list_rules, {{"cursor", cursor}, {"limit", 1000}}).value();
    rows += page["items"].size();
    EXPECT_LE(page["items"].size(), kRowsPerPage);
    EXPECT_LT(page.dump().size(), 64U << 10);
    cursor = page["next"];
  }
  EXPECT_EQ(rows, 9'003U);
  const json nothing = run(list_rules, {{"search", "no such words"}}).value();
  EXPECT_TRUE(nothing["items"].empty());
  EXPECT_FALSE(nothing["next"].is_null()) << "one answer looks at a bounded number of rules";
}

TEST_F(CommandsRules, TopRanksWithShares) {
  figures_[0].hits = 30;
  figures_[1].hits = 10;
  const json top = run(rank_rules, {{"by", "hits"}, {"limit", 1}}).value();
  ASSERT_EQ(top["items"].size(), 1U);
  EXPECT_EQ(top["items"][0]["id"], 20031);
  EXPECT_EQ(top["items"][0]["share_percent"], 75.0);
  EXPECT_EQ(run(rank_rules, {{"by", "name"}}).error().kind, ErrorKind::invalid);
  EXPECT_TRUE(run(rank_rules).value()["items"].empty());
}

TEST_F(CommandsRules, AStageIsPublishedWithoutCompilingAndShown) {
  const json set = stage({"20031"}, "shadow").value();
  EXPECT_EQ(set["changed"], 1);
  EXPECT_EQ(set["generation"], world_.generation);
  EXPECT_EQ(published(), (std::vector<StageOverride>{{{1, 20031}, RuleStage::shadow}}));
  EXPECT_EQ(world_.rulesets_taken, 0U);
  const json row = run(list_rules).value()["items"][0];
  EXPECT_EQ(row["stage"], "shadow");
  EXPECT_EQ(row["stage_written"], "enforce");
  EXPECT_EQ(row["stage_set"]["by"], "ada");
  EXPECT_EQ(row["stage_set"]["reason"], "noise");
}

TEST_F(CommandsRules, TheWrittenStageLeavesNothingSet) {
  ASSERT_TRUE(stage({"20031"}, "shadow"));
  ASSERT_TRUE(stage({"20031"}, "enforce"));
  EXPECT_TRUE(published().empty());
}

TEST_F(CommandsRules, StagesAreClearedByIdOrAllOfThem) {
  ASSERT_TRUE(stage({"20031", "1:20040", "3:20040"}, "shadow"));
  EXPECT_EQ(run(set_stages, {{"clear", true}, {"rules", {"20040"}}}).value()["changed"], 2);
  EXPECT_EQ(published().size(), 1U);
  EXPECT_EQ(run(set_stages, {{"clear", true}, {"rules", {"20040"}}}).error().kind,
            ErrorKind::not_found);
  EXPECT_EQ(run(set_stages, {{"clear", true}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(run(set_stages, {{"clear", true}, {"all", true}}).value()["changed"], 1);
  EXPECT_TRUE(published().empty());
}

TEST_F(CommandsRules, WhatNamesNoRuleChangesNothing) {
  const std::size_t before = world_.published.size();
  EXPECT_EQ(stage({"20031", "20013"}, "shadow").error().hint, "did you mean 20031?");
  EXPECT_EQ(stage({"4711"}, "shadow").error().kind, ErrorKind::not_found);
  EXPECT_THAT(stage({"20040"}, "shadow").error().message, HasSubstr("1:20040"));
  EXPECT_EQ(stage({"sqli"}, "shadow").error().kind, ErrorKind::invalid);
  EXPECT_EQ(stage({"20031"}, "off").error().kind, ErrorKind::invalid);
  EXPECT_EQ(stage(json::array(), "shadow").error().kind, ErrorKind::invalid);
  EXPECT_EQ(world_.published.size(), before);
}

TEST_F(CommandsRules, StagesOutliveReloadsAndRestarts) {
  ASSERT_TRUE(stage({"20031"}, "shadow"));
  world_.write("mode: monitor");
  ASSERT_TRUE(rig_->reload().has_value());
  EXPECT_EQ(published().size(), 1U);
  live_again();
  EXPECT_EQ(run(list_rules).value()["items"][0]["stage"], "shadow");
  world_.wire_started += kNsPerSecond;
  world_.generation = 1;
  live_again();
  EXPECT_EQ(run(list_rules).value()["items"][0]["stage"], "shadow");
  ASSERT_TRUE(stage({"1:20040"}, "shadow"));
  EXPECT_EQ(published().size(), 2U);
}

TEST_F(CommandsRules, AStageThatTheWireDidNotTakeIsNotShown) {
  world_.keeper = RigWorld::Keeper::refuses;
  EXPECT_FALSE(stage({"20031"}, "shadow"));
  EXPECT_EQ(run(list_rules).value()["items"][0]["stage"], "enforce");
}

TEST_F(CommandsRules, ExceptionsOfTheFileArePublishedAndShown) {
  world_.write(
      "rules: {exceptions: [{class: scan, source: [192.0.2.0/24], uri: /x, owner: secops, reason: "
      "ours, expires: 2030-01-01}, {rules: [20031], uri: /shop, owner: b, reason: c, expires: "
      "2001-01-01}]}");
  const auto reloaded = rig_->reload();
  ASSERT_TRUE(reloaded.has_value()) << reloaded.error().message;
  const auto& exceptions = world_.published.back().overrides.exceptions;
  ASSERT_EQ(exceptions.size(), 2U);
  EXPECT_EQ(exceptions[0].class_name, "scan");
  EXPECT_EQ(exceptions[1].rules, (std::vector<RuleKey>{{0, 20031}}));
  const json items = run(list_rules).value()["items"];
  EXPECT_EQ(items[1]["exceptions"],
            (json{"source 192.0.2.0/24, uri /x, until 2030-01-01T00:00:00.000000Z, by secops: "
                  "ours"}));
  EXPECT_THAT(items[0]["exceptions"][0].get<std::string>(), HasSubstr("ended 2001-01-01"));
  ASSERT_TRUE(rig_->revert().has_value());
  EXPECT_TRUE(world_.published.back().overrides.exceptions.empty());
}

}  // namespace
}  // namespace sluice
