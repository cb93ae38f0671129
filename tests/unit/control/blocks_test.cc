#include "tests/unit/control/blocks_desk.h"

#include <chrono>
#include <csignal>
#include <filesystem>

#include <sys/resource.h>

#include <fmt/format.h>

namespace sluice {
namespace {

using namespace test;

TEST(Blocks, UseNoMoreThanEightPrefixLengthsOfAFamily) {
  World world;
  Desk desk(world);
  for (const char* length : {"8", "9", "10", "11", "12", "13", "14", "16"}) {
    ASSERT_TRUE(desk.add(std::string("10.0.0.0/") + length).has_value()) << length;
  }
  EXPECT_EQ(desk.refusal("blocks.add", {{"what", "10.0.0.0/24"}, {"for", "1h"}}),
            "blocks: 10.0.0.0/24 would be one prefix length more of IPv4 than the 8 that can be in "
            "use: /8, /9, /10, /11, /12, /13, /14, /16");
  // Another of a length in use, single addresses, and the other family have room.
  EXPECT_TRUE(desk.add("11.0.0.0/8").has_value());
  EXPECT_TRUE(desk.add("192.0.2.1").has_value());
  EXPECT_TRUE(desk.add("2001:db8::/33").has_value());
  // A length that is not used any more gives way.
  EXPECT_TRUE(desk.ask("blocks.remove", {{"what", "10.0.0.0/9"}}).has_value());
  EXPECT_TRUE(desk.add("10.0.0.0/24").has_value());
}

TEST(Blocks, CountThePrefixLengthsOfOneRequestTogether) {
  World world;
  Desk desk(world);
  Json many = Json::array();
  for (int length = 8; length <= 16; ++length) {
    many.push_back({{"what", fmt::format("10.0.0.0/{}", length)}, {"for", "1h"}});
  }
  EXPECT_NE(desk.refusal("blocks.add", {{"items", many}}).find("10.0.0.0/16 would be"),
            std::string::npos);
  EXPECT_EQ(desk->active(), 0U);
}

TEST(BlockSet, LeavesOutABlockOfAPrefixLengthTooMany) {
  BlockSet set(64);
  std::uint64_t id = 0;
  const auto insert = [&](const std::string& what) {
    return set.insert({.id = ++id,
                       .target = parse_block_target(what).value(),
                       .until = kStart + kNsPerSecond,
                       .created = kStart,
                       .owner = {},
                       .reason = {}});
  };
  for (int length = 8; length < 16; ++length) {
    EXPECT_TRUE(insert(fmt::format("10.0.0.0/{}", length)));
  }
  EXPECT_FALSE(insert("10.0.0.0/24"));
  EXPECT_TRUE(insert("10.0.0.1"));
  set.expire(kStart + kNsPerSecond, 64);
  EXPECT_TRUE(insert("10.0.0.0/24"));
  set.clear();
  EXPECT_TRUE(set.lengths(4).none());
}

TEST(Blocks, AreAnsweredWhenTheWireObeys) {
  World world;
  Desk desk(world);
  const auto answer = desk.start("blocks.add", {{"what", "192.0.2.1"}, {"for", "90s"}});
  EXPECT_FALSE(answer->has_value());
  desk.exchange();
  ASSERT_TRUE(answer->has_value() && answer->value());
  EXPECT_EQ(answer->value().value(), (Json{{"items",
                                            {{{"id", 1},
                                              {"what", "192.0.2.1"},
                                              {"until", "2026-01-02T03:05:35.000000Z"},
                                              {"replaced", nullptr}}}}}));
  ASSERT_EQ(world.wire.blocks.count(1), 1U);
  EXPECT_EQ(world.wire.blocks[1].until, kStart + 90 * kNsPerSecond);
}

TEST(Blocks, AreListedWithEverythingThatIsKnown) {
  World world;
  Desk desk(world);
  ASSERT_TRUE(desk.add("tcp 192.0.2.1:80 198.51.100.2:4242", "10s"));
  world.wire.hits[1] += 7;
  world.time += kNsPerSecond;
  EXPECT_EQ(desk.ask("blocks.list", Json::object()).value(),
            (Json{{"items",
                   {{{"id", 1},
                     {"what", "tcp 192.0.2.1:80 198.51.100.2:4242"},
                     {"kind", "flow"},
                     {"until", "2026-01-02T03:04:15.000000Z"},
                     {"seconds_left", 9.0},
                     {"owner", "ada"},
                     {"reason", "scan"},
                     {"hits", 7},
                     {"created_at", "2026-01-02T03:04:05.000000Z"}}}},
                  {"next", nullptr},
                  {"active", 1},
                  {"capacity", 64}}));
}

TEST(Blocks, ReplaceTheOneOfTheSameTarget) {
  World world;
  Desk desk(world);
  ASSERT_TRUE(desk.add("192.0.2.1"));
  const auto answer = desk.add("192.0.2.1/32");
  EXPECT_EQ(answer.value()["items"][0]["replaced"], 1);
  EXPECT_EQ(desk.listed(), "2 192.0.2.1 0; ");
  EXPECT_EQ(world.wire.ids(), "2 ");
}

TEST(Blocks, TellWhereAnAllowListWins) {
  World world;
  world.is_allowed = true;
  Desk desk(world);
  EXPECT_EQ(desk.add("192.0.2.1").value()["items"][0]["allowed"], true);
  EXPECT_EQ(desk.add("tcp 192.0.2.1:1 192.0.2.2:2").value()["items"][0]["allowed"], true);
}

TEST(Blocks, AreAddedTogetherOrNotAtAll) {
  World world;
  Desk desk(world);
  const auto item = [](const char* what) { return Json{{"what", what}, {"for", "1h"}}; };
  const Json good = Json::array({item("192.0.2.1"), item("192.0.2.2")});
  ASSERT_TRUE(desk.ask("blocks.add", {{"items", good}}));
  EXPECT_EQ(world.wire.changes.back().added.size(), 2U);
  const Json bad = Json::array({item("192.0.2.3"), item("192.0.2.4/24")});
  EXPECT_EQ(desk.refusal("blocks.add", {{"items", bad}}),
            "items[1].what: '192.0.2.4/24' has bits set behind its length");
  world.wire.room = 1;
  const Json more = Json::array({item("192.0.2.5"), item("192.0.2.6")});
  EXPECT_EQ(desk.refusal("blocks.add", {{"items", more}}), "blocks: they do not fit");
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 0; 2 192.0.2.2 0; ");
}

TEST(Blocks, AreNotAddedBeyondTheCapacity) {
  World world;
  world.capacity = world.wire.slot_count = 2;
  Desk desk(world);
  ASSERT_TRUE(desk.add("192.0.2.1"));
  ASSERT_TRUE(desk.add("192.0.2.2", "5s"));
  EXPECT_EQ(desk.refusal("blocks.add", {{"what", "192.0.2.3"}, {"for", "1h"}}),
            "blocks: 1 more do not fit: there is room for 0 of blocks.capacity 2");
  EXPECT_TRUE(desk.add("192.0.2.2", "5s")) << "replacing needs no room";
  world.time += 6 * kNsPerSecond;
  EXPECT_TRUE(desk.add("192.0.2.3")) << "what ran out makes room";
}

TEST(Blocks, SayWhatIsWrongAndWhere) {
  World world;
  Desk desk(world);
  const auto refusal = [&desk](const char* args) {
    return desk.refusal("blocks.add", Json::parse(args));
  };
  EXPECT_EQ(refusal(R"({"what": "192.0.2.1"})"), "for: missing: how long, such as 10m");
  EXPECT_EQ(refusal(R"({"what": "192.0.2.1", "for": "25h"})"), "for: is 1d1h: 1s to 1d would do");
  EXPECT_EQ(refusal(R"({"what": "0.0.0.0/0", "for": "1h"})"),
            "what: 0.0.0.0/0 would block everything");
  EXPECT_TRUE(refusal(R"({"for": "1h"})").starts_with("what: '' is not what can be blocked"));
  EXPECT_EQ(refusal(R"({"what": "192.0.2.1", "items": [{}]})"),
            "blocks.add: items and others are given: what, for and reason stand in each of the "
            "items");
  EXPECT_EQ(refusal(R"({"items": []})"), "items: is empty: one or more are needed");
  EXPECT_EQ(refusal(R"({"items": [{"what": "192.0.2.1", "for": 5}]})"),
            "items[0].for: number: a text");
  EXPECT_EQ(refusal(R"({"items": [{"hwat": "192.0.2.1"}]})"),
            "items[0]: unknown member 'hwat': what, for and reason would do");
  EXPECT_EQ(refusal(R"({"items": [{"what": "192.0.2.1", "for": "1h"},
                                  {"what": "192.0.2.1/32", "for": "1h"}]})"),
            "items[1].what: 192.0.2.1 is items[0] already: each once");
  EXPECT_EQ(refusal(R"({"what": "192.0.2.1", "for": "1h", "reason": "a\u001b[2J"})"),
            "reason: has control characters: plain text would do");
  const std::string long_reason(201, 'x');
  EXPECT_EQ(
      desk.refusal("blocks.add", {{"what", "1.2.3.4"}, {"for", "1h"}, {"reason", long_reason}}),
      "reason: is 201 bytes long, above the largest of 200");
  EXPECT_EQ(world.wire.blocks.size(), 0U);
}

TEST(Blocks, AreRemovedByIdByTargetAndAllAtOnce) {
  World world;
  Desk desk(world);
  for (const char* what : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}) {
    ASSERT_TRUE(desk.add(what));
  }
  EXPECT_EQ(desk.ask("blocks.remove", {{"id", 2}}).value(), (Json{{"removed", 1}}));
  EXPECT_EQ(desk.ask("blocks.remove", {{"what", "192.0.2.3/32"}}).value(), (Json{{"removed", 1}}));
  EXPECT_EQ(world.wire.ids(), "1 4 ");
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 0; 4 192.0.2.4 0; ");
  EXPECT_EQ(desk.refusal("blocks.remove", {{"id", 2}}), "id: no block 2 is in force");
  EXPECT_EQ(desk.refusal("blocks.remove", {{"what", "192.0.2.9"}}),
            "what: no block of 192.0.2.9 is in force");
  EXPECT_EQ(desk.refusal("blocks.remove", Json::object()),
            "blocks.remove: none of id, what and all are given: exactly one is needed");
  EXPECT_EQ(desk.ask("blocks.remove", {{"all", true}}).value(), (Json{{"removed", 2}}));
  EXPECT_EQ(world.wire.ids(), "");
  EXPECT_EQ(desk.listed(), "");
}

TEST(Blocks, AreSentAsAWholeOnceAfterARestart) {
  World world;
  {
    Desk desk(world);
    ASSERT_TRUE(desk.add("192.0.2.1"));
    ASSERT_TRUE(desk.add("192.0.2.2", "5s"));
    ASSERT_TRUE(desk.add("2001:db8::/32"));
    ASSERT_TRUE(desk.ask("blocks.remove", {{"id", 1}}));
  }
  world.wire.blocks[77].id = 77;
  world.wire.changes.clear();
  world.time += 6 * kNsPerSecond;
  Desk desk(world, false);
  desk.settle();
  EXPECT_TRUE(world.wire.changes.empty()) << "nothing before the keeper's greeting";
  desk.greet();
  ASSERT_EQ(world.wire.changes.size(), 1U);
  EXPECT_TRUE(world.wire.changes[0].replaces_all);
  EXPECT_EQ(world.wire.ids(), "3 ");
  EXPECT_EQ(desk.listed(), "3 2001:db8::/32 0; ");
  ASSERT_TRUE(desk.add("192.0.2.9"));
  EXPECT_EQ(desk.listed(), "3 2001:db8::/32 0; 4 192.0.2.9 0; ");
}

TEST(Blocks, AreForgottenWhenTheyRunOut) {
  World world;
  Desk desk(world);
  ASSERT_TRUE(desk.add("192.0.2.1", "5s"));
  ASSERT_TRUE(desk.add("192.0.2.2", "10s"));
  world.time += 5 * kNsPerSecond;
  EXPECT_EQ(desk.listed(), "2 192.0.2.2 0; ");
  EXPECT_EQ(desk->active(), 2U);
  desk.turn();
  EXPECT_EQ(desk->active(), 1U);
}

TEST(Blocks, AreListedInPages) {
  World world;
  Desk desk(world);
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(desk.add("192.0.2." + std::to_string(i)));
  auto page = desk.ask("blocks.list", {{"limit", 2}}).value();
  EXPECT_EQ(page["items"].size(), 2U);
  EXPECT_EQ(page["next"], 2);
  ASSERT_TRUE(desk.ask("blocks.remove", {{"id", 2}}));
  EXPECT_EQ(desk.listed({{"cursor", 2}, {"limit", 3}}),
            "3 192.0.2.3 0; 4 192.0.2.4 0; 5 192.0.2.5 0; ");
  EXPECT_EQ(desk.ask("blocks.list", {{"cursor", 2}, {"limit", 3}}).value()["next"], nullptr);
  EXPECT_EQ(desk.listed({{"touching", "192.0.2.4/31"}}), "4 192.0.2.4 0; 5 192.0.2.5 0; ");
}

TEST(Blocks, RunOneAfterAnotherInTheOrderAsked) {
  World world;
  Desk desk(world);
  const auto first = desk.start("blocks.add", {{"what", "192.0.2.1"}, {"for", "1h"}});
  const auto second = desk.start("blocks.remove", {{"what", "192.0.2.1"}});
  const auto third = desk.start("blocks.add", {{"what", "192.0.2.1"}, {"for", "2h"}});
  for (int i = 0; i < 4; ++i) desk.exchange();
  ASSERT_TRUE(*first && *second && *third);
  EXPECT_EQ(second->value().value(), (Json{{"removed", 1}}));
  EXPECT_EQ(world.wire.ids(), "2 ");
  EXPECT_EQ(desk.listed(), "2 192.0.2.1 0; ");
}

TEST(Blocks, SendTheWholeSetWhereItIsNotKnownWhatTheWireObeys) {
  World world;
  Desk desk(world);
  ASSERT_TRUE(desk.add("192.0.2.1"));
  world.wire.is_silent = true;
  const auto answer = desk.start("blocks.add", {{"what", "192.0.2.2"}, {"for", "1h"}});
  desk.pass(kTurn);
  desk.pass(6 * kNsPerSecond);
  ASSERT_TRUE(answer->has_value() && !answer->value());
  EXPECT_EQ(answer->value().error().kind, ErrorKind::unavailable);
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 0; ");
  world.wire.blocks[2].id = 2;  // it had been taken
  world.wire.is_silent = false;
  for (int i = 0; i < 8; ++i) desk.pass(kNsPerSecond);
  EXPECT_EQ(world.wire.ids(), "1 ");
  ASSERT_TRUE(desk.add("192.0.2.3"));
}

TEST(Blocks, AreNotWaitedForWithoutAKeeper) {
  World world;
  Desk desk(world, false);
  const auto answer = desk.start("blocks.add", {{"what", "192.0.2.2"}, {"for", "1h"}});
  desk.pass(4 * kNsPerSecond);
  EXPECT_FALSE(answer->has_value());
  desk.pass(2 * kNsPerSecond);
  ASSERT_TRUE(answer->has_value() && !answer->value());
  EXPECT_EQ(answer->value().error().kind, ErrorKind::unavailable);
}

TEST(Blocks, AreInForceThoughTheJournalFails) {
  World world;
  Desk desk(world);
  ASSERT_TRUE(desk.add("192.0.2.1"));
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit full = before;
  full.rlim_cur = std::filesystem::file_size(world.dir.file("blocks.journal"));
  setrlimit(RLIMIT_FSIZE, &full);
  const auto answer = desk.add("192.0.2.2");
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer.value().contains("notice"));
  EXPECT_EQ(world.wire.ids(), "1 2 ");
  EXPECT_EQ(desk->failures(), 1U);
  desk.pass(2 * kNsPerSecond);
  EXPECT_TRUE(desk->journal_status());
  EXPECT_EQ(Desk(world).listed(), "1 192.0.2.1 0; 2 192.0.2.2 0; ");
}

/// "10.0.0.0" and so on, a hundred a request.
void add_many(Desk& desk, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count;) {
    Json items = Json::array();
    for (const std::uint32_t end = std::min(count, i + 100); i < end; ++i) {
      items.push_back({{"what", to_string(IpAddress::from_v4(0x0a000000U + i))},
                       {"for", "1h"},
                       {"reason", "scan " + std::to_string(i)}});
    }
    ASSERT_TRUE(desk.ask("blocks.add", {{"items", items}}));
  }
}

TEST(Blocks, AreSentAndTakenInPieces) {
  World world;
  world.capacity = world.wire.slot_count = 4096;
  {
    Desk desk(world);
    add_many(desk, 3'000);
  }
  world.wire.blocks.clear();
  Desk desk(world, false);
  desk.keeper_says_hello();
  const auto late = desk.start("blocks.add", {{"what", "192.0.2.1"}, {"for", "1h"}});
  desk->turn(world.time);
  EXPECT_TRUE(desk->has_work());
  EXPECT_FALSE(desk.listed().empty()) << "looking does not wait";
  EXPECT_GT(desk.work(), 10U);
  ASSERT_TRUE(late->has_value() && late->value());
  EXPECT_EQ(world.wire.blocks.size(), 3'001U);
  world.wire.hits[2'999] = 5;
  EXPECT_EQ(desk.listed({{"cursor", 2'998}, {"limit", 1}}), "2999 10.0.11.182 5; ");
}

TEST(Blocks, AreRemovedInPiecesAndGoneAtOnce) {
  World world;
  world.capacity = kBlocksMax;
  Desk desk(world);
  add_many(desk, 3'000);
  const auto all = desk.start("blocks.remove", {{"all", true}});
  const auto next = desk.start("blocks.add", {{"what", "192.0.2.1"}, {"for", "1h"}});
  desk.exchange();
  EXPECT_FALSE(all->has_value());
  EXPECT_TRUE(desk->has_work());
  EXPECT_EQ(desk->active(), 0U);
  EXPECT_EQ(desk.listed(), "");
  EXPECT_EQ(Desk(world).listed(), "") << "nor do they come back after a kill";
  EXPECT_GT(desk.work(), 10U);
  ASSERT_TRUE(all->has_value());
  EXPECT_EQ(all->value().value(), (Json{{"removed", 3'000}}));
  desk.settle();
  ASSERT_TRUE(next->has_value() && next->value());
  EXPECT_EQ(desk.listed(), "3001 192.0.2.1 0; ");
}

TEST(Blocks, AreForgottenInPiecesWhenManyRunOutAtOnce) {
  World world;
  world.capacity = world.wire.slot_count = 4096;
  Desk desk(world);
  add_many(desk, 1'000);
  world.time += 3'601 * kNsPerSecond;
  desk->turn(world.time);
  EXPECT_LT(desk->active(), 1'000U);
  EXPECT_GT(desk->active(), 0U);
  EXPECT_GT(desk.work(), 3U);
  EXPECT_EQ(desk->active(), 0U);
}

TEST(Blocks, SayThatTheirJournalIsBeingRead) {
  World world;
  {
    std::string text(2U << 20, 'x');
    world.dir.write("blocks.journal", text);
  }
  World other;
  Channel unused = std::move(Channel::make_memory_pair().first);
  KeeperLink link(std::move(unused));
  Blocks blocks({.state_dir = world.dir.file(""), .capacity = 64, .clock = other}, link);
  blocks.start();
  EXPECT_FALSE(blocks.is_ready()) << "it is taken over in a turn";
  Services services;
  services.clock = &other;
  services.blocks = &blocks;
  std::string refusal;
  list_blocks(services, {}, Json::object(),
              [&refusal](const Result<Json>& got) { refusal = got.error().message; });
  EXPECT_EQ(refusal, "blocks: their journal is being read");
  EXPECT_EQ(blocks.active() + blocks.failures(), 0U);
  while (!blocks.is_ready()) {
    blocks.turn(other.time);
    std::this_thread::yield();
  }
}

TEST(Blocks, FitAMillionIntoBoundedMemory) {
  World world;
  world.capacity = world.wire.slot_count = kBlocksMax;
  BlockSet set(kBlocksMax);
  {
    BlockJournal journal(world.dir.file(""));
    static_cast<void>(journal.load(set, kStart));
    BlockRecord record;
    for (std::uint32_t i = 0; i < kBlocksMax; ++i) {
      BlockTarget target;
      target.length = 32;
      target.low = IpAddress::from_v4(0x0a000000U + i).bytes;
      record.added.push_back({.id = i + 1,
                              .target = target,
                              .until = kStart + kNsPerSecond * (1 + i % 1'000),
                              .created = kStart,
                              .owner = "responder",
                              .reason = "scan of ports"});
      if (record.added.size() < 512) continue;
      for (const Block& block : record.added) ASSERT_TRUE(set.insert(block));
      journal.append(record);
      record = {};
    }
  }
  auto clock = [start = std::chrono::steady_clock::now()]() mutable {
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    start = std::chrono::steady_clock::now();
    return took.count();
  };
  clock();
  Desk desk(world, false);
  const double load = clock();
  desk.greet();
  const double send = clock();
  EXPECT_EQ(world.wire.blocks.size(), kBlocksMax);
  EXPECT_EQ(desk->active(), kBlocksMax);
  clock();
  ASSERT_TRUE(desk.ask("blocks.remove", {{"id", 77}}));
  ASSERT_TRUE(desk.add("203.0.113.9"));
  const double change = clock();
  const auto page = desk.ask("blocks.list", {{"limit", 1'000}, {"cursor", 500'000}}).value();
  const double list = clock();
  EXPECT_EQ(page["items"].size(), 100U);
  EXPECT_EQ(page["next"], 500'100U);
  std::printf(
      "a million blocks: start %.0f ms, sent %.0f ms (with the test's wire), "
      "a change %.2f ms, a page of 100 %.2f ms, %zu bytes an entry\n",
      load, send, change / 2, list, sizeof(BlockSet::Entry));
}

}  // namespace
}  // namespace sluice
