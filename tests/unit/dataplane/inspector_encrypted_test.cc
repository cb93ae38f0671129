#include <string>
#include <string_view>

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

}  // namespace
}  // namespace sluice
