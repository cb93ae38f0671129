// One worker's way into and out of one port: a queue pair of a DPDK device, or a replay's capture.
// The back end is chosen at start; the worker calls through two function pointers per burst.
#pragma once

#include <cstdint>

#include "base/verdict.h"
#include "config/config.h"

struct rte_mbuf;

namespace sluice {

struct PortIo {
  std::uint16_t port_id = 0;  ///< DPDK's number; unused in a replay
  std::uint16_t rx_queue = 0;
  std::uint16_t tx_queue = 0;
  bool receives = true;  ///< false where the port has fewer queues than there are workers
  bool checks_link = false;
  std::uint8_t peer = 0;     ///< index of the port that packets leave by
  std::uint16_t domain = 0;  ///< tracking domain
  bool vlan_in_key = false;
  ChecksumMode checksums = ChecksumMode::automatic;
  std::uint32_t frame_bytes_max =
      0xffffffff;  ///< largest layer-2 frame this port can send, without FCS
  void* context = nullptr;
  std::uint16_t (*receive)(const PortIo& port, rte_mbuf** mbufs,
                           std::uint16_t most) noexcept = nullptr;
  /// Sends a prefix of `mbufs` and owns what it sent; the rest stays the caller's.
  std::uint16_t (*transmit)(const PortIo& port, rte_mbuf** mbufs,
                            std::uint16_t count) noexcept = nullptr;
};

/// Gives mbufs back to where they came from; in the wire rte_pktmbuf_free_bulk.
using ReleaseMbufs = void (*)(rte_mbuf** mbufs, std::uint32_t count) noexcept;

/// An empty mbuf for a frame that sluice makes itself, of the pool that `like` is of; null where
/// there is none.
struct MakeMbuf {
  void* context = nullptr;
  rte_mbuf* (*make)(void* context, const rte_mbuf& like) noexcept = nullptr;
};

/// A replay looks at every frame that is refused, before it is released.
struct RefusalObserver {
  void* context = nullptr;
  void (*refused)(void* context, rte_mbuf* mbuf, DropReason reason) noexcept = nullptr;
};

}  // namespace sluice
