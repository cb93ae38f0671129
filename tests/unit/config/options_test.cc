#include "config/options.h"

#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>
#include <vector>

#include "config/option_value.h"

namespace sluice {
namespace {

/// Every row of all tables, with the value that a default record has.
struct Row {
  OptionShape shape;
  OptionValue standard;
};
std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (const auto& option : config_options()) rows.push_back({option.shape, option.read(Config{})});
  for (const auto& option : pair_options()) {
    rows.push_back({option.shape, option.read(PortPairConfig{})});
  }
  for (const auto& option : rule_limit_options()) {
    rows.push_back({option.shape, option.read(RuleLimitConfig{})});
  }
  for (const auto& option : exception_options()) {
    rows.push_back({option.shape, option.read(RuleExceptionConfig{})});
  }
  return rows;
}

std::string section_of(std::string_view path) {
  return std::string(path.substr(0, path.find_last_of('.') + 1));
}

template <class Record>
void expect_sections_stand_together(std::span<const Option<Record>> options) {
  std::set<std::string> left;
  std::string section;
  for (const auto& option : options) {
    const std::string own = section_of(option.shape.path);
    if (own == section) continue;
    EXPECT_FALSE(left.contains(own)) << option.shape.path;
    if (!section.empty()) left.insert(section);
    section = own;
  }
}

/// Two values of the type, which differ from each other.
std::vector<OptionValue> values_for(const OptionShape& shape) {
  switch (shape.type) {
    case OptionType::boolean:
      return {std::uint64_t{0}, std::uint64_t{1}};
    case OptionType::word:
      return {std::uint64_t{0}, std::uint64_t{shape.words.size() - 1}};
    case OptionType::text:
      return {std::string("a"), std::string("b: #\"c\"")};
    case OptionType::prefixes:
      return {std::vector<IpPrefix>{}, std::vector<IpPrefix>{parse_ip_prefix("::/0").value()}};
    case OptionType::paths:
    case OptionType::texts:
      return {std::vector<std::string>{}, std::vector<std::string>{"a", "b"}};
    default:
      return {shape.range.min, shape.range.max};
  }
}

TEST(OptionTable, NamesEachPathOnce) {
  std::set<std::string_view> paths;
  for (const auto& option : config_options()) EXPECT_TRUE(paths.insert(option.shape.path).second);
  paths.clear();
  for (const auto& option : pair_options()) EXPECT_TRUE(paths.insert(option.shape.path).second);
}

TEST(OptionTable, BeginsWithTheMode) { EXPECT_EQ(config_options().front().shape.path, "mode"); }

TEST(OptionTable, KeepsSectionsTogether) {
  expect_sections_stand_together(config_options());
  expect_sections_stand_together(pair_options());
  expect_sections_stand_together(rule_limit_options());
}

TEST(OptionTable, ExplainsEverySection) {
  for (const auto& option : config_options()) {
    const std::string_view path = option.shape.path;
    if (path.find('.') == std::string_view::npos) continue;
    EXPECT_FALSE(section_help(path.substr(0, path.find('.'))).empty()) << path;
  }
}

TEST(OptionTable, ExplainsEveryOptionInOneSentence) {
  for (const Row& row : all_rows()) {
    EXPECT_FALSE(row.shape.help.empty()) << row.shape.path;
    EXPECT_FALSE(row.shape.help.ends_with('.')) << row.shape.path;
    EXPECT_EQ(row.shape.help.find('|'), std::string_view::npos) << row.shape.path;
  }
}

TEST(OptionTable, HasWordsForWordsOnly) {
  for (const Row& row : all_rows()) {
    EXPECT_EQ(row.shape.type == OptionType::word, !row.shape.words.empty()) << row.shape.path;
  }
}

TEST(OptionTable, AllowsEveryDefault) {
  for (const Row& row : all_rows()) {
    const bool may_be_absent = row.shape.path == "name" || is_list(row.shape.type);
    if (may_be_absent) continue;
    std::string text = print_value(row.shape, row.standard);
    if (row.shape.type == OptionType::text) text = std::get<std::string>(row.standard);
    const auto value = parse_scalar(row.shape, row.shape.path, {text, false});
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(*value, row.standard) << row.shape.path;
  }
}

TEST(OptionTable, WritesTheMemberThatItReads) {
  for (const auto& option : config_options()) {
    for (const OptionValue& value : values_for(option.shape)) {
      Config config;
      option.write(config, value);
      EXPECT_EQ(option.read(config), value) << option.shape.path;
    }
  }
  for (const auto& option : pair_options()) {
    for (const OptionValue& value : values_for(option.shape)) {
      PortPairConfig pair;
      option.write(pair, value);
      EXPECT_EQ(option.read(pair), value) << option.shape.path;
    }
  }
  for (const auto& option : rule_limit_options()) {
    for (const OptionValue& value : values_for(option.shape)) {
      RuleLimitConfig limit;
      option.write(limit, value);
      EXPECT_EQ(option.read(limit), value) << option.shape.path;
    }
  }
}

TEST(OptionTable, WritesTheMemberThatItReadsOfAnException) {
  for (const auto& option : exception_options()) {
    for (const OptionValue& value : values_for(option.shape)) {
      RuleExceptionConfig exception;
      option.write(exception, value);
      EXPECT_EQ(option.read(exception), value) << option.shape.path;
    }
  }
}

// Two rows that lead to one member would write over each other.
TEST(OptionTable, LeadsEachRowToAMemberOfItsOwn) {
  for (const auto& option : config_options()) {
    Config config;
    for (const OptionValue& value : values_for(option.shape)) {
      if (value != option.read(config)) option.write(config, value);
    }
    std::size_t changed = 0;
    for (const auto& other : config_options()) {
      changed += other.read(config) != other.read(Config{}) ? 1 : 0;
    }
    EXPECT_LE(changed, 1U) << option.shape.path;
  }
}

TEST(OptionTable, NarrowMembersHoldTheirLargestValue) {
  for (const auto& option : config_options()) {
    if (option.shape.type != OptionType::number) continue;
    Config config;
    option.write(config, OptionValue{option.shape.range.max});
    EXPECT_EQ(std::get<std::uint64_t>(option.read(config)), option.shape.range.max)
        << option.shape.path;
  }
}

}  // namespace
}  // namespace sluice
