// A Reload whose keeper, clock and child are the test: the child's work is done in this process by
// the functions that the child runs, and delivered when the test says so.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/check.h"
#include "control/reload.h"
#include "control/ruleset_build.h"
#include "rules/ruleset_codec.h"
#include "tests/support/scratch_dir.h"

namespace sluice::test {

inline constexpr TimeNs kRigStart = 1'700'000'000 * kNsPerSecond;

/// What outlives a control process: the wire process, its policy, its files.
struct RigWorld {
  ScratchDir dir;
  TimeNs now = kRigStart;
  TimeNs wire_started = kRigStart - 1;
  std::uint64_t generation = 1;
  std::vector<PolicyParts> published;  ///< taken by the keeper
  Hash128 ruleset;                     ///< that the keeper obeys
  std::size_t rulesets_taken = 0;
  enum class Keeper { obeys, refuses, is_silent } keeper = Keeper::obeys;

  RigWorld() { write("mode: enforce"); }
  std::string write(const std::string& more) const {
    return dir.write("sluice.yaml",
                     "pairs:\n  - name: edge\n    outside: {device: \"ring:a\"}\n"
                     "    inside: {device: \"ring:b\"}\n" +
                         more + "\n");
  }
  [[nodiscard]] const PolicySettings& last() const { return published.back().settings; }
};

/// One life of the control process.
class ReloadRig : Clock {
 public:
  explicit ReloadRig(RigWorld& world,
                     std::pair<Channel, Channel> ends = Channel::make_memory_pair())
      : world_(world),
        keeper_(std::move(ends.first)),
        link_(std::move(ends.second)),
        reload_({.config_path = world.dir.file("sluice.yaml"),
                 .state_dir = world.dir.file(""),
                 .wire_started = world.wire_started,
                 .pair_names = {"edge"},
                 .read =
                     [this](const ConfigChildRequest& request, ConfigReadDone done) {
                       reads_.push_back({request, std::move(done)});
                     },
                 .compile =
                     [this](const RulesRequest& request, RulesReadDone done) {
                       compiles_.push_back({request, std::move(done)});
                     },
                 .ruleset_in_force = [this] { return world_.ruleset; },
                 .use_rules = [this](OwnedFd, OwnedFd) { ++texts_taken_; },
                 .applied = [this](const LiveOptions& live, Mode) { applied_.push_back(live); }},
                link_, *this) {
    link_.obey({.kind = MessageKind::hello, .generation = world.generation}, world.now);
    reload_.start();
  }

  [[nodiscard]] TimeNs now() const noexcept override { return world_.now; }
  Reload& operator*() { return reload_; }
  Reload* operator->() { return &reload_; }
  KeeperLink& link() { return link_; }
  const std::vector<LiveOptions>& applied() const { return applied_; }
  std::size_t reads_asked() const { return reads_asked_; }
  std::size_t texts_taken() const { return texts_taken_; }
  /// Children that compile do not end while they are held.
  void hold_compiler(bool is_held) { is_compiler_held_ = is_held; }

  /// One turn of everything; with `delivers` the child ends within it.
  void turn(bool delivers = true) {
    reload_.turn(world_.now);
    if (delivers) deliver();
    if (delivers && !is_compiler_held_) deliver_rules();
    link_.turn(world_.now);
    play_keeper();
    while (auto message = link_.channel().try_receive().value_or(std::nullopt)) {
      link_.obey(*message, world_.now);
    }
  }
  void settle() {
    for (int i = 0; i < 12; ++i) turn();
  }
  void pass(DurationNs time) {
    world_.now += time;
    settle();
  }

  /// Asks and waits; the answer must come.
  template <class T, class Ask>
  Result<T> ask(Ask&& ask) {
    std::optional<Result<T>> answer;
    ask([&answer](Result<T> result) {
      EXPECT_FALSE(answer.has_value()) << "answered twice";
      answer = std::move(result);
    });
    settle();
    if (!answer) return fail(ErrorKind::internal, "no answer");
    return *answer;
  }
  Result<ReloadAnswer> reload(std::optional<DurationNs> within = {}) {
    return ask<ReloadAnswer>([&](auto answer) { reload_.reload(caller(), within, answer); });
  }
  Result<RevertAnswer> revert(std::optional<std::uint64_t> id = {}) {
    return ask<RevertAnswer>([&](auto answer) { reload_.revert(id, answer); });
  }
  Result<std::uint64_t> confirm() {
    return ask<std::uint64_t>([&](auto answer) { reload_.confirm(answer); });
  }
  Result<std::uint64_t> mode(Mode mode) {
    return ask<std::uint64_t>([&](auto answer) { reload_.set_mode(caller(), mode, answer); });
  }
  Result<CheckAnswer> check() {
    return ask<CheckAnswer>([&](auto answer) { reload_.check(answer); });
  }
  Result<DiffAnswer> diff() {
    return ask<DiffAnswer>([&](auto answer) { reload_.diff(answer); });
  }
  Result<BypassAnswer> bypass(DurationNs duration) {
    Bypass bypass;
    bypass.entry.vlan = 7;
    bypass.entry.kind = BypassEntry::Kind::vlan;
    bypass.entry.until = world_.now + duration;
    bypass.owner = "ada";
    return ask<BypassAnswer>([&](auto answer) {
      reload_.change_bypasses([bypass](Bypasses& all) { return all.add(bypass); }, answer);
    });
  }
  static Caller caller() {
    Caller caller;
    caller.user = "ada";
    return caller;
  }

 private:
  struct Read {
    ConfigChildRequest request;
    ConfigReadDone done;
  };
  struct Compile {
    RulesRequest request;
    RulesReadDone done;
  };

  void deliver() {
    if (reads_.empty()) return;
    Read read = std::move(reads_.front());
    reads_.pop_front();
    ++reads_asked_;
    read.done(read_config_here(read.request, [](const std::string& path) {
      CheckedConfig checked = check_file(path, ConfigPurpose::run);
      const auto judged = judge_rules(checked);
      EXPECT_TRUE(judged.has_value());
      return checked;
    }));
  }

  void deliver_rules() {
    if (compiles_.empty()) return;
    Compile compile = std::move(compiles_.front());
    compiles_.pop_front();
    compile.done(read_rules_here(compile.request));
  }

  void take_rules(const Message& message, const PolicySettings& settings) {
    if (!settings.has_rules) world_.ruleset = {};
    if (!message.rules.is_open()) return;
    auto view = SealedView::map(message.rules.fd(), kRulesetBytesMax);
    ASSERT_TRUE(view.has_value());
    auto parts = decode_ruleset(view->bytes());
    ASSERT_TRUE(parts.has_value());
    world_.ruleset = parts->ruleset.digest;
    ++world_.rulesets_taken;
  }

  void play_keeper() {
    using Keeper = RigWorld::Keeper;
    while (auto message = keeper_.try_receive().value_or(std::nullopt)) {
      if (message->kind != MessageKind::publish_policy || world_.keeper == Keeper::is_silent) {
        continue;
      }
      const bool is_taken = world_.keeper == Keeper::obeys;
      if (is_taken) {
        auto parts = parts_of(*message);
        ASSERT_TRUE(parts.has_value());
        take_rules(*message, parts->settings);
        world_.published.push_back(std::move(*parts));
        world_.generation = message->generation;
      }
      Message answer{.kind = is_taken ? MessageKind::ack : MessageKind::refused,
                     .generation = message->generation};
      if (!is_taken) answer.text = "no memory for the lists";
      ASSERT_TRUE(keeper_.try_send(answer).value_or(false));
    }
  }

  RigWorld& world_;
  Channel keeper_;
  KeeperLink link_;
  std::deque<Read> reads_;
  std::deque<Compile> compiles_;
  bool is_compiler_held_ = false;
  std::size_t reads_asked_ = 0;
  std::size_t texts_taken_ = 0;
  std::vector<LiveOptions> applied_;
  Reload reload_;
};

}  // namespace sluice::test
