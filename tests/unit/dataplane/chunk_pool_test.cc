// ChunkPool: sizes, the way of slabs, budgets and counters.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "dataplane/inspect/chunk_pool.h"

namespace sluice {
namespace {

constexpr std::size_t kSlab = 64 * 1024;

class ChunkPoolTest : public testing::Test {
 protected:
  std::unique_ptr<ChunkPool> make(std::size_t slabs) {
    auto pool = ChunkPool::create(slabs * kSlab, arena_);
    EXPECT_TRUE(pool) << (pool ? "" : pool.error().message);
    return std::move(*pool);
  }

 private:
  MemoryArena arena_;
};

TEST_F(ChunkPoolTest, SizesAreAtMostHalfAgainAsLargeAsAskedFor) {
  EXPECT_EQ(ChunkPool::chunk_bytes(1), 64U);
  EXPECT_EQ(ChunkPool::chunk_bytes(64), 64U);
  EXPECT_EQ(ChunkPool::chunk_bytes(65), 96U);
  EXPECT_EQ(ChunkPool::chunk_bytes(97), 128U);
  EXPECT_EQ(ChunkPool::chunk_bytes(192), 192U);
  EXPECT_EQ(ChunkPool::chunk_bytes(kChunkBytesMax), kChunkBytesMax);
  for (std::size_t bytes = 65; bytes <= kChunkBytesMax; ++bytes) {
    ASSERT_GE(ChunkPool::chunk_bytes(bytes), bytes);
    ASSERT_LT(ChunkPool::chunk_bytes(bytes), bytes + bytes / 2 + 1);
  }
}

TEST_F(ChunkPoolTest, RefusesLessThanASlabAndSaysWhatWouldBeRight) {
  MemoryArena arena;
  const auto pool = ChunkPool::create(kSlab - 1, arena);
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().kind, ErrorKind::invalid);
  EXPECT_EQ(pool.error().message,
            "chunk pool: 65535 bytes: at least 65536 and below 256 GiB would be right");
}

TEST_F(ChunkPoolTest, ChunksInUseNeverOverlap) {
  const auto pool = make(8);
  std::mt19937 random(1);
  std::map<std::uint8_t*, std::size_t> held;
  for (unsigned step = 0; step < 20'000; ++step) {
    if (held.size() < 400 && random() % 3 != 0) {
      const std::size_t bytes = 1 + random() % (std::size_t{64} << random() % 8);
      auto* chunk = static_cast<std::uint8_t*>(pool->take(bytes));
      if (chunk == nullptr) continue;
      const auto [next, is_new] = held.emplace(chunk, bytes);
      ASSERT_TRUE(is_new);
      const auto above = std::next(next);
      if (above != held.end()) {
        ASSERT_LE(chunk + ChunkPool::chunk_bytes(bytes), above->first);
      }
      if (next != held.begin()) {
        const auto below = std::prev(next);
        ASSERT_LE(below->first + ChunkPool::chunk_bytes(below->second), chunk);
      }
      std::memset(chunk, 0xee, ChunkPool::chunk_bytes(bytes));
    } else if (!held.empty()) {
      auto victim = std::next(held.begin(), static_cast<long>(random() % held.size()));
      pool->give(victim->first, victim->second);
      held.erase(victim);
    }
  }
  for (const auto& [chunk, bytes] : held) pool->give(chunk, bytes);
  EXPECT_EQ(pool->counters().bytes_in_use, 0U);
  EXPECT_EQ(pool->counters().bytes_in_slabs, 0U);
}

TEST_F(ChunkPoolTest, EverySizeFillsItsSlabAndThenIsRefused) {
  const auto pool = make(1);
  for (const std::size_t bytes : {64UL, 96UL, 1024UL, 1536UL, 32'768UL, 49'152UL, 65'536UL}) {
    std::vector<void*> chunks;
    while (void* chunk = pool->take(bytes)) chunks.push_back(chunk);
    EXPECT_EQ(chunks.size(), kSlab / bytes);
    for (void* chunk : chunks) pool->give(chunk, bytes);
    EXPECT_EQ(pool->counters().bytes_in_slabs, 0U);
  }
  EXPECT_EQ(pool->counters().refusals, 7U);
}

TEST_F(ChunkPoolTest, AnEmptiedSlabServesEveryOtherSize) {
  const auto pool = make(2);
  std::vector<void*> small;
  while (void* chunk = pool->take(64)) small.push_back(chunk);
  EXPECT_EQ(pool->take(4096), nullptr);
  for (std::size_t i = 0; i < kSlab / 64; ++i) {
    pool->give(small.back(), 64);
    small.pop_back();
  }
  void* large = pool->take(4096);
  EXPECT_NE(large, nullptr);
  pool->give(large, 4096);
  for (void* chunk : small) pool->give(chunk, 64);
}

TEST_F(ChunkPoolTest, NothingAboveTheLargestSizeIsGiven) {
  const auto pool = make(4);
  EXPECT_EQ(pool->take(kChunkBytesMax + 1), nullptr);
  EXPECT_EQ(pool->take(SIZE_MAX), nullptr);
  EXPECT_EQ(pool->counters().refusals, 2U);
}

TEST_F(ChunkPoolTest, GivesBackWithoutBeingToldTheSize) {
  const auto pool = make(1);
  void* chunk = pool->take(700);
  EXPECT_EQ(pool->counters().bytes_in_use, 768U);
  pool->give(chunk);
  EXPECT_EQ(pool->counters().bytes_in_use, 0U);
  EXPECT_EQ(pool->counters().high_water, 768U);
}

TEST_F(ChunkPoolTest, ASlotNamesAChunk) {
  const auto pool = make(2);
  std::vector<void*> chunks;
  while (void* chunk = pool->take(192)) {
    chunks.push_back(chunk);
    ASSERT_EQ(pool->at(pool->slot_of(chunk)), chunk);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(chunk) % 64, 0U);
  }
  EXPECT_EQ(chunks.size(), 2 * (kSlab / 192));
  for (void* chunk : chunks) pool->give(chunk, 192);
}

}  // namespace
}  // namespace sluice
