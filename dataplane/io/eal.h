// DPDK's environment, started from plain values: hugepages or not, which PCI devices it may see,
// and its log turned into our words. One per process, once. The thread that starts it is the
// keeper's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice {

struct EalOptions {
  std::vector<std::uint32_t> control_cpus;  ///< the calling thread is pinned to these
  bool hugepages = false;
  std::uint64_t memory_bytes = 0;        ///< without hugepages: all that EAL will ever have
  std::vector<std::string> pci_devices;  ///< empty = the PCI bus is not looked at
};

class Eal {
 public:
  /// Errors: unavailable with the words of EAL, limit where memory was the reason.
  [[nodiscard]] static Result<std::unique_ptr<Eal>> start(const EalOptions& options);
  /// Ports are closed before. Leaves no file behind.
  ~Eal();
  /// Takes every capability from the thread that EAL handles interrupts on; done when it returns.
  void disarm_interrupt_thread() noexcept;

  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

 private:
  Eal() = default;
};

/// The first warning or error that DPDK or one of its drivers logged since the last call, which is
/// the one nearest to the cause, without its prefix; empty if there was none. Start-up only.
[[nodiscard]] std::string take_eal_message();

}  // namespace sluice
