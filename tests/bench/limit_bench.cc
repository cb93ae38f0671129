// Cycles of stations 4 and 7 alone, on bursts of 32 prepared packets that differ from burst to
// burst. Cycles are those of the time-stamp counter. What the same stations cost inside a worker is
// told by the station table of the pipeline bench.
#include <benchmark/benchmark.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "base/check.h"
#include "dataplane/flow/flow.h"
#include "dataplane/limit/prefix_filter.h"
#include "dataplane/limit/rate_limiter.h"
#include "dataplane/shared_meters.h"

namespace sluice {
namespace {

constexpr SipKey kKey{0xfeed, 0xbeef};
constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;
constexpr std::uint16_t kEpoch = 3;
constexpr std::size_t kListEntries = 1'000'000;
constexpr std::size_t kBursts = 1024;
constexpr std::size_t kHeaderBytes = 64;

using Header = std::array<std::uint8_t, kHeaderBytes>;

/// Bursts whose packets are IP headers with given source addresses, used over and over.
class Traffic {
 public:
  template <class NextSource>
  explicit Traffic(std::uint8_t version, NextSource next_source)
      : headers_(kBursts * kBurstMax), sources_(kBursts * kBurstMax), version_(version) {
    const std::size_t at = 14U + (version == 4 ? 12U : 8U);
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      sources_[i] = next_source();
      const std::size_t size = version == 4 ? 4 : 16;
      std::memcpy(&headers_[i][at], sources_[i].bytes.data(), size);
      for (std::size_t b = 0; b < size; ++b) {
        headers_[i][at + size + b] = static_cast<std::uint8_t>(random());
      }
    }
  }

  /// Burst number `turn` as the decoder leaves it; what a station wrote is undone.
  void fill(Burst& burst, std::size_t turn) noexcept {
    const std::size_t first = turn % kBursts * kBurstMax;
    burst.count = kBurstMax;
    for (std::uint32_t i = 0; i < kBurstMax; ++i) {
      Packet& packet = burst.packets[i];
      packet.bytes = headers_[first + i].data();
      packet.l3_offset = 14;
      packet.ip_version = version_;
      packet.verdict = {};
      packet.flags = kInitiator;
      packet.flow = nullptr;
      packet.wire_bytes = 60;
      packet.frames = 1;
      packet.domain = 0;
      __builtin_prefetch(packet.bytes);
    }
    for (std::uint32_t i = 0; i < kBurstMax; ++i) benchmark::DoNotOptimize(headers_[first + i][26]);
  }

  [[nodiscard]] std::size_t size() const noexcept { return headers_.size(); }

 private:
  std::vector<Header> headers_;
  std::vector<IpAddress> sources_;
  std::uint8_t version_;
};

/// Runs `station` on every burst and reports cycles per packet of the station alone: the tenth
/// percentile over the bursts (what a quiet machine would show) and the median.
template <class Prepare, class Station>
void measure(benchmark::State& state, Traffic& traffic, Prepare prepare, Station station) {
  Burst burst;
  std::size_t turn = 0;
  std::vector<std::uint64_t> samples;
  samples.reserve(1U << 20);
  for (auto _ : state) {
    traffic.fill(burst, turn);
    prepare(burst, turn);
    ++turn;
    const std::uint64_t begin = __rdtsc();
    station(burst);
    const std::uint64_t cycles = __rdtsc() - begin;
    if (samples.size() < samples.capacity()) samples.push_back(cycles);
    benchmark::DoNotOptimize(burst.packets[0].verdict);
  }
  std::sort(samples.begin(), samples.end());
  const auto at = [&samples](std::size_t tenths) {
    return static_cast<double>(samples[samples.size() * tenths / 10]) / kBurstMax;
  };
  state.counters["p10_cycles"] = at(1);
  state.counters["median_cycles"] = at(5);
}

const auto kNothing = [](Burst&, std::size_t) {};

// --- lists
// ----------------------------------------------------------------------------------------

IpAddress random_address(std::uint8_t version, std::mt19937_64& random) {
  IpAddress address;
  address.version = version;
  const std::size_t size = version == 4 ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) address.bytes[i] = static_cast<std::uint8_t>(random());
  if (version == 6) address.bytes[0] = 0x20;
  return address;
}

ListEntry random_entry(std::uint8_t version, std::mt19937_64& random) {
  static constexpr std::array<std::uint8_t, 8> kV4{32, 32, 32, 32, 24, 24, 28, 20};
  static constexpr std::array<std::uint8_t, 8> kV6{128, 128, 128, 64, 64, 56, 48, 32};
  ListEntry entry;
  entry.prefix.length = (version == 4 ? kV4 : kV6)[random() % 8];
  entry.prefix.address = random_address(version, random);
  for (unsigned bit = entry.prefix.length; bit < 128; ++bit) {
    std::uint8_t& byte = entry.prefix.address.bytes[bit / 8];
    byte = static_cast<std::uint8_t>(byte & ~(0x80U >> (bit % 8)));
  }
  return entry;
}

/// A million denied sources of one family, and the entries they came from.
struct MillionList {
  std::vector<ListEntry> entries;
  std::unique_ptr<const PrefixTable> table;
};

const MillionList& million(std::uint8_t version) {
  static std::array<MillionList, 2> lists;
  MillionList& list = lists[version == 4 ? 0 : 1];
  if (list.table != nullptr) return list;
  std::mt19937_64 random(version);
  for (std::size_t i = 0; i < kListEntries; ++i) {
    list.entries.push_back(random_entry(version, random));
  }
  auto table = PrefixTable::build(list.entries, kKey);
  SLUICE_CHECK(table, "a million entries fit");
  list.table = std::move(*table);
  return list;
}

void BM_PrefixTableBuild(benchmark::State& state) {
  const MillionList& list = million(static_cast<std::uint8_t>(state.range(0)));
  for (auto _ : state) {
    auto table = PrefixTable::build(list.entries, kKey);
    benchmark::DoNotOptimize(table);
  }
  state.counters["MiB"] = static_cast<double>(list.table->memory_bytes()) / (1 << 20);
}
BENCHMARK(BM_PrefixTableBuild)->Arg(4)->Arg(6)->Unit(benchmark::kMillisecond);

void BM_FilterSourcesMiss(benchmark::State& state) {
  const auto version = static_cast<std::uint8_t>(state.range(0));
  const MillionList& list = million(version);
  std::mt19937_64 random(5);
  Traffic traffic(version, [&] { return random_address(version, random); });
  measure(state, traffic, kNothing,
          [&](Burst& burst) { PrefixFilter{}.filter_sources(burst, *list.table); });
}
BENCHMARK(BM_FilterSourcesMiss)->Arg(4)->Arg(6);

void BM_FilterSourcesDenied(benchmark::State& state) {
  const auto version = static_cast<std::uint8_t>(state.range(0));
  const MillionList& list = million(version);
  std::mt19937_64 random(6);
  Traffic traffic(version,
                  [&] { return list.entries[random() % list.entries.size()].prefix.address; });
  measure(state, traffic, kNothing,
          [&](Burst& burst) { PrefixFilter{}.filter_sources(burst, *list.table); });
}
BENCHMARK(BM_FilterSourcesDenied)->Arg(4)->Arg(6);

/// Few lists, few sources: everything in cache, as for established flows of P1.
void BM_FilterSourcesFewEntries(benchmark::State& state) {
  const auto version = static_cast<std::uint8_t>(state.range(0));
  std::mt19937_64 random(8);
  std::vector<ListEntry> entries;
  for (int i = 0; i < 2000; ++i) {
    entries.push_back(random_entry(version, random));
    if (i % 2 == 0) entries.back().kind = ListKind::allow;
  }
  auto table = PrefixTable::build(entries, kKey);
  SLUICE_CHECK(table, "two thousand entries fit");
  std::vector<IpAddress> sources;
  for (int i = 0; i < 10'000; ++i) sources.push_back(random_address(version, random));
  Traffic traffic(version, [&] { return sources[random() % sources.size()]; });
  measure(state, traffic, kNothing,
          [&](Burst& burst) { PrefixFilter{}.filter_sources(burst, **table); });
}
BENCHMARK(BM_FilterSourcesFewEntries)->Arg(4)->Arg(6);

void BM_FilterFlowsKnown(benchmark::State& state) {
  const auto version = static_cast<std::uint8_t>(state.range(0));
  const MillionList& list = million(version);
  std::mt19937_64 random(9);
  Traffic traffic(version, [&] { return random_address(version, random); });
  std::array<Flow, kBurstMax> flows{};
  for (Flow& flow : flows) flow.list_epoch = kEpoch;
  measure(
      state, traffic,
      [&](Burst& burst, std::size_t) {
        for (std::uint32_t i = 0; i < kBurstMax; ++i) burst.packets[i].flow = &flows[i];
      },
      [&](Burst& burst) { PrefixFilter{}.filter_flows(burst, *list.table, kEpoch); });
}
BENCHMARK(BM_FilterFlowsKnown)->Arg(4)->Arg(6);

void BM_FilterFlowsNew(benchmark::State& state) {
  const auto version = static_cast<std::uint8_t>(state.range(0));
  const MillionList& list = million(version);
  std::mt19937_64 random(10);
  Traffic traffic(version, [&] { return random_address(version, random); });
  measure(state, traffic, kNothing,
          [&](Burst& burst) { PrefixFilter{}.filter_flows(burst, *list.table, kEpoch); });
}
BENCHMARK(BM_FilterFlowsNew)->Arg(4)->Arg(6);

// --- limits
// ---------------------------------------------------------------------------------------

CompiledLimits both_limits() {
  LimitsConfig config;
  config.flow.packets.rate = 1'000'000;
  config.flow.bits.rate = 1'000'000'000;
  config.source.packets.rate = 10'000'000;
  config.source.bits.rate = 10'000'000'000;
  auto limits = compile_limits(config, {});
  SLUICE_CHECK(limits, "the limits are valid");
  return *limits;
}

enum Sharing : int { kAlone, kLeased, kExact };

/// One flow limit and one source limit per packet, with as many sources as asked for; with flows
/// (which remember their source) or without.
void run_limiter(benchmark::State& state, bool with_flows) {
  const auto version = static_cast<std::uint8_t>(state.range(0));
  const auto sharing = static_cast<Sharing>(state.range(1));
  const auto count = static_cast<std::size_t>(state.range(2));
  MemoryArena arena;
  std::unique_ptr<SharedMeters> meters;
  if (sharing != kAlone) {
    const MeterMode mode = sharing == kExact ? MeterMode::exact : MeterMode::leased;
    auto made = SharedMeters::create({1U << 17, 2, mode}, arena);
    SLUICE_CHECK(made, "the table is small");
    meters = std::move(*made);
  }
  auto limiter = RateLimiter::create({1U << 15, kKey, meters.get()}, arena);
  SLUICE_CHECK(limiter, "the table is small");
  const CompiledLimits limits = both_limits();
  std::mt19937_64 random(4);
  std::vector<IpAddress> sources;
  for (std::size_t i = 0; i < count; ++i) sources.push_back(random_address(version, random));
  Traffic traffic(version, [&] { return sources[random() % sources.size()]; });
  std::vector<Flow> flows(traffic.size());
  for (Flow& flow : flows) flow.source_slot = kNoSlot;
  TimeNs now = kStart;
  measure(
      state, traffic,
      [&](Burst& burst, std::size_t turn) {
        now += 2 * kNsPerUs;
        for (std::uint32_t i = 0; i < kBurstMax; ++i) {
          Packet& packet = burst.packets[i];
          packet.now = now;
          packet.since_previous = 2 * kNsPerMs;
          if (!with_flows) continue;
          packet.flow = &flows[turn % kBursts * kBurstMax + i];
          benchmark::DoNotOptimize(packet.flow->packet_tokens);
        }
      },
      [&](Burst& burst) { (*limiter)->limit(burst, limits); });
}

void BM_LimitFlowAndSource(benchmark::State& state) { run_limiter(state, true); }
BENCHMARK(BM_LimitFlowAndSource)
    ->ArgNames({"version", "sharing", "sources"})
    ->Args({4, kAlone, 100})
    ->Args({4, kAlone, 10'000})
    ->Args({6, kAlone, 10'000})
    ->Args({4, kLeased, 10'000})
    ->Args({4, kExact, 10'000});

void BM_LimitSourceWithoutFlow(benchmark::State& state) { run_limiter(state, false); }
BENCHMARK(BM_LimitSourceWithoutFlow)
    ->ArgNames({"version", "sharing", "sources"})
    ->Args({4, kAlone, 10'000})
    ->Args({6, kAlone, 10'000});

}  // namespace
}  // namespace sluice

BENCHMARK_MAIN();
