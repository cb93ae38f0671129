// How the rows of the metric table turn one look at the gateway into samples: by kind of source, as
// templates over the member that is shown, and one by one for the rest. For metric_table.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "control/observe/metric_table.h"

namespace sluice::metric_fills {

[[nodiscard]] inline double seconds(std::uint64_t ns) noexcept {
  return static_cast<double>(ns) / 1e9;
}

template <std::uint64_t WorkerCounters::*member>
void total(const MetricInputs& in, Samples& out) {
  out.add(in.wire.total.*member);
}

template <std::uint64_t WorkerCounters::*member>
void by_worker(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < in.wire.workers.size(); ++i) {
    out.add(in.wire.workers[i].counters.*member, {{"worker", std::to_string(i)}});
  }
}

template <std::uint64_t PortCounters::*member>
void by_port(const MetricInputs& in, Samples& out) {
  for (const PortReading& port : in.wire.ports) {
    out.add(port.counters.*member, {{"port", port.name}});
  }
}

template <auto member>
void of_port(const MetricInputs& in, Samples& out) {
  for (const PortReading& port : in.wire.ports) out.add(port.*member, {{"port", port.name}});
}

template <std::uint64_t PoolReading::*member>
void by_pair(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < in.wire.pools.size(); ++i) {
    out.add(in.wire.pools[i].*member, {{"pair", std::to_string(i)}});
  }
}

template <auto member>
void by_reason(const MetricInputs& in, Samples& out) {
  for (const DropReasonRow& row : drop_reason_table()) {
    if (row.reason == DropReason::none) continue;
    out.add((in.wire.total.*member)[static_cast<std::size_t>(row.reason)],
            {{"reason", row.name}, {"station", row.station}});
  }
}

template <auto member>
void by_station(const MetricInputs& in, Samples& out) {
  for (std::size_t i = 0; i < in.wire.stations.size(); ++i) {
    out.add((in.wire.timings.*member)[i], {{"station", in.wire.stations[i]}});
  }
}

template <std::uint64_t KeeperReading::*member>
void keeper(const MetricInputs& in, Samples& out) {
  out.add(in.wire.keeper.*member);
}

template <std::uint64_t WireReading::*member>
void wire(const MetricInputs& in, Samples& out) {
  out.add(in.wire.*member);
}

template <std::uint64_t ControlFacts::*member>
void fact(const MetricInputs& in, Samples& out) {
  out.add(in.facts.*member);
}

void capacity_events(const MetricInputs& in, Samples& out);
void lane_records(const MetricInputs& in, Samples& out);
void lane_records_lost(const MetricInputs& in, Samples& out);
void events_lost(const MetricInputs& in, Samples& out);
void busy_seconds(const MetricInputs& in, Samples& out);
void worker_heartbeats(const MetricInputs& in, Samples& out);
void worker_heartbeat_age(const MetricInputs& in, Samples& out);
void rules_states(const MetricInputs& in, Samples& out);
void reloads(const MetricInputs& in, Samples& out);
void rule_hits(const MetricInputs& in, Samples& out);
void set_entries(const MetricInputs& in, Samples& out);
void health_states(const MetricInputs& in, Samples& out);
void health_parts(const MetricInputs& in, Samples& out);

}  // namespace sluice::metric_fills
