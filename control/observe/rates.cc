#include "control/observe/rates.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr std::size_t kTrendSnapshotsMin = 10;
constexpr double kTrendSecondsMax = 86'400;

double seconds_between(TimeNs before, TimeNs now) noexcept {
  return now > before ? static_cast<double>(now - before) / 1e9 : 0.0;
}

}  // namespace

void SnapshotRing::add(Snapshot snapshot) {
  ring_[next_] = std::move(snapshot);
  next_ = (next_ + 1) % kSnapshots;
  size_ = std::min(size_ + 1, kSnapshots);
}

const Snapshot& SnapshotRing::back(std::size_t age) const noexcept {
  return ring_[(next_ + 2 * kSnapshots - 1 - age) % kSnapshots];
}

const Snapshot* SnapshotRing::before(DurationNs span) const noexcept {
  if (size_ < 2) return nullptr;
  const TimeNs newest = back(0).at;
  for (std::size_t age = 1; age < size_; ++age) {
    if (newest - back(age).at >= span) return &back(age);
  }
  return &back(size_ - 1);
}

double per_second(std::uint64_t before, std::uint64_t now, DurationNs between) noexcept {
  if (between == 0 || now < before) return 0;
  return static_cast<double>(now - before) * 1e9 / static_cast<double>(between);
}

std::optional<double> seconds_to_full(const SnapshotRing& ring,
                                      std::uint64_t WorkerCounters::*level,
                                      std::uint64_t capacity) noexcept {
  if (ring.size() < kTrendSnapshotsMin) return std::nullopt;
  const std::uint64_t level_now = ring.back(0).total.*level;
  if (level_now >= capacity) return std::nullopt;
  const TimeNs origin = ring.back(ring.size() - 1).at;
  const auto count = static_cast<double>(ring.size());
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t age = 0; age < ring.size(); ++age) {
    mean_x += seconds_between(origin, ring.back(age).at) / count;
    mean_y += static_cast<double>(ring.back(age).total.*level) / count;
  }
  double covariance = 0;
  double variance = 0;
  for (std::size_t age = 0; age < ring.size(); ++age) {
    const double x = seconds_between(origin, ring.back(age).at) - mean_x;
    covariance += x * (static_cast<double>(ring.back(age).total.*level) - mean_y);
    variance += x * x;
  }
  if (covariance <= 0 || variance <= 0) return std::nullopt;
  const double seconds = static_cast<double>(capacity - level_now) * variance / covariance;
  return seconds <= kTrendSecondsMax ? std::optional(seconds) : std::nullopt;
}

}  // namespace sluice
