// Workers run on threads of our own, registered with EAL, not on lcores that EAL launches: they can
// share a CPU, are joined by plain C++, and the sanitizers follow them. Each drops every capability
// and nearly every system call before its first packet: nothing that hostile bytes could ever make
// a worker do has a privilege.
#include "dataplane/wire_workers.h"

#include <pthread.h>
#include <sched.h>

#include <cap-ng.h>
#include <fmt/format.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "base/log.h"
#include "dataplane/io/port.h"
#include "dataplane/policy_slot.h"
#include "dataplane/wire_seccomp.h"

namespace sluice {
namespace {

// After the last turn a ring can hold what its producer put there before it stopped; taking that
// may put a datagram on another ring. Two rounds empty both.
constexpr unsigned kDrainRounds = 2;
constexpr std::uint32_t kDrainBursts = ~0U;  // producers have stopped: the rings come to an end

void release_mbufs(rte_mbuf** mbufs, std::uint32_t count) noexcept {
  rte_pktmbuf_free_bulk(mbufs, count);
}

rte_mbuf* make_mbuf(void*, const rte_mbuf& like) noexcept { return rte_pktmbuf_alloc(like.pool); }

void pin_to(std::uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void name_thread(unsigned index) {
  const std::string name = fmt::format("worker-{}", index);
  pthread_setname_np(pthread_self(), name.c_str());
}

void drop_capabilities_of_thread() {
  capng_clear(CAPNG_SELECT_CAPS);
  capng_apply(CAPNG_SELECT_CAPS);
}

void confine_thread(unsigned index) {
  if (auto confined = confine_worker_thread(); !confined) {
    log(LogLevel::warning, fmt::format("worker {}: {}", index, confined.error().message));
  }
}

}  // namespace

WireWorkers::WireWorkers(const WireWorkersSetup& setup)
    : setup_(setup), step_(static_cast<std::ptrdiff_t>(setup.plan->workers.size())) {}

WireWorkers::~WireWorkers() { stop(); }

Result<std::unique_ptr<WireWorkers>> WireWorkers::create(const WireWorkersSetup& setup) {
  std::unique_ptr<WireWorkers> made(new WireWorkers(setup));
  const WirePlan& plan = *setup.plan;
  const auto count = static_cast<std::uint32_t>(plan.workers.size());
  const auto new_arena = [&](int node) -> MemoryArena& {
    made->arenas_.push_back(std::make_unique<MemoryArena>(
        ArenaOptions{.hugepages = setup.hugepages, .numa_node = node}));
    return *made->arenas_.back();
  };
  if (count > 1) {
    MemoryArena& arena = new_arena(-1);
    auto rings = HandoffRings::create(count, plan.handoff_ring, setup.keys.owner, arena);
    if (!rings) return tl::unexpected<Error>(rings.error());
    made->rings_ = std::move(*rings);
    auto meters = SharedMeters::create({.meters = plan.shared_meters, .workers = count}, arena);
    if (!meters) return tl::unexpected<Error>(meters.error());
    made->meters_ = std::move(*meters);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    WorkerSetup worker;
    worker.index = static_cast<std::uint8_t>(i);
    worker.workers = count;
    worker.burst = plan.burst;
    worker.ports = setup.ports->io_of_worker(i);
    worker.keys = setup.keys;
    worker.sizes = plan.sizes;
    worker.arena = &new_arena(plan.workers[i].numa_node);
    worker.window = setup.windows[i];
    worker.rings = made->rings_.get();
    worker.meters = made->meters_.get();
    worker.blocks = setup.blocks;
    worker.block_hits = setup.block_hits[i];
    worker.rule_counts = setup.rule_counts[i];
    worker.policies = setup.policies;
    worker.clock = setup.clock;
    worker.requests = made->requests_.emplace_back(std::make_unique<RequestSeat>()).get();
    made->seats_.push_back(worker.requests);
    worker.started = setup.started;
    worker.release = release_mbufs;
    worker.make = {nullptr, make_mbuf};
    auto created = Worker::create(worker);
    if (!created) return with_context(fmt::format("worker {}", i), created.error());
    made->workers_.push_back(std::move(*created));
  }
  return made;
}

Status WireWorkers::start() {
  const auto count = static_cast<unsigned>(workers_.size());
  for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this, i] { run_thread(i); });
  for (unsigned seen = turning_.load(); seen < count; seen = turning_.load()) turning_.wait(seen);
  if (failed_.load() == 0) return {};
  return fail(ErrorKind::unavailable, "a worker's thread could not be made known to DPDK");
}

void WireWorkers::run_thread(unsigned index) {
  name_thread(index);
  pin_to(setup_.plan->workers[index].cpu);
  const bool is_registered = rte_thread_register() == 0;
  if (!is_registered) failed_.fetch_add(1);
  drop_capabilities_of_thread();
  confine_thread(index);
  Worker& worker = *workers_[index];
  setup_.policies->enter(index);
  worker.poll_once();
  turning_.fetch_add(1);
  turning_.notify_all();
  while (!stop_.load(std::memory_order_relaxed)) worker.poll_once();
  for (unsigned round = 0; round < kDrainRounds && rings_ != nullptr; ++round) {
    step_.arrive_and_wait();
    static_cast<void>(worker.take_handed_over(setup_.clock->now(), kDrainBursts));
  }
  worker.finish(setup_.clock->now());
  setup_.policies->leave(index);
  if (is_registered) rte_thread_unregister();
}

void WireWorkers::stop() {
  stop_.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace sluice
