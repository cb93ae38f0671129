// One connection through tracker and inspector, a segment at a time, under rules that are given.
#pragma once

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
    auto made = Inspector::create({.memory_bytes = 8U << 20,
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
    next_ = 1001;
    answered_ = 5001;
  }
  /// The client says so, in one segment, and the server acknowledges it.
  Verdict say(std::string_view text) {
    const Verdict verdict = carry(true, next_, 5001, text);
    next_ += static_cast<std::uint32_t>(text.size());
    if (verdict.action != Action::undecided) return verdict;
    inspect(tcp_packet(talk, false, kAck, {.sequence = 5001, .acknowledgement = next_},
                       now += kNsPerMs));
    return verdict;
  }
  /// The server says so, in one segment.
  Verdict answer(std::string_view text) {
    const Verdict verdict = carry(false, answered_, next_, text);
    answered_ += static_cast<std::uint32_t>(text.size());
    return verdict;
  }
  void skip_bytes(std::uint32_t bytes) { next_ += bytes; }
  std::unique_ptr<WorkerWindow> window;  ///< null: no events
  std::vector<RuleCounts> counts = std::vector<RuleCounts>(1);
  std::unique_ptr<Inspector> inspector;
  std::shared_ptr<const LiveRuleset> ruleset;
  std::shared_ptr<const RuleOverlay> overlay;

 private:
  Verdict carry(bool is_client, std::uint32_t sequence, std::uint32_t acknowledgement,
                std::string_view text) {
    frame_.assign(54, 0);
    frame_.insert(frame_.end(), text.begin(), text.end());
    Packet packet = tcp_packet(talk, is_client, kAck,
                               {.sequence = sequence,
                                .acknowledgement = acknowledgement,
                                .payload = static_cast<std::uint16_t>(text.size())},
                               now += kNsPerMs);
    packet.bytes = frame_.data();
    packet.bytes_at_hand = static_cast<std::uint32_t>(frame_.size());
    return inspect(packet);
  }

  std::vector<std::uint8_t> frame_;
  std::uint32_t next_ = 0;
  std::uint32_t answered_ = 0;
};

}  // namespace sluice::test
