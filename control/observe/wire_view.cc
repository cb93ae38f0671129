#include "control/observe/wire_view.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr DurationNs kMinute = 60 * kNsPerSecond;

double percent_of(std::uint64_t part, std::uint64_t whole) noexcept {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::uint64_t grown(std::uint64_t before, std::uint64_t now) noexcept {
  return now > before ? now - before : 0;
}

PortRates port_rates(const PortCounters& before, const PortCounters& now,
                     DurationNs between) noexcept {
  return {per_second(before.rx_packets, now.rx_packets, between),
          8 * per_second(before.rx_bytes, now.rx_bytes, between),
          per_second(before.tx_packets, now.tx_packets, between),
          8 * per_second(before.tx_bytes, now.tx_bytes, between)};
}

}  // namespace

WireView::WireView(const std::vector<WorkerWindow*>& windows, const WindowHeader& header)
    : windows_(windows.begin(), windows.end()),
      header_(header),
      reader_(windows, header),
      workers_(windows.size()) {
  facts_.worker_quiet.resize(windows.size());
}

DurationNs WireView::Heartbeat::quiet(std::uint64_t value, TimeNs now) noexcept {
  if (moved == 0 || value != seen) {
    seen = value;
    moved = now;
  }
  return now > moved ? now - moved : 0;
}

void WireView::watch_heartbeats(TimeNs now) {
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const std::uint64_t beat = windows_[i]->heartbeat.load(std::memory_order_relaxed);
    facts_.worker_quiet[i] = workers_[i].quiet(beat, now);
  }
  const std::uint64_t beat = header_.keeper.heartbeat.load(std::memory_order_relaxed);
  facts_.keeper_quiet = keeper_.quiet(beat, now);
}

bool WireView::turn(TimeNs now) {
  watch_heartbeats(now);
  if (now < snapshot_due_) return false;
  snapshot_due_ = std::max(snapshot_due_ + kSnapshotInterval, now + kSnapshotInterval / 2);
  take_snapshot(now);
  return true;
}

void WireView::take_snapshot(TimeNs now) {
  const WireReading& reading = reader_.read();
  Snapshot snapshot;
  snapshot.at = now;
  snapshot.total = reading.total;
  snapshot.timings = reading.timings;
  for (const WorkerReading& worker : reading.workers) {
    const WorkerCounters& c = worker.counters;
    snapshot.workers.push_back({c.rx_packets, c.busy_ns, c.bursts, c.full_bursts});
  }
  for (const PortReading& port : reading.ports) snapshot.ports_lost += port.lost_before_receive;
  snapshot.trouble = {facts_.events.lost_queue + facts_.events.lost_file, facts_.journal_failures,
                      facts_.audit_failures};
  ring_.add(std::move(snapshot));
}

WireRates WireView::rates() const {
  WireRates rates;
  const Snapshot* old = ring_.before(kRateSpan);
  if (old == nullptr) return rates;
  const DurationNs between = ring_.back(0).at - old->at;
  const WorkerCounters& was = old->total;
  const WorkerCounters& is = ring_.back(0).total;
  rates.received_pps = per_second(was.rx_packets, is.rx_packets, between);
  rates.received_bps = 8 * per_second(was.rx_bytes, is.rx_bytes, between);
  rates.forwarded_pps = per_second(was.forwarded, is.forwarded, between);
  rates.forwarded_bps = 8 * per_second(was.forwarded_bytes, is.forwarded_bytes, between);
  rates.dropped_pps = per_second(sum_of(was.dropped), sum_of(is.dropped), between);
  rates.flows_created = per_second(was.flows_created, is.flows_created, between);
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    rates.dropped[i] = per_second(was.dropped[i], is.dropped[i], between);
  }
  for (std::size_t i = 0; i < kPortsMax; ++i) {
    rates.ports[i] = port_rates(was.ports[i], is.ports[i], between);
  }
  return rates;
}

std::vector<WorkerLoad> WireView::loads() const {
  std::vector<WorkerLoad> loads(windows_.size());
  const Snapshot* old = ring_.before(kRateSpan);
  if (old == nullptr) return loads;
  const DurationNs between = ring_.back(0).at - old->at;
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const WorkerSample& was = old->workers[i];
    const WorkerSample& is = ring_.back(0).workers[i];
    loads[i].busy_percent = std::min(100.0, percent_of(grown(was.busy_ns, is.busy_ns), between));
    loads[i].pps = per_second(was.rx_packets, is.rx_packets, between);
    loads[i].full_burst_percent =
        percent_of(grown(was.full_bursts, is.full_bursts), grown(was.bursts, is.bursts));
  }
  return loads;
}

LatencySummary WireView::latency() const noexcept {
  const Snapshot* old = ring_.before(kRecently);
  return old == nullptr ? LatencySummary{} : latency_between(old->timings, ring_.back(0).timings);
}

Headroom WireView::headroom() const noexcept {
  const WireReading& reading = reader_.last();
  Headroom headroom;
  headroom.flow_table_percent = percent_of(reading.total.flows_active, reading.flow_capacity);
  headroom.half_open_percent =
      percent_of(reading.total.half_open_active, reading.half_open_capacity);
  headroom.block_percent = percent_of(reading.keeper.blocks_active, reading.block_capacity);
  for (const PoolReading& pool : reading.pools) {
    if (pool.mbufs == 0) continue;
    headroom.mbufs_free_low_percent =
        std::min(headroom.mbufs_free_low_percent, percent_of(pool.free_low, pool.mbufs));
  }
  headroom.seconds_to_full =
      seconds_to_full(ring_, &WorkerCounters::flows_active, reading.flow_capacity);
  return headroom;
}

void WireView::fill_ports(HealthInputs& inputs) const {
  const std::vector<PortReading>& ports = reader_.last().ports;
  inputs.ports = static_cast<unsigned>(ports.size());
  for (const PortReading& port : ports) {
    if (port.has_carrier) continue;
    if (inputs.ports_down++ == 0) inputs.port_down = port.name;
  }
  for (std::size_t i = 0; i + 1 < ports.size(); i += 2) {
    if (ports[i].has_carrier && ports[i + 1].has_carrier) ++inputs.pairs_up;
  }
}

void WireView::fill_losses(HealthInputs& inputs) const {
  const Snapshot* recently = ring_.before(kRecently);
  const Snapshot* minute = ring_.before(kMinute);
  if (recently == nullptr || minute == nullptr) return;
  const auto lost_in_lanes = [](const WorkerCounters& c) {
    return c.flow_records_lost + c.drop_records_lost + inspect_records_lost(c);
  };
  const Snapshot& is = ring_.back(0);
  inputs.events_lost = grown(recently->trouble.events_lost, is.trouble.events_lost);
  inputs.lane_records_lost = grown(lost_in_lanes(recently->total), lost_in_lanes(is.total));
  inputs.journal_failures = grown(minute->trouble.journal_failures, is.trouble.journal_failures);
  inputs.audit_failures = grown(minute->trouble.audit_failures, is.trouble.audit_failures);
}

HealthInputs WireView::health_inputs(TimeNs now) const {
  const WireReading& reading = reader_.last();
  HealthInputs inputs;
  for (std::size_t i = 0; i < facts_.worker_quiet.size(); ++i) {
    if (facts_.worker_quiet[i] <= inputs.worker_quiet) continue;
    inputs.worker_quiet = facts_.worker_quiet[i];
    inputs.quiet_worker = static_cast<unsigned>(i);
  }
  inputs.keeper_quiet = facts_.keeper_quiet;
  inputs.turn_late = facts_.turn_late;
  inputs.generation = reading.keeper.generation;
  inputs.oldest_generation = reading.total.generation;
  inputs.control_starts = reading.keeper.control_starts;
  inputs.control_age = now > facts_.started ? now - facts_.started : 0;
  inputs.flow_table_percent = percent_of(reading.total.flows_active, reading.flow_capacity);
  for (const PoolReading& pool : reading.pools) {
    if (pool.mbufs == 0) continue;
    inputs.mbufs_free_percent =
        std::min(inputs.mbufs_free_percent, percent_of(pool.free, pool.mbufs));
  }
  inputs.shed_level = reading.total.shed_level;
  inputs.lacks_ruleset = facts_.rules.is_configured && reading.keeper.ruleset == Hash128{};
  inputs.rules_error = facts_.rules.error;
  inputs.has_reload_failed = facts_.reloads.has_last_failed;
  inputs.is_confirm_pending = facts_.config.confirm_by != 0;
  inputs.http_error = facts_.http_error;
  fill_ports(inputs);
  fill_losses(inputs);
  return inputs;
}

}  // namespace sluice
