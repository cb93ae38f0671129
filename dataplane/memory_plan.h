// How the one memory budget becomes entries of tables and numbers of mbufs: a pure function of the
// configuration, the workers and the host. Printed by `plan`, obeyed at start. Start-up only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "dataplane/worker.h"

namespace sluice {

struct HostMemory {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::uint64_t hugepage_bytes = 0;      ///< size of one; 0 = the kernel has none
  std::uint64_t free_hugepages = 0;      ///< that nobody was promised
  std::uint64_t reserved_hugepages = 0;  ///< free or not

  [[nodiscard]] std::uint64_t free_hugepage_bytes() const noexcept {
    return hugepage_bytes * free_hugepages;
  }
};

struct MemoryRequest {
  std::uint32_t workers = 1;
  /// Prefixes of all lists, files included; `plan` counts them, 0 where unknown.
  std::uint64_t prefixes_v4 = 0;
  std::uint64_t prefixes_v6 = 0;
  /// Of the keys that the file of each set holds; shorter where unknown.
  std::vector<std::uint64_t> set_bytes = {};
};

/// One line of the printed plan.
struct MemoryRow {
  std::string table;
  std::string each;  ///< "worker", "port pair", "process", "generation"
  std::uint64_t copies = 0;
  std::uint64_t entries = 0;  ///< of one copy
  std::uint64_t entry_bytes = 0;
  std::uint64_t bytes = 0;  ///< of all copies
};

struct PoolPlan {
  std::uint32_t mbufs = 0;
  std::uint32_t frame_room_bytes = 0;  ///< without headroom
};

struct MemoryPlan {
  std::uint64_t budget_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t pool_bytes = 0;     ///< of the total, what EAL's memory has to hold
  WorkerSizes worker;               ///< entries of each worker's tables
  std::uint32_t shared_meters = 0;  ///< entries of the one table all workers lease from
  std::uint32_t blocks = 0;         ///< entries of the one table of blocks
  std::vector<PoolPlan> pools;      ///< by port pair
  std::vector<MemoryRow> rows;
  std::vector<std::string> warnings;
};

/// Entries are powers of two. Errors: limit, where what is configured does not fit the budget (the
/// message says what would), invalid for a device word that does not parse.
[[nodiscard]] Result<MemoryPlan> plan_memory(const Config& config, const MemoryRequest& request,
                                             const HostMemory& host);

/// Tables alone, as a replay has them: no ports, no pools. Never fails; small budgets give small
/// tables, at least 1,024 flows a worker.
[[nodiscard]] WorkerSizes size_tables(const Config& config, std::uint32_t workers,
                                      std::uint64_t budget_bytes);

/// For people: whole mebibytes, rounded up.
[[nodiscard]] std::string print_mebibytes(std::uint64_t bytes);

/// Reads /proc/meminfo.
[[nodiscard]] Result<HostMemory> read_host_memory(const std::string& meminfo = "/proc/meminfo");

}  // namespace sluice
