// Whether the gateway can do its work: every part looked at once a second, with a verdict that one
// bad look does not change. Control thread; a report is a plain value that others may have a copy
// of.
//
// Score: 100 minus, for every part, its weight where it is unhealthy and half of it where it is
// degraded; never below 0. Weights stand in the table of parts (health.cc): 100 workers, 60
// keeper, policy and ports, 30 packet buffers and rules, 20 control loop, flow table and overload,
// 16 event recorder, 14 blocks journal and audit log, 10 event lanes, reload, control restarts and
// http. State: unhealthy where a vital part (workers, keeper, policy, ports) is unhealthy or the
// score is below 40; else degraded where any part is not healthy; else healthy. Hysteresis: a part
// gets worse after three bad looks in a row, to the best of the three; it gets better after five
// better looks in a row, to the worst of the five.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace sluice {

enum class HealthState : std::uint8_t { healthy, degraded, unhealthy };
[[nodiscard]] std::string_view name_of(HealthState state) noexcept;

enum class HealthPart : std::uint8_t {
  workers,
  keeper,
  policy,
  ports,
  control_loop,
  control_restarts,
  flow_table,
  packet_buffers,
  overload,
  rules,
  event_recorder,
  event_lanes,
  blocks_journal,
  audit_log,
  reload,
  http,
  count_,
};
inline constexpr std::size_t kHealthParts = static_cast<std::size_t>(HealthPart::count_);
[[nodiscard]] std::string_view name_of(HealthPart part) noexcept;

/// All that is looked at. "Recently" = within the last ten seconds, for the journal and the audit
/// log within the last minute.
struct HealthInputs {
  DurationNs worker_quiet = 0;  ///< since the heartbeat of `quiet_worker` last moved
  unsigned quiet_worker = 0;
  DurationNs keeper_quiet = 0;
  DurationNs turn_late = 0;  ///< worst of the control thread's recent turns
  std::uint64_t generation = 0;
  std::uint64_t oldest_generation = 0;  ///< that a worker still uses
  unsigned ports = 0;
  unsigned ports_down = 0;
  unsigned pairs_up = 0;  ///< pairs with carrier on both ports
  std::string port_down;  ///< the first
  std::uint64_t control_starts = 1;
  DurationNs control_age = 0;  ///< since this control process started
  double flow_table_percent = 0;
  double mbufs_free_percent = 100;  ///< of the pool that has least
  std::uint64_t shed_level = 0;
  bool lacks_ruleset = false;     ///< rules are configured and none are in force
  std::string rules_error;        ///< why the rules in force are not all that are configured
  std::uint64_t events_lost = 0;  ///< recently, as are the next three
  std::uint64_t lane_records_lost = 0;
  std::uint64_t journal_failures = 0;
  std::uint64_t audit_failures = 0;
  bool has_reload_failed = false;  ///< the last one
  bool is_confirm_pending = false;
  std::string http_error;  ///< why there is no HTTP although it is configured
};

struct PartHealth {
  HealthState state = HealthState::healthy;
  std::string reason;          ///< of the state; empty where healthy
  std::uint64_t failures = 0;  ///< bad looks in a row up to now
  TimeNs since = 0;            ///< of the state
};

struct HealthReport {
  HealthState state = HealthState::healthy;
  unsigned score = 100;
  /// Forwarding under a policy: some pair has both links up, every worker obeys, and rules are in
  /// force where there are to be any.
  bool is_ready = false;
  std::array<PartHealth, kHealthParts> parts;
  [[nodiscard]] const PartHealth& of(HealthPart part) const noexcept {
    return parts[static_cast<std::size_t>(part)];
  }
};

/// What one look at one part says, without memory.
struct Look {
  HealthState state = HealthState::healthy;
  std::string reason;
};
[[nodiscard]] std::array<Look, kHealthParts> look_at(const HealthInputs& inputs);

class Health {
 public:
  /// One look, with what was seen before. Meant for once a second.
  const HealthReport& evaluate(TimeNs now, const HealthInputs& inputs);
  [[nodiscard]] const HealthReport& report() const noexcept { return report_; }

 private:
  struct Trend {
    unsigned worse = 0;  ///< looks in a row that were worse than the state
    unsigned better = 0;
    HealthState best_of_worse = HealthState::unhealthy;
    HealthState worst_of_better = HealthState::healthy;
  };
  static void learn(PartHealth& part, Trend& trend, Look look, TimeNs now);

  HealthReport report_;
  std::array<Trend, kHealthParts> trends_;
};

}  // namespace sluice
