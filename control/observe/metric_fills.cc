#include "control/observe/metric_fills.h"

#include <limits>

#include "control/observe/rules_state.h"

namespace sluice {

void Samples::add(double value, std::initializer_list<Label> labels) {
  prometheus::ClientMetric& metric = family_.metric.emplace_back();
  for (const auto& [name, text] : labels) metric.label.push_back({name, std::string(text)});
  (family_.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) =
      value;
}

/// One bound a doubling: the last of the four buckets of each.
void Samples::histogram(const WorkerTimings& timings) {
  auto& histogram = family_.metric.emplace_back().histogram;
  std::uint64_t packets = 0;
  for (std::size_t i = 0; i < kLatencyBuckets; ++i) {
    packets += timings.latency[i];
    const bool is_bounded = i % 4 == 3 && i + 1 < kLatencyBuckets;
    if (is_bounded)
      histogram.bucket.push_back({packets, metric_fills::seconds(latency_bound_ns(i))});
  }
  histogram.bucket.push_back({packets, std::numeric_limits<double>::infinity()});
  histogram.sample_count = packets;
  histogram.sample_sum = metric_fills::seconds(timings.latency_ns);
}

namespace metric_fills {

void capacity_events(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < kCapacityEventCount; ++i) {
    out.add(in.wire.total.capacity[i], {{"event", name_of(static_cast<CapacityEvent>(i))}});
  }
}

void lane_records(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < in.wire.workers.size(); ++i) {
    const std::string worker = std::to_string(i);
    out.add(in.wire.workers[i].flow_lane_records, {{"worker", worker}, {"lane", "flow"}});
    out.add(in.wire.workers[i].drop_lane_records, {{"worker", worker}, {"lane", "drop"}});
    out.add(in.wire.workers[i].inspect_lane_records, {{"worker", worker}, {"lane", "inspect"}});
  }
}

void lane_records_lost(const MetricInputs& in, Samples& out) {
  out.add(in.wire.total.flow_records_lost, {{"lane", "flow"}});
  out.add(in.wire.total.drop_records_lost, {{"lane", "drop"}});
  out.add(inspect_records_lost(in.wire.total), {{"lane", "inspect"}});
}

void events_lost(const MetricInputs& in, Samples& out) {
  out.add(in.facts.events.lost_queue, {{"cause", "queue"}});
  out.add(in.facts.events.lost_file, {{"cause", "file"}});
}

void busy_seconds(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < in.wire.workers.size(); ++i) {
    out.add(seconds(in.wire.workers[i].counters.busy_ns), {{"worker", std::to_string(i)}});
  }
}

void worker_heartbeats(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < in.wire.workers.size(); ++i) {
    out.add(in.wire.workers[i].heartbeat, {{"worker", std::to_string(i)}});
  }
}

void worker_heartbeat_age(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < in.facts.worker_quiet.size(); ++i) {
    out.add(seconds(in.facts.worker_quiet[i]), {{"worker", std::to_string(i)}});
  }
}

void rules_states(const MetricInputs& in, Samples& out) {
  const std::string_view holds = rules_state(in.wire.keeper.ruleset, in.facts.rules);
  for (const std::string_view state : kRulesStates) out.add(state == holds, {{"state", state}});
}

void reloads(const MetricInputs& in, Samples& out) {
  out.add(in.facts.reloads.ok, {{"result", "ok"}});
  out.add(in.facts.reloads.invalid, {{"result", "invalid"}});
  out.add(in.facts.reloads.failed, {{"result", "failed"}});
}

void rule_hits(const MetricInputs& in, Samples& out) {
  for (const RuleHitFacts::Row& row : in.facts.rule_hits.rules) {
    out.add(row.hits, {{"rule", row.rule}, {"name", row.name}});
  }
  out.add(in.facts.rule_hits.others, {{"rule", "other"}, {"name", ""}});
}

void set_entries(const MetricInputs& in, Samples& out) {
  for (const SetFacts& set : in.facts.sets) {
    out.add(set.from_file, {{"set", set.name}, {"origin", "file"}});
    out.add(set.added, {{"set", set.name}, {"origin", "added"}});
  }
}

void health_states(const MetricInputs& in, Samples& out) {
  for (const auto state : {HealthState::healthy, HealthState::degraded, HealthState::unhealthy}) {
    out.add(in.facts.health.state == state, {{"state", name_of(state)}});
  }
}

void health_parts(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < kHealthParts; ++i) {
    out.add(static_cast<double>(in.facts.health.parts[i].state),
            {{"part", name_of(static_cast<HealthPart>(i))}});
  }
}

}  // namespace metric_fills
}  // namespace sluice
