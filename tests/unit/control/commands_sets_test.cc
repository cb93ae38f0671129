// Sets as clients see and change them: JSON in, JSON out, and what of it reaches the keeper.
#include <gmock/gmock.h>
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
using testing::HasSubstr;

const std::string kConfig =
    "sets:\n  - {name: names, file: names.txt, capacity: 3}\n  - {name: nets, kind: address}\n";

class WorldClock final : public Clock {
 public:
  explicit WorldClock(const RigWorld& world) : world_(world) {}
  [[nodiscard]] TimeNs now() const noexcept override { return world_.now; }

 private:
  const RigWorld& world_;
};

class CommandsSets : public testing::Test {
 protected:
  CommandsSets() {
    world_.dir.write("names.txt", "file.test\n");
    world_.write(kConfig);
    start();
  }
  /// Another life of the control process.
  void start() {
    rig_.emplace(world_);
    rig_->settle();
    services_.clock = &clock_;
    services_.reload = &**rig_;
  }
  using Handler = void (*)(Services&, const Caller&, const json&, Reply);
  Result<json> run(Handler handler, const json& args = json::object()) {
    return rig_->ask<json>([&](auto answer) {
      handler(services_, ReloadRig::caller(), args, [answer](Result<json> r) { answer(r); });
    });
  }
  Result<json> add(const std::string& set, const json& entries, const std::string& lasts = "") {
    json args{{"set", set}, {"entries", entries}};
    if (!lasts.empty()) args["for"] = lasts;
    return run(add_to_set, args);
  }
  Result<json> remove(const std::string& set, const json& entries) {
    return run(remove_from_set, {{"set", set}, {"entries", entries}});
  }
  json shown(const std::string& set) { return run(show_set, {{"set", set}}).value(); }
  [[nodiscard]] const std::vector<SetContents>& sent() const {
    return world_.published.back().live_sets;
  }

  RigWorld world_;
  WorldClock clock_{world_};
  std::optional<ReloadRig> rig_;
  Services services_;
};

TEST_F(CommandsSets, AreListedWithWhatTheyHold) {
  ASSERT_TRUE(add("names", {"added.test"}));
  const json items = run(list_sets).value()["items"];
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0]["name"], "names");
  EXPECT_EQ(items[0]["kind"], "domain");
  EXPECT_EQ(items[0]["file_entries"], 1U);
  EXPECT_EQ(items[0]["live_entries"], 1U);
  EXPECT_EQ(items[0]["capacity"], 3U);
  EXPECT_EQ(items[1]["kind"], "address");
}

TEST_F(CommandsSets, AnEntryIsPublishedWithItsEnd) {
  const json added = add("names", {".Added.Test", "added.test"}, "10m").value();
  EXPECT_EQ(added["added"], 1U);
  EXPECT_EQ(added["generation"], 2U);
  EXPECT_EQ(added["until"], "2023-11-14T22:23:20.000000Z");
  ASSERT_EQ(sent().size(), 1U);
  EXPECT_EQ(sent()[0].set.name, "names");
  EXPECT_EQ(sent()[0].entries[0], (SetEntry{"added.test", test::kRigStart + 600 * kNsPerSecond}));
  EXPECT_TRUE(world_.published.back().keeps_lists);
  const json item = shown("names")["items"][0];
  EXPECT_EQ(item["entry"], "added.test");
  EXPECT_EQ(item["owner"], "ada");
  EXPECT_EQ(item["seconds_left"], 600.0);
}

TEST_F(CommandsSets, AnEntryThatHasEndedIsForgotten) {
  ASSERT_TRUE(add("names", {"added.test"}, "10m"));
  ASSERT_TRUE(add("names", {"stays.test"}));
  rig_->pass(601 * kNsPerSecond);
  EXPECT_EQ(shown("names")["live_entries"], 1U);
  ASSERT_TRUE(remove("names", {"stays.test"}));
  EXPECT_TRUE(sent().empty());
}

TEST_F(CommandsSets, WhatIsAddedStaysOverAReloadAndARestart) {
  ASSERT_TRUE(add("nets", {"192.0.2.0/24"}));
  world_.dir.write("names.txt", "file.test\nother.test\n");
  ASSERT_TRUE(rig_->reload());
  ASSERT_EQ(sent().size(), 1U);
  EXPECT_EQ(world_.published.back().sets[0].entries.size(), 2U) << "the file was read again";
  start();
  EXPECT_EQ(shown("nets")["items"][0]["entry"], "192.0.2.0/24");
  world_.wire_started += 5;
  start();
  EXPECT_EQ(shown("nets")["live_entries"], 1U) << "of another wire process";
}

TEST_F(CommandsSets, CapacityIsHeldAndNothingHalfApplied) {
  const auto refused = add("names", {"a.test", "b.test", "c.test"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::limit);
  EXPECT_THAT(refused.error().message, HasSubstr("4 entries, 1 of them from its file, above its "
                                                 "capacity of 3"));
  EXPECT_EQ(shown("names")["live_entries"], 0U);
  EXPECT_TRUE(add("names", {"a.test", "b.test"}));
}

TEST_F(CommandsSets, WhatIsNoEntryOfTheSetIsRefused) {
  EXPECT_EQ(add("names", {"a..test"}).error().message, "entries: 'a..test' is no domain");
  EXPECT_EQ(add("nets", {"192.0.2.1/24"}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(add("name", {"a.test"}).error().hint, "did you mean 'names'?");
  EXPECT_EQ(add("names", {"a.test"}, "2000d").error().kind, ErrorKind::invalid);
  EXPECT_EQ(add("names", json::array()).error().message, "entries: none: one or more");
  EXPECT_TRUE(world_.published.empty());
}

TEST_F(CommandsSets, OnlyWhatWasAddedCanBeRemoved) {
  ASSERT_TRUE(add("names", {"added.test"}));
  EXPECT_EQ(remove("names", {"file.test"}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(remove("names", {"ADDED.test."}).value(),
            (json{{"set", "names"}, {"removed", 1U}, {"generation", 3U}}));
}

TEST_F(CommandsSets, CanBeRemovedWhereTheirSetLeftTheConfiguration) {
  ASSERT_TRUE(add("nets", {"10.0.0.1"}));
  world_.write("sets: [{name: names, kind: domain}]");
  ASSERT_TRUE(rig_->reload());
  rig_->settle();
  EXPECT_EQ(remove("nets", {"10.0.0.2"}).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(remove("nets", {"10.0.0.1"}));
  EXPECT_FALSE(remove("nets", {"10.0.0.1"}));
}

TEST_F(CommandsSets, AreListedWhereTheirSetLeftTheConfigurationAndAreBackWithIt) {
  ASSERT_TRUE(add("nets", {"10.0.0.1", "10.0.0.2"}));
  world_.write("sets: [{name: names, kind: domain}]");
  const auto without = rig_->reload();
  ASSERT_TRUE(without);
  EXPECT_EQ(without->idle_sets, (std::vector<IdleSetEntries>{{"nets", 2, false}}));
  EXPECT_TRUE(sent().empty());
  const json row = run(list_sets).value()["items"][1];
  EXPECT_EQ(row["name"], "nets");
  EXPECT_EQ(row["configured"], false);
  EXPECT_EQ(row["idle_entries"], 2U);
  EXPECT_EQ(shown("nets")["items"].size(), 2U);
  EXPECT_FALSE(run(show_set, {{"set", "others"}}));
  start();
  EXPECT_EQ(run(list_sets).value()["items"].size(), 2U) << "after a restart";
  world_.write(kConfig);
  const auto with = rig_->reload();
  ASSERT_TRUE(with);
  EXPECT_TRUE(with->idle_sets.empty());
  ASSERT_EQ(sent().size(), 1U);
  EXPECT_EQ(sent()[0].entries.size(), 2U);
}

TEST_F(CommandsSets, EntriesOfAnotherKindAreToldAsIdle) {
  ASSERT_TRUE(add("names", {"added.test"}));
  world_.write("sets: [{name: names, kind: address}]");
  ASSERT_EQ(rig_->reload()->idle_sets, (std::vector<IdleSetEntries>{{"names", 1, true}}));
  const json row = run(list_sets).value()["items"][0];
  EXPECT_EQ(row["configured"], true);
  EXPECT_EQ(row["idle_entries"], 1U);
}

TEST_F(CommandsSets, EntriesComeInPagesAndByAPartOfThem) {
  ASSERT_TRUE(add("nets", {"10.0.0.1", "10.0.0.2", "10.0.1.1"}));
  const json first = run(show_set, {{"set", "nets"}, {"limit", 2}}).value();
  EXPECT_EQ(first["items"].size(), 2U);
  const json rest = run(show_set, {{"set", "nets"}, {"cursor", first["next"]}}).value();
  EXPECT_EQ(rest["items"][0]["entry"], "10.0.1.1");
  EXPECT_EQ(rest["next"], nullptr);
  EXPECT_EQ(run(show_set, {{"set", "nets"}, {"like", "10.0.0."}}).value()["items"].size(), 2U);
}

TEST_F(CommandsSets, ARefusedPublicationLeavesWhatWas) {
  ASSERT_TRUE(add("names", {"added.test"}));
  world_.keeper = RigWorld::Keeper::refuses;
  EXPECT_FALSE(remove("names", {"added.test"}));
  EXPECT_EQ(shown("names")["live_entries"], 1U);
}

}  // namespace
}  // namespace sluice
