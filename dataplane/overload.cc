#include "dataplane/overload.h"

#include <utility>

namespace sluice {

bool Overload::close_window(const OverloadConfig& config) noexcept {
  const std::uint64_t turns = std::exchange(turns_, 0);
  const std::uint64_t busy = std::exchange(busy_, 0);
  const std::uint64_t full = std::exchange(full_, 0);
  const std::uint32_t before = level_;
  if (!config.shed) {
    level_ = high_windows_ = low_windows_ = 0;
    return level_ != before;
  }
  const bool is_idle = 2 * busy < turns || busy == 0;
  const bool is_high = !is_idle && full * 100 >= busy * config.high_percent;
  const bool is_low = is_idle || full * 100 < busy * config.low_percent;
  high_windows_ = is_high ? high_windows_ + 1 : 0;
  low_windows_ = is_low && !is_high ? low_windows_ + 1 : 0;
  if (high_windows_ == kWindowsUp) {
    high_windows_ = 0;
    if (level_ < (config.inspection ? kShedStreams : kShedFlowRecords)) {
      ++level_;
      ++steps_;
    }
  }
  if (low_windows_ == kWindowsDown) {
    low_windows_ = 0;
    level_ -= level_ > 0 ? 1 : 0;
  }
  return level_ != before;
}

}  // namespace sluice
