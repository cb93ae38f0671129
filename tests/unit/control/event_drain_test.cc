#include "control/event_drain.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/control/records.h"

namespace sluice {
namespace {

struct Counting {
  std::vector<std::uint8_t> flow_workers;
  std::uint32_t drops = 0;
  void flow(const FlowRecord& record) { flow_workers.push_back(record.worker); }
  void drop(const DropRecord&) { ++drops; }
  void inspection(const InspectRecord&) { ++inspections; }
  std::uint64_t inspections = 0;
};

class EventDrainTest : public ::testing::Test {
 protected:
  EventDrainTest() {
    for (auto& window : windows_) window = std::make_unique<WorkerWindow>();
  }
  std::vector<WorkerWindow*> all() { return {windows_[0].get(), windows_[1].get()}; }
  void push_flows(std::uint8_t worker, unsigned count) {
    FlowRecord record{};
    record.worker = worker;
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_TRUE(windows_[worker]->flows.try_push(record));
    }
  }
  void push_drops(std::uint8_t worker, unsigned count) {
    for (unsigned i = 0; i < count; ++i) ASSERT_TRUE(windows_[worker]->drops.try_push({}));
  }
  std::array<std::unique_ptr<WorkerWindow>, 2> windows_;
};

TEST_F(EventDrainTest, TakesEverythingAndThenNothing) {
  push_flows(0, 5);
  push_flows(1, 8000);
  push_drops(1, 4000);
  EventDrain drain(all());
  Counting counting;
  EXPECT_EQ(drain.drain(1'000'000, counting), 12'005U);
  EXPECT_EQ(counting.flow_workers.size(), 8005U);
  EXPECT_EQ(counting.drops, 4000U);
  EXPECT_EQ(drain.drain(1'000'000, counting), 0U);
}

TEST_F(EventDrainTest, TakesNoMoreThanItsTurn) {
  push_flows(0, 1000);
  EventDrain drain(all());
  Counting counting;
  EXPECT_EQ(drain.drain(700, counting), 700U);
  EXPECT_EQ(drain.drain(700, counting), 300U);
}

TEST_F(EventDrainTest, DoesNotLetAFloodingWorkerStarveAnother) {
  push_flows(0, 8000);
  push_flows(1, 10);
  EventDrain drain(all());
  Counting counting;
  EXPECT_EQ(drain.drain(1000, counting), 1000U);
  EXPECT_EQ(std::count(counting.flow_workers.begin(), counting.flow_workers.end(), 1), 10);
}

TEST_F(EventDrainTest, SumsCountersAndReportsTheOldestGeneration) {
  WorkerCounters counters;
  counters.rx_packets = 10;
  counters.generation = 7;
  windows_[0]->counters.publish(counters);
  counters.rx_packets = 5;
  counters.generation = 6;
  windows_[1]->counters.publish(counters);
  EventDrain drain(all());
  const EventDrain::Sums sums = drain.sums();
  EXPECT_EQ(sums.total.rx_packets, 15U);
  EXPECT_EQ(sums.total.generation, 6U);
  EXPECT_EQ(sums.unreadable, 0U);
}

class WindowsInTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kBytes = sizeof(WindowHeader) + 2 * sizeof(WorkerWindow);
  struct Aligned {
    void operator()(void* memory) const {
      ::operator delete (memory, std::align_val_t{kWindowPage});
    }
  };
  WindowsInTest() : memory_(::operator new (kBytes, std::align_val_t{kWindowPage})) {
    header_ = new (memory_.get()) WindowHeader;
    header_->workers = 2;
  }
  std::unique_ptr<void, Aligned> memory_;
  WindowHeader* header_;
};

TEST_F(WindowsInTest, FindsEveryWorker) {
  const auto windows = windows_in(memory_.get(), kBytes);
  ASSERT_TRUE(windows.has_value());
  ASSERT_EQ(windows->size(), 2U);
  const auto* base = static_cast<const std::byte*>(memory_.get());
  EXPECT_EQ(reinterpret_cast<const std::byte*>((*windows)[1]),
            base + sizeof(WindowHeader) + sizeof(WorkerWindow));
}

TEST_F(WindowsInTest, RefusesASegmentThatIsTooSmall) {
  EXPECT_FALSE(windows_in(memory_.get(), kBytes - 1).has_value());
  EXPECT_FALSE(windows_in(memory_.get(), sizeof(WindowHeader) - 1).has_value());
  EXPECT_FALSE(windows_in(memory_.get(), 0).has_value());
}

TEST_F(WindowsInTest, RefusesAnotherVersionOrLayout) {
  header_->version = kWindowVersion + 1;
  EXPECT_FALSE(windows_in(memory_.get(), kBytes).has_value());
  header_->version = kWindowVersion;
  header_->worker_window_bytes += kWindowPage;
  const auto windows = windows_in(memory_.get(), kBytes);
  ASSERT_FALSE(windows.has_value());
  EXPECT_EQ(windows.error().kind, ErrorKind::invalid);
  EXPECT_FALSE(windows.error().hint.empty());
}

TEST_F(WindowsInTest, RefusesAnImpossibleNumberOfWorkers) {
  for (const std::uint32_t workers : {0U, kWorkersMax + 1, ~0U}) {
    header_->workers = workers;
    EXPECT_FALSE(windows_in(memory_.get(), kBytes).has_value());
  }
}

}  // namespace
}  // namespace sluice
