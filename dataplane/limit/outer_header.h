// The outermost IP header of a frame that was not decoded, where Ethernet and VLAN tags are all
// that stands before it: enough to refuse a flood by its source for the price of a look-up. Worker
// thread only.
#pragma once

#include <cstdint>

#include "base/endian.h"
#include "dataplane/packet.h"

namespace sluice {

struct OuterHeader {
  std::uint8_t version = 0;  ///< 0: there is none, or its addresses are not at hand
  std::uint8_t offset = 0;
};

[[nodiscard]] inline bool is_vlan_tag(std::uint16_t type) noexcept {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

[[nodiscard]] inline OuterHeader outer_header(const Packet& packet) noexcept {
  constexpr std::uint32_t kEtherBytes = 14;
  constexpr std::uint32_t kTagBytes = 4;
  constexpr std::uint16_t kTypeIpv4 = 0x0800;
  constexpr std::uint16_t kTypeIpv6 = 0x86dd;
  if (!packet.is_undecided()) return {};
  std::uint32_t offset = kEtherBytes;
  if (packet.bytes_at_hand < offset + 20) return {};
  std::uint16_t type = load_be16(packet.bytes + offset - 2);
  for (unsigned tags = 0; tags < kVlanTagsMax && is_vlan_tag(type); ++tags) [[unlikely]] {
      offset += kTagBytes;
      if (packet.bytes_at_hand < offset + 20) return {};
      type = load_be16(packet.bytes + offset - 2);
    }
  const unsigned version = packet.bytes[offset] >> 4;
  if (type == kTypeIpv4 && version == 4) return {4, static_cast<std::uint8_t>(offset)};
  const bool is_v6 = type == kTypeIpv6 && version == 6 && packet.bytes_at_hand >= offset + 40;
  return is_v6 ? OuterHeader{6, static_cast<std::uint8_t>(offset)} : OuterHeader{};
}

/// The word of both ports where TCP or UDP follows the fixed header, as a decoder would find them.
[[nodiscard]] inline std::uint32_t ports_behind(const Packet& packet, std::uint32_t at,
                                                std::uint8_t protocol) noexcept {
  const bool has_ports = (protocol == 6 || protocol == 17) && packet.bytes_at_hand >= at + 4;
  return has_ports ? load_be32(packet.bytes + at) : 0;
}

/// As much of a decoded packet as later stations read of one that is decided; no station reports
/// its drop.
inline void leave_undecoded(Packet& packet) noexcept {
  packet.flow = nullptr;
  packet.flags = kUnsampled;
  packet.ip_version = 0;
}

inline void refuse_undecoded(Packet& packet, DropReason reason) noexcept {
  leave_undecoded(packet);
  packet.drop(reason);
}

}  // namespace sluice
