#include "rules/address_set.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

RuleVariables home_variables() {
  RuleVariables variables;
  variables.addresses["HOME_NET"] = "[10.0.0.0/8, 2001:db8::/32]";
  variables.addresses["EXTERNAL_NET"] = "!$HOME_NET";
  variables.ports["HTTP_PORTS"] = "[80,8080]";
  return variables;
}

AddressSet addresses(std::string_view text) {
  const auto set = parse_addresses(text, home_variables());
  EXPECT_TRUE(set) << text << ": " << (set ? "" : set.error().message);
  return set.value_or(AddressSet{});
}

PortRanges ports(std::string_view text) {
  const auto set = parse_ports(text, home_variables());
  EXPECT_TRUE(set) << text << ": " << (set ? "" : set.error().message);
  return set.value_or(PortRanges{});
}

bool has(const AddressSet& set, std::string_view text) {
  return set.contains(*parse_ip_address(text));
}

std::string address_error(std::string_view text, const RuleVariables& variables = {}) {
  const auto set = parse_addresses(text, variables);
  return set ? "none" : set.error().message;
}

std::string port_error(std::string_view text) {
  const auto set = parse_ports(text, {});
  return set ? "none" : set.error().message;
}

TEST(AddressSet, AnyHoldsBothVersions) {
  EXPECT_TRUE(addresses("any").is_any());
  EXPECT_TRUE(addresses("[0.0.0.0/0, ::/0]").is_any());
  EXPECT_FALSE(addresses("0.0.0.0/0").is_any());
  EXPECT_FALSE(AddressSet{}.is_any());
}

TEST(AddressSet, HoldsItsFirstAndItsLastAddress) {
  const AddressSet set = addresses("10.1.2.0/24");
  EXPECT_TRUE(has(set, "10.1.2.0"));
  EXPECT_TRUE(has(set, "10.1.2.255"));
  EXPECT_FALSE(has(set, "10.1.1.255"));
  EXPECT_FALSE(has(set, "10.1.3.0"));
  EXPECT_FALSE(has(set, "::ffff:10.1.2.1"));
}

TEST(AddressSet, ReadsRangesAndVersionSix) {
  const AddressSet set = addresses("[10.0.0.1-10.0.0.9, 2001:db8::5 - 2001:db8::ffff]");
  EXPECT_TRUE(has(set, "10.0.0.9"));
  EXPECT_FALSE(has(set, "10.0.0.10"));
  EXPECT_TRUE(has(set, "2001:db8::5"));
  EXPECT_TRUE(has(set, "2001:db8::ffff"));
  EXPECT_FALSE(has(set, "2001:db8::1:0"));
}

TEST(AddressSet, ExcludesWhatStandsBehindAnExclamationMark) {
  const AddressSet set = addresses("[$HOME_NET, !10.1.0.0/16, !2001:db8:1::/48]");
  EXPECT_TRUE(has(set, "10.2.0.1"));
  EXPECT_FALSE(has(set, "10.1.0.1"));
  EXPECT_FALSE(has(set, "2001:db8:1::1"));
  EXPECT_TRUE(has(set, "2001:db8:2::1"));
}

TEST(AddressSet, ExclusionsAloneLeaveEverythingElse) {
  const AddressSet set = addresses("[!10.0.0.0/8, !192.168.0.0/16]");
  EXPECT_FALSE(has(set, "10.0.0.1"));
  EXPECT_FALSE(has(set, "192.168.1.1"));
  EXPECT_TRUE(has(set, "192.0.2.1"));
  EXPECT_TRUE(has(set, "::1"));
}

TEST(AddressSet, NegatesListsAndVariables) {
  EXPECT_EQ(addresses("![10.0.0.0/8, 2001:db8::/32]"), addresses("$EXTERNAL_NET"));
  EXPECT_EQ(addresses("!$EXTERNAL_NET"), addresses("$HOME_NET"));
  const AddressSet nested = addresses("[192.0.2.0/24, [10.0.0.0/8, !10.0.0.0/16]]");
  EXPECT_TRUE(has(nested, "10.1.0.0"));
  EXPECT_FALSE(has(nested, "10.0.0.1"));
}

TEST(AddressSet, KeepsRangesSortedDisjointAndApart) {
  const AddressSet set = addresses("[10.0.0.2, 10.0.0.0/31, 10.0.0.3, 10.0.0.2, 10.0.0.5]");
  ASSERT_EQ(set.v4.size(), 2U);
  EXPECT_EQ(set.v4[0], (ValueRange<std::uint32_t>{0x0a000000, 0x0a000003}));
  EXPECT_EQ(set.v4[1], (ValueRange<std::uint32_t>{0x0a000005, 0x0a000005}));
}

TEST(AddressSet, CommonVariablesAreAnyWhereNobodySetsThem) {
  EXPECT_TRUE(parse_addresses("$SMTP_SERVERS", {})->is_any());
  EXPECT_TRUE(parse_ports("$SSH_PORTS", {})->is_any());
}

TEST(AddressSet, SaysWhatIsWrong) {
  EXPECT_EQ(address_error("10.0.0.300"), "'10.0.0.300' is not an IP address or prefix");
  EXPECT_EQ(address_error("[10.0.0.1, ]"), "an element is empty: an address belongs here");
  EXPECT_EQ(address_error("[10.0.0.1"),
            "a list that begins with [ does not end with ]: '[10.0.0.1'");
  EXPECT_EQ(address_error("[[10.0.0.1]"), "brackets are not in pairs: '[[10.0.0.1]'");
  EXPECT_EQ(address_error("10.0.0.9-10.0.0.1"),
            "'10.0.0.9-10.0.0.1' is no range: its first address is to be the smaller one of the "
            "same version");
  EXPECT_EQ(address_error("!any"), "'!any' leaves no address");
  EXPECT_EQ(address_error("[10.0.0.1, !10.0.0.0/8]"),
            "'[10.0.0.1, !10.0.0.0/8]' leaves no address");
  EXPECT_EQ(address_error("!!10.0.0.1"), "'!10.0.0.1' is not an IP address or prefix");
}

TEST(AddressSet, SuggestsTheVariableThatWasMeant) {
  const auto set = parse_addresses("$HOME_NETT", {});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().message, "no variable of addresses has the name 'HOME_NETT'");
  EXPECT_EQ(set.error().hint, "did you mean '$HOME_NET'?");
}

TEST(AddressSet, EndsAtVariablesThatNameThemselves) {
  RuleVariables variables;
  variables.addresses["A"] = "$B";
  variables.addresses["B"] = "[$A]";
  EXPECT_NE(address_error("$A", variables).find("a variable may name itself"), std::string::npos);
}

TEST(AddressSet, EndsAtVariablesThatMultiply) {
  RuleVariables variables;
  variables.addresses["L0"] = "10.0.0.1";
  for (int i = 1; i < 8; ++i) {
    std::string list;
    for (int k = 0; k < 16; ++k) list += fmt::format("{}$L{}", k == 0 ? "" : ",", i - 1);
    variables.addresses[fmt::format("L{}", i)] = fmt::format("[{}]", list);
  }
  EXPECT_NE(address_error("$L7", variables).find("more than 100000 elements"), std::string::npos);
}

TEST(AddressSet, EndsAtListsThatAreNestedTooDeep) {
  const std::string nested = fmt::format("{:[>20}10.0.0.1{:]>20}", "", "");
  EXPECT_NE(address_error(nested).find("more than 16 deep"), std::string::npos);
}

TEST(PortRanges, ReadsNumbersRangesAndVariables) {
  const PortRanges set = ports("[22, 8000:8099, 60000:, :7, $HTTP_PORTS, !8088]");
  for (const int port : {0, 7, 22, 80, 8000, 8080, 8099, 60000, 65535}) {
    EXPECT_TRUE(set.contains(static_cast<std::uint16_t>(port))) << port;
  }
  for (const int port : {8, 21, 23, 8088, 8100, 59999}) {
    EXPECT_FALSE(set.contains(static_cast<std::uint16_t>(port))) << port;
  }
}

TEST(PortRanges, SaysWhatIsWrong) {
  for (const std::string text : {"65536", "-1", "http", ":", "90:80", "80:90:100", "8 0"}) {
    EXPECT_EQ(port_error(text), fmt::format("'{}' is no port: a number up to 65535 or a range "
                                            "such as 8000:8099 belongs here",
                                            text));
  }
  EXPECT_EQ(port_error("[!80, !81:, !:79]"), "'[!80, !81:, !:79]' leaves no port");
}

TEST(PortRanges, AgreesWithATableOfAllPorts) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<bool> named(65536), removed(65536);
    std::string text;
    bool has_names = false;
    for (std::size_t i = 0, count = 1 + random() % 8; i < count; ++i) {
      const auto low = static_cast<unsigned>(random() % 65536);
      const unsigned high = std::min(65535U, low + static_cast<unsigned>(random() % 30000));
      const bool is_removed = random() % 3 == 0;
      has_names = has_names || !is_removed;
      text += fmt::format("{}{}{}:{}", i == 0 ? "" : ",", is_removed ? "!" : "", low, high);
      for (unsigned port = low; port <= high; ++port) (is_removed ? removed : named)[port] = true;
    }
    const auto set = parse_ports(fmt::format("[{}]", text), {});
    for (std::size_t port = 0; port < 65536; port += 1 + random() % 5) {
      const bool expected = (named[port] || !has_names) && !removed[port];
      ASSERT_EQ(set && set->contains(static_cast<std::uint16_t>(port)), expected)
          << text << " at " << port;
    }
  }
}

TEST(RuleVariables, TakesAssignmentsIn) {
  RuleVariables variables;
  ASSERT_TRUE(add_variable("HOME_NET=[10.0.0.0/8]", variables));
  ASSERT_TRUE(add_variable("EXTERNAL_NET = !$HOME_NET", variables));
  ASSERT_TRUE(add_variable("WEB_PORTS=[80,443]", variables));
  EXPECT_EQ(variables.addresses.at("EXTERNAL_NET"), "!$HOME_NET");
  EXPECT_EQ(variables.ports.at("WEB_PORTS"), "[80,443]");
  EXPECT_TRUE(parse_ports("$WEB_PORTS", variables)->contains(443));
}

TEST(RuleVariables, RefusesWhatIsNoAssignment) {
  RuleVariables variables;
  for (const std::string_view text : {"HOME_NET", "=any", "HOME NET=any", "$A=any"}) {
    EXPECT_FALSE(add_variable(text, variables)) << text;
  }
  const auto status = add_variable("HOME_NET=10.0.0.0/33", variables);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            "HOME_NET: '10.0.0.0/33' is not a prefix: the length is a number from 0 to 32");
  EXPECT_TRUE(variables.addresses.empty());
}

}  // namespace
}  // namespace sluice
