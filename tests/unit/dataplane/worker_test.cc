#include "dataplane/worker.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/memory_arena.h"
#include "dataplane/policy.h"
#include "dataplane/policy_slot.h"
#include "tests/support/mbuf_fixture.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

struct HandClock final : Clock {
  TimeNs time = 1'000 * kNsPerSecond;
  [[nodiscard]] TimeNs now() const noexcept override { return time; }
};

/// What waits before a port; nothing comes back.
struct Arrivals {
  std::vector<rte_mbuf*> waiting;
};

std::uint16_t receive(const PortIo& port, rte_mbuf** mbufs, std::uint16_t most) noexcept {
  auto& waiting = static_cast<Arrivals*>(port.context)->waiting;
  const std::size_t count = std::min<std::size_t>(waiting.size(), most);
  std::copy_n(waiting.begin(), count, mbufs);
  waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
  return static_cast<std::uint16_t>(count);
}

std::uint16_t transmit(const PortIo&, rte_mbuf**, std::uint16_t count) noexcept { return count; }
void release(rte_mbuf**, std::uint32_t) noexcept {}

std::unique_ptr<const Policy> plain_policy() { return build_policy({}, nullptr, {1, 2}).value(); }

/// A worker with two ports, turned by hand.
class WorkerTest : public testing::Test {
 protected:
  WorkerTest() : slot_(plain_policy(), 1), window_(std::make_unique<WorkerWindow>()) {
    WorkerSetup setup;
    setup.sizes = {.flows = 1024, .half_open = 1024, .sources = 1024};
    setup.arena = &arena_;
    setup.window = window_.get();
    setup.policies = &slot_;
    setup.clock = &clock_;
    setup.started = clock_.time;
    setup.release = &release;
    for (const std::uint8_t peer : std::array<std::uint8_t, 2>{1, 0}) {
      PortIo port;
      port.peer = peer;
      port.context = &arrivals_;
      port.receive = &receive;
      port.transmit = &transmit;
      setup.ports.push_back(port);
    }
    worker_ = Worker::create(setup).value();
    slot_.enter(0);
  }
  ~WorkerTest() override { slot_.leave(0); }

  /// Counters as readers see them after one more turn.
  WorkerCounters turn(DurationNs later) {
    clock_.time += later;
    worker_->poll_once();
    WorkerCounters seen;
    EXPECT_TRUE(window_->counters.try_read(seen));
    return seen;
  }

  test::MbufHeap heap_;
  Arrivals arrivals_;
  HandClock clock_;
  MemoryArena arena_;
  PolicySlot slot_;
  std::unique_ptr<WorkerWindow> window_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, LeavesReadersFiftyMicrosecondsBetweenTwoPublicationsWhereNothingComes) {
  std::uint64_t last = turn(kNsPerUs).polls;
  ASSERT_EQ(last, 1U);
  std::vector<std::uint64_t> gaps;
  for (int i = 0; i < 1'000; ++i) {
    const std::uint64_t polls = turn(kNsPerUs).polls;
    if (polls != last) gaps.push_back(polls - last);
    last = polls;
  }
  EXPECT_EQ(gaps, std::vector<std::uint64_t>(20, 50));
}

TEST_F(WorkerTest, PublishesABurstWithTheFirstTurnThatIsIdleAgain) {
  ASSERT_EQ(turn(kNsPerUs).forwarded, 0U);
  arrivals_.waiting.push_back(heap_.make(test::PacketBuilder().eth().arp().build()));
  EXPECT_EQ(turn(kNsPerUs).forwarded, 0U) << "a busy turn has better things to do";
  EXPECT_EQ(turn(kNsPerUs).forwarded, 1U);
}

TEST_F(WorkerTest, PublishesWhilePacketsKeepComing) {
  ASSERT_EQ(turn(kNsPerUs).forwarded, 0U);
  std::uint64_t seen = 0;
  for (int i = 0; i < 50; ++i) {
    arrivals_.waiting.push_back(heap_.make(test::PacketBuilder().eth().arp().build()));
    seen = turn(kNsPerUs).forwarded;
  }
  EXPECT_EQ(seen, 50U);
}

}  // namespace
}  // namespace sluice
