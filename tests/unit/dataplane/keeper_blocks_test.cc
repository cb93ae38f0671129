#include "dataplane/keeper_blocks.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"

namespace sluice {
namespace {

constexpr TimeNs kNow = 1000 * kNsPerSecond;
constexpr std::uint32_t kMany = 1U << 20;

Message request_of(std::uint64_t number, std::span<const std::byte> body) {
  auto memfd = make_memfd("test");
  SLUICE_CHECK(memfd && write_and_seal(memfd->fd(), body), "a small memfd");
  Message message;
  message.kind = MessageKind::request;
  message.generation = number;
  message.bulk = std::move(*memfd);
  message.request = RequestKind::change_blocks;
  return message;
}

BlockEntry host(std::uint64_t id, std::uint32_t address, TimeNs until = kNow + 1) {
  BlockEntry entry;
  entry.id = id;
  entry.until = until;
  entry.prefix = {IpAddress::from_v4(address), 32};
  return entry;
}

BlockChanges adding(std::vector<BlockEntry> added, std::vector<std::uint64_t> removed = {}) {
  BlockChanges changes;
  changes.added = std::move(added);
  changes.removed = std::move(removed);
  return changes;
}
BlockChanges removing(std::vector<std::uint64_t> ids) { return adding({}, std::move(ids)); }
BlockChanges replacing_all(std::vector<BlockEntry> added) {
  BlockChanges changes = adding(std::move(added));
  changes.replaces_all = true;
  return changes;
}

class KeeperBlocksTest : public testing::Test {
 protected:
  KeeperBlocksTest() : table_(make()), blocks_(*table_) {}

  std::unique_ptr<BlockTable> make() {
    auto made = BlockTable::create(100, {1, 2}, arena_);
    SLUICE_CHECK(made, "a small table");
    return std::move(*made);
  }
  void ask(const BlockChanges& changes) {
    ASSERT_TRUE(blocks_.take(request_of(++number_, encode(changes))));
  }
  /// Until there is an answer.
  Result<BlockReceipt> change(const BlockChanges& changes, std::uint32_t steps = kMany) {
    ask(changes);
    for (int turn = 0; turn < 10'000; ++turn) {
      auto answer = blocks_.turn(kNow, steps);
      if (!answer) continue;
      EXPECT_EQ(answer->number, number_);
      return std::move(answer->receipt);
    }
    return fail(ErrorKind::internal, "no answer");
  }
  bool blocks(std::uint32_t address) {
    BlockSlots slots;
    return table_->find_sources_v4({&address, 1}, std::array<TimeNs, 1>{kNow}, slots) != 0;
  }

  MemoryArena arena_;
  std::unique_ptr<BlockTable> table_;
  KeeperBlocks blocks_;
  std::uint64_t number_ = 0;
};

TEST_F(KeeperBlocksTest, AddsAndRemovesAndTellsTheSlots) {
  const auto added = change(adding({host(1, 10), host(2, 20)}));
  ASSERT_TRUE(added);
  EXPECT_EQ(added->active, 2U);
  EXPECT_EQ(added->slots[0], table_->slot_of(1));
  EXPECT_EQ(added->slots[1], table_->slot_of(2));
  const auto removed = change(removing({1, 99}));
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->active, 1U);
  EXPECT_FALSE(blocks(10));
  EXPECT_TRUE(blocks(20));
}

TEST_F(KeeperBlocksTest, AnAddedBlockReplacesTheOlderOfTheSamePrefix) {
  ASSERT_TRUE(change(adding({host(1, 10)})));
  const auto replaced = change(adding({host(2, 10), host(3, 10)}));
  ASSERT_TRUE(replaced);
  EXPECT_EQ(replaced->active, 1U);
  EXPECT_EQ(replaced->slots[0], replaced->slots[1]);
  EXPECT_EQ(table_->slot_of(1), BlockTable::kNone);
  EXPECT_EQ(table_->slot_of(3), replaced->slots[0]);
}

TEST_F(KeeperBlocksTest, ReplacingAllLiftsWhatIsNotNamed) {
  ASSERT_TRUE(change(adding({host(1, 10), host(2, 20)})));
  const auto replaced = change(replacing_all({host(3, 20), host(4, 30)}));
  ASSERT_TRUE(replaced);
  EXPECT_EQ(replaced->active, 2U);
  EXPECT_FALSE(blocks(10));
  EXPECT_TRUE(blocks(20));
  EXPECT_TRUE(blocks(30));
}

TEST_F(KeeperBlocksTest, ABlockThatStaysIsInForceAfterEverySingleStep) {
  BlockChanges first;
  BlockChanges second = replacing_all({});
  for (std::uint32_t i = 0; i < 100; ++i) first.added.push_back(host(1 + i, i));
  for (std::uint32_t i = 50; i < 150; ++i) second.added.push_back(host(1000 + i, i));
  ASSERT_TRUE(change(first));
  ask(second);
  for (int turns = 0; blocks_.is_busy(); ++turns) {
    ASSERT_LT(turns, 1000);
    const auto answer = blocks_.turn(kNow, 1);
    for (std::uint32_t i = 50; i < 100; ++i) ASSERT_TRUE(blocks(i)) << i;
    if (answer) {
      EXPECT_TRUE(answer->receipt);
    }
  }
  EXPECT_FALSE(blocks(49));
  EXPECT_TRUE(blocks(149));
}

TEST_F(KeeperBlocksTest, WhatDoesNotFitChangesNothing) {
  BlockChanges first;
  for (std::uint32_t i = 0; i < 99; ++i) first.added.push_back(host(1 + i, i));
  ASSERT_TRUE(change(first));
  const auto refused = change(adding({host(200, 5), host(201, 300), host(202, 301)}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::limit);
  EXPECT_EQ(table_->active(), 99U);
  EXPECT_NE(table_->slot_of(6), BlockTable::kNone);
  EXPECT_FALSE(blocks(300));
  EXPECT_TRUE(change(adding({host(203, 300), host(204, 301)}, {1})));
  BlockChanges too_many = replacing_all({});
  for (std::uint32_t i = 0; i < 101; ++i) too_many.added.push_back(host(1000 + i, i));
  EXPECT_FALSE(change(too_many));
  EXPECT_EQ(table_->active(), 100U);
}

TEST_F(KeeperBlocksTest, WhatHasRunOutMakesRoom) {
  BlockChanges first;
  for (std::uint32_t i = 0; i < 100; ++i) first.added.push_back(host(1 + i, i, kNow));
  ASSERT_TRUE(change(first));
  EXPECT_TRUE(change(adding({host(200, 300)}), 7));
  EXPECT_TRUE(blocks(300));
  EXPECT_GE(blocks_.expired(), 1U);
}

TEST_F(KeeperBlocksTest, RemovesWhatHasRunOutWhenThereIsNothingElseToDo) {
  ASSERT_TRUE(change(adding({host(1, 10, kNow), host(2, 20)})));
  for (int turn = 0; turn < 10; ++turn) EXPECT_FALSE(blocks_.turn(kNow, 10));
  EXPECT_EQ(blocks_.active(), 1U);
  EXPECT_EQ(blocks_.expired(), 1U);
}

TEST_F(KeeperBlocksTest, RefusesBytesThatAreNoChange) {
  const auto bytes = encode(adding({host(1, 10)}));
  ASSERT_TRUE(blocks_.take(request_of(7, std::span(bytes).first(bytes.size() - 1))));
  const auto answer = blocks_.turn(kNow, kMany);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->receipt);
  EXPECT_FALSE(blocks_.is_busy());
}

TEST_F(KeeperBlocksTest, RefusesAPrefixWithBitsBehindItsLength) {
  BlockEntry entry = host(1, 10);
  entry.prefix.length = 24;
  const auto refused = change(adding({host(2, 20), entry}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_EQ(table_->active(), 0U);
}

TEST_F(KeeperBlocksTest, AnIdThatIsGivenTwiceHarmsNobodyElse) {
  BlockChanges twice;
  for (std::uint32_t i = 0; i < 100; ++i) twice.added.push_back(host(7, i));
  ASSERT_TRUE(change(twice));
  ASSERT_TRUE(change(adding({host(9, 0)}, {7, 7, 7})));
  const auto more = change(adding({host(10, 500)}, {7, 9}));
  ASSERT_TRUE(more);
  EXPECT_LE(more->active, 100U);
  EXPECT_TRUE(blocks(500));
}

TEST_F(KeeperBlocksTest, AnswersNobodyWhoIsGoneButFinishesWhatIsBegun) {
  ask(adding({host(1, 10), host(2, 20)}));
  EXPECT_FALSE(blocks_.turn(kNow, 1));
  blocks_.forget();
  for (int turn = 0; turn < 20; ++turn) EXPECT_FALSE(blocks_.turn(kNow, 1));
  EXPECT_TRUE(blocks(10));
  EXPECT_TRUE(blocks(20));
}

TEST_F(KeeperBlocksTest, TakesABoundedNumberOfChangesAtOnce) {
  const auto bytes = encode(BlockChanges{});
  Status taken;
  int count = 0;
  for (; taken && count < 1000; ++count) taken = blocks_.take(request_of(1, bytes));
  EXPECT_LT(count, 100);
  EXPECT_EQ(taken.error().kind, ErrorKind::limit);
}

}  // namespace
}  // namespace sluice
