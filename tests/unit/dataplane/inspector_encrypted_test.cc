#include <string>
#include <string_view>

#include "dataplane/inspect/flow_inspection.h"
#include "rules/load.h"
#include "tests/unit/dataplane/inspector_fixture.h"
#include "tests/unit/dataplane/tls_bytes.h"

namespace sluice {
namespace {

constexpr std::string_view kRules =
    "pack: test\nversion: 1\nrules:\n"
    "  - id: 1\n    name: a word\n    class: policy-violation\n    severity: high\n"
    "    stage: enforce\n    action: drop\n    when: {proto: tcp}\n"
    "    match:\n      - payload: {contains: \"forbidden\"}\n";

class EncryptedFlow : public test::InspectionTest {
 protected:
  EncryptedFlow() { ruleset = rules_in_force(); }

  static std::shared_ptr<const LiveRuleset> rules_in_force() {
    Diagnostics findings;
    return test::live_of(load_rule_pack(Source("rules.yaml", std::string(kRules)), findings).rules);
  }
  void greet() {
    connect();
    const std::string name = test::server_name("www.example");
    const std::string hello = test::client_hello(name + test::versions_offered({0x0304}));
    EXPECT_EQ(say(test::record(test::kHandshakeType, hello)).action, Action::undecided);
  }
  bool is_refused(const Verdict& verdict) { return verdict.reason == DropReason::signature_match; }
  [[nodiscard]] WorkerCounters counted() const {
    WorkerCounters out;
    inspector->add_to(out);
    return out;
  }

  std::string server_hello_ = test::record(test::kHandshakeType, test::server_hello_13());
  std::string data_ = test::record(test::kDataType, "as it may be, this is forbidden");
};

TEST_F(EncryptedFlow, IsNotLookedAtFromItsFirstEncryptedByteOn) {
  greet();
  EXPECT_EQ(answer(server_hello_ + data_).action, Action::undecided);
  EXPECT_EQ(say("forbidden").action, Action::undecided);
}

TEST_F(EncryptedFlow, IsLookedAtUpToWhereItIsEncrypted) {
  greet();
  const std::string alert = test::record(test::kAlertType, "forbidden");
  EXPECT_TRUE(is_refused(answer(alert + server_hello_)));
  EXPECT_EQ(say("hello").reason, DropReason::flow_refused) << "what is refused stays so";
}

TEST_F(EncryptedFlow, IsLookedAtWholeWhereThatIsAskedFor) {
  settings.inspect.encrypted = EncryptedPolicy::inspect;
  greet();
  EXPECT_TRUE(is_refused(answer(server_hello_ + data_)));
}

TEST_F(EncryptedFlow, LeavesNoMemoryBehindIt) {
  const std::uint64_t before = counted().inspection_memory;
  greet();
  EXPECT_GT(counted().inspection_memory, before);
  answer(server_hello_ + data_);
  EXPECT_EQ(flow_of(talk)->stream_slot, kEndedSlot);
  EXPECT_EQ(counted().inspection_memory, before);
  EXPECT_EQ(counted().inspected_flows, 0U);
  inspector->forget(*flow_of(talk));
  EXPECT_EQ(flow_of(talk)->stream_slot, kNoSlot);
}

TEST_F(EncryptedFlow, StaysUnseenWhenOtherRulesComeAndBeginsAnewWhenAllHadGone) {
  greet();
  answer(server_hello_ + data_);
  ruleset = rules_in_force();
  EXPECT_EQ(say("forbidden").action, Action::undecided);
  const auto rules = std::exchange(ruleset, nullptr);
  say("anything");
  EXPECT_EQ(flow_of(talk)->stream_slot, kNoSlot);
  ruleset = rules;
  EXPECT_TRUE(is_refused(say("forbidden")));
}

}  // namespace
}  // namespace sluice
