#include "dataplane/sign_of_life.h"

#include <algorithm>

namespace sluice {
namespace {

constexpr DurationNs kStuckAfter = kNsPerSecond;

}  // namespace

std::vector<HeartbeatWatch::News> HeartbeatWatch::see(std::span<const std::uint64_t> beats,
                                                      TimeNs now) {
  std::vector<News> news;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    Seat& seat = seats_[i];
    if (beats[i] != seat.beat || seat.moved == 0) {
      seat.beat = beats[i];
      seat.moved = now;
    }
    const bool is_stuck = now - seat.moved > kStuckAfter;
    if (is_stuck != seat.is_stuck) news.push_back({i, is_stuck});
    seat.is_stuck = is_stuck;
  }
  return news;
}

bool HeartbeatWatch::all_move() const noexcept {
  return std::ranges::none_of(seats_, &Seat::is_stuck);
}

}  // namespace sluice
