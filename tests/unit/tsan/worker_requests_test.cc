// A worker that turns and a keeper that asks it, driven by two threads with bounded work, so that
// ThreadSanitizer sees every pair of accesses.
#include "dataplane/worker_requests.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "dataplane/keeper_rows.h"
#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {
namespace {

constexpr unsigned kRequests = 200;
constexpr std::uint32_t kFlows = 100;

TEST(RequestThreads, BringRowsOverWhole) {
  MemoryArena arena;
  auto tracker = std::move(*FlowTracker::create({.flows = 256, .half_open = 16, .started = kStart},
                                                kFlowKey, arena, {}));
  RequestSeat seat;
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    PolicySettings settings;
    for (std::uint32_t turn = 0; !stop.load(std::memory_order_relaxed); ++turn) {
      Talk talk;
      talk.client = 0x0a000000 + turn % kFlows;
      talk.protocol = 17;
      Burst burst;
      burst.packets[burst.count++] = packet_of(talk, true, kStart, 100);
      tracker->guess(burst);
      tracker->find(burst, settings.flows);
      tracker->track(burst, settings, 1);
      if (seat.is_asked()) seat.answer_some({tracker.get(), nullptr, nullptr, 0}, kStart, 16);
    }
  });
  RequestSeat* const seats[] = {&seat};
  RowRequests rows(seats);
  bool all_whole = true;
  for (unsigned i = 0; i < kRequests; ++i) {
    const RowQuery query{.most = 64, .largest = i % 2 == 0};
    ASSERT_TRUE(rows.take(RequestKind::list_flows, i, encode(query)));
    std::optional<RowAnswer> answer;
    while (!(answer = rows.turn())) std::this_thread::yield();
    const auto reply = decode_as<FlowRows>(answer->body);
    ASSERT_TRUE(reply);
    for (const FlowRecord& row : reply->rows) {
      all_whole = all_whole && row.bytes[0] == 100 * row.packets[0] && row.key.protocol == 17;
    }
  }
  stop.store(true, std::memory_order_relaxed);
  worker.join();
  EXPECT_TRUE(all_whole);
}

}  // namespace
}  // namespace sluice::test
