// A DPDK device configured with its queues and started. Keeper thread, at start-up.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "dataplane/io/port_device.h"

namespace sluice {

/// As many pairs of queues as the device has, at most one per worker; returned is how many.
/// Errors: as the device says.
[[nodiscard]] Result<std::uint16_t> set_up_queues(std::uint16_t port, const WantedPort& wanted);

}  // namespace sluice
