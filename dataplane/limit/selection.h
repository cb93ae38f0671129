// Which packets of a burst a step concerns, found without branches. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/burst.h"

namespace sluice {

/// Places in a burst.
struct Selection {
  std::array<std::uint8_t, kBurstMax> places;
  std::uint32_t count = 0;

  void add_if(bool wanted, std::uint32_t place) noexcept {
    places[count] = static_cast<std::uint8_t>(place);
    count += wanted ? 1U : 0U;
  }
  [[nodiscard]] std::span<const std::uint8_t> all() const noexcept {
    return {places.data(), count};
  }
};

}  // namespace sluice
