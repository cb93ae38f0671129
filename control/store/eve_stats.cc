// The stats event: sums over all workers, nested as Suricata nests its counters.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/store/eve_format.h"

namespace sluice {
namespace {

std::uint64_t sum_of(const std::array<std::uint64_t, kDropReasonCount>& by_reason) noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : by_reason) sum += count;
  return sum;
}

std::uint64_t refused_at(const WorkerCounters& total, std::string_view station) noexcept {
  std::uint64_t sum = 0;
  for (const DropReasonRow& row : drop_reason_table()) {
    if (row.station == station) sum += total.dropped[static_cast<std::size_t>(row.reason)];
  }
  return sum;
}

/// Only what happened: a counter that is absent is zero.
void by_reason(JsonWriter& json, std::string_view key,
               const std::array<std::uint64_t, kDropReasonCount>& counts) noexcept {
  json.open_object(key);
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {
    if (counts[i] != 0) json.number(drop_reason_table()[i].name, counts[i]);
  }
  json.close_object();
}

void capacity_events(JsonWriter& json, const WorkerCounters& total) noexcept {
  json.open_object("capacity_events");
  for (std::size_t i = 0; i < kCapacityEventCount; ++i) {
    if (total.capacity[i] != 0) {
      json.number(name_of(static_cast<CapacityEvent>(i)), total.capacity[i]);
    }
  }
  json.close_object();
}

/// In a replay the tables are swept as time allows, so gauges depend on the number of workers; its
/// one stats event stands at the end, where they are zero.
void stats_object(JsonWriter& json, const StatsSnapshot& snapshot) noexcept {
  const WorkerCounters& total = snapshot.total;
  const TimeNs uptime = snapshot.now > snapshot.started ? snapshot.now - snapshot.started : 0;
  json.open_object("stats");
  json.number("uptime", uptime / kNsPerSecond);
  json.open_object("capture");
  json.number("kernel_packets", total.rx_packets + snapshot.lost_before_receive);
  json.number("kernel_drops", snapshot.lost_before_receive);
  json.close_object();
  json.open_object("decoder");
  json.number("pkts", total.rx_packets);
  json.number("bytes", total.rx_bytes);
  json.number("invalid", refused_at(total, "decode"));
  json.close_object();
  json.open_object("flow");
  json.number("total", total.flows_created);
  json.number("active", total.flows_active);
  json.close_object();
  json.open_object("ips");
  json.number("accepted", total.forwarded);
  json.number("blocked", sum_of(total.dropped));
  json.close_object();
  json.close_object();
}

void loss(JsonWriter& json, const StatsSnapshot& snapshot) noexcept {
  json.open_object("records_lost");
  json.number("flow", snapshot.total.flow_records_lost);
  json.number("drop", snapshot.total.drop_records_lost);
  json.number("inspect", inspect_records_lost(snapshot.total));
  json.number("queue", snapshot.events_lost_queue);
  json.number("file", snapshot.events_lost_file);
  json.close_object();
}

}  // namespace

void EveFormatter::ports(JsonWriter& json, const WorkerCounters& total) noexcept {
  json.open_object("ports");
  for (std::size_t i = 0; i < std::min(port_names_.size(), total.ports.size()); ++i) {
    if (port_names_[i].empty()) continue;
    const PortCounters& port = total.ports[i];
    json.open_object(port_names_[i]);
    json.number("rx_packets", port.rx_packets);
    json.number("rx_bytes", port.rx_bytes);
    json.number("tx_packets", port.tx_packets);
    json.number("tx_bytes", port.tx_bytes);
    json.close_object();
  }
  json.close_object();
}

void EveFormatter::stats_extras(JsonWriter& json, const StatsSnapshot& snapshot) noexcept {
  const WorkerCounters& total = snapshot.total;
  json.open_object("sluice");
  json.number("generation", total.generation);
  json.word("mode", mode_ == Mode::enforce ? "enforce" : "monitor");
  if (!capture_.empty()) json.word("capture", capture_);
  json.number("forwarded", total.forwarded);
  json.number("forwarded_bytes", total.forwarded_bytes);
  json.number("dropped", sum_of(total.dropped));
  json.number("held", total.held);
  json.number("generated", total.generated);
  by_reason(json, "dropped_by_reason", total.dropped);
  by_reason(json, "would_drop_by_reason", total.would_drop);
  capacity_events(json, total);
  loss(json, snapshot);
  if (!is_replay_) {
    json.number("workers", snapshot.workers);
    json.number("workers_unreadable", snapshot.workers_unreadable);
    json.number("events_written", snapshot.events_written);
    json.number("lost_after_transmit", snapshot.lost_after_transmit);
    json.number("half_open", total.half_open_active);
    json.number("out_of_state", total.out_of_state);
    json.number("midstream_flows", total.midstream);
    json.number("polls", total.polls);
    json.number("busy_polls", total.busy_polls);
    json.number("full_bursts", total.full_bursts);
    json.number("handed_over", total.handed_in);
    ports(json, total);
  }
  json.close_object();
}

std::size_t EveFormatter::stats(const StatsSnapshot& snapshot, std::span<char> into) noexcept {
  JsonWriter json(into);
  open_event(json, {snapshot.now, "stats", 0, 0, 0xff, {}});
  stats_object(json, snapshot);
  stats_extras(json, snapshot);
  json.close_object();
  json.end_line();
  return json.size();
}

}  // namespace sluice
