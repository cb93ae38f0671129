// One port, whichever back end carries it: a DPDK device with its own or shared queues, or packet
// sockets of the kernel. Opened and closed by the keeper; what `io_of` gives belongs to a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <rte_build_config.h>

#include "base/result.h"
#include "config/config.h"
#include "config/device_word.h"
#include "dataplane/io/kernel_interface.h"
#include "dataplane/io/packet_socket.h"
#include "dataplane/io/port.h"
#include "dataplane/io/port_device.h"
#include "dataplane/io/port_io.h"
#include "dataplane/io/shared_queue.h"

struct rte_ring;

namespace sluice {

struct PortSet::Port {
  DeviceKind kind = DeviceKind::null;
  std::uint16_t number = 0;
  std::uint16_t ethdev = RTE_MAX_ETHPORTS;
  bool is_started = false;
  std::uint16_t queues = 1;
  std::uint32_t frame_bytes_max = 0;
  PortPairConfig pair;
  std::unique_ptr<KernelInterface> interface;
  std::vector<std::unique_ptr<PacketQueue>> sockets;  ///< af_packet: by worker
  std::vector<std::unique_ptr<SharedQueue>> shared;   ///< by queue, where workers share queues
  std::vector<rte_ring*> guest_rings;                 ///< by worker; null for owners of a queue
  std::uint64_t socket_drops = 0;

  [[nodiscard]] Status open(const WantedPort& wanted);
  [[nodiscard]] Status open_sockets(const WantedPort& wanted);
  [[nodiscard]] Status open_ethdev(const WantedPort& wanted);
  [[nodiscard]] Status share_queues(unsigned workers);
  /// Also after an `open` that failed.
  void close() noexcept;
  [[nodiscard]] PortLosses losses();

  /// Which queue a worker uses. A different worker is first for each port, so that two ports with
  /// one queue each keep two workers busy.
  struct Seat {
    std::uint16_t queue = 0;
    bool owns = true;
  };
  [[nodiscard]] Seat seat_of(unsigned worker, unsigned workers) const noexcept {
    const unsigned turn = (worker + workers - number % workers) % workers;
    return {static_cast<std::uint16_t>(turn % queues), turn < queues};
  }
  [[nodiscard]] PortIo io_of(unsigned worker, unsigned workers) const;
};

}  // namespace sluice
