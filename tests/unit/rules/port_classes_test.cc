#include "rules/port_classes.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

PortDemand demand(std::uint32_t rule, const char* ports) {
  return {rule, *parse_ports(ports, RuleVariables{})};
}

std::size_t class_of(const PortClasses& classes, std::size_t port) {
  return classes.class_of_port.empty() ? 0 : classes.class_of_port[port];
}

/// Every port's class has all the rules that are about the port.
void expect_complete(const PortClasses& classes, const std::vector<PortDemand>& demands) {
  for (std::uint32_t port = 0; port < 65'536; ++port) {
    const auto& rules = classes.rules_of.at(class_of(classes, port));
    for (const PortDemand& row : demands) {
      if (!row.ports.contains(static_cast<std::uint16_t>(port))) continue;
      ASSERT_TRUE(std::ranges::binary_search(rules, row.rule)) << port << " rule " << row.rule;
    }
  }
}

TEST(PortClasses, AnyPortAloneIsOneClassWithoutATable) {
  const auto classes = classify_ports(std::vector{demand(0, "any"), demand(1, "any")}, {});
  EXPECT_TRUE(classes.class_of_port.empty());
  EXPECT_EQ(classes.rules_of, (std::vector<std::vector<std::uint32_t>>{{0, 1}}));
}

TEST(PortClasses, PortsWithTheSameRulesAreOneClass) {
  const std::vector demands{demand(0, "any"), demand(1, "80"), demand(2, "[80,8080]")};
  const auto classes = classify_ports(demands, {});
  EXPECT_EQ(classes.rules_of.size(), 3U);
  EXPECT_EQ(classes.rules_of[class_of(classes, 80)], (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(classes.rules_of[class_of(classes, 8080)], (std::vector<std::uint32_t>{0, 2}));
  EXPECT_EQ(classes.rules_of[class_of(classes, 0)], (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(class_of(classes, 0), class_of(classes, 65'535));
}

TEST(PortClasses, ClassesAreBoundedAndStillComplete) {
  std::vector<PortDemand> demands{demand(0, "any")};
  for (std::uint32_t i = 1; i < 200; ++i) {
    demands.push_back(demand(i, std::to_string(i * 7).c_str()));
  }
  const auto classes = classify_ports(demands, {});
  EXPECT_LE(classes.rules_of.size(), 32U);
  EXPECT_EQ(classes.rules_of[class_of(classes, 60'000)], (std::vector<std::uint32_t>{0}));
  expect_complete(classes, demands);
}

TEST(PortClasses, CopiesOfRulesAreBounded) {
  std::vector<PortDemand> demands;
  for (std::uint32_t i = 0; i < 100; ++i) demands.push_back(demand(i, "any"));
  for (std::uint32_t i = 0; i < 40; ++i) {
    demands.push_back(demand(100 + i, std::to_string(i).c_str()));
  }
  const PortClassLimits limits{.classes_max = 32, .copies_max = 3, .rules_floor = 0};
  const auto classes = classify_ports(demands, limits);
  std::size_t all = 0;
  for (const auto& rules : classes.rules_of) all += rules.size();
  EXPECT_LE(all, 4 * demands.size());
  expect_complete(classes, demands);
}

TEST(PortClasses, RandomDemandsAreAlwaysMet) {
  std::mt19937 random(7);
  for (int round = 0; round < 5; ++round) {
    std::vector<PortDemand> demands;
    for (std::uint32_t i = 0; i < 60; ++i) {
      const auto low = static_cast<std::uint32_t>(random() % 65'536);
      const auto high =
          std::min<std::uint32_t>(65'535, low + static_cast<std::uint32_t>(random() % 3'000));
      const std::string text = fmt::format("{}{}:{}", random() % 4 == 0 ? "!" : "", low, high);
      demands.push_back(demand(i, text.c_str()));
    }
    const PortClassLimits limits{
        .classes_max = 2 + random() % 31, .copies_max = 4, .rules_floor = random() % 500};
    const auto classes = classify_ports(demands, limits);
    EXPECT_LE(classes.rules_of.size(), limits.classes_max);
    expect_complete(classes, demands);
  }
}

TEST(PortClasses, DoNotDependOnTheOrderOfRules) {
  std::vector demands{demand(0, "80"), demand(1, "[80,81]"), demand(2, "!443"), demand(3, "any")};
  const auto one = classify_ports(demands, {});
  std::ranges::reverse(demands);
  const auto other = classify_ports(demands, {});
  EXPECT_EQ(one.class_of_port, other.class_of_port);
  EXPECT_EQ(one.rules_of, other.rules_of);
}

}  // namespace
}  // namespace sluice
