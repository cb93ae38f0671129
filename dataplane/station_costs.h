// What the stations of the journey cost, by place: measured in one burst of many, told in the
// window and by benchmarks. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <rte_cycles.h>

#include "dataplane/window.h"

namespace sluice {

/// In the order of the journey. A station that is added gets a place here and a name below.
enum class Station : std::uint8_t {
  outer_sources,
  decode,
  hand_off,
  defragment,
  look_up_flow,
  filter_sources,
  find_flow,
  filter_flows,
  track_flow,
  limit_rate,
  inspect,
  decide,
  report,
  forward,
  count_,
};
inline constexpr auto kStationCount = static_cast<std::size_t>(Station::count_);

inline constexpr std::array<const char*, kStationCount> kStationNames = {
    "outer sources",  "decode",    "hand off",     "defragment", "look up flow",
    "filter sources", "find flow", "filter flows", "track flow", "limit rate",
    "inspect",        "decide",    "report",       "forward",
};
static_assert(kStationCount <= kStationsMax && kStationNames.back() != nullptr);

struct StationCost {
  const char* station = "";
  std::uint64_t cycles = 0;
  std::uint64_t packets = 0;
  std::uint64_t calls = 0;
};
using StationCosts = std::array<StationCost, kStationCount>;

/// The journey without measuring: nothing is left of it in the code.
struct NoProbe {
  void begin() noexcept {}
  void station(Station, std::uint32_t) noexcept {}
};

/// Adds the cost of every station to `costs`.
struct CycleProbe {
  StationCosts& costs;
  std::uint64_t last = 0;
  void begin() noexcept { last = rte_rdtsc(); }
  void station(Station station, std::uint32_t packets) noexcept {
    const std::uint64_t now = rte_rdtsc();
    const auto place = static_cast<std::size_t>(station);
    StationCost& cost = costs[place];
    cost.station = kStationNames[place];
    cost.cycles += now - last;
    cost.packets += packets;
    ++cost.calls;
    last = rte_rdtsc();
  }
};

}  // namespace sluice
