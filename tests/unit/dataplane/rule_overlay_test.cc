#include "dataplane/inspect/rule_overlay.h"

#include <gtest/gtest.h>

#include <string_view>

namespace sluice {
namespace {

constexpr TimeNs kNow = 1'000 * kNsPerSecond;

/// Rules 10 and 20 of class scan, 20 with two gids, and 30 of class web.
Ruleset some_rules() {
  Ruleset rules;
  rules.classes = {"scan", "web"};
  const auto add = [&rules](std::uint32_t gid, std::uint32_t id, std::uint32_t class_number) {
    CompiledRule& rule = rules.rules.emplace_back();
    rule.gid = gid;
    rule.id = id;
    rule.class_number = class_number;
    rule.stage = RuleStage::enforce;
  };
  add(1, 10, 0);
  add(1, 20, 0);
  add(3, 20, 0);
  add(1, 30, 1);
  return rules;
}

IpPrefix prefix(const char* text) { return parse_ip_prefix(text).value(); }

ExceptionScene scene(const char* source, const char* destination = "198.51.100.1") {
  ExceptionScene made;
  made.source = parse_ip_address(source).value();
  made.destination = parse_ip_address(destination).value();
  made.now = kNow;
  return made;
}

ExceptionScene scene_of_uri(std::string_view uri) {
  ExceptionScene made = scene("192.0.2.1");
  made.uri = {reinterpret_cast<const std::uint8_t*>(uri.data()), uri.size()};
  made.has_uri = true;
  return made;
}

/// With one exception, for rule 10.
RuleOverlay overlay_with(RuleException exception) {
  if (exception.class_name.empty()) exception.rules = {{0, 10}};
  return {some_rules(), {.stages = {}, .exceptions = {std::move(exception)}}};
}

TEST(RuleOverlay, SetsTheStageOfTheRulesThatAreNamedAlone) {
  const RuleOverlay overlay(some_rules(), {.stages = {{{1, 20}, RuleStage::shadow},
                                                      {{0, 30}, RuleStage::alert},
                                                      {{1, 99}, RuleStage::alert}},
                                           .exceptions = {}});
  EXPECT_EQ(overlay.stage_of(0), RuleStage::enforce);
  EXPECT_EQ(overlay.stage_of(1), RuleStage::shadow);
  EXPECT_EQ(overlay.stage_of(2), RuleStage::enforce);
  EXPECT_EQ(overlay.stage_of(3), RuleStage::alert);
}

TEST(RuleOverlay, AnExceptionHoldsForItsSourcesOnly) {
  RuleException exception;
  exception.sources = {prefix("192.0.2.0/24"), prefix("2001:db8::/32")};
  const RuleOverlay overlay = overlay_with(exception);
  EXPECT_TRUE(overlay.is_excepted(0, 0, scene("192.0.2.9")));
  EXPECT_TRUE(overlay.is_excepted(0, 0, scene("2001:db8::1", "2001:db9::1")));
  EXPECT_FALSE(overlay.is_excepted(0, 0, scene("192.0.3.9")));
  EXPECT_FALSE(overlay.is_excepted(0, 0, scene("198.51.100.1", "192.0.2.9")));
  EXPECT_FALSE(overlay.is_excepted(1, 0, scene("192.0.2.9"))) << "another rule";
}

TEST(RuleOverlay, SourceAndDestinationHaveToHoldBoth) {
  RuleException exception;
  exception.sources = {prefix("192.0.2.0/24")};
  exception.destinations = {prefix("198.51.100.7")};
  const RuleOverlay overlay = overlay_with(exception);
  EXPECT_TRUE(overlay.is_excepted(0, 0, scene("192.0.2.9", "198.51.100.7")));
  EXPECT_FALSE(overlay.is_excepted(0, 0, scene("192.0.2.9", "198.51.100.8")));
}

TEST(RuleOverlay, AClassStandsForAllItsRules) {
  RuleException exception;
  exception.class_name = "scan";
  exception.sources = {prefix("192.0.2.0/24")};
  const RuleOverlay overlay = overlay_with(exception);
  EXPECT_TRUE(overlay.is_excepted(0, 0, scene("192.0.2.9")));
  EXPECT_TRUE(overlay.is_excepted(2, 0, scene("192.0.2.9")));
  EXPECT_FALSE(overlay.is_excepted(3, 1, scene("192.0.2.9")));
  exception.class_name = "nobody's";
  EXPECT_FALSE(overlay_with(exception).is_excepted(0, 0, scene("192.0.2.9")));
}

TEST(RuleOverlay, AnExceptionEndsByTheTimeOfThePacket) {
  RuleException exception;
  exception.sources = {prefix("192.0.2.0/24")};
  exception.until = kNow + 1;
  EXPECT_TRUE(overlay_with(exception).is_excepted(0, 0, scene("192.0.2.9")));
  exception.until = kNow;
  EXPECT_FALSE(overlay_with(exception).is_excepted(0, 0, scene("192.0.2.9")));
}

TEST(RuleOverlay, AnExceptionForAUriNeedsTheUri) {
  RuleException exception;
  exception.uri = "/admin/";
  const RuleOverlay overlay = overlay_with(exception);
  EXPECT_TRUE(overlay.wants_uri());
  EXPECT_TRUE(overlay.is_excepted(0, 0, scene_of_uri("/admin/x?y")));
  EXPECT_FALSE(overlay.is_excepted(0, 0, scene_of_uri("/shop/admin/")));
  EXPECT_FALSE(overlay.is_excepted(0, 0, scene("192.0.2.1")));
}

TEST(RuleOverlay, IsMadeOnceForTheSameOverrides) {
  const Ruleset rules = some_rules();
  const RuleOverrides overrides{.stages = {{{1, 20}, RuleStage::shadow}}, .exceptions = {}};
  EXPECT_EQ(make_overlay(rules, {}, nullptr), nullptr);
  const auto first = make_overlay(rules, overrides, nullptr);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(make_overlay(rules, overrides, first), first);
  EXPECT_NE(make_overlay(rules, {.stages = {{{1, 20}, RuleStage::alert}}, .exceptions = {}}, first),
            first);
}

TEST(UriPattern, IsABeginningOrAWholeWithStars) {
  EXPECT_TRUE(is_uri_of("/a", "/abc"));
  EXPECT_FALSE(is_uri_of("/abc", "/a"));
  EXPECT_TRUE(is_uri_of("/a*c", "/abbc"));
  EXPECT_FALSE(is_uri_of("/a*c", "/abbcd"));
  EXPECT_TRUE(is_uri_of("*", ""));
  EXPECT_TRUE(is_uri_of("*.sql", "/x/y.sql.sql"));
  EXPECT_TRUE(is_uri_of("/a**b*", "/ab"));
  EXPECT_FALSE(is_uri_of("/a*b*c", "/acb"));
}

}  // namespace
}  // namespace sluice
