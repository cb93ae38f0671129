#include "control/observe/health.h"

#include <functional>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

using enum HealthState;

constexpr TimeNs kStart = 1'000 * kNsPerSecond;

HealthInputs well() {
  HealthInputs inputs;
  inputs.generation = 3;
  inputs.oldest_generation = 3;
  inputs.ports = 4;
  inputs.pairs_up = 2;
  return inputs;
}

/// `looks` looks of a second each.
const HealthReport& look(Health& health, const HealthInputs& inputs, unsigned looks, TimeNs& now) {
  for (unsigned i = 0; i < looks; ++i) health.evaluate(now += kNsPerSecond, inputs);
  return health.report();
}

TEST(Health, IsFullWhereAllIsWell) {
  Health health;
  const HealthReport& report = health.evaluate(kStart, well());
  EXPECT_EQ(report.state, healthy);
  EXPECT_EQ(report.score, 100U);
  EXPECT_TRUE(report.is_ready);
  for (const PartHealth& part : report.parts) EXPECT_EQ(part.since, kStart);
}

TEST(Health, IsNotReadyBeforeTheFirstRulesetIsInForce) {
  Health health;
  HealthInputs inputs = well();
  inputs.lacks_ruleset = true;
  EXPECT_FALSE(health.evaluate(kStart, inputs).is_ready);
  inputs.lacks_ruleset = false;
  EXPECT_TRUE(health.evaluate(kStart, inputs).is_ready);
}

struct Trouble {
  HealthPart part;
  HealthState state;
  std::function<void(HealthInputs&)> cause;
};

std::vector<Trouble> troubles() {
  using P = HealthPart;
  using In = HealthInputs;
  return {
      {P::workers, degraded, [](In& in) { in.worker_quiet = 500 * kNsPerMs; }},
      {P::workers, unhealthy, [](In& in) { in.worker_quiet = 2 * kNsPerSecond; }},
      {P::keeper, degraded, [](In& in) { in.keeper_quiet = 2 * kNsPerSecond; }},
      {P::keeper, unhealthy, [](In& in) { in.keeper_quiet = 10 * kNsPerSecond; }},
      {P::policy, unhealthy, [](In& in) { in.generation = 0; }},
      {P::policy, degraded, [](In& in) { in.oldest_generation = 2; }},
      {P::ports, degraded, [](In& in) { in.ports_down = 1, in.pairs_up = 1; }},
      {P::ports, unhealthy, [](In& in) { in.ports_down = 2, in.pairs_up = 0; }},
      {P::control_loop, degraded, [](In& in) { in.turn_late = 200 * kNsPerMs; }},
      {P::control_loop, unhealthy, [](In& in) { in.turn_late = 2 * kNsPerSecond; }},
      {P::control_restarts, degraded, [](In& in) { in.control_starts = 2; }},
      {P::flow_table, degraded, [](In& in) { in.flow_table_percent = 85; }},
      {P::flow_table, unhealthy, [](In& in) { in.flow_table_percent = 98; }},
      {P::packet_buffers, degraded, [](In& in) { in.mbufs_free_percent = 4.9; }},
      {P::packet_buffers, unhealthy, [](In& in) { in.mbufs_free_percent = 0.9; }},
      {P::overload, degraded, [](In& in) { in.shed_level = 1; }},
      {P::rules, degraded, [](In& in) { in.lacks_ruleset = true; }},
      {P::rules, degraded, [](In& in) { in.rules_error = "2 rules cannot be compiled"; }},
      {P::rules, unhealthy,
       [](In& in) { in.lacks_ruleset = true, in.rules_error = "the child ended"; }},
      {P::event_recorder, degraded, [](In& in) { in.events_lost = 1; }},
      {P::event_lanes, degraded, [](In& in) { in.lane_records_lost = 1; }},
      {P::blocks_journal, degraded, [](In& in) { in.journal_failures = 1; }},
      {P::audit_log, degraded, [](In& in) { in.audit_failures = 1; }},
      {P::reload, degraded, [](In& in) { in.has_reload_failed = true; }},
      {P::reload, degraded, [](In& in) { in.is_confirm_pending = true; }},
      {P::http, degraded, [](In& in) { in.http_error = "metrics.listen: in use"; }},
  };
}

TEST(HealthLook, EveryTroubleShowsInItsPartAloneAndWithAReason) {
  for (const Trouble& trouble : troubles()) {
    HealthInputs inputs = well();
    trouble.cause(inputs);
    const auto looks = look_at(inputs);
    for (std::size_t i = 0; i < kHealthParts; ++i) {
      const bool is_it = static_cast<std::size_t>(trouble.part) == i;
      EXPECT_EQ(looks[i].state, is_it ? trouble.state : healthy)
          << name_of(static_cast<HealthPart>(i)) << " with trouble of " << name_of(trouble.part);
      EXPECT_EQ(looks[i].reason.empty(), !is_it) << looks[i].reason;
    }
  }
}

TEST(HealthLook, EveryPartCanBeInTrouble) {
  std::array<bool, kHealthParts> seen{};
  for (const Trouble& trouble : troubles()) seen[static_cast<std::size_t>(trouble.part)] = true;
  for (std::size_t i = 0; i < kHealthParts; ++i) {
    EXPECT_TRUE(seen[i]) << name_of(static_cast<HealthPart>(i));
  }
}

TEST(HealthLook, AnOldRestartIsNoNews) {
  HealthInputs inputs = well();
  inputs.control_starts = 5;
  inputs.control_age = 600 * kNsPerSecond;
  EXPECT_EQ(look_at(inputs)[static_cast<std::size_t>(HealthPart::control_restarts)].state, healthy);
}

TEST(Health, TwoBadLooksChangeNothingAndThreeDo) {
  Health health;
  TimeNs now = kStart;
  look(health, well(), 1, now);
  HealthInputs bad = well();
  bad.shed_level = 1;
  EXPECT_EQ(look(health, bad, 2, now).state, healthy);
  EXPECT_EQ(health.report().of(HealthPart::overload).failures, 2U);
  EXPECT_EQ(look(health, well(), 1, now).of(HealthPart::overload).failures, 0U);
  EXPECT_EQ(look(health, bad, 2, now).state, healthy);
  EXPECT_EQ(look(health, bad, 1, now).state, degraded);
  EXPECT_EQ(health.report().score, 90U);
  EXPECT_EQ(health.report().of(HealthPart::overload).since, now);
  EXPECT_EQ(health.report().of(HealthPart::overload).reason, "workers shed work, level 1");
}

TEST(Health, FourGoodLooksChangeNothingAndFiveDo) {
  Health health;
  TimeNs now = kStart;
  HealthInputs bad = well();
  bad.shed_level = 1;
  look(health, bad, 3, now);
  EXPECT_EQ(look(health, well(), 4, now).state, degraded);
  EXPECT_EQ(look(health, bad, 1, now).state, degraded);
  EXPECT_EQ(look(health, well(), 4, now).state, degraded);
  EXPECT_EQ(look(health, well(), 1, now).state, healthy);
  EXPECT_EQ(health.report().of(HealthPart::overload).reason, "");
}

TEST(Health, BadLooksOfMixedDegreeCountAsTheBestOfThem) {
  Health health;
  TimeNs now = kStart;
  HealthInputs inputs = well();
  inputs.worker_quiet = 3 * kNsPerSecond;
  look(health, inputs, 2, now);
  inputs.worker_quiet = 600 * kNsPerMs;
  EXPECT_EQ(look(health, inputs, 1, now).of(HealthPart::workers).state, degraded);
}

TEST(Health, AVitalPartThatIsLostIsTheWhole) {
  Health health;
  TimeNs now = kStart;
  HealthInputs inputs = well();
  inputs.ports_down = 4;
  inputs.pairs_up = 0;
  const HealthReport& report = look(health, inputs, 3, now);
  EXPECT_EQ(report.state, unhealthy);
  EXPECT_EQ(report.score, 40U);
  EXPECT_FALSE(report.is_ready);
}

TEST(Health, ManySmallTroublesTogetherAreUnhealthy) {
  Health health;
  TimeNs now = kStart;
  HealthInputs inputs = well();
  inputs.turn_late = 3 * kNsPerSecond;  // 20
  inputs.flow_table_percent = 99;       // 20
  inputs.mbufs_free_percent = 0.5;      // 30
  EXPECT_EQ(look(health, inputs, 3, now).score, 30U);
  EXPECT_EQ(health.report().state, unhealthy);
}

TEST(Health, TheScoreNeverFallsBelowZero) {
  Health health;
  TimeNs now = kStart;
  HealthInputs inputs;
  inputs.worker_quiet = inputs.keeper_quiet = inputs.turn_late = 60 * kNsPerSecond;
  EXPECT_EQ(look(health, inputs, 3, now).score, 0U);
}

TEST(Health, IsReadyOnlyUnderAPolicyThatEveryWorkerHas) {
  Health health;
  HealthInputs inputs = well();
  inputs.oldest_generation = 0;
  EXPECT_FALSE(health.evaluate(kStart, inputs).is_ready);
  inputs.oldest_generation = 2;
  EXPECT_TRUE(health.evaluate(kStart, inputs).is_ready);
  inputs.generation = 0;
  EXPECT_FALSE(health.evaluate(kStart, inputs).is_ready);
}

}  // namespace
}  // namespace sluice
