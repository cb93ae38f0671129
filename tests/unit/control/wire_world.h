// A window with two workers and two ports as a wire process would fill it, for the tests of what
// reads it.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "dataplane/window.h"

namespace sluice::test {

inline constexpr TimeNs kWorldStart = 1'735'689'600 * kNsPerSecond;

class FakeClock final : public Clock {
 public:
  TimeNs time = kWorldStart;
  [[nodiscard]] TimeNs now() const noexcept override { return time; }
};

template <std::size_t N>
void write_name(std::array<char, N>& into, std::string_view name) {
  std::memcpy(into.data(), name.data(), std::min(N, name.size()));
}

struct WireWorld {
  WireWorld() {
    for (auto& window : windows) window = std::make_unique<WorkerWindow>();
    header.workers = 2;
    header.started = kWorldStart;
    header.flow_capacity = 500;
    header.half_open_capacity = 100;
    header.source_capacity = 50;
    header.block_capacity = 1000;
    header.stations = 2;
    write_name(header.station_names[0], "receive");
    write_name(header.station_names[1], "decode");
    header.ports = 2;
    write_name(header.port_names[0], "edge.outside");
    write_name(header.port_names[1], "edge.inside");
    header.keeper.generation = 1;
    header.keeper.control_starts = 1;
    header.pools[0].mbufs = 1000;
    header.pools[0].free = 900;
    header.pools[0].free_low = 800;
    for (auto& counters : workers) counters.generation = 1;
    publish();
  }
  [[nodiscard]] std::vector<WorkerWindow*> all() { return {windows[0].get(), windows[1].get()}; }
  /// What stands in `workers` and `timings` becomes visible.
  void publish() {
    for (std::size_t i = 0; i < windows.size(); ++i) {
      windows[i]->counters.publish(workers[i]);
      windows[i]->timings.publish(timings[i]);
    }
  }
  /// Everybody shows that they live.
  void beat() {
    for (auto& window : windows) ++window->heartbeat;
    ++header.keeper.heartbeat;
  }

  std::array<std::unique_ptr<WorkerWindow>, 2> windows;
  std::array<WorkerCounters, 2> workers;
  std::array<WorkerTimings, 2> timings;
  WindowHeader header;
};

}  // namespace sluice::test
