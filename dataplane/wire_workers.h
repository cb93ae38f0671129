// The workers of the wire process and the threads they run on: made together, started together,
// stopped together without leaving a frame in a ring between them. Keeper thread.
#pragma once

#include <atomic>
#include <barrier>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/io/handoff.h"
#include "dataplane/memory_arena.h"
#include "dataplane/shared_meters.h"
#include "dataplane/wire_plan.h"
#include "dataplane/worker.h"
#include "dataplane/worker_requests.h"

namespace sluice {

class PolicySlot;
class PortSet;

struct WireWorkersSetup {
  const WirePlan* plan = nullptr;
  PolicySlot* policies = nullptr;
  PortSet* ports = nullptr;
  std::span<WorkerWindow* const> windows;
  const BlockTable* blocks = nullptr;
  std::span<const std::span<std::atomic<std::uint32_t>>> block_hits;  ///< by worker
  std::span<const std::span<RuleCounts>> rule_counts;                 ///< the same
  WorkerKeys keys;
  const Clock* clock = nullptr;
  TimeNs started = 0;
  bool hugepages = false;
};

class WireWorkers {
 public:
  /// Makes all tables; no thread yet. Everything in `setup` outlives the workers.
  [[nodiscard]] static Result<std::unique_ptr<WireWorkers>> create(const WireWorkersSetup& setup);
  ~WireWorkers();  ///< stops what still runs

  /// Returns once every worker has turned once: from then on packets are forwarded.
  [[nodiscard]] Status start();
  /// By worker: where the keeper asks them.
  [[nodiscard]] std::span<RequestSeat* const> requests() const noexcept { return seats_; }
  /// Ends the turns, empties the rings, lets every worker finish, joins the threads.
  void stop();

 private:
  explicit WireWorkers(const WireWorkersSetup& setup);
  void run_thread(unsigned index);

  WireWorkersSetup setup_;
  std::vector<std::unique_ptr<MemoryArena>> arenas_;  ///< by worker, and one for what they share
  std::unique_ptr<HandoffRings> rings_;
  std::unique_ptr<SharedMeters> meters_;
  std::vector<std::unique_ptr<RequestSeat>> requests_;
  std::vector<RequestSeat*> seats_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::barrier<> step_;
  std::atomic<unsigned> turning_{0};
  std::atomic<unsigned> failed_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace sluice
