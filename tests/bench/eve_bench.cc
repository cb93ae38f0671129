// What the recorder can write: events per second on one thread, formatted into a file, and the
// parts of that cost. Figures are read by people; no test depends on them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "control/store/community_id.h"
#include "control/store/eve_format.h"
#include "control/store/eve_log.h"
#include "tests/unit/control/records.h"

namespace sluice {
namespace {

EveContext live_context() {
  EveContext context;
  context.port_names = {"outside0", "inside0"};
  return context;
}

/// Flows that differ in address, port and time, a third of them IPv6, as a gateway sees them.
std::vector<FlowRecord> varied_flows() {
  std::vector<FlowRecord> flows;
  for (std::uint32_t i = 0; i < 4096; ++i) {
    const bool is_v6 = i % 3 == 0;
    FlowRecord flow = test::flow_record(
        is_v6
            ? test::Ends{"2001:db8::1", "2001:db8:7::2", static_cast<std::uint16_t>(1024 + i), 443}
            : test::Ends{"192.0.2.1", "198.51.100.7", static_cast<std::uint16_t>(1024 + i), 443});
    flow.key.low[is_v6 ? 15 : 3] = static_cast<std::uint8_t>(i);
    flow.flow_number = 0x9'e377'9b97ULL * (i + 1);
    flow.last_seen += i * kNsPerMs;
    flow.emitted = flow.last_seen;
    flows.push_back(flow);
  }
  return flows;
}

std::string scratch_file() {
  const char* directory = std::getenv("TMPDIR");
  std::string path = std::string(directory != nullptr ? directory : "/tmp") + "/eve_bench_XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd >= 0) close(fd);
  return path;
}

void format_flow(benchmark::State& state) {
  EveFormatter formatter(live_context());
  const std::vector<FlowRecord> flows = varied_flows();
  std::vector<char> buffer(kEveLineBytesMax);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(formatter.flow(flows[i++ % flows.size()], buffer));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(format_flow);

void format_drop(benchmark::State& state) {
  EveFormatter formatter(live_context());
  DropRecord record = test::drop_record({"192.0.2.1", "198.51.100.7", 5, 443});
  std::vector<char> buffer(kEveLineBytesMax);
  for (auto _ : state) {
    ++record.source_port;
    benchmark::DoNotOptimize(formatter.drop(record, buffer));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(format_drop);

void community_id(benchmark::State& state) {
  CommunityId community;
  CommunityTuple tuple{{192, 0, 2, 1}, {198, 51, 100, 7}, 0, 443, 6, 4};
  for (auto _ : state) {
    ++tuple.source_port;
    benchmark::DoNotOptimize(community.of(tuple).data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(community_id);

/// The goal is 300,000 events a second: formatted, written to a file, on one thread.
void write_flows_to_file(benchmark::State& state) {
  const std::string path = scratch_file();
  const std::vector<FlowRecord> flows = varied_flows();
  for (auto _ : state) {
    EveWriter writer({.path = path, .starts_empty = true}, live_context());
    for (unsigned round = 0; round < 25; ++round) {
      for (const FlowRecord& flow : flows) writer.flow(flow);
    }
    if (!writer.finish(0)) state.SkipWithError("cannot write");
  }
  state.SetItemsProcessed(state.iterations() * 25 * static_cast<std::int64_t>(flows.size()));
  unlink(path.c_str());
}
BENCHMARK(write_flows_to_file)->Unit(benchmark::kMillisecond);

/// What one record costs the control thread.
void queue_record(benchmark::State& state) {
  EveLog log("/dev/null", live_context());
  const FlowRecord flow = varied_flows().front();
  for (auto _ : state) log.flow(flow);
  state.counters["lost"] = static_cast<double>(log.counts().lost_queue);
}
BENCHMARK(queue_record)->Iterations(32'000);

}  // namespace
}  // namespace sluice

BENCHMARK_MAIN();
