#include "control/live_sets.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "config/set_entry.h"

namespace sluice {
namespace {

SetSummary summary(std::string name, std::uint64_t capacity = 100, std::uint64_t from_file = 0) {
  return {.set = {std::move(name), SetKind::domain, false},
          .capacity = capacity,
          .file_entries = from_file};
}

LiveSetEntry entry(const std::string& set, const std::string& text, TimeNs until = 0) {
  return {.set = set, .entry = text, .until = until, .added = 1, .owner = "ada"};
}

std::vector<std::string> texts_of(std::span<const LiveSetEntry> entries) {
  std::vector<std::string> out;
  for (const LiveSetEntry& one : entries) out.push_back(one.entry);
  return out;
}

using Texts = std::vector<std::string>;

TEST(LiveSets, KeepTheEntriesOfEachSetInOrder) {
  LiveSets sets;
  ASSERT_TRUE(sets.add(summary("b"), {entry("b", "z.test"), entry("b", "a.test")}, 0));
  ASSERT_TRUE(sets.add(summary("a"), {entry("a", "m.test")}, 0));
  EXPECT_EQ(texts_of(sets.entries_of("b")), (Texts{"a.test", "z.test"}));
  EXPECT_EQ(texts_of(sets.entries_of("a")), Texts{"m.test"});
  EXPECT_TRUE(sets.entries_of("c").empty());
}

TEST(LiveSets, AnEntryThatIsThereTakesTheNewEnd) {
  LiveSets sets;
  ASSERT_TRUE(sets.add(summary("a"), {entry("a", "x.test", 50)}, 0));
  ASSERT_TRUE(sets.add(summary("a"), {entry("a", "x.test", 20)}, 0));
  ASSERT_EQ(sets.entries().size(), 1U);
  EXPECT_EQ(sets.entries()[0].until, 20U);
}

TEST(LiveSets, CapacityCountsTheFileAndRefusesTheWhole) {
  LiveSets sets;
  const SetSummary set = summary("a", 3, 2);
  ASSERT_TRUE(sets.add(set, {entry("a", "x.test", 50)}, 0));
  const Status refused = sets.add(set, {entry("a", "x.test", 90), entry("a", "y.test")}, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::limit);
  EXPECT_EQ(sets.entries()[0].until, 50U) << "nothing is half-applied";
  EXPECT_TRUE(sets.add(set, {entry("a", "y.test")}, 50)) << "what has ended makes room";
  EXPECT_EQ(texts_of(sets.entries()), Texts{"y.test"});
}

TEST(LiveSets, AreBoundedTogether) {
  std::vector<LiveSetEntry> many;
  for (std::size_t i = 0; i < kLiveSetEntriesMax; ++i) {
    many.push_back(entry("a", "x" + std::to_string(i) + ".test"));
  }
  LiveSets sets(std::move(many));
  EXPECT_EQ(sets.add(summary("b"), {entry("b", "y.test")}, 0).error().kind, ErrorKind::limit);
}

TEST(LiveSets, RemoveAllOrNone) {
  LiveSets sets;
  ASSERT_TRUE(sets.add(summary("a"), {entry("a", "x.test"), entry("a", "y.test")}, 0));
  EXPECT_EQ(sets.remove("a", Texts{"x.test", "z.test"}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(sets.entries().size(), 2U);
  ASSERT_TRUE(sets.remove("a", Texts{"x.test", "y.test"}));
  EXPECT_TRUE(sets.entries().empty());
}

TEST(LiveSets, ForgetWhatHasEnded) {
  LiveSets sets;
  ASSERT_TRUE(sets.add(summary("a"), {entry("a", "x.test", 50), entry("a", "y.test")}, 0));
  EXPECT_EQ(sets.expire(49), 0U);
  EXPECT_EQ(sets.expire(50), 1U);
  EXPECT_EQ(texts_of(sets.entries()), Texts{"y.test"});
}

TEST(LiveSets, GiveAPolicyWhatIsOfItsKind) {
  LiveSets sets;
  ASSERT_TRUE(sets.add(summary("a"), {entry("a", "x.test", 50), entry("a", "10.0.0.1")}, 0));
  ASSERT_TRUE(sets.add(summary("gone"), {entry("gone", "x.test")}, 0));
  SetSummary addresses = summary("a");
  addresses.set.kind = SetKind::address;
  const auto contents = sets.contents(std::vector{addresses, summary("empty")});
  ASSERT_EQ(contents.size(), 1U);
  EXPECT_EQ(contents[0].set, addresses.set);
  ASSERT_EQ(contents[0].entries.size(), 1U);
  EXPECT_EQ(set_entry_text(SetKind::address, contents[0].entries[0].key), "10.0.0.1");
  EXPECT_EQ(sets.contents(std::vector{summary("a")})[0].entries[0].until, 0U)
      << "10.0.0.1 is a name as well, and comes first";
}

}  // namespace
}  // namespace sluice
