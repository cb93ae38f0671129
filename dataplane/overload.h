// Whether a worker is overloaded, and which work it sheds then. Worker thread only; a replay never
// asks and so never sheds.
//
// Judged in windows of 10 ms by the turns that received something: the share of them in which a
// burst came full, which says that more frames were waiting. A worker that mostly turns in vain is
// not overloaded, however full the few bursts are: where idle turns outnumber busy ones, a window
// counts as low. Five windows in a row at or above overload.high_percent go one step up, fifty in a
// row below overload.low_percent (or idle) one step down; a window in between starts both counts
// anew.
//
// In this order, each step with all before it, and every record not made is counted as shed:
//   1  no drop records, no interim flow records (the next one tells what this one did not)
//   2  no flow records at all
// and, where overload.inspection allows it, what rules and events look at; every flow that is left
// alone for it is counted:
//   3  64 KiB of each direction of a stream, not inspect.stream_depth
//   4  no flows that have brought more than 256 KiB
//   5  no streams of new connections: only their packets
// Lists, blocks and limits are never shed.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "config/config.h"

namespace sluice {

inline constexpr std::uint32_t kShedDropRecords = 1;
inline constexpr std::uint32_t kShedInterimRecords = 1;
inline constexpr std::uint32_t kShedFlowRecords = 2;
inline constexpr std::uint32_t kShedDepth = 3;
inline constexpr std::uint32_t kShedElephants = 4;
inline constexpr std::uint32_t kShedStreams = 5;

inline constexpr std::uint64_t kShedDepthBytes = 64 * 1024;
inline constexpr std::uint64_t kElephantBytes = 256 * 1024;

class Overload {
 public:
  static constexpr DurationNs kWindow = 10 * kNsPerMs;
  static constexpr std::uint32_t kWindowsUp = 5;
  static constexpr std::uint32_t kWindowsDown = 50;

  /// After every turn. `is_full`: at least one of its bursts had no more room. True where the level
  /// changed.
  bool see(TimeNs now, bool is_busy, bool is_full, const OverloadConfig& config) noexcept {
    ++turns_;
    busy_ += is_busy ? 1 : 0;
    full_ += is_full ? 1 : 0;
    if (now - window_began_ < kWindow) [[likely]]
      return false;
    window_began_ = now;
    return close_window(config);
  }

  [[nodiscard]] std::uint32_t level() const noexcept { return level_; }
  /// Times that a step was taken, up.
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  bool close_window(const OverloadConfig& config) noexcept;

  TimeNs window_began_ = 0;
  std::uint32_t turns_ = 0;  ///< of the window, as are the next two
  std::uint32_t busy_ = 0;
  std::uint32_t full_ = 0;
  std::uint32_t high_windows_ = 0;  ///< in a row
  std::uint32_t low_windows_ = 0;
  std::uint32_t level_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace sluice
