// Time as every folder speaks it. Nothing reads a clock by itself: time is a parameter, or comes
// through `Clock`, so that tests and replays decide what time it is.
#pragma once

#include <cstdint>
#include <ctime>

namespace sluice {

/// Nanoseconds. In the wire: since the Unix epoch on a clock that never goes back (a monotonic
/// clock offset once at start). In a replay: the packet's timestamp, never going back.
using TimeNs = std::uint64_t;
using DurationNs = std::uint64_t;

inline constexpr DurationNs kNsPerUs = 1'000;
inline constexpr DurationNs kNsPerMs = 1'000'000;
inline constexpr DurationNs kNsPerSecond = 1'000'000'000;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimeNs now() const noexcept = 0;
};

[[nodiscard]] inline TimeNs read_clock(clockid_t id) noexcept {
  timespec ts{};
  clock_gettime(id, &ts);
  return static_cast<TimeNs>(ts.tv_sec) * kNsPerSecond + static_cast<TimeNs>(ts.tv_nsec);
}

/// Wall time read once at construction and advanced by the monotonic clock: a step of the wall
/// clock neither expires flows nor fills buckets.
class SteadyClock final : public Clock {
 public:
  SteadyClock() noexcept : offset_(read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC)) {}
  /// The clock of another process: its `offset()`.
  explicit SteadyClock(std::uint64_t offset) noexcept : offset_(offset) {}
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  [[nodiscard]] TimeNs now() const noexcept override {
    return read_clock(CLOCK_MONOTONIC) + offset_;
  }

 private:
  TimeNs offset_;
};

}  // namespace sluice
