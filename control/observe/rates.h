// The last minute of the gateway, a snapshot a second: what rates, recent losses and trends are
// read from. Control thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "dataplane/window.h"

namespace sluice {

struct WorkerSample {
  std::uint64_t rx_packets = 0;
  std::uint64_t busy_ns = 0;
  std::uint64_t bursts = 0;
  std::uint64_t full_bursts = 0;
};

/// What the control side itself counts as lost or failed.
struct TroubleCounts {
  std::uint64_t events_lost = 0;
  std::uint64_t journal_failures = 0;
  std::uint64_t audit_failures = 0;
};

struct Snapshot {
  TimeNs at = 0;
  WorkerCounters total;
  WorkerTimings timings;
  std::vector<WorkerSample> workers;
  std::uint64_t ports_lost = 0;  ///< before receive, over all ports
  TroubleCounts trouble;
};

class SnapshotRing {
 public:
  static constexpr std::size_t kSnapshots = 61;  ///< a minute lies between first and last

  /// `snapshot.at` is later than the newest one's.
  void add(Snapshot snapshot);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// 0 is the newest; `age` is below size().
  [[nodiscard]] const Snapshot& back(std::size_t age) const noexcept;
  /// The youngest that is at least `span` older than the newest, or the oldest there is; null
  /// while there are fewer than two.
  [[nodiscard]] const Snapshot* before(DurationNs span) const noexcept;

 private:
  std::array<Snapshot, kSnapshots> ring_;
  std::size_t next_ = 0;
  std::size_t size_ = 0;
};

/// Per second; 0 where no time went by or the counter started anew.
[[nodiscard]] double per_second(std::uint64_t before, std::uint64_t now,
                                DurationNs between) noexcept;

/// When `WorkerCounters::*level` reaches `capacity` if it goes on as in the last minute (least
/// squares). Nothing where it does not grow, is full already, is known for less than ten seconds,
/// or would take longer than a day.
[[nodiscard]] std::optional<double> seconds_to_full(const SnapshotRing& ring,
                                                    std::uint64_t WorkerCounters::*level,
                                                    std::uint64_t capacity) noexcept;

}  // namespace sluice
