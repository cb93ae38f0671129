#include "dataplane/flow/flow_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_map>
#include <vector>

namespace sluice {
namespace {

constexpr SipKey kKey{1, 2};

FlowId id_of(std::uint64_t number) { return {number, (number << 32) | 0x0604}; }
std::uint64_t hash_of(const FlowId& id) { return table_hash(kKey, id); }

FlowTable table_of(MemoryArena& arena, std::uint32_t capacity) {
  auto table = FlowTable::create(capacity, kKey, arena);
  EXPECT_TRUE(table.has_value());
  return *table;
}

Flow* insert(FlowTable& table, std::uint64_t number) {
  return table.insert(hash_of(id_of(number)), id_of(number));
}
Flow* find(FlowTable& table, std::uint64_t number) {
  return table.find(hash_of(id_of(number)), id_of(number));
}

TEST(FlowTable, RefusesACapacityOfZero) {
  MemoryArena arena;
  EXPECT_FALSE(FlowTable::create(0, kKey, arena).has_value());
}

TEST(FlowTable, FindsWhatWasInsertedUntilItIsErased) {
  MemoryArena arena;
  FlowTable table = table_of(arena, 16);
  EXPECT_EQ(find(table, 7), nullptr);
  Flow* flow = insert(table, 7);
  ASSERT_NE(flow, nullptr);
  EXPECT_EQ(find(table, 7), flow);
  EXPECT_EQ(table.size(), 1U);
  table.erase(*flow);
  EXPECT_EQ(find(table, 7), nullptr);
  EXPECT_EQ(table.size(), 0U);
}

TEST(FlowTable, TakesAsManyFlowsAsItsCapacity) {
  for (const std::uint32_t capacity : {1U, 2U, 9U, 100U, 20'000U}) {
    MemoryArena arena;
    FlowTable table = table_of(arena, capacity);
    for (std::uint64_t i = 0; i < capacity; ++i) ASSERT_NE(insert(table, i), nullptr) << i;
    EXPECT_EQ(insert(table, capacity), nullptr);
    for (std::uint64_t i = 0; i < capacity; ++i) ASSERT_NE(find(table, i), nullptr) << i;
  }
}

TEST(FlowTable, GuessIsRightOrLeavesItToFind) {
  MemoryArena arena;
  FlowTable table = table_of(arena, 10'000);
  for (std::uint64_t i = 0; i < 10'000; ++i) ASSERT_NE(insert(table, i), nullptr);
  std::uint32_t right = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const std::uint32_t slot = table.guess(hash_of(id_of(i)));
    right += slot != kNoSlot && &table.at(slot).hot == find(table, i) ? 1 : 0;
  }
  EXPECT_GT(right, 9'000U);
}

TEST(FlowTable, AgreesWithUnorderedMapUnderRandomOperations) {
  MemoryArena arena;
  constexpr std::uint32_t kCapacity = 3'000;
  FlowTable table = table_of(arena, kCapacity);
  std::unordered_map<std::uint64_t, Flow*> oracle;
  std::mt19937_64 random(42);
  for (int i = 0; i < 400'000; ++i) {
    const std::uint64_t number = random() % 5'000;
    const auto known = oracle.find(number);
    ASSERT_EQ(find(table, number), known == oracle.end() ? nullptr : known->second);
    if (known != oracle.end() && random() % 3 == 0) {
      table.erase(*known->second);
      oracle.erase(known);
    } else if (known == oracle.end()) {
      Flow* flow = insert(table, number);
      ASSERT_EQ(flow == nullptr, oracle.size() == kCapacity);
      if (flow != nullptr) oracle[number] = flow;
    }
    ASSERT_EQ(table.size(), oracle.size());
  }
}

TEST(FlowTable, EmptiedTableHasNoOverflowLeftBehind) {
  MemoryArena arena;
  FlowTable table = table_of(arena, 5'000);
  std::vector<Flow*> flows;
  for (std::uint64_t i = 0; i < 5'000; ++i) flows.push_back(insert(table, i));
  std::shuffle(flows.begin(), flows.end(), std::mt19937_64(7));
  for (Flow* flow : flows) table.erase(*flow);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    ASSERT_EQ(table.probe_entries(hash_of(id_of(i))), 0U);
    ASSERT_EQ(table.guess(hash_of(id_of(i))), kNoSlot);
  }
}

// Keys whose hashes agree in bucket and tag, as someone would send who knew the hash key.
TEST(FlowTable, CollidingKeysCostABoundedProbe) {
  MemoryArena arena;
  FlowTable table = table_of(arena, 40);
  constexpr std::uint64_t kWanted = 24;
  std::vector<std::uint64_t> colliding;
  const auto bucket_and_tag = [](std::uint64_t number) {
    const std::uint64_t hash = hash_of(id_of(number));
    return std::pair((hash >> 32) * 9 >> 32, hash & 0xffff);  // 40 flows: 5 + 4 buckets
  };
  for (std::uint64_t i = 0; colliding.size() < kWanted; ++i) {
    if (bucket_and_tag(i) == bucket_and_tag(0)) colliding.push_back(i);
  }
  std::uint32_t inserted = 0;
  for (const std::uint64_t number : colliding) inserted += insert(table, number) != nullptr ? 1 : 0;
  EXPECT_LE(inserted, kProbeMax);
  EXPECT_GE(inserted, kBucketSlots);
  for (const std::uint64_t number : colliding) {
    EXPECT_LE(table.probe_entries(hash_of(id_of(number))), 32U);
  }
  EXPECT_NE(find(table, colliding[0]), nullptr);
  EXPECT_EQ(find(table, colliding[kWanted - 1]), nullptr);
  // Others find their place all the same, but for one whose two buckets are just these.
  std::uint32_t others = 0;
  for (std::uint64_t i = 1; i <= 20; ++i) others += insert(table, i * 1'000'003) != nullptr ? 1 : 0;
  EXPECT_GE(others, 17U);
}

TEST(FlowTable, StaysWithinThePromisedMemory) {
  MemoryArena arena;
  constexpr std::uint32_t kCapacity = 1U << 20;
  ASSERT_EQ(table_of(arena, kCapacity).capacity(), kCapacity);
  EXPECT_LE(arena.bytes_mapped(), std::size_t{kCapacity} * 265);
}

}  // namespace
}  // namespace sluice
