#include "tests/bench/scaling.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <pthread.h>
#include <rte_lcore.h>
#include <sched.h>

#include "base/check.h"
#include "dataplane/memory_arena.h"
#include "dataplane/policy.h"
#include "dataplane/policy_slot.h"
#include "dataplane/worker.h"
#include "tests/bench/scenarios.h"

namespace sluice::bench {
namespace {

constexpr DurationNs kMeasure = 500 * kNsPerMs;
constexpr double kIdleShare = 0.97;
constexpr int kRepetitions = 9;
constexpr int kQuickRepetitions = 3;

void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// Runs `turn` on each of `cpus` CPUs for a while, all at once; the share of the time each had.
template <class Turn>
double run_pinned(unsigned cpus, Turn turn) {
  std::vector<std::thread> threads;
  std::vector<double> shares(cpus);
  std::atomic<unsigned> ready{0};
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    threads.emplace_back([&, cpu] {
      pin_to(cpu);
      SLUICE_CHECK(rte_thread_register() == 0, "there is room for one more lcore");
      ready.fetch_add(1);
      while (ready.load() < cpus) {
      }
      const TimeNs began = read_clock(CLOCK_MONOTONIC);
      const TimeNs cpu_began = read_clock(CLOCK_THREAD_CPUTIME_ID);
      TimeNs now = began;
      while (now - began < kMeasure) {
        turn(cpu);
        now = read_clock(CLOCK_MONOTONIC);
      }
      shares[cpu] = static_cast<double>(read_clock(CLOCK_THREAD_CPUTIME_ID) - cpu_began) /
                    static_cast<double>(now - began);
      rte_thread_unregister();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return *std::min_element(shares.begin(), shares.end());
}

/// A worker over its own pair of ports.
class Lane {
 public:
  Lane(const NullPorts& ports, unsigned index, bool hugepages)
      : scenario_(established(20'000, 30)), arena_({.hugepages = hugepages}) {
    auto policy = build_policy(scenario_.parts, nullptr, {1, 2}, {.hugepages = hugepages});
    SLUICE_CHECK(policy.has_value(), "the lists fit");
    slot_ = std::make_unique<PolicySlot>(std::move(*policy), 1);
    WorkerSetup setup;
    setup.ports = ports.over(scenario_.prelude, index);
    setup.sizes = scenario_.sizes;
    setup.arena = &arena_;
    setup.window = window_.get();
    setup.policies = slot_.get();
    setup.clock = &clock_;
    setup.started = clock_.now();
    setup.release = &NullPorts::release;
    auto worker = Worker::create(setup);
    SLUICE_CHECK(worker.has_value(), "the tables fit");
    worker_ = std::move(*worker);
    slot_->enter(0);
    for (std::size_t i = 0; i * kBurstMax < scenario_.prelude.frames.size(); ++i) turn();
    std::swap(scenario_.prelude.frames, scenario_.steady.frames);
    scenario_.prelude.next = 0;
  }
  ~Lane() { slot_->leave(0); }

  void turn() {
    for (int i = 0; i < 64; ++i) worker_->poll_once();
    window_->flows.drain(~0U, [](const FlowRecord&) {});
  }
  [[nodiscard]] std::uint64_t forwarded() const { return worker_->counters().forwarded; }

 private:
  Scenario scenario_;
  MemoryArena arena_;
  SteadyClock clock_;
  std::unique_ptr<WorkerWindow> window_ = std::make_unique<WorkerWindow>();
  std::unique_ptr<PolicySlot> slot_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace

std::optional<Scaling> measure_scaling(const NullPorts& ports, const ScalingOptions& options) {
  if (std::thread::hardware_concurrency() < 2) return std::nullopt;
  if (run_pinned(2, [](unsigned) {}) < kIdleShare) return std::nullopt;
  std::vector<std::unique_ptr<Lane>> lanes;
  for (unsigned i = 0; i < 2; ++i)
    lanes.push_back(std::make_unique<Lane>(ports, i, options.hugepages));
  const auto packets_per_second = [&lanes](unsigned cpus) {
    const std::uint64_t before = lanes[0]->forwarded() + lanes[1]->forwarded();
    const double share = run_pinned(cpus, [&lanes](unsigned cpu) { lanes[cpu]->turn(); });
    const std::uint64_t count = lanes[0]->forwarded() + lanes[1]->forwarded() - before;
    return share < kIdleShare ? 0.0 : static_cast<double>(count) * 1e9 / kMeasure;
  };
  Scaling best;
  const int repetitions = options.quick ? kQuickRepetitions : kRepetitions;
  for (int i = 0; i < repetitions; ++i) {
    best.one = std::max(best.one, packets_per_second(1));
    best.two = std::max(best.two, packets_per_second(2));
  }
  if (best.one == 0 || best.two == 0) return std::nullopt;
  return best;
}

}  // namespace sluice::bench
