// Changes of what is in force: reload, confirm, revert, mode, bypasses, stages, sets. All wait in
// one queue (confirm and revert in front) and run one after another: read and built in a child,
// published to the wire process, acknowledged by every worker, remembered, answered. What fails
// leaves what is in force. The configuration file itself is never written. Control thread only;
// nothing blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/bypasses.h"
#include "control/commands.h"
#include "control/config_child.h"
#include "control/keeper_link.h"
#include "control/rules_child.h"
#include "control/store/config_history.h"
#include "control/store/runtime_state.h"

namespace sluice {

struct ControlFacts;

inline constexpr DurationNs kConfirmWithinMin = 5 * kNsPerSecond;
inline constexpr DurationNs kConfirmWithinMax = 3'600 * kNsPerSecond;
/// Requests that wait; one more is refused.
inline constexpr std::size_t kChangesWaitingMax = 64;
inline constexpr std::size_t kBypassChangesWaitingMax = 16;
inline constexpr std::size_t kWaysOutWaitingMax = 16;
inline constexpr std::size_t kLooksWaitingMax = 8;

struct ReloadAnswer {
  std::uint64_t generation = 0;
  std::uint64_t changed = 0;               ///< options and list entries
  std::vector<std::string> needs_restart;  ///< changed options that are read at start only
  std::optional<TimeNs> confirm_by;
  bool has_reset_mode = false;  ///< an operator's mode gave way to the file's
  std::vector<IdleSetEntries> idle_sets = {};
};
struct RevertAnswer {
  std::uint64_t generation = 0;
  std::uint64_t restored = 0;  ///< entry of the history
};
struct CheckAnswer {
  std::uint32_t errors = 0;
  std::uint32_t warnings = 0;
  std::string findings;
};
struct DiffAnswer {
  std::uint32_t errors = 0;
  std::string findings;  ///< where there are errors; then nothing else is filled
  std::vector<OptionChange> changed;
  bool has_lists = false;
  ListDifference lists;
};
struct BypassAnswer {
  std::uint64_t generation = 0;
  std::uint64_t value = 0;  ///< what the change returned: an id, or how many
};

using StageAnswer = BypassAnswer;
using SetAnswer = BypassAnswer;

/// Called once, in a later turn or now.
template <class T>
using Answer = std::function<void(Result<T>)>;

/// For metrics and health.
struct ReloadFacts {
  std::uint64_t succeeded = 0;
  std::uint64_t invalid = 0;   ///< the file had errors
  std::uint64_t failed = 0;    ///< not read, or not taken by the wire process
  std::uint64_t reverted = 0;  ///< by a request, or because nobody confirmed
  std::uint64_t set_changes = 0;
  std::string last_result;  ///< "succeeded", "invalid", "failed"; empty before the first
  TimeNs last_at = 0;
  std::string rules_error;  ///< why the rules in force are not all that are configured
};

struct ReloadSetup {
  std::string config_path;
  std::string state_dir;
  TimeNs wire_started = 0;  ///< WindowHeader::started
  std::vector<std::string> pair_names;
  ConfigReader read;
  RulesReader compile = {};  ///< empty: rules are never sent
  /// What the wire process obeys: `ruleset_in_force` of its window. Goes with `compile`.
  std::function<Hash128()> ruleset_in_force = {};
  /// Ruleset and texts, once they are in force; may be empty.
  std::function<void(OwnedFd, OwnedFd)> use_rules = {};
  /// After every change that is in force, and at the start; may be empty.
  std::function<void(const LiveOptions&, Mode)> applied;
  /// After every reload of the file; may be empty.
  std::function<void(const ConfigEntry&)> reloaded = {};
};

/// A wire process that was started with these settings can inspect.
[[nodiscard]] bool has_inspection_memory(const PolicySettings& started) noexcept;

class Reload {
 public:
  /// Keeper and clock outlive the object, and the object every turn of the keeper's link.
  Reload(ReloadSetup setup, KeeperLink& keeper, const Clock& clock);

  /// Once, before the first turn: takes up what an earlier control process left, or, after a
  /// start of the wire process, reads the file that it was started with.
  void start();
  /// Starts what waits, takes back what nobody confirmed.
  void turn(TimeNs now);

  void reload(const Caller& caller, std::optional<DurationNs> confirm_within,
              Answer<ReloadAnswer> answer);
  void reload_for_signal();
  void confirm(Answer<std::uint64_t> answer);
  /// Without an id: what was in force before.
  void revert(std::optional<std::uint64_t> id, Answer<RevertAnswer> answer);
  void set_mode(const Caller& caller, Mode mode, Answer<std::uint64_t> answer);
  using BypassChange = std::function<Result<std::uint64_t>(Bypasses&)>;
  void change_bypasses(BypassChange change, Answer<BypassAnswer> answer);
  using StageChange = std::function<Result<std::uint64_t>(StageOverrides&)>;
  void change_stages(StageChange change, Answer<StageAnswer> answer);
  /// `sets` are those of the configuration in force.
  using SetChange =
      std::function<Result<std::uint64_t>(LiveSets&, std::span<const SetSummary> sets)>;
  void change_sets(SetChange change, Answer<SetAnswer> answer);
  void check(Answer<CheckAnswer> answer);
  void diff(Answer<DiffAnswer> answer);

  /// Null where it is not known: before the first turns, or where the file was not valid.
  [[nodiscard]] const ConfigEntry* in_force() const noexcept;
  [[nodiscard]] Mode mode() const noexcept;
  [[nodiscard]] const std::optional<ModeOverride>& mode_override() const noexcept {
    return state_.mode;
  }
  [[nodiscard]] const std::optional<PendingConfirm>& pending() const noexcept {
    return state_.confirm;
  }
  [[nodiscard]] const Bypasses& bypasses() const noexcept { return state_.bypasses; }
  [[nodiscard]] const StageOverrides& stages() const noexcept { return state_.stages; }
  [[nodiscard]] const LiveSets& live_sets() const noexcept { return state_.sets; }
  [[nodiscard]] const ConfigHistory& history() const noexcept { return history_; }
  [[nodiscard]] const ReloadFacts& facts() const noexcept { return facts_; }
  [[nodiscard]] const std::vector<std::string>& pair_names() const noexcept {
    return setup_.pair_names;
  }
  [[nodiscard]] const std::string& config_path() const noexcept { return setup_.config_path; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return keeper_.generation(); }
  /// "flows.capacity: started with 1000, now 2000"; and where the program on disk is another one.
  /// Looked at once a second.
  [[nodiscard]] const std::vector<std::string>& restart_reasons() const noexcept {
    return restart_reasons_;
  }
  /// False where the wire process was started with nothing to inspect: it has no memory for it.
  [[nodiscard]] bool can_inspect() const noexcept;
  /// A child compiles rules.
  [[nodiscard]] bool is_compiling() const noexcept { return is_compiling_; }
  /// The last state could not be written: a restart of the control process would not know it.
  [[nodiscard]] bool has_unsaved_state() const noexcept { return is_unsaved_; }

 private:
  using ReloadWaiters = std::vector<Answer<ReloadAnswer>>;
  /// Each kind has its own bound: nobody who may do the one keeps out who may do the other.
  enum class JobKind : std::uint8_t {
    way_out,  ///< confirm and revert: before everything else that waits
    change,
    bypass,  ///< stages of rules and entries of sets as well
    look,    ///< changes nothing: after everything else
  };
  struct Job {
    std::function<void()> run;  ///< ends with `finish`
    JobKind kind = JobKind::change;
    std::shared_ptr<ReloadWaiters> joinable = nullptr;  ///< a reload that others may share
    bool is_mode = false;
  };
  /// What is to be in force.
  struct Target {
    PolicySettings settings;
    OwnedFd lists;  ///< `encode_lists`, sealed; not open: those in force stay
    std::shared_ptr<RulesRead> rules = nullptr;  ///< null: those in force stay
    std::string rules_digest = {};               ///< of `rules`
    std::optional<ModeOverride> mode;
    Bypasses bypasses;
    StageOverrides stages;
    std::vector<RuleException> exceptions = {};
    LiveSets live_sets = {};
    std::vector<SetSummary> sets = {};  ///< of the configuration
  };

  // reload.cc
  [[nodiscard]] static std::size_t waiting_max(JobKind kind) noexcept;
  [[nodiscard]] Status enqueue(Job job);
  template <class T>
  void enqueue_or_refuse(Job job, const Answer<T>& answer);
  void finish() noexcept { is_busy_ = false; }
  void resume(RuntimeState state);
  void read_start();
  void take_start(Result<ConfigRead> read);
  void put_back();
  void end_put_back(const Result<std::uint64_t>& result);
  void take_back_unconfirmed(TimeNs now);
  /// Takes a generation that is in force into the state.
  using Adopt = std::function<void(std::uint64_t generation)>;
  void publish(Target target, Adopt adopt, KeeperLink::Published published);
  void save();
  void tell_applied();
  void tell_idle_sets(const ConfigEntry& entry);
  void note(const char* result);
  void look_for_restart_reasons(TimeNs now);
  void warn_of_ended_bypasses(const RuntimeState& state) const;

  // reload_rules.cc
  [[nodiscard]] bool may_run(const Job& job) const noexcept;
  [[nodiscard]] bool has_wire(const std::string& rules_digest) const;
  [[nodiscard]] bool lacks_rules(const ConfigDigest& digest) const;
  [[nodiscard]] std::string config_path_of(std::uint64_t id) const;
  [[nodiscard]] Result<OwnedFd> rules_to_send(const Target& target) const;
  using RulesDone = std::function<void(Result<std::shared_ptr<RulesRead>>)>;
  void compile(const std::string& config_path, const std::string& rules_digest, RulesDone done);
  void load_rules(TimeNs now);
  void end_load(const std::string& rules_digest, const Result<std::shared_ptr<RulesRead>>& read);
  void adopt_rules(RulesRead& rules, const std::string& rules_digest);
  void note_rules_error(std::string error);

  // reload_changes.cc
  struct ReloadRequest {
    std::string by;
    std::optional<DurationNs> confirm_within;
    std::shared_ptr<ReloadWaiters> waiters;
  };
  struct RevertRequest {
    std::optional<std::uint64_t> id;
    Answer<RevertAnswer> answer;
  };
  [[nodiscard]] Status can_reload(const ReloadRequest& request) const;
  void run_reload(const ReloadRequest& request);
  void take_read(const ReloadRequest& request, ConfigRead read);
  void take_rules(const ReloadRequest& request, const std::shared_ptr<ConfigRead>& read,
                  const Result<std::shared_ptr<RulesRead>>& rules);
  void publish_read(const ReloadRequest& request, ConfigRead read,
                    std::shared_ptr<RulesRead> rules);
  /// As they are printed, a line each.
  static void log_findings(std::string_view text);
  void end_invalid(const ReloadRequest& request, const std::string& findings);
  [[nodiscard]] ReloadAnswer adopt_read(const ReloadRequest& request, ConfigDigest digest,
                                        std::uint64_t generation);
  void end_reload(const ReloadRequest& request, const Result<ReloadAnswer>& result);
  [[nodiscard]] Result<std::uint64_t> revert_target(const RevertRequest& request) const;
  void run_revert(const RevertRequest& request);
  void restore_rules(const RevertRequest& request, std::uint64_t id, OwnedFd lists);
  void publish_entry(const RevertRequest& request, std::uint64_t id, OwnedFd lists,
                     std::shared_ptr<RulesRead> rules);
  void end_revert(const RevertRequest& request, Result<RevertAnswer> result);
  void run_confirm(const Answer<std::uint64_t>& answer);
  void run_mode(const std::string& by, Mode mode, const Answer<std::uint64_t>& answer);
  using TargetChange = std::function<Result<std::uint64_t>(Target&)>;
  void run_change(const TargetChange& change, const Answer<BypassAnswer>& answer);
  void run_diff(const Answer<DiffAnswer>& answer);
  void restore_lists(std::uint64_t id, std::function<void(Result<OwnedFd>)> done);
  [[nodiscard]] Result<Target> target_in_force() const;
  enum class Purpose : std::uint8_t { look, store, publish };
  [[nodiscard]] ConfigChildRequest request_for_file(Purpose purpose) const;

  ReloadSetup setup_;
  KeeperLink& keeper_;
  const Clock& clock_;
  ConfigHistory history_;
  RuntimeStore store_;
  RuntimeState state_;
  ReloadFacts facts_;
  std::deque<Job> jobs_;
  bool is_busy_ = false;
  bool is_compiling_ = false;  ///< what waits for it holds up changes, but not bypasses and looks
  bool is_loading_ = false;    ///< compiling for nobody who waits
  std::string texts_digest_;   ///< of the ruleset whose texts are in use
  TimeNs rules_due_ = 0;       ///< the next try to put the configured rules into force
  std::vector<IdleSetEntries> idle_sets_;  ///< told in the log
  bool is_unsaved_ = false;
  bool is_way_back_closed_ = false;  ///< told in the log already
  std::vector<std::string> restart_reasons_;
  TimeNs reasons_due_ = 0;
  TimeNs retry_at_ = 0;  ///< of what was to be put or taken back
};

/// What status, metrics and health show of it: mode, configuration, reloads, bypasses, generation.
void describe(const Reload& reload, ControlFacts& facts);

}  // namespace sluice
