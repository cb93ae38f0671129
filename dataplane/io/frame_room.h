// How many bytes a frame takes on a port, and what has to be kept free for it. Pure; used by the
// plan and by the port itself. No DPDK here.
#pragma once

#include <cstdint>

#include "config/device_word.h"

namespace sluice {

/// Bytes of a frame around `mtu` bytes of layer 3: Ethernet header and one VLAN tag, which is what
/// kernel interfaces let pass.
[[nodiscard]] constexpr std::uint32_t frame_bytes_for_mtu(std::uint32_t mtu) noexcept {
  return mtu + 14 + 4;
}

/// Slot of an af_packet ring that a frame of this MTU fits: 2048, or 16384 for jumbo frames.
[[nodiscard]] std::uint32_t af_packet_slot_bytes(std::uint32_t mtu) noexcept;

/// Room for frame bytes (headroom not counted) that an mbuf needs on a port of this kind.
[[nodiscard]] std::uint32_t frame_room_bytes(DeviceKind kind, std::uint32_t mtu) noexcept;

}  // namespace sluice
