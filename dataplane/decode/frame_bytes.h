// The bytes of a whole frame where they lie: in the segments of an mbuf, or in the buffer of a
// datagram put together from fragments. For sums over payloads and for edits; worker thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <rte_mbuf.h>

#include "dataplane/packet.h"

namespace sluice {

/// A range of a frame.
struct ByteRange {
  std::uint32_t offset;
  std::uint32_t count;
};

/// How many bytes of the frame there are to read.
[[nodiscard]] inline std::uint32_t frame_bytes_at_hand(const Packet& packet) noexcept {
  return packet.has(kIsDatagram) ? packet.bytes_at_hand : packet.mbuf->pkt_len;
}

/// Calls visit(bytes, count) for each contiguous run of the range in the segments of `mbuf`, in
/// order. Bytes that are not at hand are left out; the caller compares with the length first.
template <class Visit>
inline void visit_segments(rte_mbuf* mbuf, ByteRange range, Visit visit) noexcept {
  for (rte_mbuf* segment = mbuf; segment != nullptr && range.count > 0; segment = segment->next) {
    const std::uint32_t here = segment->data_len;
    if (range.offset >= here) {
      range.offset -= here;
      continue;
    }
    const std::uint32_t count = std::min(range.count, here - range.offset);
    visit(rte_pktmbuf_mtod_offset(segment, std::uint8_t*, range.offset), count);
    range.count -= count;
    range.offset = 0;
  }
}

/// The same for a packet, wherever its bytes are; they are only read.
template <class Visit>
inline void visit_runs(const Packet& packet, ByteRange range, Visit visit) noexcept {
  if (!packet.has(kIsDatagram)) {
    visit_segments(packet.mbuf, range, visit);
    return;
  }
  if (range.offset >= packet.bytes_at_hand) return;
  visit(packet.bytes + range.offset, std::min(range.count, packet.bytes_at_hand - range.offset));
}

/// Writes `count` bytes into the frame, across segments, and into the decoder's copy of the headers
/// where `packet.bytes` is one. Not for datagrams: their originals are released unchanged.
inline void write_frame_bytes(Packet& packet, std::uint32_t offset, const void* from,
                              std::uint32_t count) noexcept {
  const auto* source = static_cast<const std::uint8_t*>(from);
  visit_segments(packet.mbuf, {offset, count},
                 [&source](std::uint8_t* to, std::uint32_t run) noexcept {
                   std::memcpy(to, source, run);
                   source += run;
                 });
  const bool is_copy = packet.bytes != rte_pktmbuf_mtod(packet.mbuf, const std::uint8_t*);
  if (!is_copy || offset >= packet.bytes_at_hand) return;
  std::memcpy(const_cast<std::uint8_t*>(packet.bytes) + offset, from,
              std::min(count, packet.bytes_at_hand - offset));
}

}  // namespace sluice
