#include "dataplane/io/lcore_plan.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// `threads` CPUs per core, numbered as Linux does: all first threads, then all second ones.
CpuTopology host(std::uint32_t cores, std::uint32_t threads = 1, std::uint32_t nodes = 1) {
  CpuTopology topology;
  for (std::uint32_t t = 0; t < threads; ++t) {
    for (std::uint32_t c = 0; c < cores; ++c) {
      topology.cpus.push_back({.cpu = t * cores + c,
                               .core = c,
                               .numa_node = static_cast<int>(c * nodes / cores),
                               .is_isolated = false});
    }
  }
  return topology;
}

WorkerConfig automatic(std::uint32_t count) {
  WorkerConfig config;
  config.count = count;
  return config;
}

WorkerConfig listed(std::string lcores) {
  WorkerConfig config;
  config.lcores = std::move(lcores);
  return config;
}

std::vector<std::uint32_t> cpus_of(const LcorePlan& plan) {
  std::vector<std::uint32_t> cpus;
  for (const WorkerPlace& place : plan.workers) cpus.push_back(place.cpu);
  return cpus;
}

TEST(LcorePlan, LeavesTheLowestCpuToTheKeeper) {
  const auto plan = plan_lcores(host(4), automatic(0), {});
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->control_cpus, ElementsAre(0));
  EXPECT_THAT(cpus_of(*plan), ElementsAre(1, 2, 3));
  EXPECT_THAT(plan->warnings, IsEmpty());
}

TEST(LcorePlan, TakesOneWorkerPerPhysicalCoreByDefault) {
  const auto plan = plan_lcores(host(4, 2), automatic(0), {});
  ASSERT_TRUE(plan);
  EXPECT_THAT(cpus_of(*plan), ElementsAre(1, 2, 3));
}

TEST(LcorePlan, TakesCoresNearThePortsFirst) {
  const std::vector<int> nodes = {1, 1};
  const auto plan = plan_lcores(host(8, 1, 2), automatic(4), nodes);
  ASSERT_TRUE(plan);
  EXPECT_THAT(cpus_of(*plan), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(plan->warnings, IsEmpty());
}

TEST(LcorePlan, SaysWhenAWorkerIsFarFromEveryPort) {
  const std::vector<int> nodes = {1, 1};
  const auto plan = plan_lcores(host(4, 1, 2), listed("1"), nodes);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->warnings, ElementsAre(HasSubstr("NUMA node 0")));
}

TEST(LcorePlan, TakesSecondThreadsOnlyWhenCoresRunOut) {
  const auto plan = plan_lcores(host(3, 2), automatic(3), {});
  ASSERT_TRUE(plan);
  EXPECT_THAT(cpus_of(*plan), ElementsAre(1, 2, 3));
  EXPECT_EQ(plan->control_cpus.front(), 0u);
}

TEST(LcorePlan, PrefersIsolatedCpus) {
  CpuTopology topology = host(6);
  for (const std::size_t cpu : {3U, 4U}) topology.cpus[cpu].is_isolated = true;
  const auto plan = plan_lcores(topology, automatic(0), {});
  ASSERT_TRUE(plan);
  EXPECT_THAT(cpus_of(*plan), ElementsAre(3, 4));
  EXPECT_THAT(plan->control_cpus, ElementsAre(0));
}

TEST(LcorePlan, SharesTheKeepersCpuBeforeItDoublesUp) {
  const auto plan = plan_lcores(host(2), automatic(2), {});
  ASSERT_TRUE(plan);
  EXPECT_THAT(cpus_of(*plan), ElementsAre(1, 0));
  EXPECT_THAT(plan->warnings, ElementsAre(HasSubstr("shares CPU 0 with the keeper")));
}

TEST(LcorePlan, RunsMoreWorkersThanCpusWithAWarning) {
  const auto plan = plan_lcores(host(2), automatic(3), {});
  ASSERT_TRUE(plan);
  EXPECT_THAT(cpus_of(*plan), ElementsAre(1, 0, 1));
  EXPECT_THAT(plan->warnings, ::testing::Contains(HasSubstr("workers 0 and 2 share CPU 1")));
}

TEST(LcorePlan, WorksOnASingleCpu) {
  const auto plan = plan_lcores(host(1), automatic(0), {});
  ASSERT_TRUE(plan);
  EXPECT_THAT(cpus_of(*plan), ElementsAre(0));
  EXPECT_EQ(plan->warnings.size(), 1u);
}

TEST(LcorePlan, ObeysAListAndKeepsTheKeeperOffIt) {
  const auto plan = plan_lcores(host(4), listed("0-2"), {});
  ASSERT_TRUE(plan);
  EXPECT_THAT(cpus_of(*plan), ElementsAre(0, 1, 2));
  EXPECT_THAT(plan->control_cpus, ElementsAre(3));
  EXPECT_THAT(plan->warnings, ElementsAre(HasSubstr("runs on CPU 0")));
}

TEST(LcorePlan, RefusesCpusThatAreNotThere) {
  const auto plan = plan_lcores(host(2), listed("1,7"), {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::not_found);
  EXPECT_THAT(plan.error().message, HasSubstr("CPU 7"));
}

TEST(LcorePlan, RefusesMoreWorkersThanTheWindowHolds) {
  const auto plan = plan_lcores(host(2), automatic(65), {});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, ErrorKind::limit);
}

TEST(CpuTopology, ReadsThisHost) {
  const auto topology = read_cpu_topology();
  ASSERT_TRUE(topology);
  EXPECT_FALSE(topology->cpus.empty());
  EXPECT_TRUE(plan_lcores(*topology, automatic(0), {}));
}

TEST(CpuTopology, TakesCoresForWholeWhereSysfsSaysNothing) {
  const auto topology = read_cpu_topology("/nonexistent");
  ASSERT_TRUE(topology);
  for (const CpuInfo& info : topology->cpus) EXPECT_EQ(info.core, info.cpu);
}

}  // namespace
}  // namespace sluice
