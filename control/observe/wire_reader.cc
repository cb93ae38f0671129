#include "control/observe/wire_reader.h"

#include <algorithm>
#include <cstring>

namespace sluice {
namespace {

// Enough for a writer that is within its two microseconds of publishing.
constexpr unsigned kReadTries = 200;
constexpr auto kRelaxed = std::memory_order_relaxed;

template <std::size_t N>
std::string text_of(const std::array<char, N>& name) {
  return {name.data(), strnlen(name.data(), N)};
}

/// Head and tail are read one after the other while both move: a depth that cannot be is none.
template <class Record, std::uint32_t Slots>
std::uint64_t depth_of(const Lane<Record, Slots>& lane) noexcept {
  const std::uint64_t depth = lane.depth();
  return depth <= Slots ? depth : 0;
}

void add(WorkerTimings& sum, const WorkerTimings& other) noexcept {
  for (std::size_t i = 0; i < kLatencyBuckets; ++i) sum.latency[i] += other.latency[i];
  for (std::size_t i = 0; i < kStationsMax; ++i) {
    sum.station_cycles[i] += other.station_cycles[i];
    sum.station_packets[i] += other.station_packets[i];
  }
  sum.latency_ns += other.latency_ns;
}

}  // namespace

WireReader::WireReader(const std::vector<WorkerWindow*>& windows, const WindowHeader& header)
    : windows_(windows.begin(), windows.end()), header_(header) {
  reading_.started = header.started;
  reading_.workers.resize(windows_.size());
  const std::size_t ports = std::min<std::size_t>(header.ports, kPortsMax);
  reading_.ports.resize(ports);
  for (std::size_t i = 0; i < ports; ++i) reading_.ports[i].name = text_of(header.port_names[i]);
  reading_.pools.resize(ports / 2);
}

const WireReading& WireReader::read() {
  read_workers();
  read_ports();
  read_keeper();
  return reading_;
}

void WireReader::read_workers() {
  reading_.total = {};
  reading_.timings = {};
  std::uint64_t oldest = ~std::uint64_t{0};
  std::uint64_t shed = 0;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const WorkerWindow& window = *windows_[i];
    WorkerReading& worker = reading_.workers[i];
    // Where it gives up, the reading before stands.
    (void)window.counters.try_read(worker.counters, kReadTries);
    (void)window.timings.try_read(worker.timings, kReadTries);
    worker.heartbeat = window.heartbeat.load(kRelaxed);
    worker.flow_lane_records = depth_of(window.flows);
    worker.drop_lane_records = depth_of(window.drops);
    worker.inspect_lane_records = depth_of(window.inspections);
    reading_.total += worker.counters;
    add(reading_.timings, worker.timings);
    oldest = std::min(oldest, worker.counters.generation);
    shed = std::max(shed, worker.counters.shed_level);
  }
  reading_.total.generation = windows_.empty() ? 0 : oldest;
  reading_.total.shed_level = shed;
}

void WireReader::read_ports() {
  for (std::size_t i = 0; i < reading_.ports.size(); ++i) {
    const PortState& state = header_.port_states[i];
    PortReading& port = reading_.ports[i];
    port.counters = reading_.total.ports[i];
    port.lost_before_receive = state.lost_before_receive.load(kRelaxed);
    port.lost_after_transmit = state.lost_after_transmit.load(kRelaxed);
    port.has_carrier = state.has_carrier.load(kRelaxed) != 0;
  }
  for (std::size_t i = 0; i < reading_.pools.size(); ++i) {
    const PoolState& pool = header_.pools[i];
    reading_.pools[i] = {pool.mbufs.load(kRelaxed), pool.free.load(kRelaxed),
                         pool.free_low.load(kRelaxed)};
  }
}

// What the wire process fills in while it starts is read each time too: it may come late.
void WireReader::read_keeper() {
  const KeeperState& keeper = header_.keeper;
  reading_.keeper = {keeper.heartbeat.load(kRelaxed),     keeper.control_starts.load(kRelaxed),
                     keeper.generation.load(kRelaxed),    keeper.policies_refused.load(kRelaxed),
                     keeper.blocks_active.load(kRelaxed), keeper.blocks_expired.load(kRelaxed),
                     keeper.rules.load(kRelaxed),         ruleset_in_force(keeper)};
  const std::uint64_t workers = windows_.size();
  reading_.flow_capacity = header_.flow_capacity * workers;
  reading_.half_open_capacity = header_.half_open_capacity * workers;
  reading_.source_capacity = header_.source_capacity * workers;
  reading_.block_capacity = header_.block_capacity;
  reading_.stations.resize(std::min<std::size_t>(header_.stations, kStationsMax));
  for (std::size_t i = 0; i < reading_.stations.size(); ++i) {
    reading_.stations[i] = text_of(header_.station_names[i]);
  }
}

}  // namespace sluice
