#include "control/bypasses.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

const std::vector<std::string> kPairs{"edge", "core"};

Bypass of_vlan(std::uint16_t vlan, TimeNs until = 100) {
  Bypass bypass;
  bypass.entry.kind = BypassEntry::Kind::vlan;
  bypass.entry.vlan = vlan;
  bypass.entry.until = until;
  return bypass;
}

std::string shown(const BypassTarget& target) {
  const auto entry = parse_bypass(target, kPairs);
  return entry ? describe(*entry, kPairs) : entry.error().message;
}

TEST(Bypasses, UnderstandsWhatItShows) {
  EXPECT_EQ(shown({.pair = "core", .vlan = {}, .prefix = {}}), "pair core");
  EXPECT_EQ(shown({.pair = {}, .vlan = "12", .prefix = {}}), "vlan 12");
  EXPECT_EQ(shown({.pair = {}, .vlan = {}, .prefix = "2001:db8::/32"}), "prefix 2001:db8::/32");
}

TEST(Bypasses, RefusesWhatIsNotOneTarget) {
  EXPECT_EQ(shown({}), "bypass: none of pair, vlan and prefix are given: exactly one is needed");
  EXPECT_EQ(shown({.pair = "core", .vlan = "1", .prefix = {}}),
            "bypass: several of pair, vlan and prefix are given: exactly one is needed");
  for (const char* vlan : {"0", "4095", "70000", "-1", "1x", "1.5"}) {
    EXPECT_FALSE(parse_bypass({.pair = {}, .vlan = vlan, .prefix = {}}, kPairs)) << vlan;
  }
  EXPECT_FALSE(parse_bypass({.pair = {}, .vlan = {}, .prefix = "10.0.0.1/8"}, kPairs));
  const auto unknown = parse_bypass({.pair = "cor", .vlan = {}, .prefix = {}}, kPairs);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().hint, "did you mean 'core'?");
}

TEST(Bypasses, PutsANewOneInThePlaceOfTheSameTraffic) {
  Bypasses all;
  EXPECT_EQ(all.add(of_vlan(1)).value(), 1U);
  EXPECT_EQ(all.add(of_vlan(2)).value(), 2U);
  EXPECT_EQ(all.add(of_vlan(1, 500)).value(), 3U);
  EXPECT_EQ(all.entries().size(), 2U);
  EXPECT_EQ(all.find(1), nullptr);
  EXPECT_EQ(all.find(3)->entry.until, 500U);
}

TEST(Bypasses, HasNoMoreThanSixteenInForce) {
  Bypasses all;
  for (std::size_t i = 0; i < 16; ++i) {
    ASSERT_TRUE(all.add(of_vlan(static_cast<std::uint16_t>(i + 1))).has_value());
  }
  EXPECT_EQ(all.add(of_vlan(1000)).error().kind, ErrorKind::limit);
  EXPECT_TRUE(all.add(of_vlan(1, 900)).has_value());  // in place of one
  PolicySettings settings;
  all.write_to(settings);
  EXPECT_EQ(settings.bypass_count, 16U);
}

TEST(Bypasses, ForgetsTheEndedAndTheRemoved) {
  Bypasses all;
  ASSERT_TRUE(all.add(of_vlan(1, 100)).has_value());
  ASSERT_TRUE(all.add(of_vlan(2, 101)).has_value());
  all.expire(100);
  ASSERT_EQ(all.entries().size(), 1U);
  EXPECT_EQ(all.remove(1).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(all.remove(2).has_value());
  PolicySettings settings;
  settings.bypass_count = 3;
  all.write_to(settings);
  EXPECT_EQ(settings.bypass_count, 0U);
  EXPECT_EQ(all.next_id(), 3U);
}

TEST(Bypasses, KnowsPairsByTheNamesOfTheirPorts) {
  const std::vector<std::string> ports{"edge.outside", "edge.inside", "a.b.outside", "a.b.inside"};
  EXPECT_EQ(pair_names_of(ports), (std::vector<std::string>{"edge", "a.b"}));
}

}  // namespace
}  // namespace sluice
