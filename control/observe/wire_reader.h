// One look at everything the wire process shows in the window, as plain values. An object belongs
// to one thread (the control thread, or whoever serves a scrape); any number of them read beside
// each other, and none holds up a worker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/siphash.h"
#include "control/mapped_window.h"
#include "dataplane/window.h"

namespace sluice {

struct WorkerReading {
  WorkerCounters counters;
  WorkerTimings timings;
  std::uint64_t heartbeat = 0;
  std::uint64_t flow_lane_records = 0;  ///< that wait
  std::uint64_t drop_lane_records = 0;
  std::uint64_t inspect_lane_records = 0;
};

struct PortReading {
  std::string name;
  PortCounters counters;
  std::uint64_t lost_before_receive = 0;
  std::uint64_t lost_after_transmit = 0;
  bool has_carrier = true;
};

struct PoolReading {
  std::uint64_t mbufs = 0;
  std::uint64_t free = 0;
  std::uint64_t free_low = 0;
};

struct KeeperReading {
  std::uint64_t heartbeat = 0;
  std::uint64_t control_starts = 0;
  std::uint64_t generation = 0;
  std::uint64_t policies_refused = 0;
  std::uint64_t blocks_active = 0;
  std::uint64_t blocks_expired = 0;
  std::uint64_t rules = 0;
  Hash128 ruleset;  ///< digest; 0 while there is none
};

struct WireReading {
  TimeNs started = 0;
  WorkerCounters total;  ///< `generation` is the oldest in use, `shed_level` the highest
  WorkerTimings timings;
  std::vector<WorkerReading> workers;
  std::vector<PortReading> ports;
  std::vector<PoolReading> pools;  ///< one a pair of ports
  KeeperReading keeper;
  std::vector<std::string> stations;
  std::uint64_t flow_capacity = 0;  ///< over all workers, as are the next two
  std::uint64_t half_open_capacity = 0;
  std::uint64_t source_capacity = 0;
  std::uint64_t block_capacity = 0;
};

class WireReader {
 public:
  /// The windows and the header outlive the object.
  WireReader(const std::vector<WorkerWindow*>& windows, const WindowHeader& header);
  explicit WireReader(const MappedWindow& window) : WireReader(window.windows(), window.header()) {}

  /// A worker that died within a write counts with what it last showed. The reference holds until
  /// the next call.
  const WireReading& read();
  [[nodiscard]] const WireReading& last() const noexcept { return reading_; }

 private:
  void read_workers();
  void read_ports();
  void read_keeper();

  std::vector<const WorkerWindow*> windows_;
  const WindowHeader& header_;
  WireReading reading_;
};

[[nodiscard]] inline std::uint64_t sum_of(
    const std::array<std::uint64_t, kDropReasonCount>& by_reason) noexcept {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : by_reason) sum += count;
  return sum;
}

}  // namespace sluice
