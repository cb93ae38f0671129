#include "control/store/config_history.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

/// Adds one, with staged files as the child writes them.
std::uint64_t add(ConfigHistory& history, const std::string& text,
                  const std::vector<std::uint64_t>& needed = {}) {
  std::ofstream(history.staging_path() + ".yaml") << text;
  std::ofstream(history.staging_path() + ".parts") << "parts of " << text;
  ConfigEntry entry;
  entry.by = "ada";
  entry.loaded_at = 7;
  entry.changed = 2;
  entry.digest.digest = digest_of(text);
  entry.digest.options = option_texts({});
  entry.digest.is_staged = true;
  return history.add(entry, needed);
}

std::vector<std::uint64_t> ids(const ConfigHistory& history) {
  std::vector<std::uint64_t> out;
  for (const ConfigEntry& entry : history.entries()) out.push_back(entry.id);
  return out;
}

TEST(ConfigHistory, FindsEverythingAgain) {
  const test::ScratchDir dir;
  ConfigHistory history(dir.file(""));
  history.load();
  EXPECT_EQ(add(history, "one"), 1U);
  EXPECT_EQ(add(history, "two"), 2U);
  ConfigHistory again(dir.file(""));
  again.load();
  ASSERT_EQ(ids(again), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(encode_entry(*again.find(2)), encode_entry(*history.find(2)));
  EXPECT_TRUE(again.find(2)->can_be_restored);
  EXPECT_EQ(test::read_text(again.parts_path(1)), "parts of one");
  EXPECT_EQ(test::read_text(dir.file("configs/2.yaml")), "two");
}

TEST(ConfigHistory, KeepsTenAndWhatIsNeeded) {
  const test::ScratchDir dir;
  ConfigHistory history(dir.file(""));
  history.load();
  for (int i = 0; i < 14; ++i) add(history, "same", {2});
  EXPECT_EQ(ids(history), (std::vector<std::uint64_t>{2, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
  EXPECT_FALSE(std::filesystem::exists(dir.file("configs/3.parts")));
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(dir.file("configs"))) {
    files += file.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 3 * kConfigsKept + 1) << "the staged one is written over, not removed";
}

TEST(ConfigHistory, SkipsWhatIsDamaged) {
  const test::ScratchDir dir;
  {
    ConfigHistory history(dir.file(""));
    history.load();
    for (const char* text : {"a", "b", "c", "d"}) add(history, text);
  }
  const std::string good = test::read_text(dir.file("configs/1.entry"));
  dir.write("configs/1.entry", good.substr(0, good.size() - 1));
  dir.write("configs/2.entry", good);  // another one's
  dir.write("configs/x.entry", good);
  dir.write("configs/99999999999999999999999.entry", good);
  std::filesystem::remove(dir.file("configs/3.parts"));
  ConfigHistory history(dir.file(""));
  history.load();
  EXPECT_EQ(ids(history), (std::vector<std::uint64_t>{3, 4}));
  EXPECT_FALSE(history.find(3)->can_be_restored);
  EXPECT_EQ(add(history, "e"), 5U);
}

TEST(ConfigHistory, RemembersInMemoryWhatCannotBeStored) {
  const test::ScratchDir dir;
  dir.write("configs", "in the way");
  ConfigHistory history(dir.file(""));
  history.load();
  EXPECT_EQ(add(history, "one"), 1U);
  EXPECT_FALSE(history.find(1)->can_be_restored);
}

TEST(ConfigHistory, RefusesEveryTruncationOfAnEntry) {
  ConfigEntry entry;
  entry.id = 3;
  entry.by = "ada";
  entry.digest.options = {{"mode", "enforce", false}};
  entry.digest.lists.added_examples = {"deny source 10.0.0.0/8"};
  const auto bytes = encode_entry(entry);
  ASSERT_TRUE(decode_entry(bytes).has_value());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_entry(std::span(bytes).first(size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace sluice
