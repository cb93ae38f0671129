// A network interface of the kernel that sluice uses as a port: what it is like, and what must be
// set for forwarding (up, promiscuous, all multicast, MTU, no merging of frames). Everything set is
// put back when the owner goes; what matters most is bound to a socket, so that the kernel puts it
// back even after kill -9. Start-up and keeper thread. No DPDK here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "dataplane/sealed_memory.h"

namespace sluice {

struct InterfaceFacts {
  int index = 0;
  std::uint32_t mtu = 0;
  std::uint32_t channels = 1;  ///< receive queues that traffic is spread over
  bool is_up = false;
  bool carries_default_route = false;
  std::uint32_t xdp_program = 0;  ///< id of the attached program; 0 = none
};

/// Errors: not_found.
[[nodiscard]] Result<InterfaceFacts> inspect_interface(const std::string& name);

/// Name of a loaded BPF program; empty where it cannot be read.
[[nodiscard]] std::string bpf_program_name(std::uint32_t id);

class KernelInterface {
 public:
  struct Wanted {
    std::uint32_t mtu = 1500;
    bool replaces_xdp_program = false;  ///< detach what a killed process left
  };
  /// Errors: unavailable where another sluice has the interface, invalid where it refuses the MTU.
  [[nodiscard]] static Result<std::unique_ptr<KernelInterface>> prepare(const std::string& name,
                                                                        const Wanted& wanted);
  ~KernelInterface();
  KernelInterface(const KernelInterface&) = delete;
  KernelInterface& operator=(const KernelInterface&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] int index() const noexcept { return index_; }
  [[nodiscard]] std::uint32_t mtu() const noexcept { return mtu_; }
  /// Administrative state; used by the link watch. Idempotent.
  [[nodiscard]] Status set_up(bool up) noexcept;

 private:
  KernelInterface() = default;
  [[nodiscard]] Status take_lock();
  [[nodiscard]] Status join_promiscuous();
  [[nodiscard]] Status fit_mtu(std::uint32_t wanted);
  void turn_off_merging();

  std::string name_;
  int index_ = 0;
  std::uint32_t mtu_ = 0;
  std::uint32_t mtu_found_ = 0;
  bool was_up_ = false;
  std::uint32_t flags_found_ = 0;  ///< ethtool flags
  bool flags_changed_ = false;
  bool gro_changed_ = false;
  bool replaces_xdp_program_ = false;
  OwnedFd lock_;
  OwnedFd membership_;
};

}  // namespace sluice
