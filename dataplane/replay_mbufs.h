// mbufs of a replay: the structure of DPDK over the capture's own bytes, from a pool without EAL.
// A frame is not copied unless its checksums are to be fixed. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include <rte_mbuf.h>

#include "dataplane/packet.h"

namespace sluice {

/// An mbuf and, right behind it where DPDK looks for it, its private area.
struct ReplayMbuf {
  alignas(64) std::array<std::byte, sizeof(rte_mbuf) + sizeof(MbufNote)> memory;
  std::unique_ptr<std::uint8_t[]> copy;  ///< the frame's bytes where they may be written
};

class ReplayMbufs {
 public:
  /// An mbuf whose segments are `bytes`; it goes back through `release`.
  [[nodiscard]] rte_mbuf* wrap(std::span<const std::uint8_t> bytes, bool writable);
  /// An empty one with room for `bytes`.
  [[nodiscard]] rte_mbuf* make(std::size_t bytes);
  /// Gives `mbuf` and its further segments back.
  void release(rte_mbuf* mbuf) noexcept;
  [[nodiscard]] std::size_t in_use() const noexcept { return all_.size() - free_.size(); }

 private:
  ReplayMbuf& take();
  rte_mbuf* wrap_segment(std::span<const std::uint8_t> bytes, bool writable);

  std::deque<ReplayMbuf> all_;  // a deque never moves what it holds
  std::vector<ReplayMbuf*> free_;
};

}  // namespace sluice
