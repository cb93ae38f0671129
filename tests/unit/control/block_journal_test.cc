#include "control/respond/block_journal.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/file_size_limit.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/support/scratch_dir.h"

namespace sluice {
namespace {

using test::read_text;
using test::ScratchDir;

constexpr TimeNs kNow = 1'700'000'000 * kNsPerSecond;
constexpr std::uint32_t kCapacity = 4096;

BlockTarget host(std::uint32_t number) {
  BlockTarget target;
  target.length = 32;
  target.low = IpAddress::from_v4(0x0a000000U + number).bytes;
  return target;
}
Block block(std::uint64_t id, TimeNs until = kNow + kNsPerSecond) {
  return {.id = id,
          .target = host(static_cast<std::uint32_t>(id)),
          .until = until,
          .created = kNow,
          .owner = "ada",
          .reason = "scan " + std::to_string(id)};
}
BlockRecord adding(std::uint64_t id) {
  return {.clears = false, .removed = {}, .added = {block(id)}};
}

/// "id what until owner reason;" of every block, as all that can be seen of a set.
std::string text_of(const BlockSet& set) {
  std::string text;
  set.walk(0, [&](const BlockSet::Entry& entry) {
    const Block shown = set.block(entry);
    text += std::to_string(shown.id) + " " + to_string(shown.target) + " " +
            std::to_string(shown.until) + " " + shown.owner + " " + shown.reason + ";";
    return true;
  });
  return text;
}
std::string ids_of(const BlockSet& set) {
  std::string text;
  set.walk(0, [&text](const BlockSet::Entry& entry) {
    text += std::to_string(entry.id) + " ";
    return true;
  });
  return text;
}

/// What a start at `now` would find.
struct Loaded {
  explicit Loaded(const ScratchDir& dir, TimeNs now = kNow, std::uint32_t capacity = kCapacity)
      : journal(dir.file("")), set(capacity), next_id(journal.load(set, now)) {}
  BlockJournal journal;
  BlockSet set;
  std::uint64_t next_id;
};

/// A set and its journal, changed together.
struct Desk : Loaded {
  using Loaded::Loaded;
  void change(const BlockRecord& record) {
    if (record.clears) set.clear();
    for (const std::uint64_t id : record.removed) set.remove(id);
    for (const Block& added : record.added) ASSERT_TRUE(set.insert(added));
    if (!record.added.empty()) next_id = record.added.back().id + 1;
    journal.append(record);
  }
  /// Until the file is whole and no new one is being written. Each turn waits for the helper at
  /// most as long as it takes.
  void settle(TimeNs now) {
    do {
      journal.turn(set, next_id, now);
      std::this_thread::yield();
    } while (journal.is_rewriting());
  }
};

std::string bytes_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string journal_of(std::initializer_list<std::uint64_t> ids) {
  std::string text = bytes_of(encode_journal_header(1));
  for (const std::uint64_t id : ids) text += bytes_of(encode_record(adding(id)));
  return text;
}

;

TEST(BlockJournal, RestoresExactlyWhatWasInForce) {
  const ScratchDir dir;
  std::string before;
  {
    Desk desk(dir);
    EXPECT_EQ(desk.next_id, 1U);
    for (std::uint64_t id = 1; id <= 9; ++id) desk.change(adding(id));
    desk.change({.clears = false, .removed = {3, 5}, .added = {}});
    Block again = block(10);
    again.target = host(7);
    desk.change({.clears = false, .removed = {7}, .added = {again}});
    before = text_of(desk.set);
  }
  const Loaded after(dir);
  EXPECT_EQ(text_of(after.set), before);
  EXPECT_EQ(ids_of(after.set), "1 2 4 6 8 9 10 ");
  EXPECT_EQ(after.next_id, 11U);
  EXPECT_EQ(after.journal.failures(), 0U);
}

TEST(BlockJournal, ForgetsWhatRanOutWhileNobodyRan) {
  const ScratchDir dir;
  {
    Desk desk(dir);
    desk.change({.clears = false,
                 .removed = {},
                 .added = {block(1, kNow + 5), block(2, kNow + 10), block(3, kNow + 11)}});
  }
  const Loaded after(dir, kNow + 10);
  EXPECT_EQ(ids_of(after.set), "3 ");
  EXPECT_EQ(after.next_id, 4U);
}

TEST(BlockJournal, ForgetsAllAtOnce) {
  const ScratchDir dir;
  {
    Desk desk(dir);
    desk.change(adding(1));
    desk.change({.clears = true, .removed = {}, .added = {}});
    desk.change(adding(2));
  }
  EXPECT_EQ(ids_of(Loaded(dir).set), "2 ");
}

TEST(BlockJournal, LosesAtMostTheLastChangeWhereverTheFileEnds) {
  const ScratchDir dir;
  const std::string whole = journal_of({1, 2, 3});
  const std::size_t two = journal_of({1, 2}).size();
  for (std::size_t length = two; length <= whole.size(); ++length) {
    dir.write("blocks.journal", whole.substr(0, length));
    {
      Desk desk(dir);
      ASSERT_EQ(ids_of(desk.set), length == whole.size() ? "1 2 3 " : "1 2 ") << length;
      desk.change(adding(9));
    }
    ASSERT_EQ(ids_of(Loaded(dir).set), length == whole.size() ? "1 2 3 9 " : "1 2 9 ") << length;
    ASSERT_FALSE(std::filesystem::exists(dir.file("blocks.journal.bad")));
  }
}

TEST(BlockJournal, BeginsAnewWhereNotEvenTheHeaderWasWritten) {
  const ScratchDir dir;
  for (std::size_t length = 0; length < kJournalHeaderBytes; ++length) {
    dir.write("blocks.journal", journal_of({}).substr(0, length));
    { Desk(dir).change(adding(1)); }
    ASSERT_EQ(ids_of(Loaded(dir).set), "1 ") << length;
    ASSERT_FALSE(std::filesystem::exists(dir.file("blocks.journal.bad")));
  }
}

TEST(BlockJournal, PassesOverDamageAnywhereAndKeepsTheFile) {
  const std::string whole = journal_of({1, 2, 3});
  const std::size_t one = journal_of({1}).size();
  const std::size_t two = journal_of({1, 2}).size();
  for (std::size_t place = 0; place < two; place += place < kJournalHeaderBytes ? 1 : 5) {
    const ScratchDir dir;
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x11);
    dir.write("blocks.journal", damaged);
    const char* expected = place < kJournalHeaderBytes ? "1 2 3 " : place < one ? "2 3 " : "1 3 ";
    Desk desk(dir);
    ASSERT_EQ(ids_of(desk.set), expected) << place;
    ASSERT_FALSE(desk.journal.status());
    ASSERT_EQ(read_text(dir.file("blocks.journal.bad")), damaged) << place;
    desk.change(adding(900));
    ASSERT_EQ(ids_of(Loaded(dir).set), std::string(expected) + "900 ") << place;
    desk.settle(kNow);
    ASSERT_TRUE(desk.journal.status());
    ASSERT_EQ(ids_of(Loaded(dir).set), std::string(expected) + "900 ") << place;
  }
}

TEST(BlockJournal, CutsZerosThatLosingPowerLeft) {
  const ScratchDir dir;
  dir.write("blocks.journal", journal_of({1, 2}) + std::string(300, '\0'));
  {
    Desk desk(dir);
    EXPECT_EQ(ids_of(desk.set), "1 2 ");
    desk.change(adding(50));
  }
  EXPECT_EQ(ids_of(Loaded(dir).set), "1 2 50 ");
  EXPECT_TRUE(std::filesystem::exists(dir.file("blocks.journal.bad")));
}

TEST(BlockJournal, NeverGivesAnIdTwiceAlsoAfterDamage) {
  const ScratchDir dir;
  std::string damaged = journal_of({1, 2, 3});
  damaged[damaged.size() - 1] ^= 1;
  dir.write("blocks.journal", damaged);
  EXPECT_GT(Loaded(dir).next_id, 3U);
}

TEST(BlockJournal, IsNotLedElsewhereByALink) {
  const ScratchDir dir;
  dir.write("other", "precious");
  std::filesystem::create_symlink(dir.file("other"), dir.file("blocks.journal"));
  Desk desk(dir);
  EXPECT_FALSE(desk.journal.status());
  desk.change(adding(1));
  desk.settle(kNow);
  EXPECT_EQ(read_text(dir.file("other")), "precious");
  EXPECT_EQ(ids_of(Loaded(dir).set), "1 ");
}

TEST(BlockJournal, TakesNoMoreThanThereIsRoomFor) {
  const ScratchDir dir;
  dir.write("blocks.journal", journal_of({1, 2, 3, 4}));
  EXPECT_EQ(ids_of(Loaded(dir, kNow, 3).set), "1 2 3 ");
  EXPECT_EQ(ids_of(Loaded(dir, kNow, 4).set), "1 2 3 4 ");
}

TEST(BlockJournal, KeepsChangesThroughAFullDisk) {
  const ScratchDir dir;
  Desk desk(dir);
  desk.change(adding(1));
  {
    const test::FileSizeLimit full(journal_of({1}).size() + 20);
    desk.change(adding(2));
    desk.change(adding(3));
    EXPECT_FALSE(desk.journal.status());
    const std::uint64_t failures = desk.journal.failures();
    EXPECT_EQ(failures, 1U);
    desk.journal.turn(desk.set, desk.next_id, kNow);
    EXPECT_GT(desk.journal.failures(), failures);
    EXPECT_EQ(ids_of(Loaded(dir).set), "1 ");
  }
  desk.journal.turn(desk.set, desk.next_id, kNow + 2 * kNsPerSecond);
  EXPECT_TRUE(desk.journal.status());
  EXPECT_EQ(ids_of(Loaded(dir).set), "1 2 3 ");
}

TEST(BlockJournal, IsWrittenAnewAfterMoreFailedThanIsKept) {
  const ScratchDir dir;
  Desk desk(dir);
  {
    const test::FileSizeLimit full(100);
    for (std::uint64_t id = 1; id <= 12'000; ++id) {
      desk.change(adding(id));
      desk.change({.clears = false, .removed = {id}, .added = {}});
    }
    desk.change(adding(12'001));
    for (TimeNs i = 0; i < 20; ++i) desk.journal.turn(desk.set, desk.next_id, kNow + i);
    EXPECT_FALSE(desk.journal.status());
  }
  desk.settle(kNow + 10 * kNsPerSecond);
  EXPECT_TRUE(desk.journal.status());
  EXPECT_EQ(ids_of(Loaded(dir).set), "12001 ");
}

TEST(BlockJournal, ShrinksWhenMostOfItIsDead) {
  const ScratchDir dir;
  Desk desk(dir);
  desk.change(adding(1));
  for (std::uint64_t id = 2; id < 12'000; ++id) {
    desk.change(adding(id));
    desk.change({.clears = false, .removed = {id}, .added = {}});
  }
  const auto before = std::filesystem::file_size(dir.file("blocks.journal"));
  ASSERT_GT(before, 1U << 20);
  desk.settle(kNow);
  desk.change(adding(12'000));
  EXPECT_LT(std::filesystem::file_size(dir.file("blocks.journal")), 1'000U);
  const Loaded after(dir);
  EXPECT_EQ(ids_of(after.set), "1 12000 ");
  EXPECT_EQ(after.next_id, 12'001U);
}

/// A model that is a map, random changes, and every so often a restart from the file.
TEST(BlockJournal, SaysTheSameAsAModelThroughChangesRestartsAndNewFiles) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const ScratchDir dir;
    std::mt19937 random(seed);
    std::map<std::uint64_t, Block> model;
    auto desk = std::make_unique<Desk>(dir);
    TimeNs now = kNow;
    unsigned rewrites = 0;
    for (int step = 0; step < 6'000; ++step) {
      BlockRecord record;
      const unsigned adds = random() % 8 == 0 ? 40 : random() % 4;
      for (unsigned i = 0; i < adds && model.size() + adds < kCapacity; ++i) {
        Block added = block(desk->next_id + i, now + 1 + random() % 4'000);
        added.reason = std::string(random() % 200, 'x');
        record.added.push_back(added);
      }
      for (const auto& entry : model) {
        if (random() % 64 == 0 && record.removed.size() < 40) record.removed.push_back(entry.first);
      }
      if (random() % 2'000 == 0) record = {.clears = true, .removed = {}, .added = {}};
      if (record.clears) model.clear();
      for (const std::uint64_t id : record.removed) model.erase(id);
      for (const Block& added : record.added) model[added.id] = added;
      desk->change(record);
      const bool was_rewriting = desk->journal.is_rewriting();
      desk->journal.turn(desk->set, desk->next_id, now);
      rewrites += !was_rewriting && desk->journal.is_rewriting() ? 1 : 0;
      ++now;
      desk->set.expire(now, 1'000);
      std::erase_if(model, [now](const auto& entry) { return entry.second.until <= now; });
      if (random() % 200 == 0) {
        now += 500;
        std::erase_if(model, [now](const auto& entry) { return entry.second.until <= now; });
        const std::uint64_t next_id = desk->next_id;
        desk.reset();
        desk = std::make_unique<Desk>(dir, now);
        ASSERT_GE(desk->next_id, model.empty() ? 1 : next_id);
        desk->next_id = next_id;
      }
      ASSERT_EQ(desk->set.size(), model.size()) << "seed " << seed << " step " << step;
    }
    std::string expected;
    for (const auto& [id, kept] : model) expected += std::to_string(id) + " ";
    EXPECT_EQ(ids_of(desk->set), expected);
    EXPECT_EQ(ids_of(Loaded(dir, now).set), expected);
    EXPECT_GT(rewrites, 0U) << "seed " << seed;
  }
}

TEST(BlockJournal, ReadsAMillionBlocks) {
  const ScratchDir dir;
  constexpr std::uint32_t kMany = 1U << 20;
  {
    std::string text = bytes_of(encode_journal_header(1));
    for (std::uint32_t id = 1; id <= kMany; id += 512) {
      BlockRecord record;
      for (std::uint32_t i = id; i < id + 512; ++i) {
        record.added.push_back(block(i));
        record.added.back().reason = "scan " + std::to_string(i % 1'000);
      }
      text += bytes_of(encode_record(record));
    }
    dir.write("blocks.journal", text);
    test::keep_seed("block_journal_fuzz", journal_of({1, 2, 3}));
  }
  const auto start = std::chrono::steady_clock::now();
  const Loaded loaded(dir, kNow, kMany);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(loaded.set.size(), kMany);
  RecordProperty("load_ms", static_cast<int>(took.count() * 1000));
  std::printf("a million blocks: read in %.0f ms, %zu bytes of file\n", took.count() * 1000,
              std::filesystem::file_size(dir.file("blocks.journal")));
}

}  // namespace
}  // namespace sluice
