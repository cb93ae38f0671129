// One connection through tracker and inspector, a segment at a time, under rules that are given.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/inspect/inspector.h"
#include "dataplane/inspect/rule_overlay.h"
#include "dataplane/window.h"
#include "rules/compile.h"
#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {

inline std::shared_ptr<const LiveRuleset> live_of(std::span<const Rule> rules) {
  Diagnostics findings;
  CompileReport report;
  auto parts = compile_ruleset(rules, {}, {}, findings, report);
  EXPECT_TRUE(findings.empty()) << findings.render();
  return make_live(std::move(parts->ruleset), std::move(parts->databases), 1, nullptr).value();
}

/// One connection through tracker and inspector, a segment at a time.
class InspectionTest : public FlowTest {
 protected:
  void SetUp() override {
    FlowTest::SetUp();
    auto made = Inspector::create({.memory_bytes = 32U << 20,
                                   .memory_entries = 64,
                                   .key = kFlowKey,
                                   .arena = &arena,
                                   .tracker = tracker.get(),
                                   .window = window.get(),
                                   .rule_counts = counts});
    inspector = std::move(made.value());
    settings.mode = Mode::enforce;
  }

  Verdict inspect(const Packet& packet) {
    send(packet);
    inspector->begin(burst, settings, ruleset.get(), overlay.get());
    inspector->inspect(burst.all());
    return burst.packets[0].verdict;
  }
  void connect() {
    inspect(tcp_packet(talk, true, kSyn, {.sequence = 1000}, now += kNsPerMs));
    inspect(tcp_packet(talk, false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001},
                       now += kNsPerMs));
    inspect(
        tcp_packet(talk, true, kAck, {.sequence = 1001, .acknowledgement = 5001}, now += kNsPerMs));
    next_ = {5001, 1001};
  }
  /// The client says so, in one segment, and the server acknowledges it.
  Verdict say(std::string_view text) { return speak(true, text); }
  /// The server does, and the client acknowledges it.
  Verdict answer(std::string_view text) { return speak(false, text); }
  void skip_bytes(std::uint32_t bytes) { next_[1] += bytes; }
  /// The client says no more.
  Verdict end_talk() {
    return inspect(tcp_packet(talk, true, kFin | kAck,
                              {.sequence = next_[1], .acknowledgement = next_[0]},
                              now += kNsPerMs));
  }
  std::unique_ptr<WorkerWindow> window;  ///< null: no events
  std::vector<RuleCounts> counts = std::vector<RuleCounts>(1);
  std::unique_ptr<Inspector> inspector;
  std::shared_ptr<const LiveRuleset> ruleset;
  std::shared_ptr<const RuleOverlay> overlay;

 private:
  Verdict speak(bool from_client, std::string_view text) {
    frame_.assign(54, 0);
    frame_.insert(frame_.end(), text.begin(), text.end());
    const auto size = static_cast<std::uint16_t>(text.size());
    std::uint32_t& own = next_[from_client ? 1 : 0];
    const std::uint32_t other = next_[from_client ? 0 : 1];
    Packet packet =
        tcp_packet(talk, from_client, kAck,
                   {.sequence = own, .acknowledgement = other, .payload = size}, now += kNsPerMs);
    packet.bytes = frame_.data();
    packet.bytes_at_hand = static_cast<std::uint32_t>(frame_.size());
    const Verdict verdict = inspect(packet);
    own += size;
    if (verdict.action != Action::undecided) return verdict;
    inspect(tcp_packet(talk, !from_client, kAck, {.sequence = other, .acknowledgement = own},
                       now += kNsPerMs));
    return verdict;
  }

  std::vector<std::uint8_t> frame_;
  std::array<std::uint32_t, 2> next_{};  ///< of the server and of the client
};

}  // namespace sluice::test
