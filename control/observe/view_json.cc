#include "control/observe/view_json.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "control/observe/rules_state.h"
#include "control/protocol.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::size_t kTopDrops = 10;

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

json time_or_null(TimeNs time) { return time == 0 ? json() : json(time_text(time)); }

double seconds_between(TimeNs from, TimeNs to) noexcept {
  return to > from ? static_cast<double>(to - from) / 1e9 : 0.0;
}

/// One decimal is as much as anybody reads.
double rounded(double value) noexcept {
  return static_cast<double>(static_cast<std::uint64_t>(value * 10 + 0.5)) / 10;
}

json health_summary(const HealthReport& health) {
  return {{"state", name_of(health.state)}, {"score", health.score}};
}

json rates_json(const WireRates& rates) {
  return {{"received_pps", rounded(rates.received_pps)},
          {"received_bps", rounded(rates.received_bps)},
          {"forwarded_pps", rounded(rates.forwarded_pps)},
          {"forwarded_bps", rounded(rates.forwarded_bps)},
          {"dropped_pps", rounded(rates.dropped_pps)}};
}

json config_json(const ConfigFacts& config, TimeNs now) {
  json confirm;
  if (config.confirm_by != 0) {
    confirm = {{"by_at", time_text(config.confirm_by)},
               {"seconds_left", seconds_between(now, config.confirm_by)}};
  }
  return {{"path", config.path},
          {"digest", config.digest},
          {"loaded_at", time_or_null(config.loaded_at)},
          {"confirm", confirm}};
}

json ports_json(const WireReading& wire, const WireRates& rates) {
  json ports = json::array();
  for (std::size_t i = 0; i < wire.ports.size(); ++i) {
    const PortReading& port = wire.ports[i];
    const PortRates& rate = rates.ports[i];
    ports.push_back({{"name", port.name},
                     {"link", port.has_carrier ? "up" : "down"},
                     {"rx_packets", port.counters.rx_packets},
                     {"rx_bytes", port.counters.rx_bytes},
                     {"tx_packets", port.counters.tx_packets},
                     {"tx_bytes", port.counters.tx_bytes},
                     {"rx_pps", rounded(rate.rx_pps)},
                     {"rx_bps", rounded(rate.rx_bps)},
                     {"tx_pps", rounded(rate.tx_pps)},
                     {"tx_bps", rounded(rate.tx_bps)},
                     {"lost_before_receive", port.lost_before_receive},
                     {"lost_after_transmit", port.lost_after_transmit}});
  }
  return ports;
}

json packets_json(const WorkerCounters& total) {
  return {{"received", total.rx_packets},
          {"forwarded", total.forwarded},
          {"dropped", sum_of(total.dropped)},
          {"held", total.held},
          {"would_drop", sum_of(total.would_drop)},
          {"bypassed", total.bypassed},
          {"generated", total.generated}};
}

// --- stats --------------------------------------------------------------------------------------

struct CounterRow {
  std::string_view name;
  std::uint64_t WorkerCounters::*member;
};
constexpr CounterRow kCounters[] = {
    {"rx_packets", &WorkerCounters::rx_packets},
    {"rx_bytes", &WorkerCounters::rx_bytes},
    {"forwarded", &WorkerCounters::forwarded},
    {"forwarded_bytes", &WorkerCounters::forwarded_bytes},
    {"generated", &WorkerCounters::generated},
    {"held", &WorkerCounters::held},
    {"handed_out", &WorkerCounters::handed_out},
    {"handed_in", &WorkerCounters::handed_in},
    {"flows_created", &WorkerCounters::flows_created},
    {"flows_ended", &WorkerCounters::flows_ended},
    {"flows_active", &WorkerCounters::flows_active},
    {"half_open_active", &WorkerCounters::half_open_active},
    {"out_of_state", &WorkerCounters::out_of_state},
    {"midstream", &WorkerCounters::midstream},
    {"flow_records_lost", &WorkerCounters::flow_records_lost},
    {"drop_records_lost", &WorkerCounters::drop_records_lost},
    {"polls", &WorkerCounters::polls},
    {"busy_polls", &WorkerCounters::busy_polls},
    {"bursts", &WorkerCounters::bursts},
    {"full_bursts", &WorkerCounters::full_bursts},
    {"generation", &WorkerCounters::generation},
    {"bypassed", &WorkerCounters::bypassed},
    {"bypassed_bytes", &WorkerCounters::bypassed_bytes},
    {"busy_ns", &WorkerCounters::busy_ns},
    {"shed_level", &WorkerCounters::shed_level},
    {"shed_steps", &WorkerCounters::shed_steps},
    {"flows_shed", &WorkerCounters::flows_shed},
    {"records_shed", &WorkerCounters::records_shed},
    {"alerts", &WorkerCounters::alerts},
    {"alerts_lost", &WorkerCounters::alerts_lost},
    {"rule_hits", &WorkerCounters::rule_hits},
    {"rules_shadowed", &WorkerCounters::rules_shadowed},
    {"rules_excepted", &WorkerCounters::rules_excepted},
    {"window_exhausted", &WorkerCounters::window_exhausted},
    {"rule_candidates", &WorkerCounters::rule_candidates},
    {"inspected_bytes", &WorkerCounters::inspected_bytes},
    {"inspected_flows", &WorkerCounters::inspected_flows},
    {"inspection_memory", &WorkerCounters::inspection_memory},
    {"stream_gap_bytes", &WorkerCounters::stream_gap_bytes},
    {"uninspected", &WorkerCounters::uninspected},
    {"transactions", &WorkerCounters::transactions},
    {"transactions_lost", &WorkerCounters::transactions_lost},
    {"anomalies", &WorkerCounters::anomalies},
    {"anomalies_lost", &WorkerCounters::anomalies_lost},
};
static_assert(sizeof(WorkerCounters) / 8 == std::size(kCounters) + 2 * kDropReasonCount +
                                                kCapacityEventCount +
                                                kPortsMax * sizeof(PortCounters) / 8,
              "a counter has no row");

json by_reason(const std::array<std::uint64_t, kDropReasonCount>& counts) {
  json object = json::object();
  for (const DropReasonRow& row : drop_reason_table()) {
    if (row.reason == DropReason::none) continue;
    object[std::string(row.name)] = counts[static_cast<std::size_t>(row.reason)];
  }
  return object;
}

json counters_json(const WorkerCounters& counters, const WireReading& wire) {
  json object = json::object();
  for (const CounterRow& row : kCounters) object[std::string(row.name)] = counters.*row.member;
  object["dropped"] = by_reason(counters.dropped);
  object["would_drop"] = by_reason(counters.would_drop);
  json& capacity = object["capacity"] = json::object();
  for (std::size_t i = 0; i < kCapacityEventCount; ++i) {
    capacity[std::string(name_of(static_cast<CapacityEvent>(i)))] = counters.capacity[i];
  }
  json& ports = object["ports"] = json::object();
  for (std::size_t i = 0; i < wire.ports.size(); ++i) {
    const PortCounters& port = counters.ports[i];
    ports[wire.ports[i].name] = {{"rx_packets", port.rx_packets},
                                 {"rx_bytes", port.rx_bytes},
                                 {"tx_packets", port.tx_packets},
                                 {"tx_bytes", port.tx_bytes}};
  }
  return object;
}

// --- drops and top ------------------------------------------------------------------------------

struct DropCount {
  const DropReasonRow* row;
  std::uint64_t packets;
  std::uint64_t would_drop;
  double per_second;
};

/// Largest first, those that never occurred last.
std::vector<DropCount> drop_counts(const WorkerCounters& total, const WireRates& rates) {
  std::vector<DropCount> counts;
  for (const DropReasonRow& row : drop_reason_table()) {
    const auto i = static_cast<std::size_t>(row.reason);
    if (row.reason == DropReason::none) continue;
    counts.push_back({&row, total.dropped[i], total.would_drop[i], rates.dropped[i]});
  }
  std::stable_sort(counts.begin(), counts.end(), [](const DropCount& a, const DropCount& b) {
    return a.packets + a.would_drop > b.packets + b.would_drop;
  });
  return counts;
}

json top_drops(const WorkerCounters& total, const WireRates& rates) {
  std::vector<DropCount> counts = drop_counts(total, rates);
  std::stable_sort(counts.begin(), counts.end(), [](const DropCount& a, const DropCount& b) {
    return a.per_second > b.per_second;
  });
  json drops = json::array();
  for (const DropCount& count : counts) {
    if (count.packets == 0 || drops.size() == kTopDrops) continue;
    drops.push_back({{"reason", count.row->name},
                     {"per_second", rounded(count.per_second)},
                     {"packets", count.packets}});
  }
  return drops;
}

json loads_json(const WireView& view) {
  const std::vector<WorkerLoad> loads = view.loads();
  json workers = json::array();
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const WorkerCounters& counters = view.last().workers[i].counters;
    workers.push_back({{"worker", i},
                       {"busy_percent", rounded(loads[i].busy_percent)},
                       {"pps", rounded(loads[i].pps)},
                       {"full_burst_percent", rounded(loads[i].full_burst_percent)},
                       {"shed_level", counters.shed_level},
                       {"flows", counters.flows_active}});
  }
  return workers;
}

json headroom_json(const Headroom& headroom) {
  json full;
  if (headroom.seconds_to_full) full = rounded(*headroom.seconds_to_full);
  return {{"flow_table_percent", rounded(headroom.flow_table_percent)},
          {"half_open_percent", rounded(headroom.half_open_percent)},
          {"mbufs_free_low_percent", rounded(headroom.mbufs_free_low_percent)},
          {"block_percent", rounded(headroom.block_percent)},
          {"seconds_to_full", full}};
}

json latency_json(const LatencySummary& latency) {
  return {{"p50_us", latency.p50_us},
          {"p95_us", latency.p95_us},
          {"p99_us", latency.p99_us},
          {"packets", latency.packets}};
}

json rules_json(const KeeperReading& keeper, const RulesFacts& facts) {
  return {{"state", rules_state(keeper.ruleset, facts)},
          {"count", keeper.rules},
          {"is_compiling", facts.is_compiling},
          {"error", text_or_null(facts.error)},
          {"stages_set", facts.stages_set},
          {"exceptions", facts.exceptions}};
}

}  // namespace

json status_json(WireView& view, const HealthReport& health, TimeNs now) {
  const WireReading& wire = view.look();
  const WireRates rates = view.rates();
  const ControlFacts& facts = view.facts();
  const WorkerCounters& total = wire.total;
  return {{"program", facts.version},
          {"control_pid", facts.pid},
          {"uptime_seconds", seconds_between(wire.started, now)},
          {"mode", name_of(facts.mode)},
          {"mode_in_file", name_of(facts.config.mode_in_file)},
          {"mode_set_by", text_or_null(facts.config.mode_set_by)},
          {"generation", wire.keeper.generation},
          {"config", config_json(facts.config, now)},
          {"restart_pending", facts.config.restart_pending},
          {"workers", wire.workers.size()},
          {"ports", ports_json(wire, rates)},
          {"packets", packets_json(total)},
          {"rates", rates_json(rates)},
          {"flows",
           {{"active", total.flows_active},
            {"capacity", wire.flow_capacity},
            {"half_open", total.half_open_active},
            {"half_open_capacity", wire.half_open_capacity},
            {"created_per_second", rounded(rates.flows_created)}}},
          {"blocks", {{"active", wire.keeper.blocks_active}, {"capacity", wire.block_capacity}}},
          {"rules", rules_json(wire.keeper, facts.rules)},
          {"bypasses", facts.bypasses},
          {"shed_level", total.shed_level},
          {"health", health_summary(health)},
          {"events",
           {{"written", facts.events.written},
            {"lost", facts.events.lost_queue + facts.events.lost_file}}}};
}

json stats_json(WireView& view) {
  const WireReading& wire = view.look();
  json workers = json::array();
  for (std::size_t i = 0; i < wire.workers.size(); ++i) {
    json& worker = workers.emplace_back(counters_json(wire.workers[i].counters, wire));
    worker["worker"] = i;
  }
  return {{"totals", counters_json(wire.total, wire)}, {"workers", std::move(workers)}};
}

json drops_json(WireView& view, bool all) {
  json items = json::array();
  const WireReading& wire = view.look();
  for (const DropCount& count : drop_counts(wire.total, view.rates())) {
    if (!all && count.packets == 0 && count.would_drop == 0) continue;
    items.push_back({{"reason", count.row->name},
                     {"station", count.row->station},
                     {"packets", count.packets},
                     {"per_second", rounded(count.per_second)},
                     {"would_drop", count.would_drop},
                     {"meaning", count.row->meaning}});
  }
  return {{"items", std::move(items)}};
}

json top_json(WireView& view, const HealthReport& health) {
  const WireReading& wire = view.look();
  const WireRates rates = view.rates();
  return {{"rates", rates_json(rates)},
          {"workers", loads_json(view)},
          {"latency", latency_json(view.latency())},
          {"drops", top_drops(wire.total, rates)},
          {"flows", json::array()},
          {"headroom", headroom_json(view.headroom())},
          {"health", health_summary(health)},
          {"mode", name_of(view.facts().mode)},
          {"generation", wire.keeper.generation}};
}

json health_json(const HealthReport& health, bool is_detailed) {
  json answer = health_summary(health);
  if (!is_detailed) return answer;
  json& parts = answer["parts"] = json::array();
  for (std::size_t i = 0; i < kHealthParts; ++i) {
    const PartHealth& part = health.parts[i];
    parts.push_back({{"name", name_of(static_cast<HealthPart>(i))},
                     {"state", name_of(part.state)},
                     {"reason", part.reason},
                     {"failures", part.failures},
                     {"since_at", time_or_null(part.since)}});
  }
  return answer;
}

}  // namespace sluice
