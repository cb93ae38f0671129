// The three things that two threads share without a lock, each driven by two threads with bounded
// work, so that ThreadSanitizer sees every pair of accesses.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/io/handoff.h"
#include "dataplane/io/mbuf_train.h"
#include "dataplane/window.h"
#include "tests/support/mbuf_fixture.h"

namespace sluice {
namespace {

constexpr std::uint32_t kRecords = 20'000;

struct Record {
  std::uint64_t number;
  std::array<std::uint64_t, 7> copies;
};

Record record_of(std::uint64_t number) {
  Record record{.number = number, .copies = {}};
  record.copies.fill(number);
  return record;
}

bool is_whole(const Record& record) {
  return std::all_of(record.copies.begin(), record.copies.end(),
                     [&](std::uint64_t copy) { return copy == record.number; });
}

TEST(LaneThreads, BringRecordsOverWholeAndInOrder) {
  auto lane = std::make_unique<Lane<Record, 64>>();
  std::thread producer([&lane] {
    for (std::uint64_t number = 1; number <= kRecords;) {
      if (lane->try_push(record_of(number))) {
        ++number;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t expected = 0;
  bool all_whole = true;
  while (expected < kRecords) {
    const std::uint32_t taken = lane->drain(17, [&](const Record& record) {
      ++expected;
      all_whole = all_whole && record.number == expected && is_whole(record);
    });
    if (taken == 0) std::this_thread::yield();
  }
  producer.join();
  EXPECT_TRUE(all_whole);
  EXPECT_EQ(lane->depth(), 0U);
}

TEST(LaneThreads, LoseOnlyWhatTheProducerCounted) {
  auto lane = std::make_unique<Lane<Record, 16>>();
  std::uint64_t lost = 0;
  std::thread producer([&] {
    for (std::uint64_t number = 1; number <= kRecords; ++number) {
      lost += lane->try_push(record_of(number)) ? 0 : 1;
    }
  });
  std::uint64_t taken = 0;
  std::uint64_t last = 0;
  bool in_order = true;
  const auto take = [&](const Record& record) {
    in_order = in_order && record.number > last && is_whole(record);
    last = record.number;
    ++taken;
  };
  for (std::uint32_t i = 0; i < kRecords / 8; ++i) lane->drain(16, take);
  producer.join();
  while (lane->drain(16, take) > 0) {
  }
  EXPECT_TRUE(in_order);
  EXPECT_EQ(taken + lost, kRecords);
}

TEST(SeqLockedThreads, GiveOnlyStatesThatWerePublishedWhole) {
  auto shared = std::make_unique<SeqLocked<Record>>();
  std::thread writer([&shared] {
    for (std::uint64_t number = 1; number <= kRecords; ++number) shared->publish(record_of(number));
  });
  Record seen = record_of(0);
  std::uint64_t last = 0;
  bool all_whole = true;
  while (last < kRecords) {
    if (!shared->try_read(seen, 100)) {
      std::this_thread::yield();
      continue;
    }
    all_whole = all_whole && is_whole(seen) && seen.number >= last;
    last = seen.number;
  }
  writer.join();
  EXPECT_TRUE(all_whole);
}

/// The frame of an address pair, told apart by `last`; as the decoder leaves it.
void describe(Packet& packet) {
  packet.flags = kIsIp;
  packet.ip_version = 4;
  packet.l3_offset = 0;
  packet.domain = 0;
}

std::vector<std::uint8_t> frame_of(std::uint8_t last) {
  std::vector<std::uint8_t> frame(60, 0);
  frame[0] = 0x45;
  frame[19] = last;
  return frame;
}

/// Two workers that give each other what the other owns, each on its own thread.
class Exchange {
 public:
  static constexpr std::uint32_t kRounds = 400;

  Exchange() {
    auto made = HandoffRings::create(2, 64, SipKey{1, 2}, arena_);
    EXPECT_TRUE(made.has_value());
    rings_ = std::move(*made);
    for (std::uint32_t worker = 0; worker < 2; ++worker) fill_bursts(worker);
  }

  void run() {
    std::thread other([this] { work(1); });
    work(0);
    other.join();
  }

  struct Result {
    WorkerCounters counters{};
    std::uint64_t taken = 0;
    std::uint64_t refused = 0;
    bool in_order = true;
  };
  const Result& result(std::uint32_t worker) const { return results_[worker]; }

 private:
  void fill_bursts(std::uint32_t worker) {
    std::uint32_t number = 0;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      auto& burst = bursts_[worker].emplace_back(std::make_unique<Burst>());
      for (std::uint32_t i = 0; i < 1 + round % kBurstMax; ++i) {
        describe(heap_.receive(*burst, frame_of(static_cast<std::uint8_t>(number % 251)),
                               {.packet_number = number + 1}));
        ++number;
      }
    }
  }

  void take(std::uint32_t worker, Burst& taken, std::uint32_t& last) {
    Result& result = results_[worker];
    while (rings_->take(worker, taken, 1, result.counters)) {
      for (const Packet& packet : taken.all()) {
        result.in_order = result.in_order && packet.packet_number > last;
        last = packet.packet_number;
        ++result.taken;
      }
    }
  }

  void work(std::uint32_t worker) {
    Result& result = results_[worker];
    auto taken = std::make_unique<Burst>();
    std::uint32_t last = 0;
    for (auto& burst : bursts_[worker]) {
      rings_->hand_off(*burst, worker, result.counters);
      for (const Packet& packet : burst->all()) {
        result.refused += packet.verdict.reason == DropReason::handoff_full ? 1 : 0;
      }
      take(worker, *taken, last);
    }
    given_up_[worker].store(true, std::memory_order_release);
    while (!given_up_[1 - worker].load(std::memory_order_acquire)) {
      take(worker, *taken, last);
      std::this_thread::yield();
    }
    take(worker, *taken, last);
  }

  MemoryArena arena_;
  test::MbufHeap heap_;
  std::unique_ptr<HandoffRings> rings_;
  std::array<std::vector<std::unique_ptr<Burst>>, 2> bursts_;
  std::array<std::atomic<bool>, 2> given_up_{};
  std::array<Result, 2> results_;
};

TEST(HandoffThreads, BringEveryPacketOverOnceAndInOrder) {
  Exchange exchange;
  exchange.run();
  for (std::uint32_t worker = 0; worker < 2; ++worker) {
    const auto& here = exchange.result(worker);
    const auto& there = exchange.result(1 - worker);
    EXPECT_TRUE(here.in_order);
    EXPECT_GT(here.taken, 0U);
    EXPECT_EQ(here.taken, there.counters.handed_out);
    EXPECT_EQ(here.counters.handed_in, there.counters.handed_out);
    EXPECT_EQ(here.refused,
              here.counters.capacity[static_cast<std::size_t>(CapacityEvent::handoff_full)]);
  }
}

}  // namespace
}  // namespace sluice
