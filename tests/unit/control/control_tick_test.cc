#include "control/control_tick.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/control/records.h"

namespace sluice {
namespace {

/// Remembers what it was given, in order.
struct Remembering final : EventSink {
  std::vector<std::string> seen;
  std::vector<StatsSnapshot> snapshots;
  unsigned turns = 0;
  void flow(const FlowRecord& record) noexcept override {
    seen.push_back("flow " + std::to_string(record.flow_number));
  }
  void drop(const DropRecord& record) noexcept override {
    seen.push_back("drop " + std::to_string(record.flow_number));
  }
  void inspection(const InspectRecord& record) noexcept override {
    seen.push_back("inspection " + std::to_string(record.flow_number));
  }
  void stats(const StatsSnapshot& snapshot) noexcept override { snapshots.push_back(snapshot); }
  void end_turn(TimeNs) noexcept override { ++turns; }
  [[nodiscard]] EventCounts counts() const noexcept override { return {seen.size(), 2, 3}; }
};

class ControlTickTest : public ::testing::Test {
 protected:
  ControlTickTest() {
    for (auto& window : windows_) window = std::make_unique<WorkerWindow>();
  }
  std::vector<WorkerWindow*> all() { return {windows_[0].get(), windows_[1].get()}; }
  void push_flow(unsigned worker, std::uint64_t number, TimeNs when) {
    FlowRecord record{};
    record.flow_number = number;
    record.emitted = when;
    record.packet_number = static_cast<std::uint32_t>(number);
    ASSERT_TRUE(windows_[worker]->flows.try_push(record));
  }
  void push_drop(unsigned worker, std::uint64_t number, TimeNs when) {
    DropRecord record{};
    record.flow_number = number;
    record.now = when;
    record.packet_number = static_cast<std::uint32_t>(number);
    ASSERT_TRUE(windows_[worker]->drops.try_push(record));
  }
  std::array<std::unique_ptr<WorkerWindow>, 2> windows_;
  Remembering sink_;
};

TEST_F(ControlTickTest, OrdersAReplayByTimeOverAllWorkers) {
  ControlTick tick(all(), sink_, {.is_replay = true});
  push_flow(1, 4, 40);
  push_flow(0, 2, 20);
  push_drop(1, 1, 10);
  push_drop(0, 3, 30);
  EXPECT_FALSE(tick.drain(100));
  EXPECT_EQ(sink_.seen, (std::vector<std::string>{"drop 1", "flow 2", "drop 3", "flow 4"}));
}

TEST_F(ControlTickTest, OrdersEqualTimesTheSameWithOneOrTwoWorkers) {
  ControlTick tick(all(), sink_, {.is_replay = true});
  push_flow(1, 1, 10);
  push_flow(0, 2, 10);
  push_drop(0, 1, 10);
  tick.drain(100);
  const std::vector<std::string> two_workers = std::exchange(sink_.seen, {});
  push_drop(0, 1, 10);
  push_flow(0, 2, 10);
  push_flow(0, 1, 10);
  tick.drain(200);
  EXPECT_EQ(sink_.seen, two_workers);
}

TEST_F(ControlTickTest, CollectsMoreThanALaneHoldsBetweenTwoTurns) {
  ControlTick tick(all(), sink_, {.is_replay = true});
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    if (i % 4000 == 0) tick.collect();
    push_drop(0, i, i);
  }
  EXPECT_TRUE(sink_.seen.empty());
  tick.drain(100);
  EXPECT_EQ(sink_.seen.size(), 20'000U);
}

TEST_F(ControlTickTest, SaysWhereATurnLeftRecordsBehind) {
  ControlTick tick(all(), sink_, {});
  for (std::uint64_t i = 0; i < 8000; ++i) push_flow(0, i, i);
  unsigned turns = 1;
  while (tick.drain(100)) ++turns;
  EXPECT_GT(turns, 1U);
  EXPECT_EQ(sink_.seen.size(), 8000U);
  EXPECT_EQ(sink_.turns, turns);
}

TEST_F(ControlTickTest, ReportsStatisticsAtTheirInterval) {
  WorkerCounters counters;
  counters.rx_packets = 21;
  windows_[0]->counters.publish(counters);
  windows_[1]->counters.publish(counters);
  ControlTick tick(all(), sink_, {.started = 1000, .stats_interval = 500});
  tick.drain(1499);
  EXPECT_TRUE(sink_.snapshots.empty());
  tick.drain(1500);
  tick.drain(1600);
  ASSERT_EQ(sink_.snapshots.size(), 1U);
  EXPECT_EQ(sink_.snapshots[0].total.rx_packets, 42U);
  EXPECT_EQ(sink_.snapshots[0].workers, 2U);
  EXPECT_EQ(sink_.snapshots[0].started, 1000U);
  EXPECT_EQ(sink_.snapshots[0].events_lost_queue, 2U);
  tick.drain(2000);
  EXPECT_EQ(sink_.snapshots.size(), 2U);
}

TEST_F(ControlTickTest, SumsWhatThePortsLost) {
  WindowHeader header;
  header.ports = 2;
  header.port_states[0].lost_before_receive = 3;
  header.port_states[1].lost_before_receive = 4;
  header.port_states[1].lost_after_transmit = 5;
  header.port_states[2].lost_before_receive = 100;
  ControlTick tick(all(), sink_, {.stats_interval = 500, .header = &header});
  tick.finish(1);
  ASSERT_EQ(sink_.snapshots.size(), 1U);
  EXPECT_EQ(sink_.snapshots[0].lost_before_receive, 7U);
  EXPECT_EQ(sink_.snapshots[0].lost_after_transmit, 5U);
}

TEST_F(ControlTickTest, ReportsAReplaysStatisticsOnceAtItsEnd) {
  ControlTick tick(all(), sink_, {.stats_interval = 10, .is_replay = true});
  for (TimeNs now = 100; now < 1000; now += 100) tick.drain(now);
  EXPECT_TRUE(sink_.snapshots.empty());
  push_flow(0, 1, 1);
  tick.finish(1000);
  EXPECT_EQ(sink_.snapshots.size(), 1U);
  EXPECT_EQ(sink_.seen.size(), 1U);
}

TEST_F(ControlTickTest, ReportsNoStatisticsWhereTheIntervalIsZero) {
  ControlTick tick(all(), sink_, {.stats_interval = 0});
  tick.drain(~TimeNs{0});
  tick.finish(~TimeNs{0});
  EXPECT_TRUE(sink_.snapshots.empty());
}

}  // namespace
}  // namespace sluice
