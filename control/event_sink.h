// Where drained records go: the recorder thread's queue in the wire, straight into the file in a
// replay. Called by the thread that drains; never blocks it.
#pragma once

#include <cstdint>

#include "control/store/eve_format.h"
#include "dataplane/events.h"

namespace sluice {

struct EventCounts {
  std::uint64_t written = 0;     ///< lines given to the file and not lost since
  std::uint64_t lost_queue = 0;  ///< records refused because the queue was full
  std::uint64_t lost_file = 0;   ///< lines that could not be written
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void flow(const FlowRecord& record) noexcept = 0;
  virtual void drop(const DropRecord& record) noexcept = 0;
  virtual void inspection(const InspectRecord& record) noexcept = 0;
  virtual void stats(const StatsSnapshot& snapshot) noexcept = 0;
  /// No more records for now: what was given may be written.
  virtual void end_turn(TimeNs now) noexcept = 0;
  [[nodiscard]] virtual EventCounts counts() const noexcept = 0;
};

}  // namespace sluice
