#include "control/observe/metrics.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "control/observe/metric_table.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/source_tree.h"
#include "tests/unit/control/wire_world.h"

namespace sluice {
namespace {

using test::kWorldStart;

struct Gateway {
  test::WireWorld wire;
  ControlFacts facts;
  SharedFacts shared;
  test::FakeClock clock;
  Metrics metrics{wire.all(), wire.header, shared, clock};

  Gateway() {
    facts.version = "1.2.3";
    facts.worker_quiet.resize(2);
    facts.sets = {{"bad", 3, 1}};
    facts.turned_at = clock.time;
  }
  std::map<std::string, prometheus::MetricFamily> collect() {
    wire.publish();
    shared.publish(facts);
    std::map<std::string, prometheus::MetricFamily> by_name;
    for (auto& family : metrics.Collect()) by_name[family.name] = std::move(family);
    return by_name;
  }
  WorkerCounters& counters() { return wire.workers[0]; }
  WorkerTimings& timings() { return wire.timings[0]; }
  KeeperState& keeper() { return wire.header.keeper; }
};

/// What a family says, in one line.
std::string text_of(const prometheus::MetricFamily& family) {
  std::string text;
  for (const auto& metric : family.metric) {
    for (const auto& label : metric.label) text += label.name + "=" + label.value + " ";
    text += std::to_string(metric.counter.value) + " " + std::to_string(metric.gauge.value) + " " +
            std::to_string(metric.histogram.sample_count) + " " +
            std::to_string(metric.histogram.sample_sum) + "; ";
  }
  return text;
}

/// For every metric, the one thing that moves it.
using Move = std::function<void(Gateway&)>;
const std::map<std::string, Move>& moves() {
  static const std::map<std::string, Move> kMoves{
      {"sluice_build_info", [](Gateway& g) { g.facts.version = "1.2.4"; }},
      {"sluice_control_start_time_seconds", [](Gateway& g) { g.facts.started += kNsPerSecond; }},
      {"sluice_received_packets_total", [](Gateway& g) { g.counters().rx_packets += 3; }},
      {"sluice_received_bytes_total", [](Gateway& g) { g.counters().rx_bytes += 3; }},
      {"sluice_forwarded_packets_total", [](Gateway& g) { g.counters().forwarded += 3; }},
      {"sluice_forwarded_bytes_total", [](Gateway& g) { g.counters().forwarded_bytes += 3; }},
      {"sluice_held_packets", [](Gateway& g) { g.counters().held += 3; }},
      {"sluice_bypassed_packets_total", [](Gateway& g) { g.counters().bypassed += 3; }},
      {"sluice_bypassed_bytes_total", [](Gateway& g) { g.counters().bypassed_bytes += 3; }},
      {"sluice_uninspected_packets_total", [](Gateway& g) { g.counters().uninspected += 3; }},
      {"sluice_rules", [](Gateway& g) { g.keeper().rules += 3; }},
      {"sluice_rules_state", [](Gateway& g) { g.facts.rules.is_configured = true; }},
      {"sluice_rules_failed", [](Gateway& g) { g.facts.rules.error = "pack.yaml: no such file"; }},
      {"sluice_rule_stages_set", [](Gateway& g) { g.facts.rules.stages_set += 1; }},
      {"sluice_generated_packets_total", [](Gateway& g) { g.counters().generated += 3; }},
      {"sluice_dropped_packets_total", [](Gateway& g) { g.counters().dropped[5] += 3; }},
      {"sluice_would_drop_packets_total", [](Gateway& g) { g.counters().would_drop[5] += 3; }},
      {"sluice_capacity_events_total", [](Gateway& g) { g.counters().capacity[2] += 3; }},
      {"sluice_port_received_packets_total",
       [](Gateway& g) { g.counters().ports[1].rx_packets += 3; }},
      {"sluice_port_received_bytes_total", [](Gateway& g) { g.counters().ports[1].rx_bytes += 3; }},
      {"sluice_port_transmitted_packets_total",
       [](Gateway& g) { g.counters().ports[1].tx_packets += 3; }},
      {"sluice_port_transmitted_bytes_total",
       [](Gateway& g) { g.counters().ports[1].tx_bytes += 3; }},
      {"sluice_port_lost_before_receive_packets_total",
       [](Gateway& g) { g.wire.header.port_states[1].lost_before_receive += 3; }},
      {"sluice_port_lost_after_transmit_packets_total",
       [](Gateway& g) { g.wire.header.port_states[1].lost_after_transmit += 3; }},
      {"sluice_port_link_up", [](Gateway& g) { g.wire.header.port_states[1].has_carrier = 0; }},
      {"sluice_flows_active", [](Gateway& g) { g.counters().flows_active += 3; }},
      {"sluice_flows_capacity", [](Gateway& g) { g.wire.header.flow_capacity += 3; }},
      {"sluice_flows_created_total", [](Gateway& g) { g.counters().flows_created += 3; }},
      {"sluice_flows_ended_total", [](Gateway& g) { g.counters().flows_ended += 3; }},
      {"sluice_half_open_active", [](Gateway& g) { g.counters().half_open_active += 3; }},
      {"sluice_half_open_capacity", [](Gateway& g) { g.wire.header.half_open_capacity += 3; }},
      {"sluice_sources_capacity", [](Gateway& g) { g.wire.header.source_capacity += 3; }},
      {"sluice_out_of_state_packets_total", [](Gateway& g) { g.counters().out_of_state += 3; }},
      {"sluice_midstream_flows_total", [](Gateway& g) { g.counters().midstream += 3; }},
      {"sluice_handed_out_packets_total", [](Gateway& g) { g.counters().handed_out += 3; }},
      {"sluice_handed_in_packets_total", [](Gateway& g) { g.counters().handed_in += 3; }},
      {"sluice_worker_received_packets_total", [](Gateway& g) { g.counters().rx_packets += 3; }},
      {"sluice_worker_flows_active", [](Gateway& g) { g.counters().flows_active += 3; }},
      {"sluice_worker_busy_seconds_total",
       [](Gateway& g) { g.counters().busy_ns += kNsPerSecond; }},
      {"sluice_worker_polls_total", [](Gateway& g) { g.counters().polls += 3; }},
      {"sluice_worker_busy_polls_total", [](Gateway& g) { g.counters().busy_polls += 3; }},
      {"sluice_worker_full_bursts_total", [](Gateway& g) { g.counters().full_bursts += 3; }},
      {"sluice_worker_shed_level", [](Gateway& g) { g.counters().shed_level += 1; }},
      {"sluice_worker_shed_steps_total", [](Gateway& g) { g.counters().shed_steps += 1; }},
      {"sluice_alerts_total", [](Gateway& g) { g.counters().alerts += 3; }},
      {"sluice_transactions_total", [](Gateway& g) { g.counters().transactions += 3; }},
      {"sluice_anomalies_total", [](Gateway& g) { g.counters().anomalies += 3; }},
      {"sluice_rule_blocks_total", [](Gateway& g) { g.facts.rule_blocks += 3; }},
      {"sluice_rule_blocks_refused_total", [](Gateway& g) { g.facts.rule_blocks_refused += 3; }},
      {"sluice_rule_hits_total", [](Gateway& g) { g.counters().rule_hits += 3; }},
      {"sluice_rule_hits_shadowed_total", [](Gateway& g) { g.counters().rules_shadowed += 3; }},
      {"sluice_top_rule_hits_total",
       [](Gateway& g) {
         g.facts.rule_hits.rules.push_back({"20031", "scan", 3});
       }},
      {"sluice_rules_excepted_total", [](Gateway& g) { g.counters().rules_excepted += 3; }},
      {"sluice_rule_window_exhausted_total",
       [](Gateway& g) { g.counters().window_exhausted += 3; }},
      {"sluice_rule_candidates_total", [](Gateway& g) { g.counters().rule_candidates += 3; }},
      {"sluice_inspected_bytes_total", [](Gateway& g) { g.counters().inspected_bytes += 3; }},
      {"sluice_stream_gap_bytes_total", [](Gateway& g) { g.counters().stream_gap_bytes += 3; }},
      {"sluice_inspected_flows", [](Gateway& g) { g.counters().inspected_flows += 3; }},
      {"sluice_inspection_memory_bytes", [](Gateway& g) { g.counters().inspection_memory += 3; }},
      {"sluice_inspection_shed_flows_total", [](Gateway& g) { g.counters().flows_shed += 3; }},
      {"sluice_records_shed_total", [](Gateway& g) { g.counters().records_shed += 3; }},
      {"sluice_worker_generation", [](Gateway& g) { g.counters().generation += 1; }},
      {"sluice_worker_heartbeats_total", [](Gateway& g) { g.wire.windows[1]->heartbeat += 3; }},
      {"sluice_worker_heartbeat_age_seconds",
       [](Gateway& g) { g.facts.worker_quiet[1] += kNsPerSecond; }},
      {"sluice_latency_seconds", [](Gateway& g) { g.timings().latency[7] += 3; }},
      {"sluice_station_cycles_total", [](Gateway& g) { g.timings().station_cycles[1] += 3; }},
      {"sluice_station_packets_total", [](Gateway& g) { g.timings().station_packets[1] += 3; }},
      {"sluice_mbufs", [](Gateway& g) { g.wire.header.pools[0].mbufs += 3; }},
      {"sluice_mbufs_free", [](Gateway& g) { g.wire.header.pools[0].free += 3; }},
      {"sluice_mbufs_free_low", [](Gateway& g) { g.wire.header.pools[0].free_low += 3; }},
      {"sluice_lane_records", [](Gateway& g) { (void)g.wire.windows[1]->drops.try_push({}); }},
      {"sluice_lane_records_lost_total", [](Gateway& g) { g.counters().drop_records_lost += 3; }},
      {"sluice_events_written_total", [](Gateway& g) { g.facts.events.written += 3; }},
      {"sluice_events_lost_total", [](Gateway& g) { g.facts.events.lost_file += 3; }},
      {"sluice_generation", [](Gateway& g) { g.keeper().generation += 1; }},
      {"sluice_policies_refused_total", [](Gateway& g) { g.keeper().policies_refused += 1; }},
      {"sluice_mode_enforce", [](Gateway& g) { g.facts.mode = Mode::monitor; }},
      {"sluice_reloads_total", [](Gateway& g) { g.facts.reloads.invalid += 1; }},
      {"sluice_reload_last_ok", [](Gateway& g) { g.facts.reloads.has_last_failed = true; }},
      {"sluice_reload_last_time_seconds", [](Gateway& g) { g.facts.reloads.last_at = 77e9; }},
      {"sluice_set_entries", [](Gateway& g) { g.facts.sets[0].added += 1; }},
      {"sluice_set_changes_total", [](Gateway& g) { g.facts.set_changes += 1; }},
      {"sluice_confirm_pending", [](Gateway& g) { g.facts.config.confirm_by = 1; }},
      {"sluice_restart_pending", [](Gateway& g) { g.facts.config.restart_pending = {"mtu"}; }},
      {"sluice_blocks_active", [](Gateway& g) { g.keeper().blocks_active += 3; }},
      {"sluice_blocks_capacity", [](Gateway& g) { g.wire.header.block_capacity += 3; }},
      {"sluice_blocks_expired_total", [](Gateway& g) { g.keeper().blocks_expired += 3; }},
      {"sluice_block_journal_failures_total", [](Gateway& g) { g.facts.journal_failures += 1; }},
      {"sluice_bypasses_active", [](Gateway& g) { g.facts.bypasses += 1; }},
      {"sluice_keeper_turns_total", [](Gateway& g) { g.keeper().heartbeat += 3; }},
      {"sluice_keeper_heartbeat_age_seconds",
       [](Gateway& g) { g.facts.keeper_quiet += kNsPerSecond; }},
      {"sluice_control_starts_total", [](Gateway& g) { g.keeper().control_starts += 1; }},
      {"sluice_control_turns_total", [](Gateway& g) { g.facts.turns += 1; }},
      {"sluice_control_turn_late_seconds", [](Gateway& g) { g.facts.turn_late += kNsPerSecond; }},
      {"sluice_control_turn_seconds_max", [](Gateway& g) { g.facts.longest_turn += kNsPerSecond; }},
      {"sluice_control_long_turns_total", [](Gateway& g) { g.facts.long_turns += 1; }},
      {"sluice_control_turn_age_seconds", [](Gateway& g) { g.clock.time += kNsPerSecond; }},
      {"sluice_control_clients", [](Gateway& g) { g.facts.clients += 1; }},
      {"sluice_control_clients_refused_total", [](Gateway& g) { g.facts.clients_refused += 1; }},
      {"sluice_control_requests_total", [](Gateway& g) { g.facts.requests += 1; }},
      {"sluice_event_followers", [](Gateway& g) { g.facts.followers += 1; }},
      {"sluice_event_followers_lost_total", [](Gateway& g) { g.facts.followers_lost += 1; }},
      {"sluice_audit_failures_total", [](Gateway& g) { g.facts.audit_failures += 1; }},
      {"sluice_health_score", [](Gateway& g) { g.facts.health.score = 70; }},
      {"sluice_health_state", [](Gateway& g) { g.facts.health.state = HealthState::degraded; }},
      {"sluice_health_part",
       [](Gateway& g) { g.facts.health.parts[3].state = HealthState::unhealthy; }},
      {"sluice_ready", [](Gateway& g) { g.facts.health.is_ready = true; }},
      {"sluice_http_scrapes_total", [](Gateway& g) { (void)g.metrics.scrape(); }},
  };
  return kMoves;
}

/// Told once, when the wire process starts or a scrape ends; shown by tests of their own.
const std::set<std::string>& never_moved_by_the_window() {
  static const std::set<std::string> kNames{"sluice_start_time_seconds", "sluice_workers",
                                            "sluice_http_scrape_seconds"};
  return kNames;
}

TEST(Metrics, EveryOneOfTheTableMovesWithItsSource) {
  for (const MetricRow& row : metric_table()) {
    const std::string name(row.name);
    if (never_moved_by_the_window().contains(name)) continue;
    const auto move = moves().find(name);
    ASSERT_NE(move, moves().end()) << name << " has no move";
    Gateway gateway;
    const std::string before = text_of(gateway.collect()[name]);
    EXPECT_EQ(text_of(gateway.collect()[name]), before) << name << " moves by itself";
    move->second(gateway);
    EXPECT_NE(text_of(gateway.collect()[name]), before) << name << " does not move";
  }
}

TEST(Metrics, EveryMoveIsOfAMetricInTheTable) {
  std::set<std::string> names;
  for (const MetricRow& row : metric_table()) {
    EXPECT_TRUE(names.emplace(row.name).second) << row.name << " stands twice";
  }
  for (const auto& [name, move] : moves()) EXPECT_TRUE(names.contains(name)) << name;
}

TEST(Metrics, EveryOneOfTheTableIsInAScrape) {
  Gateway gateway;
  (void)gateway.collect();
  const std::string text = gateway.metrics.scrape();
  for (const MetricRow& row : metric_table()) {
    const std::string name(row.name);
    EXPECT_NE(text.find("# HELP " + name + " "), std::string::npos) << name;
    EXPECT_NE(text.find("# TYPE " + name + " "), std::string::npos) << name;
    EXPECT_TRUE(text.find("\n" + name + " ") != std::string::npos ||
                text.find("\n" + name + "{") != std::string::npos ||
                text.find("\n" + name + "_bucket{") != std::string::npos)
        << name << " has no sample";
  }
}

TEST(Metrics, LabelsAreThoseOfTheTable) {
  Gateway gateway;
  const auto families = gateway.collect();
  for (const MetricRow& row : metric_table()) {
    for (const auto& metric : families.at(std::string(row.name)).metric) {
      std::string labels;
      for (const auto& label : metric.label) labels += (labels.empty() ? "" : ", ") + label.name;
      EXPECT_EQ(labels, row.labels) << row.name;
    }
  }
}

TEST(Metrics, SumsOverTheWorkers) {
  Gateway gateway;
  gateway.wire.workers[0].rx_packets = 10;
  gateway.wire.workers[1].rx_packets = 5;
  EXPECT_EQ(gateway.collect()["sluice_received_packets_total"].metric.at(0).counter.value, 15);
}

TEST(Metrics, RulesAreInOneState) {
  Gateway gateway;
  const auto state = [&gateway] {
    std::string held;
    const prometheus::MetricFamily family = gateway.collect()["sluice_rules_state"];
    for (const auto& metric : family.metric) {
      if (metric.gauge.value == 1.0) held += metric.label.at(0).value + " ";
    }
    return held;
  };
  EXPECT_EQ(state(), "none ");
  gateway.facts.rules.is_configured = true;
  EXPECT_EQ(state(), "compiling ");
  gateway.facts.rules.error = "pack.yaml: no such file";
  EXPECT_EQ(state(), "missing ");
  gateway.keeper().ruleset[0] = 7;
  EXPECT_EQ(state(), "in_force ");
}

TEST(Metrics, StartAndWorkersAreThoseOfTheWire) {
  Gateway gateway;
  auto families = gateway.collect();
  EXPECT_EQ(families["sluice_start_time_seconds"].metric.at(0).gauge.value, kWorldStart / 1e9);
  EXPECT_EQ(families["sluice_workers"].metric.at(0).gauge.value, 2);
}

TEST(Metrics, LatencyBucketsAreCumulativeAndEndAtInfinity) {
  Gateway gateway;
  gateway.timings().latency[0] = 4;
  gateway.timings().latency[4] = 2;
  gateway.timings().latency[kLatencyBuckets - 1] = 1;
  gateway.timings().latency_ns = 5'000;
  const auto histogram = gateway.collect()["sluice_latency_seconds"].metric.at(0).histogram;
  ASSERT_EQ(histogram.bucket.size(), kLatencyBuckets / 4);
  EXPECT_DOUBLE_EQ(histogram.bucket[0].upper_bound, 512e-9);
  EXPECT_EQ(histogram.bucket[0].cumulative_count, 4U);
  EXPECT_DOUBLE_EQ(histogram.bucket[1].upper_bound, 1024e-9);
  EXPECT_EQ(histogram.bucket[1].cumulative_count, 6U);
  EXPECT_EQ(histogram.bucket.back().cumulative_count, 7U);
  EXPECT_TRUE(std::isinf(histogram.bucket.back().upper_bound));
  EXPECT_EQ(histogram.sample_count, 7U);
  EXPECT_DOUBLE_EQ(histogram.sample_sum, 5e-6);
}

TEST(Metrics, AWorkerThatDiedWhileItWroteCountsWithWhatItShowed) {
  Gateway gateway;
  gateway.wire.workers[0].rx_packets = 10;
  (void)gateway.collect();
  // An odd sequence number: a writer that will not come back.
  auto* sequence =
      reinterpret_cast<std::atomic<std::uint64_t>*>(&gateway.wire.windows[0]->counters);
  sequence->fetch_add(1);
  double received = 0;
  for (const auto& family : gateway.metrics.Collect()) {
    if (family.name == "sluice_received_packets_total") received = family.metric[0].counter.value;
  }
  EXPECT_EQ(received, 10);
}

TEST(Metrics, AreReadWhileEverybodyWrites) {
  Gateway gateway;
  (void)gateway.collect();
  std::atomic<unsigned> running{2};
  std::array<std::thread, 2> readers;
  for (std::thread& reader : readers) {
    reader = std::thread([&] {
      for (unsigned i = 0; i < 20; ++i) EXPECT_GT(gateway.metrics.scrape().size(), 1000U);
      --running;
    });
  }
  while (running != 0) {
    ++gateway.counters().rx_packets;
    ++gateway.facts.turns;
    gateway.wire.publish();
    gateway.wire.beat();
    gateway.shared.publish(gateway.facts);
  }
  for (std::thread& reader : readers) reader.join();
}

TEST(Metrics, AScrapeIsQuick) {
  Gateway gateway;
  (void)gateway.collect();
  const auto began = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  for (int i = 0; i < 20; ++i) bytes = gateway.metrics.scrape().size();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  std::printf("a scrape: %.3f ms, %zu bytes\n", took.count() / 20, bytes);
  EXPECT_GT(bytes, 1000U);
}

// Where Prometheus's own tool is installed, it judges names, types, units and help.
TEST(Metrics, PromtoolHasNoComplaint) {
  if (std::system("command -v promtool >/dev/null") != 0) GTEST_SKIP() << "no promtool here";
  Gateway gateway;
  (void)gateway.collect();
  const test::ScratchDir directory;
  const std::string scrape = directory.write("scrape", gateway.metrics.scrape());
  const std::string said = directory.file("said");
  EXPECT_EQ(std::system(("promtool check metrics <" + scrape + " >" + said + " 2>&1").c_str()), 0)
      << test::read_text(said);
}

TEST(MetricReference, PageSaysWhatTheTableSays) {
  EXPECT_EQ(test::golden_page("docs/reference/metrics.md", render_metric_reference()),
            render_metric_reference());
}

class Pages : public ::testing::Test {
 protected:
  HttpAnswer ask(const std::string& path) {
    gateway_.shared.publish(gateway_.facts);
    for (const HttpPage& page : observe_pages(gateway_.metrics, gateway_.shared, gateway_.clock)) {
      if (page.path == path) return page.answer();
    }
    return {404, {}, {}};
  }
  Gateway gateway_;
};

TEST_F(Pages, HealthIsServedWhileItIsNotUnhealthy) {
  HealthReport& health = gateway_.facts.health;
  EXPECT_EQ(ask("/healthz").status, 200);
  health.state = HealthState::degraded;
  health.parts[0].state = HealthState::degraded;
  health.parts[0].reason = "worker 1 has not moved for 0.6 s";
  const HttpAnswer degraded = ask("/healthz");
  EXPECT_EQ(degraded.status, 200);
  EXPECT_NE(degraded.body.find("worker 1 has not moved"), std::string::npos);
  health.state = HealthState::unhealthy;
  EXPECT_EQ(ask("/healthz").status, 503);
}

TEST_F(Pages, AControlThreadThatStandsStillIsUnhealthy) {
  gateway_.facts.health.is_ready = true;
  gateway_.clock.time = gateway_.facts.turned_at + 5 * kNsPerSecond;
  EXPECT_EQ(ask("/healthz").status, 200);
  EXPECT_EQ(ask("/readyz").status, 200);
  gateway_.clock.time += 1;
  EXPECT_EQ(ask("/healthz").status, 503);
  EXPECT_EQ(ask("/readyz").status, 503);
}

TEST_F(Pages, ReadyIsSaidOnceItIs) {
  EXPECT_EQ(ask("/readyz").status, 503);
  gateway_.facts.health.is_ready = true;
  EXPECT_EQ(ask("/readyz").status, 200);
}

}  // namespace
}  // namespace sluice
