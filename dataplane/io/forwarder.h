// Station 11: frames leave. What passed goes to the peer port, one transmit call a burst; what was
// refused goes back to its pool; every frame that the port did not take is counted. Worker thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/verdict.h"
#include "dataplane/burst.h"
#include "dataplane/io/port_io.h"
#include "dataplane/window.h"

namespace sluice {

class Forwarder {
 public:
  Forwarder(const std::vector<PortIo>& ports, ReleaseMbufs release, RefusalObserver observer,
            WorkerCounters& counters);

  /// Every mbuf of the burst is sent, released, or held by the defragmenter afterwards.
  void forward(std::span<Packet> packets) noexcept;
  /// Counts the packets of these places, a bit for each, as refused, and releases their frames.
  /// Each is one frame; they are no more part of the burst.
  void release_refused(const Burst& burst, std::uint32_t places, DropReason reason) noexcept;

 private:
  static constexpr std::uint32_t kTransmitMost = 64;
  struct Outgoing {
    std::array<rte_mbuf*, kTransmitMost> mbufs;
    std::array<std::uint32_t, kTransmitMost> frame_bytes;
    std::uint32_t count = 0;
    std::uint64_t bytes = 0;
  };

  void send(std::uint8_t port, rte_mbuf* mbuf, std::uint32_t bytes) noexcept;
  void refuse(rte_mbuf* mbuf, DropReason reason) noexcept;
  void dispatch_train(Packet& packet) noexcept;
  void flush(std::uint8_t port) noexcept;
  void count_unsent(std::uint8_t port, std::uint32_t sent) noexcept;
  void flush_refused() noexcept;

  const std::vector<PortIo>& ports_;
  ReleaseMbufs release_;
  RefusalObserver observer_;
  WorkerCounters& counters_;
  std::vector<Outgoing> outgoing_;
  std::uint32_t ports_used_ = 0;  ///< bit per port with something to send
  std::array<rte_mbuf*, kTransmitMost> refused_;
  std::uint32_t refused_count_ = 0;
};

}  // namespace sluice
