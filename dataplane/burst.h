// What one receive call returned, decoded. A burst owns its mbufs from receive to forward: no
// station frees one, and only the defragmenter holds one. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/packet.h"

namespace sluice {

inline constexpr std::uint32_t kBurstMax = 32;

struct Burst {
  std::array<Packet, kBurstMax> packets;
  std::uint32_t count = 0;
  TimeNs now = 0;  ///< one clock read; a replay gives every packet its own `now`

  [[nodiscard]] std::span<Packet> all() noexcept { return {packets.data(), count}; }
};

}  // namespace sluice
