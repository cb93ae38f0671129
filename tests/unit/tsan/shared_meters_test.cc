// The shared meters under real threads; meant to run under ThreadSanitizer, and true without it.
#include "dataplane/shared_meters.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/check.h"

namespace sluice {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;
constexpr unsigned kThreads = 4;

std::unique_ptr<SharedMeters> meters_of(MemoryArena& arena, std::uint32_t count) {
  auto meters = SharedMeters::create({count, kThreads, MeterMode::leased}, arena);
  SLUICE_CHECK(meters, "the table is small");
  return std::move(*meters);
}

template <class Work>
void run_threads(Work work) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

TEST(SharedMetersThreads, NeverGrantMoreThanRateAndBurstTogether) {
  MemoryArena arena;
  const auto meters = meters_of(arena, 64);
  const RatePair limit{token_rate(1'000'000, 1000, kPacketCostMax), {}};
  constexpr unsigned kSteps = 20'000;
  std::atomic<std::uint64_t> granted{0};
  run_threads([&](unsigned) {
    for (unsigned step = 0; step < kSteps; ++step) {
      const TimeNs now = kStart + step * 1000;
      const std::uint32_t slot = meters->find_or_create(5, limit, now).slot;
      granted += meters->lease_packets(slot, limit.packets, kTokenScale, now).granted / 1000;
    }
  });
  const std::uint64_t most = (1000 + kSteps) * (kTokenScale / 1000);
  EXPECT_LE(granted.load(), most);
  EXPECT_GE(granted.load(), most / 100 * 95);
}

TEST(SharedMetersThreads, AgreeOnOneMeterPerSource) {
  MemoryArena arena;
  const auto meters = meters_of(arena, 1024);
  const RatePair limit{token_rate(1, 100, kPacketCostMax), {}};
  constexpr std::uint64_t kSources = 100;
  run_threads([&](unsigned thread) {
    for (unsigned round = 0; round < 200; ++round) {
      for (std::uint64_t i = 0; i < kSources; ++i) {
        const std::uint64_t source = ((i + thread) % kSources + 1) * 0x9e3779b97f4a7c15ULL;
        const auto found = meters->find_or_create(source, limit, kStart);
        const Lease lease = meters->lease_packets(found.slot, limit.packets, kTokenScale, kStart);
        meters->give_back(found.slot, limit, {lease.granted, 0}, kStart);
      }
    }
  });
  for (std::uint64_t i = 1; i <= kSources; ++i) {
    const std::uint64_t source = i * 0x9e3779b97f4a7c15ULL;
    EXPECT_TRUE(meters->holds(meters->find_or_create(source, limit, kStart).slot, source));
  }
}

TEST(SharedMetersThreads, SurviveMoreSourcesThanMeters) {
  MemoryArena arena;
  const auto meters = meters_of(arena, 16);
  const RatePair limit{token_rate(1000, 100, kPacketCostMax), token_rate(1'000'000, 100'000)};
  run_threads([&](unsigned thread) {
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const std::uint64_t source = ((i * 7 + thread) % 200 + 1) * 0x9e3779b97f4a7c15ULL;
      const TimeNs now = kStart + i * 10'000;
      const auto found = meters->find_or_create(source, limit, now);
      EXPECT_LT(found.slot, meters->capacity());
      const Lease packets = meters->lease_packets(found.slot, limit.packets, kTokenScale, now);
      const Lease bits = meters->lease_bits(found.slot, limit.bits, 800 * kTokenScale, now);
      EXPECT_LE(packets.granted, limit.packets.burst);
      meters->give_back(found.slot, limit, {packets.granted, bits.granted}, now);
    }
  });
}

}  // namespace
}  // namespace sluice
