// The gateway as the control thread sees it: totals now, rates and losses over the last seconds,
// heartbeats, headroom, and beside them the facts of the control process itself. Control thread
// only; others read the window through a WireReader of their own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "control/mapped_window.h"
#include "control/observe/control_facts.h"
#include "control/observe/health.h"
#include "control/observe/latency.h"
#include "control/observe/rates.h"
#include "control/observe/wire_reader.h"

namespace sluice {

inline constexpr DurationNs kSnapshotInterval = kNsPerSecond;
/// What rates are taken over.
inline constexpr DurationNs kRateSpan = 2 * kNsPerSecond;
/// What latency and recent losses are taken over.
inline constexpr DurationNs kRecently = 10 * kNsPerSecond;

struct PortRates {
  double rx_pps = 0;
  double rx_bps = 0;
  double tx_pps = 0;
  double tx_bps = 0;
};

/// Per second; bits are those of layer-2 frames without FCS.
struct WireRates {
  double received_pps = 0;
  double received_bps = 0;
  double forwarded_pps = 0;
  double forwarded_bps = 0;
  double dropped_pps = 0;
  double flows_created = 0;
  std::array<double, kDropReasonCount> dropped{};
  std::array<PortRates, kPortsMax> ports{};
};

struct WorkerLoad {
  double busy_percent = 0;
  double pps = 0;
  double full_burst_percent = 0;  ///< of the polls that received something
};

struct Headroom {
  double flow_table_percent = 0;
  double half_open_percent = 0;
  double mbufs_free_low_percent = 100;  ///< of the pool that had least
  double block_percent = 0;
  std::optional<double> seconds_to_full;  ///< of the flow table
};

class WireView {
 public:
  /// The window outlives the object.
  WireView(const std::vector<WorkerWindow*>& windows, const WindowHeader& header);
  explicit WireView(const MappedWindow& window) : WireView(window.windows(), window.header()) {}

  /// Filled by the control thread; WireView writes what its comments say.
  [[nodiscard]] ControlFacts& facts() noexcept { return facts_; }
  [[nodiscard]] const ControlFacts& facts() const noexcept { return facts_; }

  /// Every turn: watches the heartbeats. True once a second, when a snapshot was taken and the
  /// rates are new.
  bool turn(TimeNs now);

  /// As it is now.
  const WireReading& look() { return reader_.read(); }
  /// As it was at the last `look` or snapshot.
  [[nodiscard]] const WireReading& last() const noexcept { return reader_.last(); }

  [[nodiscard]] WireRates rates() const;
  [[nodiscard]] std::vector<WorkerLoad> loads() const;
  [[nodiscard]] LatencySummary latency() const noexcept;
  [[nodiscard]] Headroom headroom() const noexcept;

  /// For Health, after a turn that took a snapshot.
  [[nodiscard]] HealthInputs health_inputs(TimeNs now) const;

 private:
  struct Heartbeat {
    std::uint64_t seen = 0;
    TimeNs moved = 0;  ///< 0 = not watched yet
    DurationNs quiet(std::uint64_t value, TimeNs now) noexcept;
  };
  void watch_heartbeats(TimeNs now);
  void take_snapshot(TimeNs now);
  void fill_ports(HealthInputs& inputs) const;
  void fill_losses(HealthInputs& inputs) const;

  const std::vector<const WorkerWindow*> windows_;
  const WindowHeader& header_;
  WireReader reader_;
  SnapshotRing ring_;
  std::vector<Heartbeat> workers_;
  Heartbeat keeper_;
  TimeNs snapshot_due_ = 0;
  ControlFacts facts_;
};

}  // namespace sluice
