// The word by which a port names its device, taken apart and judged by form alone: whether the
// device exists is a question for the host. Control threads only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

enum class DeviceKind : std::uint8_t { pci, af_packet, af_xdp, tap, ring, null };

struct DeviceWord {
  DeviceKind kind = DeviceKind::null;
  std::string name;  ///< PCI address in lower case, interface, ring, or frame size of null

  /// An interface of the kernel carries the traffic.
  [[nodiscard]] bool is_kernel_interface() const noexcept {
    return kind == DeviceKind::af_packet || kind == DeviceKind::af_xdp;
  }

  /// Equal for two words that cannot both be opened; empty where any number can.
  [[nodiscard]] std::string exclusive_name() const;
  friend bool operator==(const DeviceWord&, const DeviceWord&) = default;
};

/// "0000:3b:00.0", "af_packet:IFACE", "af_xdp:IFACE", "tap:IFACE", "ring:NAME", "null:SIZE". Names
/// become part of DPDK's device arguments, which have no quoting: letters, digits and "_.-@" only.
[[nodiscard]] Result<DeviceWord> parse_device_word(std::string_view word);

/// Largest IP packet that a port of this kind can carry.
[[nodiscard]] std::uint32_t mtu_max(DeviceKind kind) noexcept;

/// "pci", "af_packet" and so on.
[[nodiscard]] std::string_view name_of(DeviceKind kind) noexcept;

}  // namespace sluice
