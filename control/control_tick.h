// One turn of the control side: drain the lanes, report statistics when due. The control process
// calls it from its timer, a replay at every 100 ms of capture time; it reads no clock.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "control/event_drain.h"
#include "control/event_sink.h"

namespace sluice {

struct ControlTickOptions {
  TimeNs started = 0;
  DurationNs stats_interval = 0;  ///< 0 = no statistics
  bool is_replay = false;         ///< records in time order, statistics only at the end
  /// In the wire: has the losses of the ports; outlives the tick.
  const WindowHeader* header = nullptr;
};

class ControlTick {
 public:
  /// Windows and sink outlive the object.
  ControlTick(std::vector<WorkerWindow*> windows, EventSink& sink, ControlTickOptions options);

  /// One bounded turn (about half a millisecond) in the wire; true where lanes may hold more. In a
  /// replay everything there is, ordered by time, place in the capture, kind and flow.
  bool drain(TimeNs now);
  /// Only in a replay: empties the lanes into memory, so that a burst larger than a lane loses
  /// nothing. Written by the next `drain`.
  void collect();
  /// Everything that still waits, then the last statistics.
  void finish(TimeNs now);
  void use_stats_interval(DurationNs interval) noexcept { options_.stats_interval = interval; }
  [[nodiscard]] EventDrain::Sums sums() { return drain_.sums(); }

 private:
  void write_collected();
  void report_stats(TimeNs now);
  [[nodiscard]] bool are_stats_due(TimeNs now) noexcept;

  EventDrain drain_;
  EventSink& sink_;
  ControlTickOptions options_;
  TimeNs stats_due_ = 0;  ///< a multiple of the interval since the start; 0 before the first turn
  std::vector<FlowRecord> flows_;
  std::vector<DropRecord> drops_;
  std::vector<InspectRecord> inspections_;
};

}  // namespace sluice
