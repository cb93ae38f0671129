// Puts a complete train of fragments together as one linear datagram, so that the decoder and the
// inspection read it like any packet. The copy lives until the burst was forwarded; what leaves the
// gateway are the originals. One per worker, worker's thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "dataplane/memory_arena.h"
#include "dataplane/packet.h"

namespace sluice {

/// The largest datagram with the link headers, tunnels and extension headers in front of it.
inline constexpr std::uint32_t kAssemblyBytesMax = 66 * 1024;

enum class AssemblyOutcome : std::uint8_t {
  assembled,
  no_room,       ///< the area is in use by this burst's other datagrams
  inconsistent,  ///< not a complete datagram, or headers too long for any
};

class AssemblyArea {
 public:
  explicit AssemblyArea(std::span<std::uint8_t> memory) noexcept : memory_(memory) {}

  /// Assembles the train at `datagram.mbuf`, whose notes hold the offset of each IP header. Sets
  /// bytes, bytes_at_hand, wire_bytes, frames, l3_offset, l3_bytes and the flags of `datagram`; the
  /// IP header is that of the first fragment with length, fragment fields and IPv4 checksum put
  /// right, and without the IPv6 fragment header.
  [[nodiscard]] AssemblyOutcome assemble(Packet& datagram) noexcept;

  /// `bytes` bytes of scratch that are free until the next call; null where there is no room.
  [[nodiscard]] std::uint8_t* borrow(std::uint32_t bytes) noexcept {
    return bytes <= memory_.size() - used_ ? memory_.data() + used_ : nullptr;
  }
  /// The datagrams assembled so far are gone.
  void release() noexcept { used_ = 0; }

 private:
  std::span<std::uint8_t> memory_;
  std::size_t used_ = 0;
};

}  // namespace sluice
