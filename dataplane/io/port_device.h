// What a port shall be, and the DPDK device behind its device word: found, or made where the kernel
// or this process carries it. Keeper thread, at start-up.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "config/config.h"
#include "config/device_word.h"

struct rte_mempool;

namespace sluice {

struct WantedPort {
  DeviceWord device;
  PortConfig config;
  std::uint32_t mtu = 1500;
  std::uint16_t number = 0;
  std::uint16_t workers = 1;
  rte_mempool* pool = nullptr;
};

/// `what`, with what DPDK printed about it, or else with what its error code means.
[[nodiscard]] tl::unexpected<Error> device_error(std::string_view what, int code);

/// The number of the device, not yet configured. Errors: unavailable, as the driver says.
[[nodiscard]] Result<std::uint16_t> find_device(const WantedPort& wanted);

}  // namespace sluice
