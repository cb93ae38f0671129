// Under ThreadSanitizer: workers that look up blocks while the keeper adds, renews and removes.
#include "dataplane/limit/block_table.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::uint32_t kCapacity = 256;
constexpr std::uint32_t kStaying = 64;     // addresses 0 to 63 are always blocked
constexpr std::uint32_t kNever = 1 << 16;  // from here on no address ever is
constexpr TimeNs kNow = 1000;

BlockKey host(std::uint32_t address) {
  BlockEntry entry;
  entry.prefix = {IpAddress::from_v4(address), 32};
  return block_key(entry);
}

/// One look at addresses of all three sorts; how many answers were wrong.
std::uint64_t wrong_answers(const BlockTable& table, std::uint32_t turn) {
  std::array<std::uint32_t, kBlockBatchMax> addresses;
  std::array<TimeNs, kBlockBatchMax> times;
  times.fill(kNow);
  for (std::uint32_t i = 0; i < addresses.size(); ++i) {
    const std::uint32_t any = turn * 7 + i;
    addresses[i] = i % 3 == 0 ? any % kStaying : i % 3 == 1 ? kStaying + any % 1024 : kNever + any;
  }
  BlockSlots slots;
  const std::uint32_t found = table.find_sources_v4(addresses, times, slots);
  std::uint64_t wrong = 0;
  for (std::uint32_t i = 0; i < addresses.size(); ++i) {
    const bool is_found = (found >> i & 1) != 0;
    if (addresses[i] < kStaying && !is_found) ++wrong;
    if (addresses[i] >= kNever && is_found) ++wrong;
    if (is_found && slots[i] >= kCapacity) ++wrong;
  }
  return wrong;
}

// Slots are given away at once, most of the time to a block that has run out: a worker that mixed
// up two blocks would miss one that stays or find one that never was.
TEST(BlockTableThreads, WhatStaysIsAlwaysFoundAndWhatNeverWasIsNot) {
  MemoryArena arena;
  auto table = std::move(*BlockTable::create(kCapacity, {1, 2}, arena));
  std::uint64_t id = 0;
  for (std::uint32_t i = 0; i < kStaying; ++i) table->insert(host(i), ++id, kNow + 1);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> workers;
  for (unsigned worker = 0; worker < 2; ++worker) {
    workers.emplace_back([&] {
      for (std::uint32_t turn = 0; !stop.load(std::memory_order_relaxed); ++turn) {
        wrong += wrong_answers(*table, turn);
        std::this_thread::yield();  // there may be fewer CPUs than threads
      }
    });
  }
  for (std::uint32_t round = 0; round < 2000; ++round) {
    const BlockKey moving = host(kStaying + round % 1024);
    const std::uint32_t slot = table->find(moving);
    if (slot == BlockTable::kNone) {
      if (table->room() == 0) table->expire(kNow, kCapacity);
      if (table->room() != 0) table->insert(moving, ++id, round % 3 == 0 ? kNow + 1 : kNow);
    } else {
      table->remove(slot);
    }
    table->renew(table->find(host(round % kStaying)), ++id, kNow + 1 + round);
    if (table->room() == 0) {
      for (std::uint32_t i = 0; i < 1024; ++i) {
        const std::uint32_t old = table->find(host(kStaying + i));
        if (old != BlockTable::kNone) table->remove(old);
      }
    }
    if (round % 16 == 0) std::this_thread::yield();
  }
  stop.store(true);
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(wrong.load(), 0U);
}

}  // namespace
}  // namespace sluice
