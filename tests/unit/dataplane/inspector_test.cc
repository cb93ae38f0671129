#include "dataplane/inspect/inspector.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "dataplane/overload.h"
#include "rules/compile.h"
#include "rules/load.h"
#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice {
namespace {

std::string rule_text(std::uint32_t id, std::string_view action, std::string_view word) {
  return fmt::format(
      "  - id: {}\n    name: a word\n    class: policy-violation\n    severity: high\n"
      "    stage: enforce\n    action: {}\n    when: {{proto: tcp, direction: to_server}}\n"
      "    match:\n      - payload: {{contains: \"{}\"}}\n",
      id, action, word);
}

std::shared_ptr<const LiveRuleset> ruleset_of(const std::string& rules) {
  Diagnostics findings;
  const RulePack pack =
      load_rule_pack(Source("rules.yaml", "pack: test\nversion: 1\nrules:\n" + rules), findings);
  CompileReport report;
  auto parts = compile_ruleset(pack.rules, {}, {}, findings, report);
  EXPECT_TRUE(findings.empty()) << findings.render();
  return make_live(std::move(parts->ruleset), std::move(parts->databases), 1, nullptr).value();
}

/// One connection through tracker and inspector, a segment at a time.
class InspectorTest : public test::FlowTest {
 protected:
  void SetUp() override {
    FlowTest::SetUp();
    auto made = Inspector::create({.memory_bytes = 8U << 20,
                                   .memory_entries = 64,
                                   .key = test::kFlowKey,
                                   .arena = &arena,
                                   .tracker = tracker.get()});
    inspector = std::move(made.value());
    settings.mode = Mode::enforce;
  }

  Verdict inspect(const Packet& packet) {
    send(packet);
    inspector->begin(burst, settings, ruleset.get());
    inspector->inspect(burst.all());
    return burst.packets[0].verdict;
  }
  void connect() {
    inspect(test::tcp_packet(talk, true, kSyn, {.sequence = 1000}, now += kNsPerMs));
    inspect(test::tcp_packet(talk, false, kSyn | kAck, {.sequence = 5000, .acknowledgement = 1001},
                             now += kNsPerMs));
    inspect(test::tcp_packet(talk, true, kAck, {.sequence = 1001, .acknowledgement = 5001},
                             now += kNsPerMs));
    next_ = 1001;
  }
  /// The client says so, in one segment, and the server acknowledges it.
  Verdict say(std::string_view text) {
    frame_.assign(54, 0);
    frame_.insert(frame_.end(), text.begin(), text.end());
    const auto size = static_cast<std::uint16_t>(text.size());
    Packet packet = test::tcp_packet(talk, true, kAck,
                                     {.sequence = next_, .acknowledgement = 5001, .payload = size},
                                     now += kNsPerMs);
    packet.bytes = frame_.data();
    packet.bytes_at_hand = static_cast<std::uint32_t>(frame_.size());
    const Verdict verdict = inspect(packet);
    next_ += size;
    if (verdict.action != Action::undecided) return verdict;
    inspect(test::tcp_packet(talk, false, kAck, {.sequence = 5001, .acknowledgement = next_},
                             now += kNsPerMs));
    return verdict;
  }
  bool is_refused(std::string_view text) { return say(text).reason == DropReason::signature_match; }
  void say_bytes(std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += 1024) say(std::string(1024, 'x'));
  }
  [[nodiscard]] std::uint64_t flows_shed() const {
    WorkerCounters counters;
    inspector->add_to(counters);
    return counters.flows_shed;
  }

  std::unique_ptr<Inspector> inspector;
  std::shared_ptr<const LiveRuleset> ruleset = ruleset_of(rule_text(1, "drop", "forbidden"));

 private:
  std::vector<std::uint8_t> frame_;
  std::uint32_t next_ = 0;
};

TEST_F(InspectorTest, RefusesWhatARuleDescribesOverTwoSegments) {
  connect();
  EXPECT_FALSE(is_refused("this is for"));
  EXPECT_TRUE(is_refused("bidden"));
}

TEST_F(InspectorTest, ForgetsStreamsWhileThereAreNoRules) {
  connect();
  EXPECT_FALSE(is_refused("this is for"));
  EXPECT_NE(flow_of(talk)->stream_slot, kNoSlot);
  const auto rules = std::exchange(ruleset, nullptr);
  say("anything");
  EXPECT_EQ(flow_of(talk)->stream_slot, kNoSlot);
  ruleset = rules;
  EXPECT_FALSE(is_refused("bidden"));
  EXPECT_TRUE(is_refused("forbidden"));
}

TEST_F(InspectorTest, PassesAFlowAsLongAsTheRuleThatSaysSoIsThere) {
  const std::string drop = rule_text(1, "drop", "forbidden");
  ruleset = ruleset_of(drop + rule_text(2, "pass", "let me through"));
  connect();
  say("let me through");
  EXPECT_FALSE(is_refused("forbidden"));
  ruleset = ruleset_of(drop);
  EXPECT_TRUE(is_refused("forbidden"));
}

TEST_F(InspectorTest, NoTwoRulesetsHaveOneEpoch) {
  const auto first = ruleset_of(rule_text(1, "drop", "forbidden"));
  EXPECT_NE(first->epoch, 0U);
  EXPECT_NE(first->epoch, ruleset_of(rule_text(1, "drop", "forbidden"))->epoch);
}

TEST_F(InspectorTest, LooksNoFurtherThanItsDepth) {
  settings.inspect.stream_depth = 16 * 1024;
  connect();
  say_bytes(16 * 1024);
  EXPECT_FALSE(is_refused("forbidden"));
}

TEST_F(InspectorTest, LooksLessFarFromTheThirdStepOfOverloadOn) {
  connect();
  say_bytes(kShedDepthBytes);
  EXPECT_EQ(flows_shed(), 0U);
  inspector->shed(kShedDepth);
  EXPECT_FALSE(is_refused("forbidden"));
  EXPECT_GT(flows_shed(), 0U);
}

TEST_F(InspectorTest, LeavesElephantsFromTheFourthStepOfOverloadOn) {
  connect();
  say_bytes(kElephantBytes + 1024);
  inspector->shed(kShedElephants);
  EXPECT_FALSE(is_refused("forbidden"));
  EXPECT_EQ(flows_shed(), 1U);
}

TEST_F(InspectorTest, OpensNoStreamsAtTheLastStepOfOverloadAndMeetsThemMidwayBehindIt) {
  inspector->shed(kShedStreams);
  connect();
  EXPECT_FALSE(is_refused("forbidden"));
  EXPECT_EQ(flows_shed(), 1U);
  inspector->shed(0);
  EXPECT_TRUE(is_refused("forbidden"));
}

}  // namespace
}  // namespace sluice
