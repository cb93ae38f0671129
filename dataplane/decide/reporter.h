// Station 10: counts what was refused and why, and hands sampled drops to the control side. A full
// lane loses the event and counts it; a packet never waits. Worker thread only.
#pragma once

#include <cstdint>
#include <span>

#include "base/siphash.h"
#include "dataplane/burst.h"
#include "dataplane/decide/drop_sampler.h"
#include "dataplane/window.h"

namespace sluice {

class AnomalyReport;
struct PolicySettings;

class Reporter {
 public:
  /// `window` may be null: counters only. `anomalies` outlives it; null: none are told.
  Reporter(const SipKey& sample_key, std::uint8_t worker, WorkerCounters& counters,
           WorkerWindow* window, AnomalyReport* anomalies) noexcept
      : sampler_(sample_key),
        worker_(worker),
        counters_(counters),
        window_(window),
        anomalies_(anomalies) {}

  /// Counts verdicts of action drop, and would-be drops of monitor mode.
  void report(std::span<const Packet> packets, const PolicySettings& settings) noexcept;

  /// From now on what overload.h sheds at this level is not handed over, but counted.
  void shed_records(std::uint32_t level) noexcept { shed_level_ = level; }
  [[nodiscard]] std::uint64_t records_shed() const noexcept { return records_shed_; }

 private:
  void report_refused(const Packet& packet, const PolicySettings& settings) noexcept;
  [[nodiscard]] bool is_sampled(const Packet& packet, std::uint32_t one_in) const noexcept;

  DropSampler sampler_;
  std::uint8_t worker_;
  WorkerCounters& counters_;
  WorkerWindow* window_;
  AnomalyReport* anomalies_;
  std::uint32_t shed_level_ = 0;
  std::uint64_t records_shed_ = 0;
};

/// What the control side learns of a refused packet. Exposed for tests.
[[nodiscard]] DropRecord drop_record(const Packet& packet) noexcept;

}  // namespace sluice
