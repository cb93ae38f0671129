// Sharing out the budget. Fixed needs come first (pools that keep the rings full, the shared
// window, hand-off rings, two generations of lists); what is left is shared between the tables in
// one proportion per flow, so that no table fills long before the others. All entries are powers of
// two, because every table indexes with a mask. Rejected: shares in percent, which give a host with
// large pools too few flows and a small test budget too many mbufs.
#include "dataplane/memory_plan.h"

#include <algorithm>
#include <bit>
#include <fstream>
#include <sstream>
#include <string>

#include <fmt/format.h>

#include "base/units.h"
#include "config/device_word.h"
#include "config/mbuf_need.h"
#include "config/set_memory.h"
#include "dataplane/decode/defrag.h"
#include "dataplane/decode/defrag_table.h"
#include "dataplane/flow/flow.h"
#include "dataplane/flow/half_open.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/rule_memory.h"
#include "dataplane/io/frame_room.h"
#include "dataplane/limit/block_table.h"
#include "dataplane/limit/prefix_table.h"
#include "dataplane/limit/rule_limiter.h"
#include "dataplane/limit/source_table.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

// Entries with their share of index, filter and rounding to pages.
constexpr std::uint64_t kIndexBytesPerFlow = 16;
constexpr std::uint64_t kHalfOpenBytes = sizeof(HalfOpen);
constexpr std::uint64_t kSourceBytes = sizeof(SourceEntry) + 2;
// One table for all workers, and its entries are rounded up once more.
constexpr std::uint64_t kSharedMeterBytes = 32;
constexpr std::uint64_t kFragmentDatagramBytes = sizeof(FragmentSet) + 8 + 4 * sizeof(DecidedId);
constexpr std::uint64_t kFragmentFixedBytes =
    8 * kAssemblyBytesMax + kDeadSetsMax * (sizeof(FragmentSet) + 8);

// An mbuf with the mempool header before it, the headroom and sluice's note.
constexpr std::uint64_t kMbufOverheadBytes = 64 + 128 + 128 + 64;
constexpr std::uint64_t kMbufsMin = 4096 - 1;
constexpr std::uint64_t kMbufsFromBudgetMax = (1U << 16) - 1;

constexpr std::uint64_t kFlowsMin = 1024;
constexpr std::uint64_t kFlowsMax = 1U << 26;
constexpr std::uint64_t kFlowBytes =
    sizeof(Flow) + sizeof(FlowWarm) + sizeof(FlowCold) + kIndexBytesPerFlow;
static_assert(kFlowBytes <= 272, "the promised memory per flow");

constexpr std::uint64_t kFlowsPerHalfOpen = 4;
constexpr std::uint64_t kFlowsPerSource = 4;
constexpr std::uint64_t kInspectionBytesMin = 1ULL << 20;
constexpr std::uint64_t kRuleTablesBytes =
    kRuleMemoryEntries * kRuleMemoryEntryBytes + kRuleLimiterEntries * kRuleLimiterEntryBytes;
constexpr std::uint64_t kBudgetMin = 16ULL << 20;

std::uint64_t power_of_two_up(std::uint64_t value) {
  return std::bit_ceil(std::max<std::uint64_t>(value, 1));
}
std::uint64_t power_of_two_down(std::uint64_t value) {
  return std::bit_floor(std::max<std::uint64_t>(value, 1));
}

std::uint64_t per_worker(std::uint64_t over_all, std::uint32_t workers) {
  return power_of_two_up((over_all + workers - 1) / workers);
}

/// Rules are to be obeyed, or may come; or events tell what applications say.
bool is_inspecting(const Config& config) {
  const EventConfig& events = config.events;
  return !config.rules.files.empty() || config.inspect.memory_bytes != 0 || events.http ||
         events.dns || events.tls || events.ssh || events.smtp || events.ftp || events.quic;
}

/// Of one worker.
std::uint64_t inspection_bytes(const Config& config, std::uint32_t workers, std::uint64_t budget) {
  if (!is_inspecting(config)) return 0;
  const std::uint64_t all =
      config.inspect.memory_bytes != 0 ? config.inspect.memory_bytes : budget / 8;
  return std::max(all / workers / kChunkBytesMax * kChunkBytesMax, kInspectionBytesMin);
}

std::uint64_t fragment_bytes(const Config& config) {
  return config.fragments.datagrams * kFragmentDatagramBytes + kFragmentFixedBytes;
}

/// Bytes that one more flow costs, the entries of the other tables that grow with it included.
std::uint64_t bytes_per_flow(const Config& config, std::uint32_t workers) {
  std::uint64_t bytes = kFlowBytes;
  if (config.flows.half_open == 0) bytes += kHalfOpenBytes / kFlowsPerHalfOpen;
  if (config.limits.sources == 0) {
    bytes += (kSourceBytes + (workers > 1 ? 2 * kSharedMeterBytes : 0)) / kFlowsPerSource + 1;
  }
  return bytes;
}

struct PoolNeed {
  std::uint64_t least = 0;  ///< mbufs that keep every ring full
  std::uint32_t frame_room = 0;
  [[nodiscard]] std::uint64_t bytes(std::uint64_t mbufs) const {
    return mbufs * (frame_room + kMbufOverheadBytes);
  }
};

Result<PoolNeed> pool_need(const Config& config, const PortPairConfig& pair,
                           std::uint32_t workers) {
  PoolNeed need;
  need.least = workers * (kMempoolCacheMbufs + 4ULL * config.workers.burst);
  if (workers > 1) need.least += std::uint64_t{workers} * config.workers.handoff_ring;
  for (const PortConfig* port : {&pair.outside, &pair.inside}) {
    const auto device = parse_device_word(port->device);
    if (!device) return with_context(pair.name, device.error());
    need.least += ring_mbufs(*port, device->kind, workers);
    // Frames that were received and wait for a worker.
    if (device->kind == DeviceKind::af_xdp) need.least += kAfXdpRingSlots;
    need.frame_room = std::max(need.frame_room, frame_room_bytes(device->kind, pair.mtu));
  }
  // Fragments may hold a twentieth of the pool.
  need.least = power_of_two_up(need.least + need.least / 16) - 1;
  need.least = std::max(need.least, kMbufsMin);
  return need;
}

Status check_mbufs(const Config& config, const PortPairConfig& pair, std::uint32_t workers) {
  const std::uint64_t least = mbufs_min(pair, config.workers, workers);
  if (config.memory.mbufs >= least) return {};
  return fail(ErrorKind::limit,
              fmt::format("memory.mbufs is {}, below the {} that {} needs with {} worker{}: an "
                          "af_xdp port that is short of buffers stops receiving",
                          config.memory.mbufs, least, pair.name, workers, workers == 1 ? "" : "s"),
              "raise memory.mbufs, or leave it out to have it fit");
}

Result<std::vector<PoolPlan>> plan_pools(const Config& config, std::uint32_t workers,
                                         std::uint64_t budget) {
  std::vector<PoolPlan> pools;
  for (const PortPairConfig& pair : config.pairs) {
    auto need = pool_need(config, pair, workers);
    if (!need) return tl::unexpected<Error>(need.error());
    std::uint64_t mbufs = need->least;
    if (config.memory.mbufs > 0) {
      if (auto ok = check_mbufs(config, pair, workers); !ok) return tl::unexpected(ok.error());
      mbufs = config.memory.mbufs;
    } else {
      const std::uint64_t share = budget / 16 / config.pairs.size();
      const std::uint64_t affordable = power_of_two_down(share / need->bytes(1) + 1) - 1;
      mbufs = std::max(mbufs, std::min(affordable, kMbufsFromBudgetMax));
    }
    pools.push_back({static_cast<std::uint32_t>(mbufs), need->frame_room});
  }
  return pools;
}

std::uint64_t choose_budget(const Config& config, const HostMemory& host) {
  if (config.memory.budget_bytes > 0) return config.memory.budget_bytes;
  return std::max(host.total_bytes / 4, kBudgetMin);
}

void add_row(MemoryPlan& plan, MemoryRow row) {
  row.bytes = row.copies * row.entries * row.entry_bytes;
  plan.total_bytes += row.bytes;
  plan.rows.push_back(std::move(row));
}

void add_set_rows(MemoryPlan& plan, const Config& config,
                  const std::vector<std::uint64_t>& file_bytes) {
  for (std::size_t i = 0; i < config.sets.size(); ++i) {
    const SetConfig& set = config.sets[i];
    add_row(plan, {"set " + set.name, "generation", kSetGenerations, set.capacity,
                   set_entry_bytes(set, i < file_bytes.size() ? file_bytes[i] : 0), 0});
  }
}

void add_fixed_rows(MemoryPlan& plan, const Config& config, const MemoryRequest& request) {
  const std::uint64_t workers = request.workers;
  for (std::size_t i = 0; i < plan.pools.size(); ++i) {
    const PoolPlan& pool = plan.pools[i];
    add_row(plan, {"mbufs of " + config.pairs[i].name, "port pair", 1, pool.mbufs,
                   pool.frame_room_bytes + kMbufOverheadBytes, 0});
  }
  plan.pool_bytes = plan.total_bytes;
  add_row(plan, {"window", "worker", workers, 1, sizeof(WorkerWindow), 0});
  if (workers > 1) {
    add_row(plan, {"hand-off rings", "process", 1,
                   workers * (workers - 1) * config.workers.handoff_ring, sizeof(void*), 0});
  }
  add_row(plan, {"lists", "generation", 2, 1,
                 PrefixTable::memory_bytes_max(request.prefixes_v4, request.prefixes_v6), 0});
  add_set_rows(plan, config, request.set_bytes);
  add_row(plan, {"fragments", "worker", workers, 1, fragment_bytes(config), 0});
  add_row(plan, {"blocks", "process", 1, plan.blocks, BlockTable::bytes_per_block(plan.blocks), 0});
  add_row(plan, {"hits of blocks", "worker", workers, plan.blocks, sizeof(std::uint32_t), 0});
  add_row(plan, {"notes of blocks", "process", 1, plan.blocks, sizeof(BlockNote), 0});
}

void add_table_rows(MemoryPlan& plan, std::uint32_t workers) {
  const WorkerSizes& sizes = plan.worker;
  add_row(plan, {"flow index", "worker", workers, sizes.flows, kIndexBytesPerFlow, 0});
  add_row(plan, {"flows, hot and warm", "worker", workers, sizes.flows,
                 sizeof(Flow) + sizeof(FlowWarm), 0});
  add_row(plan, {"flows, cold", "worker", workers, sizes.flows, sizeof(FlowCold), 0});
  add_row(plan,
          {"fragment frames", "worker", workers, sizes.fragments_held, sizeof(FragmentPiece), 0});
  add_row(plan, {"half-open", "worker", workers, sizes.half_open, kHalfOpenBytes, 0});
  add_row(plan, {"sources", "worker", workers, sizes.sources, kSourceBytes, 0});
  if (sizes.inspection_bytes > 0) {
    add_row(plan, {"inspection", "worker", workers, sizes.inspection_bytes / kChunkBytesMax,
                   kChunkBytesMax, 0});
    add_row(plan,
            {"memory of rules", "worker", workers, kRuleMemoryEntries, kRuleMemoryEntryBytes, 0});
    add_row(plan,
            {"limits of rules", "worker", workers, kRuleLimiterEntries, kRuleLimiterEntryBytes, 0});
  }
  if (plan.shared_meters > 0) {
    add_row(plan, {"shared meters", "process", 1, plan.shared_meters, kSharedMeterBytes, 0});
  }
}

/// The defragmenter may hold a twentieth of all mbufs.
std::uint32_t fragments_held(const MemoryPlan& plan, std::uint32_t workers) {
  std::uint64_t mbufs = 0;
  for (const PoolPlan& pool : plan.pools) mbufs += pool.mbufs;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(mbufs / 20 / workers, 64));
}

tl::unexpected<Error> refuse_budget(const MemoryPlan& plan) {
  return fail(ErrorKind::limit,
              fmt::format("memory.budget is {}, the tables and pools need {}",
                          print_mebibytes(plan.budget_bytes), print_mebibytes(plan.total_bytes)),
              "raise memory.budget, or lower flows.capacity, limits.sources, blocks.capacity, "
              "memory.mbufs, a set's capacity or the number of workers");
}

void warn_of_host(MemoryPlan& plan, const Config& config, const HostMemory& host) {
  if (host.available_bytes > 0 && plan.total_bytes > host.available_bytes) {
    plan.warnings.push_back(fmt::format("the plan needs {}, the host has {} available",
                                        print_mebibytes(plan.total_bytes),
                                        print_mebibytes(host.available_bytes)));
  }
  if (config.memory.hugepages == HugepageMode::automatic && !config.pairs.empty() &&
      host.free_hugepage_bytes() < plan.pool_bytes) {
    plan.warnings.push_back(fmt::format(
        "{} of hugepages are free and the pools need {}: ordinary pages are used, which "
        "costs about 40 cycles per packet",
        print_mebibytes(host.free_hugepage_bytes()), print_mebibytes(plan.pool_bytes)));
  }
}

}  // namespace

std::string print_mebibytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMebibyte = 1U << 20;
  return print_bytes((bytes + kMebibyte - 1) / kMebibyte * kMebibyte);
}

WorkerSizes size_tables(const Config& config, std::uint32_t workers, std::uint64_t budget_bytes) {
  const std::uint64_t share = budget_bytes / workers;
  const std::uint64_t inspection = inspection_bytes(config, workers, budget_bytes);
  const std::uint64_t fixed =
      fragment_bytes(config) + inspection + (inspection > 0 ? kRuleTablesBytes : 0) +
      (config.flows.half_open > 0 ? per_worker(config.flows.half_open, workers) * kHalfOpenBytes
                                  : 0) +
      (config.limits.sources > 0 ? per_worker(config.limits.sources, workers) * kSourceBytes : 0);
  const std::uint64_t affordable =
      share > fixed ? (share - fixed) / bytes_per_flow(config, workers) : 0;
  const std::uint64_t flows = config.flows.capacity > 0
                                  ? per_worker(config.flows.capacity, workers)
                                  : std::clamp(power_of_two_down(affordable), kFlowsMin, kFlowsMax);
  WorkerSizes sizes;
  sizes.flows = static_cast<std::uint32_t>(std::min(flows, kFlowsMax));
  sizes.half_open = static_cast<std::uint32_t>(config.flows.half_open > 0
                                                   ? per_worker(config.flows.half_open, workers)
                                                   : sizes.flows / kFlowsPerHalfOpen);
  sizes.sources = static_cast<std::uint32_t>(config.limits.sources > 0
                                                 ? per_worker(config.limits.sources, workers)
                                                 : sizes.flows / kFlowsPerSource);
  sizes.inspection_bytes = inspection;
  sizes.fragment_datagrams = config.fragments.datagrams;
  sizes.fragments_held = config.fragments.datagrams * 4;
  return sizes;
}

Result<MemoryPlan> plan_memory(const Config& config, const MemoryRequest& request,
                               const HostMemory& host) {
  MemoryPlan plan;
  plan.budget_bytes = choose_budget(config, host);
  auto pools = plan_pools(config, request.workers, plan.budget_bytes);
  if (!pools) return tl::unexpected<Error>(pools.error());
  plan.pools = std::move(*pools);
  plan.blocks = static_cast<std::uint32_t>(config.blocks.capacity);
  add_fixed_rows(plan, config, request);
  const std::uint64_t spoken_for = plan.total_bytes - fragment_bytes(config) * request.workers;
  const std::uint64_t left = plan.budget_bytes > spoken_for ? plan.budget_bytes - spoken_for : 0;
  plan.worker = size_tables(config, request.workers, left);
  if (!plan.pools.empty()) plan.worker.fragments_held = fragments_held(plan, request.workers);
  if (request.workers > 1)
    plan.shared_meters = plan.worker.sources * std::bit_ceil(request.workers);
  add_table_rows(plan, request.workers);
  if (plan.total_bytes > plan.budget_bytes) return refuse_budget(plan);
  warn_of_host(plan, config, host);
  return plan;
}

Result<HostMemory> read_host_memory(const std::string& meminfo) {
  std::ifstream file(meminfo);
  if (!file) return fail(ErrorKind::io, fmt::format("{}: cannot be read", meminfo));
  HostMemory host;
  std::uint64_t promised = 0;  // to mappings that have not touched them yet
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string name;
    std::uint64_t value = 0;
    if (!(fields >> name >> value)) continue;
    if (name == "MemTotal:") host.total_bytes = value * 1024;
    if (name == "MemAvailable:") host.available_bytes = value * 1024;
    if (name == "HugePages_Total:") host.reserved_hugepages = value;
    if (name == "HugePages_Free:") host.free_hugepages = value;
    if (name == "HugePages_Rsvd:") promised = value;
    if (name == "Hugepagesize:") host.hugepage_bytes = value * 1024;
  }
  host.free_hugepages -= std::min(host.free_hugepages, promised);
  if (host.total_bytes == 0)
    return fail(ErrorKind::io, fmt::format("{}: has no MemTotal", meminfo));
  return host;
}

}  // namespace sluice
