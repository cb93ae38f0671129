// Verbs of change as clients see them: JSON in, JSON out.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

#include "control/command_handlers.h"
#include "tests/unit/control/reload_rig.h"

namespace sluice {
namespace {

using nlohmann::json;
using test::ReloadRig;
using test::RigWorld;

class WorldClock final : public Clock {
 public:
  explicit WorldClock(const RigWorld& world) : world_(world) {}
  [[nodiscard]] TimeNs now() const noexcept override { return world_.now; }

 private:
  const RigWorld& world_;
};

class CommandsChange : public testing::Test {
 protected:
  CommandsChange() {
    rig_.settle();
    services_.clock = &clock_;
    services_.reload = &*rig_;
  }
  using Handler = void (*)(Services&, const Caller&, const json&, Reply);
  Result<json> run(Handler handler, const json& args = json::object()) {
    return rig_.ask<json>([&](auto answer) {
      handler(services_, ReloadRig::caller(), args, [answer](Result<json> r) { answer(r); });
    });
  }

  RigWorld world_;
  WorldClock clock_{world_};
  ReloadRig rig_{world_};
  Services services_;
};

TEST_F(CommandsChange, ReloadTellsGenerationAndWhatChanged) {
  world_.write("workers: {count: 3}");
  EXPECT_EQ(run(reload_configuration).value(), (json{{"generation", 2U},
                                                     {"changed", 1U},
                                                     {"needs_restart", {"workers.count"}},
                                                     {"confirm_by_at", nullptr},
                                                     {"idle_sets", json::array()}}));
}

TEST_F(CommandsChange, ReloadTellsUntilWhenItIsToBeConfirmed) {
  const auto result = run(reload_configuration, {{"confirm_within", "60s"}});
  EXPECT_EQ(result.value()["confirm_by_at"], "2023-11-14T22:14:20.000000Z");
  EXPECT_EQ(run(confirm_configuration).value(), (json{{"generation", 2U}}));
  EXPECT_EQ(run(confirm_configuration).error().kind, ErrorKind::not_found);
}

TEST_F(CommandsChange, AnInvalidFileIsFindingsForCheckAndAnErrorForReload) {
  world_.write("mode: montior");
  const json checked = run(check_configuration).value();
  EXPECT_EQ(checked["ok"], false);
  EXPECT_EQ(checked["errors"], 1U);
  EXPECT_EQ(run(reload_configuration).error().message, checked["findings"].get<std::string>());
  EXPECT_EQ(run(show_difference).value()["errors"], 1U);
}

TEST_F(CommandsChange, DiffShowsOptionsAndListEntries) {
  world_.write("mode: monitor\nlists: {deny: {source: [10.0.0.0/8]}}");
  const json diff = run(show_difference).value();
  EXPECT_EQ(
      diff["changed"][0],
      (json{{"path", "mode"}, {"from", "enforce"}, {"to", "monitor"}, {"needs_restart", false}}));
  EXPECT_EQ(diff["lists"]["added"], 1U);
  EXPECT_EQ(diff["lists"]["added_examples"], json{"deny source 10.0.0.0/8"});
}

TEST_F(CommandsChange, ConfigurationsAreListedNewestFirstAndCanBeRestored) {
  world_.write("mode: monitor");
  ASSERT_TRUE(run(reload_configuration).has_value());
  const json items = run(list_configurations).value()["items"];
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0]["id"], 2U);
  EXPECT_EQ(items[0]["by"], "ada");
  EXPECT_EQ(items[0]["in_force"], true);
  EXPECT_EQ(items[1]["in_force"], false);
  const json reverted = run(revert_configuration, {{"to", 1U}}).value();
  EXPECT_EQ(reverted["restored"], 1U);
  EXPECT_EQ(reverted["generation"], 3U);
  EXPECT_EQ(rig_->mode(), Mode::enforce);
}

TEST_F(CommandsChange, ModeIsSetAndAWrongWordIsNot) {
  EXPECT_EQ(run(set_mode, {{"mode", "monitor"}}).value(),
            (json{{"mode", "monitor"}, {"generation", 2U}}));
  const auto wrong = run(set_mode, {{"mode", "enforced"}});
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
  EXPECT_EQ(wrong.error().hint, "did you mean 'enforce'?");
}

TEST_F(CommandsChange, ABypassIsSetShownAndEnded) {
  const json set =
      run(start_bypass, {{"pair", "edge"}, {"for", "10min"}, {"reason", "swap"}}).value();
  EXPECT_EQ(set["id"], 1U);
  EXPECT_EQ(set["what"], "pair edge");
  EXPECT_EQ(set["generation"], 2U);
  EXPECT_EQ(world_.last().bypass_count, 1U);
  const json shown = run(show_bypasses).value();
  EXPECT_EQ(shown["items"][0]["owner"], "ada");
  EXPECT_EQ(shown["items"][0]["seconds_left"], 600.0);
  EXPECT_EQ(run(end_bypass, {{"id", 2U}}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(run(end_bypass, {{"id", 1U}}).value(), (json{{"removed", 1U}, {"generation", 3U}}));
  EXPECT_EQ(world_.last().bypass_count, 0U);
  EXPECT_EQ(run(end_bypass, {{"all", true}}).value()["removed"], 0U);
}

TEST_F(CommandsChange, ABypassNeedsOneTargetAndATimeWithinADay) {
  const json wrong[] = {
      {{"for", "10min"}},
      {{"pair", "edge"}, {"vlan", 3}, {"for", "10min"}},
      {{"vlan", 0}, {"for", "10min"}},
      {{"vlan", 3}, {"for", "25h"}},
      {{"vlan", 3}, {"for", "10ms"}},
      {{"vlan", 3}, {"for", "soon"}},
      {{"pair", "nowhere"}, {"for", "10min"}},
      {{"vlan", 3}, {"for", "10min"}, {"reason", std::string(kReasonBytesMax + 1, 'x')}},
  };
  for (const json& args : wrong) {
    EXPECT_EQ(run(start_bypass, args).error().kind, ErrorKind::invalid) << args;
  }
  EXPECT_EQ(run(end_bypass).error().kind, ErrorKind::invalid);
  EXPECT_TRUE(world_.published.empty());
}

}  // namespace
}  // namespace sluice
