#include "dataplane/memory_plan.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/limit/prefix_table.h"
#include "dataplane/memory_arena.h"
#include "dataplane/worker.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1U << 20;
constexpr HostMemory kHost{.total_bytes = 8192 * kMiB,
                           .available_bytes = 8000 * kMiB,
                           .hugepage_bytes = 2 * kMiB,
                           .free_hugepages = 1024};

Config config_with(std::uint64_t budget, const char* outside = "ring:a",
                   const char* inside = "ring:b") {
  Config config;
  config.memory.budget_bytes = budget;
  PortPairConfig pair;
  pair.name = "lan";
  pair.outside.device = outside;
  pair.inside.device = inside;
  config.pairs.push_back(pair);
  return config;
}

std::uint64_t sum_of(const MemoryPlan& plan) {
  std::uint64_t sum = 0;
  for (const MemoryRow& row : plan.rows) sum += row.bytes;
  return sum;
}

TEST(MemoryPlan, StaysInsideTheBudgetAndAddsUp) {
  for (const std::uint64_t budget : {48 * kMiB, 128 * kMiB, 256 * kMiB, 1000 * kMiB, 6000 * kMiB}) {
    for (const std::uint32_t workers : {1U, 2U, 7U}) {
      const auto plan = plan_memory(config_with(budget), {.workers = workers}, kHost);
      if (!plan) {
        EXPECT_LT(budget, 256 * kMiB) << plan.error().message;
        continue;
      }
      EXPECT_LE(plan->total_bytes, budget);
      EXPECT_EQ(plan->total_bytes, sum_of(*plan));
    }
  }
}

/// Of one worker; 0 where the plan has no such row.
std::uint64_t bytes_of(const Config& config, const char* table) {
  const auto plan = plan_memory(config, {.workers = 1}, kHost);
  const auto row = std::ranges::find(plan->rows, table, &MemoryRow::table);
  return row == plan->rows.end() ? 0 : row->bytes;
}

TEST(MemoryPlan, RulesAndEventsOfApplicationsTakeMemoryToInspectWith) {
  Config config = config_with(1024 * kMiB);
  EXPECT_GT(bytes_of(config, "inspection"), 64 * kMiB);
  EXPECT_EQ(bytes_of(config, "memory of rules"), 2 * kMiB);
  EXPECT_EQ(bytes_of(config, "limits of rules"), kMiB / 2);
  config.events.http = config.events.dns = config.events.tls = config.events.ssh = false;
  config.events.smtp = config.events.ftp = config.events.quic = false;
  EXPECT_EQ(bytes_of(config, "inspection"), 0U);
  EXPECT_EQ(bytes_of(config, "memory of rules"), 0U);
  config.inspect.memory_bytes = 8 * kMiB;
  EXPECT_EQ(bytes_of(config, "inspection"), 8 * kMiB) << "rules may come";
  config.inspect.memory_bytes = 0;
  config.rules.files = {"rules.yaml"};
  EXPECT_GT(bytes_of(config, "inspection"), 64 * kMiB);
}

TEST(MemoryPlan, RoomForBlocksIsARowOfThePlan) {
  Config config = config_with(1000 * kMiB);
  config.blocks.capacity = 1U << 20;
  const auto plan = plan_memory(config, {.workers = 2}, kHost);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->blocks, 1U << 20);
  const auto row = std::ranges::find(plan->rows, "blocks", &MemoryRow::table);
  ASSERT_NE(row, plan->rows.end());
  EXPECT_EQ(row->entries, 1U << 20);
  EXPECT_GT(row->bytes, 64 * kMiB);
}

TEST(MemoryPlan, MakesEveryTableAPowerOfTwo) {
  const auto plan = plan_memory(config_with(333 * kMiB), {.workers = 3}, kHost);
  ASSERT_TRUE(plan);
  for (const std::uint32_t entries :
       {plan->worker.flows, plan->worker.half_open, plan->worker.sources}) {
    EXPECT_TRUE(std::has_single_bit(entries)) << entries;
  }
}

TEST(MemoryPlan, UsesMostOfTheBudget) {
  const auto plan = plan_memory(config_with(1024 * kMiB), {.workers = 1}, kHost);
  ASSERT_TRUE(plan);
  EXPECT_GT(plan->total_bytes, 1024 * kMiB / 3);
}

TEST(MemoryPlan, TakesAQuarterOfTheHostWithoutABudget) {
  const auto plan = plan_memory(config_with(0), {.workers = 1}, kHost);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->budget_bytes, 2048 * kMiB);
}

TEST(MemoryPlan, ObeysAConfiguredCapacity) {
  Config config = config_with(1024 * kMiB);
  config.flows.capacity = 100'000;
  const auto plan = plan_memory(config, {.workers = 2}, kHost);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->worker.flows, 65'536u);
}

TEST(MemoryPlan, RefusesWhatDoesNotFitAndSaysWhatIsNeeded) {
  Config config = config_with(64 * kMiB);
  config.flows.capacity = 10'000'000;
  const auto plan = plan_memory(config, {.workers = 1}, kHost);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::limit);
  EXPECT_THAT(plan.error().message, HasSubstr("64MiB"));
  EXPECT_THAT(plan.error().hint, HasSubstr("flows.capacity"));
}

TEST(MemoryPlan, CountsTwoGenerationsOfLists) {
  const MemoryRequest request{.workers = 1, .prefixes_v4 = 1'000'000, .prefixes_v6 = 1000};
  const auto plan = plan_memory(config_with(2048 * kMiB), request, kHost);
  ASSERT_TRUE(plan);
  const auto row = std::find_if(plan->rows.begin(), plan->rows.end(),
                                [](const MemoryRow& r) { return r.table == "lists"; });
  ASSERT_NE(row, plan->rows.end());
  EXPECT_EQ(row->bytes, 2 * PrefixTable::memory_bytes_max(1'000'000, 1000));
}

TEST(MemoryPlan, CountsTwoGenerationsOfEachSetByItsCapacity) {
  Config config = config_with(2048 * kMiB);
  config.sets = {{"names", SetKind::domain, false, {}, 1'000'000},
                 {"agents", SetKind::text, false, {}, 1'000}};
  MemoryRequest request{.workers = 1};
  request.set_bytes = {0, 100'000};  // texts of 100 bytes
  const auto plan = plan_memory(config, request, kHost);
  ASSERT_TRUE(plan);
  std::map<std::string, std::uint64_t> bytes;
  for (const MemoryRow& row : plan->rows) bytes[row.table] = row.bytes;
  EXPECT_EQ(bytes["set names"], 2 * 1'000'000 * 96U);
  EXPECT_EQ(bytes["set agents"], 2 * 1'000 * 164U);
  config.memory.budget_bytes = 128 * kMiB;
  const auto refused = plan_memory(config, request, kHost);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().hint, HasSubstr("a set's capacity"));
}

TEST(MemoryPlan, HasSharedMetersOnlyBetweenWorkers) {
  EXPECT_EQ(plan_memory(config_with(256 * kMiB), {.workers = 1}, kHost)->shared_meters, 0u);
  EXPECT_GT(plan_memory(config_with(256 * kMiB), {.workers = 2}, kHost)->shared_meters, 0u);
}

TEST(MemoryPlan, GivesJumboFramesTheirRoom) {
  Config config = config_with(512 * kMiB, "af_packet:a0", "af_packet:b0");
  config.pairs[0].mtu = 9000;
  const auto plan = plan_memory(config, {.workers = 1}, kHost);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->pools[0].frame_room_bytes, 16'384u);
}

TEST(MemoryPlan, FillsTheQueuesOfXdpPortsFromThePool) {
  const auto plan =
      plan_memory(config_with(128 * kMiB, "af_xdp:a0", "af_xdp:b0"), {.workers = 1}, kHost);
  ASSERT_TRUE(plan);
  EXPECT_GE(plan->pools[0].mbufs, 3u * 2048 * 2);
}

TEST(MemoryPlan, RefusesSoFewMbufsThatAnXdpPortWouldStop) {
  // Fill and transmit ring of both ports, and what each worker keeps and receives at once.
  const auto needed = [](std::uint32_t workers) { return 4 * 2048 + workers * (384 + 32); };
  for (const std::uint32_t workers : {1U, 2U}) {
    Config config = config_with(256 * kMiB, "af_xdp:a0", "af_xdp:b0");
    config.memory.mbufs = needed(workers);
    EXPECT_TRUE(plan_memory(config, {.workers = workers}, kHost));
    --config.memory.mbufs;
    const auto plan = plan_memory(config, {.workers = workers}, kHost);
    ASSERT_FALSE(plan);
    EXPECT_THAT(plan.error().message,
                HasSubstr("below the " + std::to_string(needed(workers)) + " that lan needs"));
  }
}

TEST(MemoryPlan, HasEnoughForXdpPortsWithLargeRingsUnasked) {
  Config config = config_with(512 * kMiB, "af_xdp:a0", "af_xdp:b0");
  for (PortConfig* port : {&config.pairs[0].outside, &config.pairs[0].inside}) {
    port->rx_descriptors = 16'384;
  }
  const auto plan = plan_memory(config, {.workers = 2}, kHost);
  ASSERT_TRUE(plan);
  EXPECT_GE(plan->pools[0].mbufs, 2 * (2048 + 16'384 + 2048) + 2 * (384 + 32));
}

TEST(MemoryPlan, ObeysConfiguredMbufs) {
  Config config = config_with(256 * kMiB);
  config.memory.mbufs = 20'000;
  EXPECT_EQ(plan_memory(config, {.workers = 1}, kHost)->pools[0].mbufs, 20'000u);
}

TEST(MemoryPlan, WarnsWhenHugepagesAreShort) {
  HostMemory host = kHost;
  host.free_hugepages = 2;
  const auto plan = plan_memory(config_with(256 * kMiB), {.workers = 1}, host);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->warnings, ::testing::ElementsAre(HasSubstr("hugepages")));
}

TEST(MemoryPlan, NamesThePairWithABadDevice) {
  const auto plan = plan_memory(config_with(256 * kMiB, "nonsense"), {.workers = 1}, kHost);
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("lan: device 'nonsense'"));
}

TEST(MemoryPlan, CountsWhatAWorkersTablesReallyTake) {
  for (const std::uint64_t budget : {64 * kMiB, 200 * kMiB, 1024 * kMiB}) {
    const auto plan = plan_memory(config_with(budget), {.workers = 1}, kHost);
    ASSERT_TRUE(plan);
    std::uint64_t planned = 0;
    for (const MemoryRow& row : plan->rows) {
      if (row.each == "worker" && row.table != "window") planned += row.bytes;
    }
    MemoryArena arena;
    WorkerSetup setup;
    setup.sizes = plan->worker;
    setup.arena = &arena;
    const auto worker = Worker::create(setup);
    ASSERT_TRUE(worker) << worker.error().message;
    EXPECT_LE(arena.bytes_mapped(), planned);
    EXPECT_GE(arena.bytes_mapped(), planned * 9 / 10);
  }
}

TEST(TableSizes, AreSmallForSmallBudgets) {
  const WorkerSizes sizes = size_tables(Config{}, 1, 32 * kMiB);
  EXPECT_EQ(sizes.flows, 65'536u);
  EXPECT_EQ(size_tables(Config{}, 1, 0).flows, 1024u);
}

TEST(HostMemory, ReadsThisHost) {
  const auto host = read_host_memory();
  ASSERT_TRUE(host);
  EXPECT_GT(host->total_bytes, 0u);
}

TEST(HostMemory, SaysWhichFileCannotBeRead) {
  const auto host = read_host_memory("/nonexistent/meminfo");
  ASSERT_FALSE(host);
  EXPECT_THAT(host.error().message, HasSubstr("/nonexistent/meminfo"));
}

}  // namespace
}  // namespace sluice
