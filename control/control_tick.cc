#include "control/control_tick.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <limits>
#include <utility>

namespace sluice {
namespace {

constexpr std::uint32_t kRecordsPerTurn = 4096;
// More than all lanes can hold; a worker that keeps on reporting does not keep the end from coming.
constexpr unsigned kLastTurns = 256;
constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();

/// In the order in which records of one packet are written.
enum class RecordKind : std::uint8_t { inspection, drop, flow };

/// Where a collected record stands in the order of a replay.
struct Place {
  TimeNs when;
  std::uint32_t packet_number;
  RecordKind kind;
  std::uint64_t flow_number;
  std::size_t index;
  friend auto operator<=>(const Place&, const Place&) noexcept = default;
};

struct Collector {
  std::vector<FlowRecord>& flows;
  std::vector<DropRecord>& drops;
  std::vector<InspectRecord>& inspections;
  void flow(const FlowRecord& record) { flows.push_back(record); }
  void drop(const DropRecord& record) { drops.push_back(record); }
  void inspection(const InspectRecord& record) { inspections.push_back(record); }
};

/// Over all ports, as the keeper last saw them.
void add_losses(const WindowHeader& header, StatsSnapshot& snapshot) {
  const std::size_t ports = std::min<std::size_t>(header.ports, header.port_states.size());
  for (std::size_t i = 0; i < ports; ++i) {
    const PortState& port = header.port_states[i];
    snapshot.lost_before_receive += port.lost_before_receive.load(std::memory_order_relaxed);
    snapshot.lost_after_transmit += port.lost_after_transmit.load(std::memory_order_relaxed);
  }
}

}  // namespace

ControlTick::ControlTick(std::vector<WorkerWindow*> windows, EventSink& sink,
                         ControlTickOptions options)
    : drain_(std::move(windows)), sink_(sink), options_(options) {}

void ControlTick::collect() { drain_.drain(kUnlimited, Collector{flows_, drops_, inspections_}); }

void ControlTick::write_collected() {
  std::vector<Place> places;
  places.reserve(flows_.size() + drops_.size() + inspections_.size());
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    const FlowRecord& record = flows_[i];
    places.push_back(
        {record.emitted, record.packet_number, RecordKind::flow, record.flow_number, i});
  }
  for (std::size_t i = 0; i < drops_.size(); ++i) {
    const DropRecord& record = drops_[i];
    places.push_back({record.now, record.packet_number, RecordKind::drop, record.flow_number, i});
  }
  for (std::size_t i = 0; i < inspections_.size(); ++i) {
    const InspectRecord& record = inspections_[i];
    places.push_back(
        {record.now, record.packet_number, RecordKind::inspection, record.flow_number, i});
  }
  std::sort(places.begin(), places.end());
  for (const Place& place : places) {
    switch (place.kind) {
      case RecordKind::inspection:
        sink_.inspection(inspections_[place.index]);
        break;
      case RecordKind::drop:
        sink_.drop(drops_[place.index]);
        break;
      case RecordKind::flow:
        sink_.flow(flows_[place.index]);
        break;
    }
  }
  flows_.clear();
  drops_.clear();
  inspections_.clear();
}

bool ControlTick::drain(TimeNs now) {
  if (options_.is_replay) {
    collect();
    write_collected();
    sink_.end_turn(now);
    return false;
  }
  const bool more = drain_.drain(kRecordsPerTurn, sink_) == kRecordsPerTurn;
  if (are_stats_due(now)) report_stats(now);
  sink_.end_turn(now);
  return more;
}

bool ControlTick::are_stats_due(TimeNs now) noexcept {
  const DurationNs interval = options_.stats_interval;
  if (interval == 0 || now < stats_due_) return false;
  const bool is_first_turn = stats_due_ == 0;
  const DurationNs since_start = now > options_.started ? now - options_.started : 0;
  stats_due_ = options_.started + (since_start / interval + 1) * interval;
  return !is_first_turn;
}

void ControlTick::report_stats(TimeNs now) {
  const EventDrain::Sums sums = drain_.sums();
  const EventCounts counts = sink_.counts();
  StatsSnapshot snapshot;
  snapshot.now = now;
  snapshot.started = options_.started;
  snapshot.workers = static_cast<std::uint32_t>(drain_.workers());
  snapshot.workers_unreadable = sums.unreadable;
  snapshot.events_written = counts.written;
  snapshot.events_lost_queue = counts.lost_queue;
  snapshot.events_lost_file = counts.lost_file;
  snapshot.total = sums.total;
  if (options_.header != nullptr) add_losses(*options_.header, snapshot);
  sink_.stats(snapshot);
}

void ControlTick::finish(TimeNs now) {
  for (unsigned turn = 0; turn < kLastTurns && drain(now); ++turn) {
  }
  if (options_.stats_interval != 0) report_stats(now);
  sink_.end_turn(now);
}

}  // namespace sluice
