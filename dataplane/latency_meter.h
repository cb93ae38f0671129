// What a worker measures of itself: time from receive to transmit of every packet that it sent, and
// the cost of the stations in one turn of many. Worker thread only; what is published is told in
// the window.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "dataplane/station_costs.h"
#include "dataplane/window.h"

namespace sluice {

/// The bucket whose bound is the first above `latency`; the last one takes what has none.
[[nodiscard]] constexpr std::size_t latency_bucket(DurationNs latency) noexcept {
  constexpr unsigned kFirstBits = 8;  // latency_bound_ns: 256 ns is where the first octave begins
  if (latency < 1U << kFirstBits) return 0;
  const auto octave = static_cast<unsigned>(std::bit_width(latency)) - 1 - kFirstBits;
  const auto quarter = static_cast<unsigned>(latency >> (octave + kFirstBits - 2)) & 3U;
  return std::min<std::size_t>(octave * 4 + quarter, kLatencyBuckets - 1);
}

class LatencyMeter {
 public:
  void count(DurationNs latency, std::uint64_t packets) noexcept {
    timings_.latency[latency_bucket(latency)] += packets;
    timings_.latency_ns += latency * packets;
  }

  /// Where a measured turn adds what its stations cost.
  [[nodiscard]] StationCosts& costs() noexcept { return costs_; }

  /// Everything so far.
  [[nodiscard]] const WorkerTimings& timings() noexcept;

 private:
  WorkerTimings timings_;
  StationCosts costs_;
};

}  // namespace sluice
