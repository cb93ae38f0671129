#include "control/observe/wire_view.h"

#include <gtest/gtest.h>

#include "tests/unit/control/wire_world.h"

namespace sluice {
namespace {

class WireViewTest : public ::testing::Test {
 protected:
  /// A second later, with what the test changed in `wire_` published.
  bool second() {
    wire_.publish();
    wire_.beat();
    return view_.turn(now_ += kNsPerSecond);
  }
  WorkerCounters& counters(std::size_t worker) { return wire_.workers[worker]; }

  test::WireWorld wire_;
  WireView view_{wire_.all(), wire_.header};
  TimeNs now_ = test::kWorldStart;
};

TEST_F(WireViewTest, TotalsAreOfThisMoment) {
  counters(0).rx_packets = 7;
  counters(1).rx_packets = 5;
  counters(1).generation = 4;
  counters(0).generation = 3;
  counters(0).shed_level = 2;
  counters(1).shed_level = 1;
  wire_.publish();
  const WireReading& reading = view_.look();
  EXPECT_EQ(reading.total.rx_packets, 12U);
  EXPECT_EQ(reading.total.generation, 3U);
  EXPECT_EQ(reading.total.shed_level, 2U);
  EXPECT_EQ(reading.flow_capacity, 1000U);
  ASSERT_EQ(reading.ports.size(), 2U);
  EXPECT_EQ(reading.ports[1].name, "edge.inside");
  EXPECT_EQ(reading.stations, (std::vector<std::string>{"receive", "decode"}));
}

TEST_F(WireViewTest, TakesASnapshotOnceASecond) {
  EXPECT_TRUE(view_.turn(now_));
  unsigned snapshots = 0;
  for (unsigned i = 0; i < 200; ++i) snapshots += view_.turn(now_ += 50 * kNsPerMs) ? 1 : 0;
  EXPECT_EQ(snapshots, 10U);
}

TEST_F(WireViewTest, HasNoRatesBeforeTwoSnapshots) {
  counters(0).rx_packets = 1'000'000;
  second();
  EXPECT_EQ(view_.rates().received_pps, 0.0);
  EXPECT_EQ(view_.latency().packets, 0U);
  EXPECT_EQ(view_.loads().size(), 2U);
}

TEST_F(WireViewTest, RatesAreOverTheLastTwoSeconds) {
  second();
  for (unsigned i = 0; i < 5; ++i) {
    counters(0).rx_packets += 1000;  // what came before the last two seconds is forgotten
    second();
  }
  for (unsigned i = 0; i < 2; ++i) {
    counters(0).rx_packets += 100;
    counters(0).rx_bytes += 6'000;
    counters(1).forwarded += 50;
    counters(1).dropped[3] += 7;
    counters(0).ports[1].tx_bytes += 10;
    second();
  }
  const WireRates rates = view_.rates();
  EXPECT_DOUBLE_EQ(rates.received_pps, 100);
  EXPECT_DOUBLE_EQ(rates.received_bps, 48'000);
  EXPECT_DOUBLE_EQ(rates.forwarded_pps, 50);
  EXPECT_DOUBLE_EQ(rates.dropped_pps, 7);
  EXPECT_DOUBLE_EQ(rates.dropped[3], 7);
  EXPECT_DOUBLE_EQ(rates.ports[1].tx_bps, 80);
}

TEST_F(WireViewTest, ACounterThatStartsAnewHasNoRate) {
  counters(0).rx_packets = 1000;
  second();
  counters(0).rx_packets = 0;
  second();
  EXPECT_EQ(view_.rates().received_pps, 0.0);
}

TEST_F(WireViewTest, LoadsAreOfEachWorker) {
  second();
  counters(1).busy_ns += kNsPerSecond / 4;
  counters(1).rx_packets += 500;
  counters(1).bursts += 40;
  counters(1).full_bursts += 10;
  second();
  const auto loads = view_.loads();
  ASSERT_EQ(loads.size(), 2U);
  EXPECT_EQ(loads[0].busy_percent, 0.0);
  EXPECT_DOUBLE_EQ(loads[1].busy_percent, 25);
  EXPECT_DOUBLE_EQ(loads[1].pps, 500);
  EXPECT_DOUBLE_EQ(loads[1].full_burst_percent, 25);
}

TEST_F(WireViewTest, HeadroomIsInShareOfWhatThereIs) {
  counters(0).flows_active = 300;
  counters(1).flows_active = 200;
  counters(1).half_open_active = 20;
  wire_.header.pools[0].free_low = 125;
  wire_.header.keeper.blocks_active = 10;
  second();
  const Headroom headroom = view_.headroom();
  EXPECT_DOUBLE_EQ(headroom.flow_table_percent, 50);
  EXPECT_DOUBLE_EQ(headroom.half_open_percent, 10);
  EXPECT_DOUBLE_EQ(headroom.mbufs_free_low_percent, 12.5);
  EXPECT_DOUBLE_EQ(headroom.block_percent, 1);
  EXPECT_FALSE(headroom.seconds_to_full.has_value());
}

TEST_F(WireViewTest, ATableThatFillsSteadilyTellsWhenItIsFull) {
  for (unsigned i = 0; i < 20; ++i) {
    counters(0).flows_active += 10;
    second();
    EXPECT_EQ(view_.headroom().seconds_to_full.has_value(), i >= 9) << i;
  }
  ASSERT_TRUE(view_.headroom().seconds_to_full.has_value());
  EXPECT_NEAR(*view_.headroom().seconds_to_full, 80, 0.01);
}

TEST_F(WireViewTest, ATableThatStandsOrShrinksNeverFills) {
  for (unsigned i = 0; i < 20; ++i) {
    counters(0).flows_active = 400 - 10 * i;
    second();
  }
  EXPECT_FALSE(view_.headroom().seconds_to_full.has_value());
  for (unsigned i = 0; i < 60; ++i) second();
  EXPECT_FALSE(view_.headroom().seconds_to_full.has_value());
}

TEST_F(WireViewTest, LatencyIsOfTheLastTenSeconds) {
  wire_.timings[0].latency[40] = 1'000'000;  // long ago
  second();
  for (unsigned i = 0; i < 11; ++i) second();
  wire_.timings[0].latency[3] += 98;  // 448 to 512 ns
  wire_.timings[1].latency[19] += 2;  // 7.2 to 8.2 us
  second();
  const LatencySummary latency = view_.latency();
  EXPECT_EQ(latency.packets, 100U);
  EXPECT_GT(latency.p50_us, 0.448);
  EXPECT_LT(latency.p95_us, 0.512);
  EXPECT_GT(latency.p99_us, 7.1);
  EXPECT_LT(latency.p99_us, 8.2);
}

TEST_F(WireViewTest, AHeartbeatThatStandsIsAsOldAsItsLastMove) {
  second();
  for (unsigned i = 0; i < 4; ++i) {
    ++wire_.windows[1]->heartbeat;
    ++wire_.header.keeper.heartbeat;
    view_.turn(now_ += 500 * kNsPerMs);
  }
  EXPECT_EQ(view_.facts().worker_quiet.at(0), 2 * kNsPerSecond);
  EXPECT_EQ(view_.facts().worker_quiet.at(1), 0U);
  EXPECT_EQ(view_.facts().keeper_quiet, 0U);
  const HealthInputs inputs = view_.health_inputs(now_);
  EXPECT_EQ(inputs.quiet_worker, 0U);
  EXPECT_EQ(inputs.worker_quiet, 2 * kNsPerSecond);
}

TEST_F(WireViewTest, LossesAreRecentOnesOnly) {
  second();
  counters(0).flow_records_lost = 5;
  view_.facts().events.lost_file = 3;
  view_.facts().journal_failures = 1;
  second();
  HealthInputs inputs = view_.health_inputs(now_);
  EXPECT_EQ(inputs.lane_records_lost, 5U);
  EXPECT_EQ(inputs.events_lost, 3U);
  EXPECT_EQ(inputs.journal_failures, 1U);
  for (unsigned i = 0; i < 11; ++i) second();
  inputs = view_.health_inputs(now_);
  EXPECT_EQ(inputs.lane_records_lost, 0U);
  EXPECT_EQ(inputs.events_lost, 0U);
  EXPECT_EQ(inputs.journal_failures, 1U) << "within the minute";
  for (unsigned i = 0; i < 60; ++i) second();
  EXPECT_EQ(view_.health_inputs(now_).journal_failures, 0U);
}

TEST_F(WireViewTest, AFreshWireIsWell) {
  for (unsigned i = 0; i < 5; ++i) second();
  for (const Look& look : look_at(view_.health_inputs(now_))) {
    EXPECT_EQ(look.state, HealthState::healthy) << look.reason;
  }
}

TEST_F(WireViewTest, APairNeedsBothOfItsLinks) {
  second();
  EXPECT_EQ(view_.health_inputs(now_).pairs_up, 1U);
  wire_.header.port_states[1].has_carrier = 0;
  second();
  const HealthInputs inputs = view_.health_inputs(now_);
  EXPECT_EQ(inputs.pairs_up, 0U);
  EXPECT_EQ(inputs.ports_down, 1U);
  EXPECT_EQ(inputs.port_down, "edge.inside");
}

TEST_F(WireViewTest, AHeaderThatPromisesTooMuchIsCutToWhatThereIs) {
  wire_.header.ports = 1'000'000;
  wire_.header.stations = 1'000'000;
  for (auto& name : wire_.header.station_names) name.fill('x');
  WireReader reader(wire_.all(), wire_.header);
  EXPECT_EQ(reader.read().ports.size(), kPortsMax);
  EXPECT_EQ(reader.read().stations.size(), kStationsMax);
  EXPECT_EQ(reader.read().stations[0].size(), 16U);
}

}  // namespace
}  // namespace sluice
