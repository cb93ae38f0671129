#include "dataplane/latency_meter.h"

#include <numeric>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(LatencyBucket, IsTheFirstWhoseBoundIsAbove) {
  for (std::size_t bucket = 0; bucket + 1 < kLatencyBuckets; ++bucket) {
    const DurationNs bound = latency_bound_ns(bucket);
    EXPECT_EQ(latency_bucket(bound - 1), bucket);
    EXPECT_EQ(latency_bucket(bound), bucket + 1);
  }
}

TEST(LatencyBucket, TakesWhatIsBelowTheFirstAndBeyondTheLastBound) {
  EXPECT_EQ(latency_bucket(0), 0U);
  EXPECT_EQ(latency_bucket(255), 0U);
  EXPECT_EQ(latency_bucket(3600 * kNsPerSecond), kLatencyBuckets - 1);
  EXPECT_EQ(latency_bucket(~DurationNs{0}), kLatencyBuckets - 1);
}

TEST(LatencyMeter, CountsEveryPacketAndSumsTheirTime) {
  LatencyMeter meter;
  meter.count(1000, 32);
  meter.count(5000, 1);
  const WorkerTimings& timings = meter.timings();
  EXPECT_EQ(timings.latency_ns, 37'000U);
  EXPECT_EQ(timings.latency[latency_bucket(1000)], 32U);
  EXPECT_EQ(std::accumulate(timings.latency.begin(), timings.latency.end(), 0ULL), 33U);
}

TEST(LatencyMeter, TellsWhatStationsCostByTheirPlace) {
  LatencyMeter meter;
  CycleProbe probe{meter.costs()};
  probe.begin();
  probe.station(Station::decide, 7);
  const WorkerTimings& timings = meter.timings();
  const auto place = static_cast<std::size_t>(Station::decide);
  EXPECT_STREQ(kStationNames[place], "decide");
  EXPECT_EQ(timings.station_packets[place], 7U);
  EXPECT_EQ(timings.station_packets[place - 1], 0U);
}

}  // namespace
}  // namespace sluice
