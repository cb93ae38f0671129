// sluice_bench: the cost of the journey, station by station, over the bare receive-transmit loop of
// the same ports in the same run. Every figure is the best of several interleaved repetitions,
// since a shared machine can only make a run slower. `--fixed-bursts N` runs N bursts of one
// scenario for callgrind, which counts instructions and needs no clock.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "control/observe/latency.h"
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/limit/block_table.h"
#include "dataplane/memory_arena.h"
#include "dataplane/policy.h"
#include "dataplane/policy_slot.h"
#include "dataplane/worker.h"
#include "tests/bench/compile_row.h"
#include "tests/bench/corpus_port.h"
#include "tests/bench/inspection_rows.h"
#include "tests/bench/limit_accuracy.h"
#include "tests/bench/report.h"
#include "tests/bench/scaling.h"
#include "tests/bench/scenarios.h"

namespace sluice::bench {
namespace {

constexpr WorkerKeys kKeys{
    .flow = {1, 2}, .owner = {3, 4}, .fragment = {5, 6}, .source = {7, 8}, .sample = {9, 10}};

/// A microsecond goes by between two looks: what runs is the same on every machine.
class CountingClock final : public Clock {
 public:
  [[nodiscard]] TimeNs now() const noexcept override { return now_ += kNsPerUs; }

 private:
  mutable TimeNs now_ = 1'700'000'000 * kNsPerSecond;
};

/// One worker with its tables, policy and corpus, ready to poll.
class Bench {
 public:
  Bench(const NullPorts& ports, Scenario& scenario, bool hugepages, const Clock& clock)
      : scenario_(scenario), arena_({.hugepages = hugepages}), clock_(clock) {
    auto policy = build_policy(scenario.parts, nullptr, {11, 12}, {.hugepages = hugepages});
    SLUICE_CHECK(policy.has_value(), "the scenario's lists fit");
    make_blocks();
    slot_ = std::make_unique<PolicySlot>(std::move(*policy), 1);
    window_ = std::make_unique<WorkerWindow>();
    WorkerSetup setup;
    setup.ports = ports.over(scenario.prelude.frames.empty() ? scenario.steady : scenario.prelude);
    setup.keys = kKeys;
    setup.sizes = scenario.sizes;
    setup.arena = &arena_;
    setup.window = window_.get();
    setup.policies = slot_.get();
    setup.blocks = blocks_.get();
    setup.block_hits = block_hits_;
    setup.clock = &clock;
    setup.started = clock.now();
    setup.release = &NullPorts::release;
    ports_ = setup.ports;
    auto worker = Worker::create(setup);
    SLUICE_CHECK(worker.has_value(), "the worker's tables fit");
    worker_ = std::move(*worker);
    slot_->enter(0);
    run_prelude();
  }
  ~Bench() { slot_->leave(0); }

  void poll() noexcept { worker_->poll_once(); }
  void empty_lanes() {
    window_->flows.drain(~0U, [](const FlowRecord&) {});
    window_->drops.drain(~0U, [](const DropRecord&) {});
  }
  [[nodiscard]] const WorkerCounters& counters() const noexcept { return worker_->counters(); }
  /// As last published.
  [[nodiscard]] WorkerTimings timings() const {
    WorkerTimings timings;
    SLUICE_CHECK(window_->timings.try_read(timings), "this thread is the only writer");
    return timings;
  }
  [[nodiscard]] std::size_t table_bytes() const noexcept { return arena_.bytes_mapped(); }

  /// Receives and sends as a worker does and nothing else.
  void poll_bare() noexcept {
    std::array<rte_mbuf*, kBurstMax> mbufs;
    const std::uint16_t count = ports_[0].receive(ports_[0], mbufs.data(), kBurstMax);
    const std::uint16_t sent = ports_[1].transmit(ports_[1], mbufs.data(), count);
    SLUICE_CHECK(sent == count, "a null port takes everything");
  }
  void poll_measured(StationCosts& costs) noexcept { worker_->poll_measured(costs); }

 private:
  void make_blocks() {
    if (scenario_.blocks.empty()) return;
    const auto capacity = static_cast<std::uint32_t>(scenario_.blocks.size());
    auto blocks = BlockTable::create(capacity, {13, 14}, arena_);
    auto hits = arena_.allocate_array<std::atomic<std::uint32_t>>(capacity);
    SLUICE_CHECK(blocks && hits, "the scenario's blocks fit");
    blocks_ = std::move(*blocks);
    block_hits_ = *hits;
    for (const BlockEntry& entry : scenario_.blocks) {
      const BlockKey key = block_key(entry);
      if (blocks_->find(key) == BlockTable::kNone) blocks_->insert(key, entry.id, entry.until);
    }
  }
  void run_prelude() {
    const std::size_t polls = (scenario_.prelude.frames.size() + kBurstMax - 1) / kBurstMax;
    for (std::size_t i = 0; i < polls; ++i) {
      poll();
      if (i % 64 == 0) empty_lanes();
    }
    if (polls > 0) std::swap(scenario_.prelude.frames, scenario_.steady.frames);
    scenario_.prelude.next = 0;
  }

  Scenario& scenario_;
  MemoryArena arena_;
  const Clock& clock_;
  std::unique_ptr<WorkerWindow> window_;
  std::unique_ptr<PolicySlot> slot_;
  std::unique_ptr<BlockTable> blocks_;
  std::span<std::atomic<std::uint32_t>> block_hits_;
  std::vector<PortIo> ports_;
  std::unique_ptr<Worker> worker_;
};

// Of one goal, for its repetitions; corpus and tables are made before.
constexpr DurationNs kQuickBudget = 3 * kNsPerSecond;
constexpr DurationNs kFullBudget = 60 * kNsPerSecond;
constexpr int kLeastRepetitions = 3;

struct Figures {
  double bare = 1e18;
  double pipeline = 1e18;
  std::vector<double> above;  ///< per repetition: pipeline - bare of that repetition
  StationCosts stations;
};

template <class Poll>
double cycles_per_packet(std::uint64_t polls, Poll&& poll) {
  const std::uint64_t began = rte_rdtsc();
  for (std::uint64_t i = 0; i < polls; ++i) poll();
  return static_cast<double>(rte_rdtsc() - began) / static_cast<double>(polls * kBurstMax);
}

// Short slices, so that many of them meet no interruption, and at least a pass over the corpus in
// total per repetition. A busy machine ends the repetitions early: `--quick` has an end.
Figures measure(Bench& bench, const Scenario& scenario, bool quick) {
  constexpr std::uint64_t kSlicePolls = 512;
  const std::uint64_t pass = scenario.prelude.frames.size() + scenario.steady.frames.size();
  const std::uint64_t slices = std::max<std::uint64_t>(1, pass / (kSlicePolls * kBurstMax));
  const int repetitions = (quick ? 9 : 25) * std::max(1, 8 / static_cast<int>(slices));
  const TimeNs deadline = read_clock(CLOCK_MONOTONIC) + (quick ? kQuickBudget : kFullBudget);
  Figures figures;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    if (repetition >= kLeastRepetitions && read_clock(CLOCK_MONOTONIC) > deadline) break;
    double bare = 0;
    double pipeline = 0;
    for (std::uint64_t slice = 0; slice < slices; ++slice) {
      bare += cycles_per_packet(kSlicePolls, [&] { bench.poll_bare(); });
      pipeline += cycles_per_packet(kSlicePolls, [&] { bench.poll(); });
      bench.empty_lanes();
    }
    bare /= static_cast<double>(slices);
    pipeline /= static_cast<double>(slices);
    figures.bare = std::min(figures.bare, bare);
    figures.pipeline = std::min(figures.pipeline, pipeline);
    figures.above.push_back(pipeline - bare);
  }
  for (std::uint64_t i = 0; i < slices * kSlicePolls; ++i) {
    bench.poll_measured(figures.stations);
    if (i % kSlicePolls == 0) bench.empty_lanes();
  }
  if (figures.above.size() < static_cast<std::size_t>(repetitions)) {
    fmt::print("\n{}: {} of {} repetitions: the machine is busy\n", scenario.name,
               figures.above.size(), repetitions);
  }
  std::sort(figures.above.begin(), figures.above.end());
  return figures;
}

void print_stations(const Figures& figures) {
  fmt::print("  {:<16}{:>14}{:>16}\n", "station", "cycles/packet", "packets/call");
  for (const StationCost& cost : figures.stations) {
    if (cost.calls == 0) continue;
    fmt::print("  {:<16}{:>14.1f}{:>16.1f}\n", cost.station,
               static_cast<double>(cost.cycles) / static_cast<double>(cost.packets),
               static_cast<double>(cost.packets) / static_cast<double>(cost.calls));
  }
}

Row report(const Scenario& scenario, const Figures& figures, const Bench& bench) {
  Row row{scenario.name, figures.pipeline, figures.bare, scenario.goal_cycles, true};
  // The best of each: an interruption can only make either of them slower.
  const double above = figures.pipeline - figures.bare;
  const double median = figures.above[figures.above.size() / 2];
  row.met = scenario.goal_cycles == 0 || above <= scenario.goal_cycles;
  fmt::print("\n{}: {}\n", scenario.name, scenario.what);
  fmt::print("  B = {:.1f} cycles/packet, pipeline {:.1f}: B + {:.1f} at best, B + {:.1f} median",
             figures.bare, figures.pipeline, above, median);
  if (scenario.goal_cycles > 0) {
    fmt::print(", goal B + {:.0f}: {}", scenario.goal_cycles, *row.met ? "met" : "not met");
  }
  const WorkerCounters& counters = bench.counters();
  std::uint64_t dropped = 0;
  for (const std::uint64_t count : counters.dropped) dropped += count;
  fmt::print("\n  forwarded {}, refused {}, flows {}, tables {} MiB\n", counters.forwarded, dropped,
             counters.flows_active, bench.table_bytes() >> 20);
  print_stations(figures);
  return row;
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  statm >> pages >> resident;
  return resident * 4096;
}

struct Goal {
  const char* id;
  double cycles;
  Scenario (*make)();
};

// Conditions and numbers of the goals: docs/performance.md.
constexpr Goal kGoals[] = {
    {"P1 IPv4", 150, [] { return established(100'000, 0); }},
    {"P1 IPv6", 185, [] { return established(100'000, 100); }},
    {"P1 mixed", 160.5, [] { return established(100'000, 30); }},
    {"P2", 220, [] { return established(1'000'000, 30); }},
    {"P3 IPv4", 45, [] { return denied(false, 10'000); }},
    {"P3 IPv6", 110, [] { return denied(true, 10'000); }},
    {"P3 IPv4 wide", 0, [] { return denied(false, 100'000); }},
    {"P3 IPv6 wide", 0, [] { return denied(true, 100'000); }},
    {"P3 IPv4 blocks", 45, [] { return blocked(false, 10'000); }},
    {"P3 IPv6 blocks", 110, [] { return blocked(true, 10'000); }},
    {"P1 IPv4 beside blocks", 0, [] { return established_beside_blocks(100'000, 0); }},
    {"P1 mixed beside blocks", 0, [] { return established_beside_blocks(100'000, 30); }},
    {"P5", 0, [] { return connections(); }},
};

Row run_goal(const Goal& goal, const NullPorts& ports, const Options& options) {
  Scenario scenario = goal.make();
  scenario.name = goal.id;
  scenario.goal_cycles = goal.cycles;
  const SteadyClock clock;
  Bench bench(ports, scenario, options.hugepages, clock);
  const Figures figures = measure(bench, scenario, options.quick);
  Row row = report(scenario, figures, bench);
  if (row.name == "P5") {
    const double hz = static_cast<double>(rte_get_tsc_hz());
    const double per_second = hz / ((figures.pipeline - figures.bare) * 7);
    row.met = per_second >= 1.5e6;
    fmt::print("  {:.2f} million connections/s per core, goal 1.5: {}\n", per_second / 1e6,
               *row.met ? "met" : "not met");
  }
  return row;
}

// The limit: less than 2 % off, at every overload, with one worker and with two.
Row report_limits(const NullPorts& ports, const Options& options) {
  Row row{"limits", 0, 0, 2, true};
  fmt::print("\nlimits: one source over {} simulated seconds, two workers at ten to one\n",
             options.quick ? 2 : 10);
  fmt::print("  {:<10}{:>8}{:>10}{:>14}{:>12}{:>9}\n", "limit", "workers", "offered",
             "configured/s", "passed/s", "error");
  for (const LimitAccuracy& limit : measure_limits(ports, options.quick)) {
    fmt::print("  {:<10}{:>8}{:>9}x{:>14.0f}{:>12.1f}{:>8.2f}%\n", limit.limit, limit.workers,
               limit.overload, limit.configured, limit.passed, limit.error() * 100);
    row.met = *row.met && std::abs(limit.error()) < 0.02;
  }
  fmt::print("  goal: off by less than 2 %: {}\n", *row.met ? "met" : "not met");
  return row;
}

Row report_scaling(const NullPorts& ports, const Options& options) {
  Row row{"P10", 0, 0, 1.85, std::nullopt};
  const auto scaling =
      measure_scaling(ports, {.hugepages = options.hugepages, .quick = options.quick});
  if (!scaling) {
    fmt::print("\nP10: skipped: it needs two CPUs that nobody else uses\n");
    return row;
  }
  row.met = scaling->factor() >= 1.85;
  fmt::print(
      "\nP10: one worker {:.2f}, two workers {:.2f} million packets/s: factor {:.2f}, goal "
      "1.85: {}\n",
      scaling->one / 1e6, scaling->two / 1e6, scaling->factor(), *row.met ? "met" : "not met");
  return row;
}

// From receive to transmit, as workers tell of themselves, with idle time between full bursts.
Row report_latency(const NullPorts& ports, const Options& options) {
  constexpr std::uint64_t kIdleTenths = 3;
  Row row{"P11", 0, 0, 15, true};
  Scenario scenario = established(100'000, 30);
  const SteadyClock clock;
  Bench bench(ports, scenario, options.hugepages, clock);
  const WorkerTimings before = bench.timings();
  const TimeNs until = clock.now() + (options.quick ? 2 : 10) * kNsPerSecond;
  while (clock.now() < until) {
    const std::uint64_t began = rte_rdtsc();
    bench.poll();
    const std::uint64_t ended = rte_rdtsc();
    const std::uint64_t idle = (ended - began) * kIdleTenths / (10 - kIdleTenths);
    while (rte_rdtsc() - ended < idle) rte_pause();
    bench.empty_lanes();
  }
  const LatencySummary latency = latency_between(before, bench.timings());
  row.met = latency.p50_us <= 3 && latency.p99_us <= 15;
  fmt::print(
      "\nP11: inside the box at 70 % load, no scanning: p50 {:.1f}, p95 {:.1f}, p99 {:.1f} us of "
      "{:.1f} million packets, goal 3 and 15: {}\n",
      latency.p50_us, latency.p95_us, latency.p99_us, static_cast<double>(latency.packets) / 1e6,
      *row.met ? "met" : "not met");
  return row;
}

// Index, hot, warm and cold, as `sluiced plan` counts them; and whether the process stays as large
// as it was after start.
Row report_memory(const NullPorts& ports, const Options& options) {
  constexpr std::uint32_t kFlows = 1U << 20;
  Row row{"P16", 0, 0, 272, true};
  MemoryArena arena;
  const FlowSizes sizes{.flows = kFlows, .half_open = 1024};
  auto tracker = FlowTracker::create(sizes, {1, 2}, arena, {});
  SLUICE_CHECK(tracker.has_value(), "a million flows fit");
  row.cycles = static_cast<double>(arena.bytes_mapped()) / kFlows;
  Scenario scenario = established(100'000, 30);
  const SteadyClock clock;
  Bench bench(ports, scenario, options.hugepages, clock);
  for (int i = 0; i < 20'000; ++i) bench.poll();
  bench.empty_lanes();
  const std::uint64_t before = resident_bytes();
  for (int i = 0; i < 60'000; ++i) {
    bench.poll();
    if (i % 512 == 0) bench.empty_lanes();
  }
  const std::uint64_t after = resident_bytes();
  row.met = row.cycles <= 272 && after <= before;
  fmt::print(
      "\nP16: {:.1f} bytes per flow (goal 272), resident {} KiB before and {} KiB after 1.9 "
      "million packets: {}\n",
      row.cycles, before >> 10, after >> 10, *row.met ? "met" : "not met");
  return row;
}

void write_json(const std::string& path, const std::vector<Row>& rows) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  const double hz = static_cast<double>(rte_get_tsc_hz());
  for (const Row& row : rows) {
    nlohmann::ordered_json object;
    object["name"] = row.name;
    object["cycles_per_packet"] = row.cycles;
    object["bare_cycles_per_packet"] = row.bare;
    const double packets =
        row.packets_per_second > 0 || row.cycles == 0 ? row.packets_per_second : hz / row.cycles;
    object["packets_per_second"] = packets;
    object["gbit_per_second"] =
        row.gbit_per_second > 0 ? row.gbit_per_second : packets * kFrameBytes * 8 / 1e9;
    object["goal"] = row.goal;
    object["met"] = row.met ? nlohmann::ordered_json(*row.met) : nlohmann::ordered_json(nullptr);
    all.push_back(object);
  }
  std::ofstream(path) << all.dump(2) << '\n';
}

int run_fixed(const NullPorts& ports, std::uint64_t bursts) {
  Scenario scenario = established(2'000, 30);
  CountingClock clock;
  Bench bench(ports, scenario, false, clock);
  for (std::uint64_t i = 0; i < bursts; ++i) bench.poll();
  fmt::print("{} packets\n", bench.counters().rx_packets);
  return 0;
}

int run(const Options& options) {
  const NullPorts ports(options.hugepages, 16'384);
  if (options.fixed_bursts > 0) return run_fixed(ports, options.fixed_bursts);
  fmt::print("time-stamp counter {:.3f} GHz, {} pages, burst {}\n",
             static_cast<double>(rte_get_tsc_hz()) / 1e9, options.hugepages ? "2 MiB" : "4 KiB",
             kBurstMax);
  std::vector<Row> rows;
  for (const Goal& goal : kGoals) {
    if (!options.wants(goal.id)) continue;
    rows.push_back(run_goal(goal, ports, options));
  }
  if (options.wants("P10")) rows.push_back(report_scaling(ports, options));
  if (options.wants("P11")) rows.push_back(report_latency(ports, options));
  if (options.wants("P16")) rows.push_back(report_memory(ports, options));
  if (options.wants("limits")) rows.push_back(report_limits(ports, options));
  for (Row& row : inspection_rows(options)) rows.push_back(std::move(row));
  if (options.wants("P13")) rows.push_back(compile_row(options));
  if (!options.json.empty()) write_json(options.json, rows);
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  sluice::bench::Options options;
  CLI::App app{"sluice_bench: what the journey of a packet costs"};
  app.add_flag("--quick", options.quick,
               "nine repetitions instead of 25, and fewer where they take long");
  app.add_flag("--hugepages", options.hugepages, "pools and tables in 2 MiB pages");
  app.add_option("--json", options.json, "write rows to this file");
  app.add_option("--only", options.only, "goals whose name contains this");
  app.add_option("--rules", options.rules, "measure this file of Suricata rules, too (P9 foreign)");
  app.add_option("--fixed-bursts", options.fixed_bursts, "run so many bursts, time nothing");
  CLI11_PARSE(app, argc, argv);
  return sluice::bench::run(options);
}
