// How many packet buffers the rings of a pair of ports keep for themselves: asked by the check of
// the file and by the plan of memory. Start-up only. No DPDK here.
#pragma once

#include <cstdint>

#include "config/config.h"
#include "config/device_word.h"

namespace sluice {

/// The kernel fills the rings of an AF_XDP port from softirqs, in bursts; smaller ones lose frames
/// between two polls.
inline constexpr std::uint32_t kAfXdpRingSlots = 2048;
/// What a thread keeps of a pool for its own use, and how far that may grow.
inline constexpr std::uint32_t kMempoolCache = 256;
inline constexpr std::uint64_t kMempoolCacheMbufs = kMempoolCache + kMempoolCache / 2;

/// At most so many buffers stand in the rings of a port.
[[nodiscard]] std::uint64_t ring_mbufs(const PortConfig& port, DeviceKind kind,
                                       std::uint32_t workers);

/// The least `memory.mbufs` with which no port of the pair stops for good; 0 = any number will do.
/// A device word that does not parse counts for nothing.
[[nodiscard]] std::uint64_t mbufs_min(const PortPairConfig& pair, const WorkerConfig& config,
                                      std::uint32_t workers);

}  // namespace sluice
