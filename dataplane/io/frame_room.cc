#include "dataplane/io/frame_room.h"

#include <algorithm>

namespace sluice {
namespace {

// Both ring headers of net_af_packet leave this much of a 2048-byte slot for the frame on receive:
// the kernel puts the network header at a multiple of 16 behind TPACKET2_HDRLEN and 16 bytes more.
constexpr std::uint32_t kSlotOverheadBytes = 66;
constexpr std::uint32_t kSmallSlotBytes = 2048;
constexpr std::uint32_t kJumboSlotBytes = 16384;

}  // namespace

std::uint32_t af_packet_slot_bytes(std::uint32_t mtu) noexcept {
  return frame_bytes_for_mtu(mtu) + kSlotOverheadBytes <= kSmallSlotBytes ? kSmallSlotBytes
                                                                          : kJumboSlotBytes;
}

std::uint32_t frame_room_bytes(DeviceKind kind, std::uint32_t mtu) noexcept {
  if (kind == DeviceKind::af_packet) return af_packet_slot_bytes(mtu);
  // A PCI device spreads a large frame over several mbufs.
  if (kind == DeviceKind::pci) return kSmallSlotBytes;
  const std::uint32_t frame = std::max(frame_bytes_for_mtu(mtu), kSmallSlotBytes);
  return std::min(frame, frame_bytes_for_mtu(mtu_max(kind)));
}

}  // namespace sluice
