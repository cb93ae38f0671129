// Malformed packets through the whole pipeline: nothing crashes, nothing is lost without a reason.
// Built with every compiler, meant for the one with sanitizers; a binary of its own, since it takes
// longer than all unit tests together.
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/replay.h"
#include "rules/compile.h"
#include "rules/load.h"
#include "tests/support/malformed.h"

namespace sluice {
namespace {

constexpr std::uint32_t kPackets = 220'000;
constexpr std::uint32_t kBatch = 20'000;

/// Counts what leaves; the frames themselves do not matter.
class Counting final : public ReplayObserver {
 public:
  explicit Counting(std::span<WorkerWindow* const> windows) : windows_(windows) {}
  void tick(TimeNs) override { drain(); }
  void drain() override {
    for (WorkerWindow* window : windows_) {
      window->flows.drain(~0U, [](const FlowRecord&) {});
      window->drops.drain(~0U, [](const DropRecord&) {});
      window->inspections.drain(~0U, [](const InspectRecord&) {});
    }
  }
  void forwarded(std::uint32_t, std::span<const std::uint8_t>) override { ++forwarded_; }
  void refused(std::uint32_t, DropReason reason) override {
    ++refused_;
    has_reasons_ = has_reasons_ && reason != DropReason::none;
  }

  std::span<WorkerWindow* const> windows_;
  std::uint64_t forwarded_ = 0;
  std::uint64_t refused_ = 0;
  bool has_reasons_ = true;
};

/// Rules that ordinary and broken packets alike make candidates: of packets, streams and messages.
constexpr const char* kRules = R"(pack: malformed
version: 1
rules:
  - {id: 1, name: "a letter", stage: alert, action: alert, when: {proto: ip},
     match: [{payload: {contains: "e"}}, {payload: {pcre: '[a-z]{2}', relative: true}}]}
  - {id: 2, name: "a zero", stage: enforce, action: drop, when: {proto: udp},
     match: [{payload: {contains: "\\x00\\x00\\x00\\x01", offset: 2}}]}
  - {id: 3, name: "a request", stage: enforce, action: drop, when: {proto: tcp, service: http},
     match: [{http.uri: {contains: "/"}}, {http.header: {contains: "Host"}}]}
  - {id: 4, name: "any header", stage: shadow, action: alert, when: {proto: tcp},
     match: [{tcp.header: {data_at: 12}}]}
)";

std::shared_ptr<const LiveRuleset> rules_for(std::uint32_t workers) {
  Diagnostics findings;
  const std::vector<Rule> rules = load_rules(Source("rules.yaml", kRules), findings);
  CompileReport report;
  auto parts = compile_ruleset(rules, {}, {}, findings, report);
  if (findings.has_errors() || !parts) throw std::runtime_error(findings.render());
  return make_live(std::move(parts->ruleset), std::move(parts->databases), workers, nullptr)
      .value();
}

struct Outcome {
  ReplayTotals totals;
  std::uint64_t forwarded = 0;
  std::uint64_t refused = 0;
  bool has_reasons = true;
};

ReplaySetup setup_of(std::uint32_t batch) {
  ReplaySetup setup;
  setup.workers = 1 + batch % 2;
  setup.config.memory.budget_bytes = 64U << 20;
  constexpr ChecksumMode kModes[] = {ChecksumMode::verify, ChecksumMode::trust, ChecksumMode::fix,
                                     ChecksumMode::automatic};
  PortPairConfig pair;
  pair.checksums = kModes[batch % 4];
  setup.config.pairs = {pair};
  setup.config.rules.files = {"rules.yaml"};
  setup.ruleset = rules_for(setup.workers);
  PolicySettings& settings = setup.parts.settings;
  settings.mode = batch % 5 == 4 ? Mode::monitor : Mode::enforce;
  settings.decode.malformed = batch % 3 == 2 ? MalformedPolicy::pass : MalformedPolicy::drop;
  settings.decode.tunnel_key = batch % 7 == 6 ? TunnelKey::outer : TunnelKey::inner;
  settings.limits.source.packets = {.rate = 1000, .burst = 100};
  settings.limits.flow.bits = {.rate = 10'000'000, .burst = 64 << 10};
  return setup;
}

Outcome run_batch(std::uint32_t batch) {
  test::MalformedFrames generator(batch);
  std::vector<test::Bytes> frames;
  for (std::uint32_t i = 0; i < kBatch; ++i) frames.push_back(generator.next());
  std::vector<ReplayFrame> capture;
  TimeNs now = 1'700'000'000 * kNsPerSecond;
  for (const test::Bytes& frame : frames) {
    now += (frame.size() % 7) * kNsPerMs / 10;
    capture.push_back({now, static_cast<std::uint32_t>(frame.size()), frame});
  }
  auto replay = Replay::create(setup_of(batch), capture);
  if (!replay) throw std::runtime_error(replay.error().message);
  Counting observer((*replay)->windows());
  Outcome outcome;
  outcome.totals = (*replay)->run(capture, observer);
  outcome.forwarded = observer.forwarded_;
  outcome.refused = observer.refused_;
  outcome.has_reasons = observer.has_reasons_;
  return outcome;
}

TEST(MalformedPackets, AreAllAccountedForAndCrashNothing) {
  for (std::uint32_t batch = 0; batch * kBatch < kPackets; ++batch) {
    SCOPED_TRACE(batch);
    const Outcome outcome = run_batch(batch);
    const WorkerCounters& counters = outcome.totals.counters;
    std::uint64_t dropped = 0;
    for (const std::uint64_t count : counters.dropped) dropped += count;
    EXPECT_EQ(counters.rx_packets, kBatch);
    EXPECT_EQ(counters.rx_packets, counters.forwarded + dropped + counters.held);
    EXPECT_EQ(counters.held, 0U);
    EXPECT_EQ(counters.handed_out, counters.handed_in);
    EXPECT_EQ(outcome.forwarded, counters.forwarded);
    EXPECT_EQ(outcome.refused, dropped);
    EXPECT_TRUE(outcome.has_reasons);
    EXPECT_EQ(counters.flow_records_lost + counters.drop_records_lost, 0U);
  }
}

}  // namespace
}  // namespace sluice
