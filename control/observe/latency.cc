#include "control/observe/latency.h"

#include <array>
#include <cstddef>

namespace sluice {
namespace {

using Buckets = std::array<std::uint64_t, kLatencyBuckets>;

double bucket_begin_ns(std::size_t bucket) noexcept {
  return bucket == 0 ? 0.0 : static_cast<double>(latency_bound_ns(bucket - 1));
}

double quantile_us(const Buckets& counts, std::uint64_t packets, double quantile) noexcept {
  const double rank = quantile * static_cast<double>(packets);
  double below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here == 0 || below + here < rank) {
      below += here;
      continue;
    }
    const double begin = bucket_begin_ns(i);
    if (i + 1 == counts.size()) return begin / 1e3;
    const double width = static_cast<double>(latency_bound_ns(i)) - begin;
    return (begin + width * (rank - below) / here) / 1e3;
  }
  return 0;
}

}  // namespace

LatencySummary latency_between(const WorkerTimings& before, const WorkerTimings& now) noexcept {
  Buckets counts{};
  LatencySummary summary;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = now.latency[i] > before.latency[i] ? now.latency[i] - before.latency[i] : 0;
    summary.packets += counts[i];
  }
  if (summary.packets == 0) return summary;
  summary.p50_us = quantile_us(counts, summary.packets, 0.50);
  summary.p95_us = quantile_us(counts, summary.packets, 0.95);
  summary.p99_us = quantile_us(counts, summary.packets, 0.99);
  return summary;
}

}  // namespace sluice
