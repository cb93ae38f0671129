// The ports of the process: devices opened, configured and started from the plan, their mbuf pools,
// and for every worker its way into and out of each of them. Opened and closed by the keeper
// thread; what `io_of_worker` hands out belongs to that worker in between.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/io/port_io.h"
#include "dataplane/wire_plan.h"

struct rte_mempool;

namespace sluice {

class KernelInterface;

/// Frames that never came before a worker, or were lost behind it; all count up from the start.
struct PortLosses {
  std::uint64_t lost_before_receive = 0;  ///< no buffer, ring full, cut frames
  std::uint64_t lost_after_transmit = 0;  ///< taken for sending, refused by device or kernel
};

struct PoolLevel {
  std::uint64_t mbufs = 0;
  std::uint64_t free = 0;
};

class PortSet {
 public:
  /// After EAL, before the workers. A failure closes again what was opened. One set
  /// per process. Errors: as the device says, with the port's name.
  [[nodiscard]] static Result<std::unique_ptr<PortSet>> open(const WirePlan& plan);
  /// After the workers: stops and closes the ports, puts interfaces back as they were found.
  ~PortSet();
  PortSet(const PortSet&) = delete;
  PortSet& operator=(const PortSet&) = delete;

  [[nodiscard]] std::size_t size() const noexcept;
  /// By port number; ports with fewer queues than workers are received by some workers only.
  [[nodiscard]] std::vector<PortIo> io_of_worker(unsigned worker) const;
  [[nodiscard]] PortLosses losses(std::size_t port);
  /// Packet buffers of a pair. Walks the caches of all threads: for once a second.
  [[nodiscard]] PoolLevel pool_level(std::size_t pair) const noexcept;
  /// The kernel interface behind a port, or null.
  [[nodiscard]] KernelInterface* interface(std::size_t port) const noexcept;
  /// What is worth a line for the operator after the start, such as missing multi-queue support.
  [[nodiscard]] const std::vector<std::string>& notices() const noexcept { return notices_; }

 private:
  struct Port;  ///< open_port.h
  PortSet() = default;
  [[nodiscard]] Status open_all(const WirePlan& plan);
  [[nodiscard]] Status open_port(const WirePlan& plan, std::size_t number);

  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<rte_mempool*> pools_;
  std::vector<std::string> notices_;
  unsigned workers_ = 1;
};

}  // namespace sluice
