// What the control thread knows and the window does not show. The control thread fills its
// `ControlFacts` once per turn and publishes them; whoever serves HTTP reads the copy.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "control/event_sink.h"
#include "control/observe/health.h"

namespace sluice {

/// What the control thread may be away from its event loop for, at most.
inline constexpr DurationNs kLongTurn = kNsPerMs;

struct ReloadCounts {
  std::uint64_t ok = 0;
  std::uint64_t invalid = 0;  ///< the file had errors
  std::uint64_t failed = 0;   ///< not built, or refused by the wire process
  TimeNs last_at = 0;         ///< 0 = none yet
  bool has_last_failed = false;
};

struct ConfigFacts {
  std::string path;
  std::string digest;
  TimeNs loaded_at = 0;
  TimeNs confirm_by = 0;  ///< 0 = nothing waits to be confirmed
  Mode mode_in_file = Mode::enforce;
  std::string mode_set_by;  ///< empty = the mode is the file's
  std::vector<std::string> restart_pending;
};

struct RulesFacts {
  bool is_configured = false;
  bool is_compiling = false;
  std::string error;             ///< why the rules in force are not all that are configured
  std::uint64_t stages_set = 0;  ///< rules whose stage an operator set
  std::uint64_t exceptions = 0;  ///< of the configuration, ended or not
};

/// Entries of one set.
struct SetFacts {
  std::string name;
  std::uint64_t from_file = 0;
  std::uint64_t added = 0;  ///< by operators
};

/// Hits of the rules with the most of them, and of all others.
struct RuleHitFacts {
  struct Row {
    std::string rule;  ///< its id, behind its gid where that is not 1
    std::string name;
    std::uint64_t hits = 0;
  };
  std::vector<Row> rules;
  std::uint64_t others = 0;
};

struct ControlFacts {
  // Since the control process began.
  std::string version;
  std::int32_t pid = 0;
  TimeNs started = 0;  ///< of the control process
  TimeNs turned_at = 0;
  std::uint64_t turns = 0;
  DurationNs turn_late = 0;      ///< worst within the last second
  DurationNs longest_turn = 0;   ///< from waking up for something to the next look for more
  std::uint64_t long_turns = 0;  ///< of more than kLongTurn
  // Policy and configuration.
  std::uint64_t generation = 0;
  Mode mode = Mode::enforce;
  ConfigFacts config;
  LimitsConfig limits;
  RulesFacts rules;
  RuleHitFacts rule_hits;
  ReloadCounts reloads;
  std::vector<SetFacts> sets;
  std::uint64_t set_changes = 0;
  std::uint64_t bypasses = 0;
  // Recorder, files and clients.
  EventCounts events;
  std::uint64_t journal_failures = 0;
  std::uint64_t rule_blocks = 0;          ///< that rules asked for and got
  std::uint64_t rule_blocks_refused = 0;  ///< that they did not get
  std::uint64_t audit_failures = 0;
  std::uint64_t clients = 0;
  std::uint64_t clients_refused = 0;
  std::uint64_t requests = 0;
  std::uint64_t followers = 0;
  std::uint64_t followers_lost = 0;  ///< events that slow followers missed
  std::string http_error;
  // Written by WireView.
  std::vector<DurationNs> worker_quiet;  ///< since each worker's heartbeat moved, at `turned_at`
  DurationNs keeper_quiet = 0;
  HealthReport health;
};

class SharedFacts {
 public:
  void publish(const ControlFacts& facts) {
    const std::lock_guard lock(mutex_);
    facts_ = facts;
  }
  [[nodiscard]] ControlFacts copy() const {
    const std::lock_guard lock(mutex_);
    return facts_;
  }

 private:
  mutable std::mutex mutex_;
  ControlFacts facts_;
};

}  // namespace sluice
