// Under ThreadSanitizer: workers that use a policy while the keeper publishes and frees.
#include "dataplane/policy_slot.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/policy.h"

namespace sluice {
namespace {

constexpr unsigned kWorkers = 3;
constexpr std::uint64_t kGenerations = 500;

std::unique_ptr<const Policy> policy_of(std::uint64_t generation) {
  auto policy = std::make_unique<Policy>();
  policy->settings.generation = generation;
  policy->settings.drop_sample = static_cast<std::uint32_t>(generation);
  return policy;
}

TEST(PolicySlotThreads, NoWorkerEverSeesAPolicyThatWasFreed) {
  PolicySlot slot(policy_of(1), kWorkers);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> torn{0};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      slot.enter(worker);
      std::uint64_t last = 0;
      while (!stop.load(std::memory_order_relaxed)) {
        const Policy* policy = slot.current(worker);
        const std::uint64_t generation = policy->settings.generation;
        if (generation < last || policy->settings.drop_sample != generation) ++torn;
        last = generation;
        slot.quiesce(worker);
        std::this_thread::yield();  // there may be fewer CPUs than threads
      }
      slot.leave(worker);
    });
  }
  for (std::uint64_t generation = 2; generation <= kGenerations; ++generation) {
    slot.publish(policy_of(generation));
    while (!slot.reclaim()) std::this_thread::yield();
  }
  while (!slot.is_adopted_by_all()) std::this_thread::yield();
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn.load(), 0u);
  EXPECT_EQ(slot.in_force().settings.generation, kGenerations);
}

}  // namespace
}  // namespace sluice
