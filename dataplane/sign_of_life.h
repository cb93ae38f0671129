// Who still shows signs of life: the workers by their heartbeats, the control process by its
// answers. What the keeper tells systemd rests on both. Keeper thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"

namespace sluice {

/// Which workers have stopped turning: told once, and once more when they turn again.
class HeartbeatWatch {
 public:
  explicit HeartbeatWatch(std::size_t workers) : seats_(workers) {}
  struct News {
    std::size_t worker = 0;
    bool is_stuck = false;
    friend bool operator==(const News&, const News&) noexcept = default;
  };
  /// `beats[i]` moves as long as worker i does. Stuck = unmoved for more than a second.
  [[nodiscard]] std::vector<News> see(std::span<const std::uint64_t> beats, TimeNs now);
  [[nodiscard]] bool all_move() const noexcept;

 private:
  struct Seat {
    std::uint64_t beat = 0;
    TimeNs moved = 0;
    bool is_stuck = false;
  };
  std::vector<Seat> seats_;
};

/// The control process is asked for a sign of life once a second. It may be dead, hang or be
/// started again for half a minute, in which packets flow and blocks expire as before; then nothing
/// that is left here can help, and the watchdog is fed no more.
class AnswerWatch {
 public:
  static constexpr DurationNs kSilentAfter = 3 * kNsPerSecond;
  static constexpr DurationNs kBorneFor = 30 * kNsPerSecond;

  explicit AnswerWatch(TimeNs now) noexcept : heard_(now) {}
  void hear(TimeNs now) noexcept { heard_ = now; }
  [[nodiscard]] bool is_silent(TimeNs now) const noexcept { return now - heard_ > kSilentAfter; }
  [[nodiscard]] bool is_borne(TimeNs now) const noexcept { return now - heard_ <= kBorneFor; }

 private:
  TimeNs heard_;
};

}  // namespace sluice
