#include "control/respond/block_set.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace sluice {
namespace {

constexpr TimeNs kNow = 1'700'000'000 * kNsPerSecond;

Block block(std::uint64_t id, TimeNs until, std::string reason = "scan") {
  Block made;
  made.id = id;
  made.until = until;
  made.created = kNow;
  made.owner = "ada";
  made.target.length = 32;
  made.target.low = IpAddress::from_v4(static_cast<std::uint32_t>(id)).bytes;
  made.reason = std::move(reason);
  return made;
}

std::vector<std::uint64_t> ids_above(const BlockSet& set, std::uint64_t id) {
  std::vector<std::uint64_t> ids;
  set.walk(id, [&ids](const BlockSet::Entry& entry) {
    ids.push_back(entry.id);
    return true;
  });
  return ids;
}

/// As many changes as it takes for ids that are gone to leave the order several times.
TEST(BlockSet, SaysTheSameAsAMapInEveryOrderOfChanges) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    std::mt19937 random(seed);
    BlockSet set(4096);
    std::map<std::uint64_t, std::string> model;
    std::uint64_t next_id = 1;
    for (int step = 0; step < 40'000; ++step) {
      const bool adds = model.size() < 100 || (model.size() < 4096 && random() % 2 == 0);
      if (adds) {
        next_id += 1 + random() % 3;
        model[next_id] = "scan " + std::to_string(random() % 64);
        ASSERT_TRUE(set.insert(block(next_id, kNow, model[next_id])));
      } else {
        const auto gone = model.lower_bound(random() % next_id);
        if (gone == model.end()) continue;
        ASSERT_TRUE(set.remove(gone->first));
        ASSERT_EQ(set.find(gone->first), nullptr);
        model.erase(gone);
      }
      if (step % 64 != 0) continue;
      const std::uint64_t from = random() % (next_id + 2);
      std::vector<std::uint64_t> expected;
      for (auto at = model.upper_bound(from); at != model.end(); ++at)
        expected.push_back(at->first);
      ASSERT_EQ(ids_above(set, from), expected) << "seed " << seed << " step " << step;
      if (model.empty()) continue;
      const BlockSet::Entry* found = set.find(model.rbegin()->first);
      ASSERT_NE(found, nullptr);
      ASSERT_EQ(set.block(*found).reason, model.rbegin()->second);
    }
    ASSERT_EQ(set.size(), model.size());
  }
}

TEST(BlockSet, ForgetsWhatRunsOutInItsOrderAndNoMoreThanAsked) {
  BlockSet set(64);
  for (std::uint64_t id = 1; id <= 40; ++id) {
    ASSERT_TRUE(set.insert(block(id, kNow + (id * 7) % 41)));
  }
  EXPECT_EQ(set.expire(kNow + 20, 8), 8U);
  for (const std::uint64_t id : ids_above(set, 0)) EXPECT_GT((id * 7) % 41, 8U);
  EXPECT_EQ(set.expire(kNow + 20, 100), 12U);
  EXPECT_EQ(set.size(), 20U);
}

TEST(BlockSet, IsEmptyFromTheFirstPieceOfItsClearing) {
  BlockSet set(1U << 16);
  for (std::uint64_t id = 1; id <= 1'000; ++id) {
    ASSERT_TRUE(set.insert(block(id, kNow, std::to_string(id))));
  }
  ASSERT_FALSE(set.clear_some(100));
  EXPECT_EQ(set.size(), 0U);
  EXPECT_EQ(set.find(5), nullptr);
  EXPECT_TRUE(ids_above(set, 0).empty());
  int pieces = 1;
  while (!set.clear_some(100)) ++pieces;
  EXPECT_GT(pieces, 10);
  EXPECT_FALSE(set.insert(block(1'000, kNow))) << "its id was given before";
  ASSERT_TRUE(set.insert(block(1'001, kNow, "again")));
  EXPECT_EQ(set.block(*set.find(1'001)).reason, "again");
  EXPECT_EQ(ids_above(set, 0), std::vector<std::uint64_t>{1'001});
}

}  // namespace
}  // namespace sluice
