#include "config/load.h"

#include <gtest/gtest.h>

#include <string>

#include "config/yaml_tree.h"

namespace sluice {
namespace {

std::string rendered(const std::string& text) { return load_config("f", text).findings.render(); }

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(LoadConfig, KnowsWhereEachOptionStands) {
  const LoadedConfig loaded = load_config("f",
                                          "pairs:\n"
                                          "  - outside: {device: null:64}\n"
                                          "    mtu: 9000\n"
                                          "workers:\n"
                                          "  burst: 8\n");
  const Source& source = loaded.source;
  EXPECT_EQ(source.position_of("workers.burst"), (SourcePosition{5, 10}));
  EXPECT_EQ(source.position_of("pairs[0].mtu"), (SourcePosition{3, 10}));
  EXPECT_EQ(source.position_of("pairs[0].outside.device"), (SourcePosition{2, 23}));
  // What is not written points at the section around it, or at the file.
  EXPECT_EQ(source.position_of("workers.count"), (SourcePosition{4, 1}));
  EXPECT_EQ(source.position_of("pairs[0].inside.device"), (SourcePosition{2, 5}));
  EXPECT_EQ(source.position_of("memory.budget"), SourcePosition{});
}

TEST(LoadConfig, KeepsDefaultsForWhatItRefuses) {
  const LoadedConfig loaded = load_config("f", "workers: {burst: 99, count: 2}\n");
  EXPECT_TRUE(loaded.findings.has_errors());
  EXPECT_EQ(loaded.config.workers.burst, WorkerConfig{}.burst);
  EXPECT_EQ(loaded.config.workers.count, 2U);
}

TEST(LoadConfig, NamesPairsByTheirPlace) {
  const LoadedConfig loaded = load_config("f", "pairs: [{}, {name: up}, {}]\n");
  ASSERT_EQ(loaded.config.pairs.size(), 3U);
  EXPECT_EQ(loaded.config.pairs[0].name, "pair0");
  EXPECT_EQ(loaded.config.pairs[1].name, "up");
  EXPECT_EQ(loaded.config.pairs[2].name, "pair2");
}

TEST(LoadConfig, RefusesFilesOverItsSize) {
  const std::string comment(kYamlBytesMax, '#');
  EXPECT_EQ(rendered(comment), "");
  EXPECT_EQ(rendered(comment + "#"), "f: error: larger than 1MiB\n");
}

TEST(LoadConfig, RefusesMoreValuesThanItHolds) {
  const std::string list = "lists: {deny: {source: [" + repeated("1,", kYamlNodesMax) + "]}}\n";
  EXPECT_NE(rendered(list).find("more than 200000 values"), std::string::npos);
}

// Each of these made some YAML reader run out of stack, memory or patience.
TEST(LoadConfig, SurvivesHostileShapes) {
  const std::size_t many = 20'000;
  for (const std::string& text :
       {repeated("[", many), repeated("{", many), repeated("- ", many), repeated("? ", many),
        repeated("{a: ", many), repeated("&a ", many), repeated("!a ", many), repeated("a: ", many),
        repeated("\n", many), repeated("---\n", many), repeated("%a\n", many), repeated("'", many),
        repeated("\"\\", many), repeated("a,", many), repeated("[a: b,", many),
        repeated("|\n ", many), "a: &x [" + repeated("*x,", many) + "]",
        std::string(many, 'a') + ": " + std::string(many, 'b')}) {
    const LoadedConfig loaded = load_config("f", text);
    EXPECT_LT(loaded.findings.render().size(), 200'000U) << text.substr(0, 10);
  }
}

TEST(LoadConfig, ListsNoMoreFindingsThanPeopleRead) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const LoadedConfig loaded = load_config("f", text);
  EXPECT_EQ(loaded.findings.error_count(), FindingWriter::kFindingsMax + 1);
}

}  // namespace
}  // namespace sluice
