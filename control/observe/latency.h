// How long packets take from receive to transmit, from the buckets that workers count in. Any
// thread.
#pragma once

#include <cstdint>

#include "dataplane/window.h"

namespace sluice {

struct LatencySummary {
  double p50_us = 0;
  double p95_us = 0;
  double p99_us = 0;
  std::uint64_t packets = 0;
};

/// Of the packets that `now` counts and `before` does not. A quantile lies within its bucket in
/// proportion (an error of at most a fifth of it); in the last bucket, which has no bound, at the
/// bucket's begin.
[[nodiscard]] LatencySummary latency_between(const WorkerTimings& before,
                                             const WorkerTimings& now) noexcept;

}  // namespace sluice
