#include "control/reload.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/control/reload_rig.h"

namespace sluice {
namespace {

using test::ReloadRig;
using test::RigWorld;

constexpr DurationNs kMinute = 60 * kNsPerSecond;

TEST(Reload, TakesTheFileOfTheStartAsWhatIsInForce) {
  RigWorld world;
  ReloadRig rig(world);
  EXPECT_EQ(rig->in_force(), nullptr);
  rig.settle();
  ASSERT_NE(rig->in_force(), nullptr);
  EXPECT_EQ(rig->in_force()->by, "start");
  EXPECT_TRUE(rig->in_force()->can_be_restored);
  EXPECT_TRUE(world.published.empty());
}

TEST(Reload, PutsAValidFileInForceOnce) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: monitor\nlists:\n  deny:\n    source: [192.0.2.0/24]");
  const auto answer = rig.reload();
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->generation, 2U);
  EXPECT_EQ(answer->changed, 3U);  // mode, the option, the entry
  ASSERT_EQ(world.published.size(), 1U);
  EXPECT_EQ(world.last().mode, Mode::monitor);
  EXPECT_EQ(world.published.back().lists.size(), 1U);
  EXPECT_EQ(rig->in_force()->by, "ada");
  EXPECT_EQ(rig->facts().succeeded, 1U);
}

TEST(Reload, SendsNoListsThatDidNotChange) {
  RigWorld world;
  world.write("lists:\n  deny:\n    source: [192.0.2.0/24]");
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: monitor\nlists:\n  deny:\n    source: [192.0.2.0/24]");
  ASSERT_TRUE(rig.reload().has_value());
  EXPECT_TRUE(world.published.back().keeps_lists);
  EXPECT_TRUE(world.published.back().lists.empty());
}

TEST(Reload, KeepsTheOldGenerationWhereTheFileIsInvalid) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: montior");
  const auto answer = rig.reload();
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::invalid);
  EXPECT_NE(answer.error().message.find("montior"), std::string::npos);
  EXPECT_TRUE(world.published.empty());
  EXPECT_EQ(rig->facts().invalid, 1U);
  EXPECT_EQ(rig->history().entries().size(), 1U);
}

TEST(Reload, LeavesWhatIsInForceWhereTheKeeperRefuses) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.keeper = RigWorld::Keeper::refuses;
  world.write("mode: monitor");
  const auto answer = rig.reload();
  ASSERT_FALSE(answer.has_value());
  EXPECT_NE(answer.error().message.find("no memory for the lists"), std::string::npos);
  EXPECT_EQ(rig->facts().failed, 1U);
  EXPECT_EQ(rig->mode(), Mode::enforce);
  world.keeper = RigWorld::Keeper::obeys;
  EXPECT_TRUE(rig.reload().has_value());
}

TEST(Reload, PublishesWhatWasInForceOnceMoreAfterSilence) {
  RigWorld world;
  world.write("lists:\n  deny:\n    source: [192.0.2.0/24]");
  ReloadRig rig(world);
  rig.settle();
  world.keeper = RigWorld::Keeper::is_silent;
  world.write("mode: monitor");
  std::optional<Result<ReloadAnswer>> answer;
  rig->reload(ReloadRig::caller(), {}, [&](auto result) { answer = result; });
  rig.settle();
  EXPECT_FALSE(answer.has_value());
  rig.pass(30 * kNsPerSecond);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().kind, ErrorKind::unavailable);
  world.keeper = RigWorld::Keeper::obeys;
  rig.pass(30 * kNsPerSecond);  // the first try met silence, too
  rig.pass(2 * kNsPerSecond);
  ASSERT_EQ(world.published.size(), 1U);
  EXPECT_EQ(world.last().mode, Mode::enforce);
  EXPECT_EQ(world.published.back().lists.size(), 1U);
  EXPECT_FALSE(world.published.back().keeps_lists);
}

TEST(Reload, AnswersEveryoneWhoAskedWithTheGenerationThatWon) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  const std::size_t reads = rig.reads_asked();
  std::vector<std::uint64_t> generations;
  for (int i = 0; i < 20; ++i) {
    rig->reload(ReloadRig::caller(), {},
                [&](const auto& result) { generations.push_back(result->generation); });
  }
  rig.settle();
  EXPECT_EQ(generations, std::vector<std::uint64_t>(20, 2));
  EXPECT_EQ(rig.reads_asked(), reads + 1);
}

TEST(Reload, RunsChangesOneAfterTheOther) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  std::vector<std::uint64_t> generations;
  const auto note = [&](const auto& result) { generations.push_back(*result); };
  for (int i = 0; i < 3; ++i) {
    rig->set_mode(ReloadRig::caller(), i % 2 == 0 ? Mode::monitor : Mode::enforce, note);
  }
  rig.settle();
  EXPECT_EQ(generations, (std::vector<std::uint64_t>{2, 3, 4}));
}

TEST(Reload, RefusesMoreRequestsThanMayWait) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  std::size_t refused = 0;
  for (std::size_t i = 0; i < kLooksWaitingMax + 3; ++i) {
    rig->check([&](const auto& result) { refused += result ? 0 : 1; });
  }
  EXPECT_EQ(refused, 3U);
  EXPECT_TRUE(rig.mode(Mode::monitor).has_value());  // looks take no room of changes
}

TEST(Reload, LetsBypassesTakeNoRoomOfOtherChanges) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  std::size_t refused = 0;
  const auto nothing = [](Bypasses&) { return Result<std::uint64_t>(0); };
  for (std::size_t i = 0; i < kBypassChangesWaitingMax + 3; ++i) {
    rig->change_bypasses(nothing, [&](const auto& result) { refused += result ? 0 : 1; });
  }
  EXPECT_EQ(refused, 3U);
  bool is_mode_refused = false;
  rig->set_mode(ReloadRig::caller(), Mode::monitor,
                [&](const auto& result) { is_mode_refused = !result; });
  EXPECT_FALSE(is_mode_refused);
}

TEST(Reload, AnswersConfirmAndRevertBeforeWhatWaits) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: monitor");
  ASSERT_TRUE(rig.reload(kMinute).has_value());
  std::vector<std::string> order;
  const auto note = [&order](const char* what) {
    return [&order, what](const auto&) { order.emplace_back(what); };
  };
  for (std::size_t i = 0; i < kChangesWaitingMax; ++i) {
    rig->set_mode(ReloadRig::caller(), Mode::enforce, note("mode"));
  }
  rig->confirm(note("confirm"));
  rig->revert({}, note("revert"));
  rig.settle();
  ASSERT_GE(order.size(), 3U);
  EXPECT_EQ(order[0], "confirm");
  EXPECT_EQ(order[1], "revert");
  EXPECT_EQ(order[2], "mode");
}

TEST(Reload, ForgetsASetModeWithTheNextReload) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  ASSERT_TRUE(rig.mode(Mode::monitor).has_value());
  EXPECT_EQ(world.last().mode, Mode::monitor);
  EXPECT_TRUE(world.published.back().keeps_lists);
  EXPECT_EQ(rig->mode_override()->by, "ada");
  const auto answer = rig.reload();
  EXPECT_TRUE(answer->has_reset_mode);
  EXPECT_EQ(answer->changed, 0U);
  EXPECT_EQ(world.last().mode, Mode::enforce);
  EXPECT_FALSE(rig->mode_override().has_value());
}

TEST(Reload, KeepsBypassesOverAReloadAndForgetsTheEnded) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  ASSERT_EQ(rig.bypass(kMinute)->value, 1U);
  EXPECT_EQ(world.last().bypass_count, 1U);
  ASSERT_TRUE(rig.reload().has_value());
  EXPECT_EQ(world.last().bypass_count, 1U);
  rig.pass(2 * kMinute);
  EXPECT_TRUE(rig->bypasses().entries().empty());
  EXPECT_EQ(world.published.size(), 2U);  // nothing is published for that
}

TEST(Reload, KeepsSizesOfTheStartAndSaysWhatNeedsARestart) {
  RigWorld world;
  world.write("flows: {capacity: 2048}");
  ReloadRig rig(world);
  rig.settle();
  world.write("flows: {capacity: 4096, table_full: drop_flow}");
  const auto answer = rig.reload();
  EXPECT_EQ(answer->needs_restart, std::vector<std::string>{"flows.capacity"});
  EXPECT_EQ(world.last().flows.capacity, 2048U);
  EXPECT_EQ(world.last().flows.table_full, ExceptionPolicy::drop_flow);
  rig.pass(2 * kNsPerSecond);
  ASSERT_EQ(rig->restart_reasons().size(), 1U);
  EXPECT_EQ(rig->restart_reasons()[0], "flows.capacity: started with 2048, now 4096");
}

TEST(Reload, TellsTheControlSideWhatItIsToObey) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("events: {stats_interval: 3s}");
  ASSERT_TRUE(rig.reload().has_value());
  EXPECT_EQ(rig.applied().back().stats_interval, 3 * kNsPerSecond);
}

TEST(Reload, GoesOnWhenAClientIsGone) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: monitor");
  rig->reload(ReloadRig::caller(), {}, [](const Result<ReloadAnswer>&) {});
  rig.settle();
  EXPECT_EQ(world.last().mode, Mode::monitor);
}

// --- confirm and revert
// ---------------------------------------------------------------------------

TEST(ReloadConfirm, KeepsWhatIsConfirmed) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: monitor");
  const auto answer = rig.reload(kMinute);
  EXPECT_EQ(answer->confirm_by, world.now + kMinute);
  ASSERT_TRUE(rig.confirm().has_value());
  rig.pass(2 * kMinute);
  EXPECT_EQ(rig->mode(), Mode::monitor);
  EXPECT_FALSE(rig.confirm().has_value());
}

TEST(ReloadConfirm, TakesBackWhatNobodyConfirms) {
  RigWorld world;
  world.write("lists:\n  deny:\n    source: [192.0.2.0/24]");
  ReloadRig rig(world);
  rig.settle();
  ASSERT_TRUE(rig.mode(Mode::monitor).has_value());
  world.write("mode: enforce");
  ASSERT_TRUE(rig.reload(kMinute).has_value());
  EXPECT_EQ(world.last().mode, Mode::enforce);
  EXPECT_TRUE(world.published.back().lists.empty());
  rig.pass(kMinute - 1);
  EXPECT_EQ(world.published.size(), 2U);
  rig.pass(1);
  ASSERT_EQ(world.published.size(), 3U);
  EXPECT_EQ(world.published.back().lists.size(), 1U);
  EXPECT_EQ(world.last().mode, Mode::monitor);  // as it was, with the mode set by hand
  EXPECT_EQ(rig->in_force()->id, 1U);
  EXPECT_EQ(rig->facts().reverted, 1U);
  EXPECT_EQ(rig.diff()->lists.removed, 1U);  // the file still says the other thing
}

TEST(ReloadConfirm, RefusesAnotherReloadMeanwhile) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: monitor");
  ASSERT_TRUE(rig.reload(kMinute).has_value());
  const auto second = rig.reload();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().hint, "confirm or revert it first");
  EXPECT_EQ(rig->facts().failed, 0U);  // nothing was tried
  ASSERT_TRUE(rig.revert().has_value());
  EXPECT_EQ(rig->mode(), Mode::enforce);
  EXPECT_TRUE(rig.reload().has_value());
}

TEST(ReloadConfirm, RefusesATimeThatIsTooShortOrTooLong) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  EXPECT_EQ(rig.reload(kConfirmWithinMin - 1).error().kind, ErrorKind::invalid);
  EXPECT_EQ(rig.reload(kConfirmWithinMax + 1).error().kind, ErrorKind::invalid);
}

TEST(ReloadConfirm, TriesAgainWhereTheWayBackIsClosed) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: monitor");
  ASSERT_TRUE(rig.reload(kMinute).has_value());
  world.keeper = RigWorld::Keeper::refuses;
  rig.pass(kMinute);
  EXPECT_EQ(rig->mode(), Mode::monitor);
  world.keeper = RigWorld::Keeper::obeys;
  rig.pass(5 * kNsPerSecond);
  EXPECT_EQ(rig->mode(), Mode::enforce);
}

TEST(ReloadConfirm, NeedsAWayBack) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  std::filesystem::remove_all(world.dir.file("configs"));
  world.dir.write("configs", "");
  world.write("mode: monitor");
  ASSERT_TRUE(rig.reload().has_value());  // nothing of this one can be stored
  const auto answer = rig.reload(kMinute);
  ASSERT_FALSE(answer.has_value());
  EXPECT_NE(answer.error().message.find("no way back"), std::string::npos);
}

TEST(ReloadRevert, GoesToAnyKeptConfigurationAndBack) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  EXPECT_EQ(rig.revert().error().kind, ErrorKind::not_found);
  for (const char* source : {"10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"}) {
    world.write(std::string("lists:\n  deny:\n    source: [") + source + "]");
    ASSERT_TRUE(rig.reload().has_value());
  }
  ASSERT_EQ(rig.revert(2)->restored, 2U);
  EXPECT_EQ(to_string(world.published.back().lists[0].prefix), "10.1.0.0/16");
  ASSERT_EQ(rig.revert()->restored, 4U);  // what was in force before
  EXPECT_EQ(to_string(world.published.back().lists[0].prefix), "10.3.0.0/16");
  ASSERT_EQ(rig.revert()->restored, 2U);
  ASSERT_EQ(rig.revert(1)->restored, 1U);
  EXPECT_TRUE(world.published.back().lists.empty());
  EXPECT_EQ(rig.revert(99).error().kind, ErrorKind::not_found);
}

TEST(ReloadRevert, NeverComesToWhatWasTakenBack) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  world.write("mode: monitor");
  ASSERT_TRUE(rig.reload(kMinute).has_value());
  rig.pass(kMinute);
  ASSERT_EQ(rig->in_force()->id, 1U);
  world.write("events:\n  drop_sample: 7");
  ASSERT_TRUE(rig.reload().has_value());
  const auto reverted = rig.revert();
  ASSERT_TRUE(reverted.has_value());
  EXPECT_EQ(reverted->restored, 1U);
}

TEST(ReloadRevert, RefusesPartsThatAreNotWhatWasStored) {
  RigWorld world;
  world.write("lists:\n  deny:\n    source: [10.1.0.0/16]");
  ReloadRig rig(world);
  rig.settle();
  world.write("lists:\n  deny:\n    source: [10.2.0.0/16]");
  ASSERT_TRUE(rig.reload().has_value());
  std::filesystem::copy_file(world.dir.file("configs/2.parts"), world.dir.file("configs/1.parts"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(rig.revert(1).error().kind, ErrorKind::invalid);
  world.dir.write("configs/1.parts", "nonsense");
  EXPECT_FALSE(rig.revert(1).has_value());
  EXPECT_EQ(rig->in_force()->id, 2U);
}

// --- looking ------------------------------------------------------------------------------------

TEST(ReloadLook, ShowsWhatAReloadWouldChange) {
  RigWorld world;
  world.write("lists:\n  deny:\n    source: [10.1.0.0/16, 10.2.0.0/16]");
  ReloadRig rig(world);
  rig.settle();
  EXPECT_TRUE(rig.diff()->changed.empty());
  world.write("workers: {count: 2}\nlists:\n  deny:\n    source: [10.2.0.0/16, 10.3.0.0/16]");
  const auto diff = rig.diff();
  ASSERT_EQ(diff->changed.size(), 2U);
  EXPECT_EQ(diff->changed[0].path, "workers.count");
  EXPECT_TRUE(diff->changed[0].needs_restart);
  EXPECT_EQ(diff->lists.added_examples, std::vector<std::string>{"deny source 10.3.0.0/16"});
  EXPECT_EQ(diff->lists.removed_examples, std::vector<std::string>{"deny source 10.1.0.0/16"});
  EXPECT_TRUE(world.published.empty());
}

TEST(ReloadLook, TellsOfAFileThatCannotBeRead) {
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  std::filesystem::remove(world.dir.file("sluice.yaml"));
  const auto answer = rig.check();
  EXPECT_EQ(answer->errors, 1U);
  EXPECT_NE(answer->findings.find("sluice.yaml"), std::string::npos);
  EXPECT_EQ(rig.reload().error().kind, ErrorKind::invalid);
}

/// A byte of the text changed, taken out or doubled.
std::string mutated(std::string text, std::mt19937_64& random) {
  constexpr std::string_view kBytes = "0149abz:-[]{}, \n\"#/.%&*!";
  const auto at = random() % text.size();
  switch (random() % 3) {
    case 0:
      text[at] = kBytes[random() % kBytes.size()];
      return text;
    case 1:
      return text.erase(at, 1 + random() % 3);
    default:
      return text.insert(at, 1, text[at]);
  }
}

TEST(ReloadLook, JudgesAsAReloadAndAStartDo) {
  constexpr std::uint64_t kSeed = 20'261'121;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  RigWorld world;
  ReloadRig rig(world);
  rig.settle();
  const std::string good = test::read_text(
      world.write("mode: monitor\nflows: {capacity: 4096}\nlimits:\n  source: {packets: 100/s}\n"
                  "lists:\n  deny:\n    source: [10.1.0.0/16, \"2001:db8::/32\"]"));
  int valid = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string path = world.dir.write("sluice.yaml", mutated(good, random));
    const bool starts = !check_file(path, ConfigPurpose::run).findings.has_errors();
    const std::size_t published = world.published.size();
    EXPECT_EQ(rig.check()->errors == 0, starts) << test::read_text(path);
    EXPECT_EQ(rig.reload().has_value(), starts) << test::read_text(path);
    EXPECT_EQ(world.published.size(), published + (starts ? 1 : 0));
    valid += starts ? 1 : 0;
  }
  EXPECT_GT(valid, 20);
  EXPECT_LT(valid, 280);
  EXPECT_LE(rig->history().entries().size(), kConfigsKept + 1);
}

}  // namespace
}  // namespace sluice
