#include "control/observe/health.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

using enum HealthState;

constexpr unsigned kWorseLooks = 3;
constexpr unsigned kBetterLooks = 5;
constexpr unsigned kScoreMin = 40;
constexpr DurationNs kRestartIsNews = 600 * kNsPerSecond;

struct Bounds {
  DurationNs degraded;
  DurationNs unhealthy;
};
// Of heartbeats and of the control thread's turns.
constexpr Bounds kWorkerQuiet{500 * kNsPerMs, 2 * kNsPerSecond};
constexpr Bounds kKeeperQuiet{2 * kNsPerSecond, 10 * kNsPerSecond};
constexpr Bounds kTurnLate{200 * kNsPerMs, 2 * kNsPerSecond};

Look fine() { return {}; }

HealthState beyond(DurationNs value, Bounds bounds) noexcept {
  if (value >= bounds.unhealthy) return unhealthy;
  return value >= bounds.degraded ? degraded : healthy;
}

double seconds(DurationNs duration) noexcept { return static_cast<double>(duration) / 1e9; }

Look look_at_workers(const HealthInputs& in) {
  const HealthState state = beyond(in.worker_quiet, kWorkerQuiet);
  if (state == healthy) return fine();
  return {state, fmt::format("worker {} has not moved for {:.1f} s", in.quiet_worker,
                             seconds(in.worker_quiet))};
}

Look look_at_keeper(const HealthInputs& in) {
  const HealthState state = beyond(in.keeper_quiet, kKeeperQuiet);
  if (state == healthy) return fine();
  return {state, fmt::format("the keeper has not moved for {:.1f} s", seconds(in.keeper_quiet))};
}

Look look_at_policy(const HealthInputs& in) {
  if (in.generation == 0) return {unhealthy, "no policy is in force yet"};
  if (in.oldest_generation < in.generation) {
    return {degraded, fmt::format("a worker obeys generation {} while {} is in force",
                                  in.oldest_generation, in.generation)};
  }
  return fine();
}

Look look_at_ports(const HealthInputs& in) {
  if (in.ports_down == 0) return fine();
  const std::string reason = fmt::format("{} of {} ports have no carrier, the first is {}",
                                         in.ports_down, in.ports, in.port_down);
  return {in.pairs_up == 0 ? unhealthy : degraded, reason};
}

Look look_at_control_loop(const HealthInputs& in) {
  const HealthState state = beyond(in.turn_late, kTurnLate);
  if (state == healthy) return fine();
  return {state,
          fmt::format("a turn of the control thread came {:.1f} s late", seconds(in.turn_late))};
}

Look look_at_control_restarts(const HealthInputs& in) {
  if (in.control_starts <= 1 || in.control_age >= kRestartIsNews) return fine();
  return {degraded, fmt::format("the control process was started again {:.0f} s ago, {} times now",
                                seconds(in.control_age), in.control_starts - 1)};
}

Look look_at_flow_table(const HealthInputs& in) {
  if (in.flow_table_percent < 85) return fine();
  return {in.flow_table_percent < 98 ? degraded : unhealthy,
          fmt::format("the flow table is {:.0f} % full", in.flow_table_percent)};
}

// A pool has a sixteenth more than fills every ring: less than that is in nobody's plan.
Look look_at_packet_buffers(const HealthInputs& in) {
  if (in.mbufs_free_percent >= 5) return fine();
  return {in.mbufs_free_percent >= 1 ? degraded : unhealthy,
          fmt::format("{:.1f} % of a pair's packet buffers are free", in.mbufs_free_percent)};
}

Look look_at_overload(const HealthInputs& in) {
  if (in.shed_level == 0) return fine();
  return {degraded, fmt::format("workers shed work, level {}", in.shed_level)};
}

Look look_at_rules(const HealthInputs& in) {
  const std::string error = in.rules_error.substr(0, in.rules_error.find('\n'));
  if (in.lacks_ruleset && error.empty()) return {degraded, "no ruleset is in force yet"};
  if (in.lacks_ruleset) return {unhealthy, "no ruleset is in force: " + error};
  return error.empty() ? fine() : Look{degraded, error};
}

Look look_at_count(std::uint64_t count, std::string_view what) {
  return count == 0 ? fine() : Look{degraded, fmt::format("{} {}", count, what)};
}

Look look_at_reload(const HealthInputs& in) {
  if (in.has_reload_failed) return {degraded, "the last reload failed"};
  if (in.is_confirm_pending) return {degraded, "a reload waits to be confirmed"};
  return fine();
}

Look look_at_http(const HealthInputs& in) {
  return in.http_error.empty() ? fine() : Look{degraded, in.http_error};
}

struct PartRow {
  HealthPart part;
  std::string_view name;
  unsigned weight;
  bool is_vital;
  Look (*look)(const HealthInputs&);
};

constexpr std::array<PartRow, kHealthParts> kParts{{
    {HealthPart::workers, "workers", 100, true, look_at_workers},
    {HealthPart::keeper, "keeper", 60, true, look_at_keeper},
    {HealthPart::policy, "policy", 60, true, look_at_policy},
    {HealthPart::ports, "ports", 60, true, look_at_ports},
    {HealthPart::control_loop, "control loop", 20, false, look_at_control_loop},
    {HealthPart::control_restarts, "control restarts", 10, false, look_at_control_restarts},
    {HealthPart::flow_table, "flow table", 20, false, look_at_flow_table},
    {HealthPart::packet_buffers, "packet buffers", 30, false, look_at_packet_buffers},
    {HealthPart::overload, "overload", 20, false, look_at_overload},
    {HealthPart::rules, "rules", 30, false, look_at_rules},
    {HealthPart::event_recorder, "event recorder", 16, false,
     [](const HealthInputs& in) {
       return look_at_count(in.events_lost, "events were not written in the last 10 s");
     }},
    {HealthPart::event_lanes, "event lanes", 10, false,
     [](const HealthInputs& in) {
       return look_at_count(in.lane_records_lost, "records found their lane full in the last 10 s");
     }},
    {HealthPart::blocks_journal, "blocks journal", 14, false,
     [](const HealthInputs& in) {
       return look_at_count(in.journal_failures, "writes failed in the last minute");
     }},
    {HealthPart::audit_log, "audit log", 14, false,
     [](const HealthInputs& in) {
       return look_at_count(in.audit_failures, "writes failed in the last minute");
     }},
    {HealthPart::reload, "reload", 10, false, look_at_reload},
    {HealthPart::http, "http", 10, false, look_at_http},
}};

consteval bool rows_stand_at_their_part() {
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    if (static_cast<std::size_t>(kParts[i].part) != i) return false;
  }
  return true;
}
static_assert(rows_stand_at_their_part());

void sum_up(HealthReport& report) noexcept {
  unsigned lost = 0;
  bool is_vital_lost = false;
  bool is_all_well = true;
  for (std::size_t i = 0; i < kHealthParts; ++i) {
    const HealthState state = report.parts[i].state;
    if (state == healthy) continue;
    is_all_well = false;
    lost += state == unhealthy ? kParts[i].weight : kParts[i].weight / 2;
    is_vital_lost |= state == unhealthy && kParts[i].is_vital;
  }
  report.score = 100 - std::min(lost, 100U);
  const bool is_lost = is_vital_lost || report.score < kScoreMin;
  report.state = is_lost ? unhealthy : is_all_well ? healthy : degraded;
}

}  // namespace

std::string_view name_of(HealthState state) noexcept {
  switch (state) {
    case healthy:
      return "healthy";
    case degraded:
      return "degraded";
    case unhealthy:
      return "unhealthy";
  }
  return "unknown";
}

std::string_view name_of(HealthPart part) noexcept {
  const auto row = static_cast<std::size_t>(part);
  return row < kHealthParts ? kParts[row].name : "unknown";
}

std::array<Look, kHealthParts> look_at(const HealthInputs& inputs) {
  std::array<Look, kHealthParts> looks;
  for (std::size_t i = 0; i < kHealthParts; ++i) looks[i] = kParts[i].look(inputs);
  return looks;
}

void Health::learn(PartHealth& part, Trend& trend, Look look, TimeNs now) {
  part.failures = look.state == healthy ? 0 : part.failures + 1;
  if (look.state > part.state) {
    trend.best_of_worse = trend.worse == 0 ? look.state : std::min(trend.best_of_worse, look.state);
    ++trend.worse;
    trend.better = 0;
  } else if (look.state < part.state) {
    trend.worst_of_better =
        trend.better == 0 ? look.state : std::max(trend.worst_of_better, look.state);
    ++trend.better;
    trend.worse = 0;
  } else {
    trend = {};
    part.reason = std::move(look.reason);
    return;
  }
  const bool is_worse = trend.worse >= kWorseLooks;
  if (!is_worse && trend.better < kBetterLooks) return;
  part.state = is_worse ? trend.best_of_worse : trend.worst_of_better;
  part.reason = std::move(look.reason);
  part.since = now;
  trend = {};
}

const HealthReport& Health::evaluate(TimeNs now, const HealthInputs& inputs) {
  std::array<Look, kHealthParts> looks = look_at(inputs);
  for (std::size_t i = 0; i < kHealthParts; ++i) {
    if (report_.parts[i].since == 0) report_.parts[i].since = now;
    learn(report_.parts[i], trends_[i], std::move(looks[i]), now);
  }
  sum_up(report_);
  report_.is_ready = inputs.generation != 0 && inputs.oldest_generation != 0 &&
                     inputs.pairs_up != 0 && inputs.worker_quiet < kWorkerQuiet.unhealthy &&
                     !inputs.lacks_ruleset;
  return report_;
}

}  // namespace sluice
