// A worker with rules in force that runs whole captures, as often as is asked for, each time as if
// it had never seen them. Counts time of the processor, not of the clock on the wall.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/inspect/live_ruleset.h"
#include "dataplane/memory_arena.h"
#include "dataplane/policy_parts.h"
#include "dataplane/policy_slot.h"
#include "dataplane/worker.h"
#include "tests/bench/capture_port.h"

namespace sluice::bench {

/// The clock of the host and what was skipped.
class SkippingClock final : public Clock {
 public:
  [[nodiscard]] TimeNs now() const noexcept override {
    return read_clock(CLOCK_REALTIME) + skipped_;
  }
  void skip(DurationNs duration) noexcept { skipped_ += duration; }

 private:
  DurationNs skipped_ = 0;
};

struct LabSetup {
  std::shared_ptr<const LiveRuleset> ruleset;  ///< null: nothing is inspected
  PolicySettings settings;
  bool hugepages = false;
  bool checksums_good = false;  ///< a NIC has verified them
};

class InspectionLab {
 public:
  explicit InspectionLab(const LabSetup& setup);
  ~InspectionLab();

  /// Processor seconds of a run over all frames; then time goes on until every flow is forgotten.
  double run(std::span<const CaptureFrame> frames);
  /// The same received and sent and nothing else.
  double run_bare(std::span<const CaptureFrame> frames);
  /// A run with the cost of every station.
  void run_measured(std::span<const CaptureFrame> frames, StationCosts& costs);
  /// Arrivals at `interval` cycles; the cycles that each packet was inside. Where others had the
  /// processor between, packets are left out and none waits.
  [[nodiscard]] std::vector<std::uint32_t> run_paced(std::span<const CaptureFrame> frames,
                                                     std::uint64_t interval);

  /// Of the last run, by rule.
  [[nodiscard]] const std::map<std::uint32_t, std::uint64_t>& alerts() const noexcept {
    return alerts_;
  }
  [[nodiscard]] const WorkerCounters& counters() const noexcept { return worker_->counters(); }

 private:
  template <class Poll>
  double timed(std::span<const CaptureFrame> frames, Poll&& poll);
  void drain();
  void forget_all();

  SkippingClock clock_;
  CapturePort port_;
  MemoryArena arena_;
  std::unique_ptr<PolicySlot> slot_;
  std::unique_ptr<WorkerWindow> window_;
  std::unique_ptr<Worker> worker_;
  std::vector<PortIo> ports_;
  std::map<std::uint32_t, std::uint64_t> alerts_;
};

}  // namespace sluice::bench
