// Takes what workers reported out of the shared window: event records in bounded turns, so that one
// flooding worker neither starves the others nor holds the control thread, and the counters.
// Control thread, or the thread that replays.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataplane/window.h"

namespace sluice {

/// The windows in a mapped segment of `bytes` bytes; they live as long as the mapping. An error
/// names what does not fit: another version, another size of window, too many workers.
[[nodiscard]] Result<std::vector<WorkerWindow*>> windows_in(void* segment, std::size_t bytes);

class EventDrain {
 public:
  explicit EventDrain(std::vector<WorkerWindow*> windows);

  /// Hands at most `most` records to `sink.flow`, `sink.drop` and `sink.inspection`, worker by
  /// worker in slices; returns how many. Fewer than `most` means that all lanes were found empty.
  template <class Sink>
  std::uint32_t drain(std::uint32_t most, Sink&& sink) {
    std::uint32_t taken = 0;
    for (std::size_t idle = 0; idle < windows_.size() && taken < most;) {
      WorkerWindow& window = *windows_[next_];
      next_ = (next_ + 1) % windows_.size();
      const std::uint32_t before = taken;
      taken += window.flows.drain(slice(most - taken),
                                  [&](const FlowRecord& record) { sink.flow(record); });
      taken += window.drops.drain(slice(most - taken),
                                  [&](const DropRecord& record) { sink.drop(record); });
      taken += window.inspections.drain(
          slice(most - taken), [&](const InspectRecord& record) { sink.inspection(record); });
      idle = taken == before ? idle + 1 : 0;
    }
    return taken;
  }

  struct Sums {
    WorkerCounters total;  ///< `generation` is the oldest in use
    std::uint32_t unreadable = 0;
  };
  /// Sums over all workers. A worker whose counters cannot be read (it died within a write) counts
  /// with what it last showed.
  [[nodiscard]] Sums sums();

  [[nodiscard]] std::size_t workers() const noexcept { return windows_.size(); }

 private:
  static constexpr std::uint32_t kSlice = 512;
  [[nodiscard]] static std::uint32_t slice(std::uint32_t left) noexcept {
    return std::min(left, kSlice);
  }

  std::vector<WorkerWindow*> windows_;
  std::vector<WorkerCounters> last_;
  std::size_t next_ = 0;
};

}  // namespace sluice
