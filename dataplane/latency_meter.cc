#include "dataplane/latency_meter.h"

namespace sluice {

const WorkerTimings& LatencyMeter::timings() noexcept {
  for (std::size_t i = 0; i < costs_.size(); ++i) {
    timings_.station_cycles[i] = costs_[i].cycles;
    timings_.station_packets[i] = costs_[i].packets;
  }
  return timings_;
}

}  // namespace sluice
