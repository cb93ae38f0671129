// Everything the wire process needs to know, as plain checked values. A short-lived child reads the
// configuration, makes this and writes it into a sealed memfd; the wire process maps and checks it
// and runs no parser of files. Start-up only. No DPDK here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "dataplane/io/lcore_plan.h"
#include "dataplane/memory_plan.h"
#include "dataplane/policy_parts.h"

namespace sluice {

inline constexpr std::size_t kWirePlanBytesMax = 160U << 20;

struct WirePlan {
  std::vector<PortPairConfig> pairs;  ///< ports 2i and 2i+1 are outside and inside of pair i
  std::vector<WorkerPlace> workers;
  std::vector<std::uint32_t> control_cpus;
  std::uint32_t burst = 32;
  std::uint32_t handoff_ring = 2048;
  HugepageMode hugepages = HugepageMode::automatic;
  WorkerSizes sizes;
  std::uint32_t shared_meters = 0;
  std::uint32_t block_capacity = 64;
  std::vector<PoolPlan> pools;  ///< by pair
  std::uint64_t pool_bytes = 0;
  std::string run_dir;
  std::string control_user;  ///< empty = as the wire process
  PolicyParts parts;
};

/// The two pure plans and the configuration put together.
[[nodiscard]] WirePlan make_wire_plan(const Config& config, const LcorePlan& lcores,
                                      const MemoryPlan& memory, PolicyParts parts);

[[nodiscard]] std::vector<std::byte> encode_wire_plan(const WirePlan& plan);
/// Checks version, lengths, counts, every enumeration and range. Errors: invalid.
[[nodiscard]] Result<WirePlan> decode_wire_plan(std::span<const std::byte> bytes);

/// The child's end: fills and seals a memfd that the parent made with `make_memfd`.
[[nodiscard]] Status write_wire_plan(int memfd, const WirePlan& plan);
/// The wire process's end.
[[nodiscard]] Result<WirePlan> read_wire_plan(int memfd);

/// "NAME.outside" or "NAME.inside": what a port is called in counters, logs and events.
[[nodiscard]] std::string port_name(const WirePlan& plan, std::size_t port);

}  // namespace sluice
