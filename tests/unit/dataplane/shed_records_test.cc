// What is recorded at every level of shedding, and that the rest is counted.
#include <memory>

#include <gtest/gtest.h>

#include "dataplane/decide/reporter.h"
#include "dataplane/overload.h"
#include "dataplane/window.h"
#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {
namespace {

class ShedFlowRecords : public FlowTest {
 protected:
  ShedFlowRecords() { settings.flows.record_interval = 5 * kNsPerSecond; }

  /// A flow of two packets, six seconds apart, with a sweep in between and its end behind.
  void live_through_a_flow() {
    send(udp(true, now));
    sweep_at(now + 6 * kNsPerSecond);
    send(udp(true, now));
    tracker->flush(now);
  }
};

TEST_F(ShedFlowRecords, AreAllMadeAtLevelZero) {
  live_through_a_flow();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].is_interim, 1);
  EXPECT_EQ(tracker->counters().records_shed, 0U);
}

TEST_F(ShedFlowRecords, AreOnlyThoseInBetweenAtLevelOne) {
  tracker->shed_records(1);
  live_through_a_flow();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].is_interim, 0);
  EXPECT_EQ(records[0].packets[0], 2U);
  EXPECT_EQ(tracker->counters().records_shed, 1U);
}

TEST_F(ShedFlowRecords, AreAllAtLevelTwo) {
  tracker->shed_records(2);
  live_through_a_flow();
  EXPECT_TRUE(records.empty());
  EXPECT_EQ(tracker->counters().records_shed, 2U);
}

TEST_F(ShedFlowRecords, AreToldByTheNextInterimRecord) {
  settings.flows.record_interval = 5 * kNsPerSecond;
  send(udp(true, now));
  tracker->shed_records(1);
  sweep_at(now + 6 * kNsPerSecond);
  tracker->shed_records(0);
  send(udp(true, now));
  sweep_at(now + 6 * kNsPerSecond);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].is_interim, 1);
  EXPECT_EQ(records[0].packets[0], 2U);
}

TEST(ShedDropRecords, AreCountedAndTheDropsStayExact) {
  auto window = std::make_unique<WorkerWindow>();
  WorkerCounters counters;
  Reporter reporter(SipKey{1, 2}, 0, counters, window.get(), nullptr);
  PolicySettings settings;
  settings.drop_sample = 1;
  Burst burst;
  burst.packets[burst.count++] = packet_of({}, true, kStart);
  burst.packets[0].drop(DropReason::denied_prefix);
  reporter.shed_records(1);
  reporter.report(burst.all(), settings);
  EXPECT_EQ(reporter.records_shed(), 1U);
  reporter.shed_records(0);
  reporter.report(burst.all(), settings);
  EXPECT_EQ(reporter.records_shed(), 1U);
  EXPECT_EQ(window->drops.depth(), 1U);
  EXPECT_EQ(counters.dropped[static_cast<std::size_t>(DropReason::denied_prefix)], 2U);
}

}  // namespace
}  // namespace sluice::test
