// Changes of what is in force: reload, confirm, revert, mode, bypasses. All wait in one queue
// (confirm and revert in front) and run one after another: read and built in a child, published to
// the wire process, acknowledged by every worker, remembered, answered. What fails leaves what is
// in force. The configuration file itself is never written. Control thread only; nothing blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/bypasses.h"
#include "control/commands.h"
#include "control/config_child.h"
#include "control/keeper_link.h"
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

/// Called once, in a later turn or now.
template <class T>
using Answer = std::function<void(Result<T>)>;

/// For metrics and health.
struct ReloadFacts {
  std::uint64_t succeeded = 0;
  std::uint64_t invalid = 0;   ///< the file had errors
  std::uint64_t failed = 0;    ///< not read, or not taken by the wire process
  std::uint64_t reverted = 0;  ///< by a request, or because nobody confirmed
  std::string last_result;     ///< "succeeded", "invalid", "failed"; empty before the first
  TimeNs last_at = 0;
};

struct ReloadSetup {
  std::string config_path;
  std::string state_dir;
  TimeNs wire_started = 0;  ///< WindowHeader::started
  std::vector<std::string> pair_names;
  ConfigReader read;
  /// After every change that is in force, and at the start; may be empty.
  std::function<void(const LiveOptions&, Mode)> applied;
  /// After every reload of the file; may be empty.
  std::function<void(const ConfigEntry&)> reloaded = {};
};

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
  /// The last state could not be written: a restart of the control process would not know it.
  [[nodiscard]] bool has_unsaved_state() const noexcept { return is_unsaved_; }

 private:
  using ReloadWaiters = std::vector<Answer<ReloadAnswer>>;
  /// Each kind has its own bound: nobody who may do the one keeps out who may do the other.
  enum class JobKind : std::uint8_t {
    way_out,  ///< confirm and revert: before everything else that waits
    change,
    bypass,
    look,  ///< changes nothing: after everything else
  };
  struct Job {
    std::function<void()> run;  ///< ends with `finish`
    JobKind kind = JobKind::change;
    std::shared_ptr<ReloadWaiters> joinable = nullptr;  ///< a reload that others may share
  };
  /// What is to be in force.
  struct Target {
    PolicySettings settings;
    OwnedFd lists;  ///< `encode_lists`, sealed; not open: those in force stay
    std::optional<ModeOverride> mode;
    Bypasses bypasses;
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
  void note(const char* result);
  void look_for_restart_reasons(TimeNs now);
  void warn_of_ended_bypasses(const RuntimeState& state) const;

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
  [[nodiscard]] ReloadAnswer adopt_read(const ReloadRequest& request, ConfigDigest digest,
                                        std::uint64_t generation);
  void end_reload(const ReloadRequest& request, const Result<ReloadAnswer>& result);
  [[nodiscard]] Result<std::uint64_t> revert_target(const RevertRequest& request) const;
  void run_revert(const RevertRequest& request);
  void publish_entry(const RevertRequest& request, std::uint64_t id, OwnedFd lists);
  void end_revert(const RevertRequest& request, Result<RevertAnswer> result);
  void run_confirm(const Answer<std::uint64_t>& answer);
  void run_mode(const std::string& by, Mode mode, const Answer<std::uint64_t>& answer);
  void run_bypasses(const BypassChange& change, const Answer<BypassAnswer>& answer);
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
  bool is_unsaved_ = false;
  bool is_way_back_closed_ = false;  ///< told in the log already
  std::vector<std::string> restart_reasons_;
  TimeNs reasons_due_ = 0;
  TimeNs retry_at_ = 0;  ///< of what was to be put or taken back
};

/// What status, metrics and health show of it: mode, configuration, reloads, bypasses, generation.
void describe(const Reload& reload, ControlFacts& facts);

}  // namespace sluice
