// The word by which the configuration names a port's device, taken apart: what kind of port it is
// and which one. Pure; used by the plan, the preflight checks and the port itself. No DPDK here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

enum class PortKind : std::uint8_t { pci, af_packet, af_xdp, tap, ring, null };

struct PortDevice {
  PortKind kind = PortKind::null;
  std::string name;             ///< PCI address, interface or ring
  std::uint32_t null_bytes = 0; ///< null: size of the frames it makes up

  /// An interface of the kernel carries the traffic.
  [[nodiscard]] bool is_kernel_interface() const noexcept {
    return kind == PortKind::af_packet || kind == PortKind::af_xdp;
  }
  friend bool operator==(const PortDevice&, const PortDevice&) = default;
};

/// "0000:3b:00.0", "af_packet:IFACE", "af_xdp:IFACE", "tap:IFACE", "ring:NAME", "null:SIZE". The
/// names are strict, since they end up in the device arguments of DPDK: no comma, no space.
[[nodiscard]] Result<PortDevice> parse_port_device(std::string_view word);

/// Largest layer-3 size that a port of this kind can carry.
[[nodiscard]] std::uint32_t mtu_max(PortKind kind) noexcept;

/// Bytes of a frame around `mtu` bytes of layer 3: Ethernet header and one VLAN tag, which is what
/// kernel interfaces let pass.
[[nodiscard]] constexpr std::uint32_t frame_bytes_for_mtu(std::uint32_t mtu) noexcept {
  return mtu + 14 + 4;
}

/// Slot of an af_packet ring that a frame of this MTU fits: 2048, or 16384 for jumbo frames.
[[nodiscard]] std::uint32_t af_packet_slot_bytes(std::uint32_t mtu) noexcept;

/// Room for frame bytes (headroom not counted) that an mbuf needs on a port of this kind.
[[nodiscard]] std::uint32_t frame_room_bytes(PortKind kind, std::uint32_t mtu) noexcept;

[[nodiscard]] std::string_view name_of(PortKind kind) noexcept;

}  // namespace sluice
