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

/// Requests as browsers send them, each from another port.
std::vector<InspectRecord> varied_requests() {
  std::vector<InspectRecord> requests;
  for (std::uint16_t i = 0; i < 1024; ++i) {
    requests.push_back(test::transaction_record(
        {"192.0.2.1", "198.51.100.7", static_cast<std::uint16_t>(1024 + i), 80}, Service::http,
        {{Buffer::http_method, "GET"},
         {Buffer::http_uri_raw, "/static/js/app.4f2a1c.js?v=20250102&theme=dark"},
         {Buffer::http_host, "www.example.com"},
         {Buffer::http_protocol, "HTTP/1.1"},
         {Buffer::http_user_agent, "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101"},
         {Buffer::http_referer, "https://www.example.com/index.html"},
         {Buffer::http_stat_code, "200", true},
         {Buffer::http_content_length, "48213", true},
         {Buffer::http_content_type, "application/javascript", true}}));
    requests.back().flow_number = 0x9'e377'9b97ULL * (i + 1U);
  }
  return requests;
}

InspectRecord dns_answer() {
  constexpr std::string_view kMessage{
      "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03"
      "www\x07"
      "example\x03"
      "com\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07",
      49};
  return test::transaction_record({"192.0.2.1", "198.51.100.7", 5, 53, 17}, Service::dns,
                                  {{Buffer::payload, kMessage, true}});
}

void format_inspection(benchmark::State& state, InspectRecord record) {
  EveFormatter formatter(live_context());
  std::vector<char> buffer(kEveInspectBytesMax);
  for (auto _ : state) {
    ++record.source_port;
    benchmark::DoNotOptimize(formatter.inspection(record, buffer));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(format_inspection, http, varied_requests().front());
BENCHMARK_CAPTURE(format_inspection, dns, dns_answer());

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

void write_requests_to_file(benchmark::State& state) {
  const std::string path = scratch_file();
  const std::vector<InspectRecord> requests = varied_requests();
  for (auto _ : state) {
    EveWriter writer({.path = path, .starts_empty = true}, live_context());
    for (unsigned round = 0; round < 100; ++round) {
      for (const InspectRecord& request : requests) writer.inspection(request);
    }
    if (!writer.finish(0)) state.SkipWithError("cannot write");
  }
  state.SetItemsProcessed(state.iterations() * 100 * static_cast<std::int64_t>(requests.size()));
  unlink(path.c_str());
}
BENCHMARK(write_requests_to_file)->Unit(benchmark::kMillisecond);

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
