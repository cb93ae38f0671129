#include "tests/unit/control/blocks_desk.h"

#include <filesystem>

namespace sluice {
namespace {

using namespace test;

TEST(BlockHits, CountOnlyWhatTheirBlockRefused) {
  World world;
  Desk desk(world);
  world.wire.hits[1] = 1'000;
  ASSERT_TRUE(desk.add("192.0.2.1"));
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 0; ");
  world.wire.hits[1] += 5;
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 5; ");
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 5; ");
}

TEST(BlockHits, CountBeyondWhatASlotCanHold) {
  World world;
  Desk desk(world);
  world.wire.hits[1] = 0xffff'fff0;
  ASSERT_TRUE(desk.add("192.0.2.1"));
  world.wire.hits[1] += 0x20;
  desk.turn();
  world.wire.hits[1] += 0xffff'ffff;
  desk.turn();
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 4294967327; ");
}

TEST(BlockHits, GoOnWhereAnotherControlProcessStopped) {
  World world;
  world.wire.hits[1] = 0xffff'fffe;
  {
    Desk desk(world);
    ASSERT_TRUE(desk.add("192.0.2.1"));
    world.wire.hits[1] += 5;
    EXPECT_EQ(desk.listed(), "1 192.0.2.1 5; ");
  }
  world.wire.hits[1] += 7;
  {
    Desk desk(world);
    EXPECT_EQ(desk.listed(), "1 192.0.2.1 12; ");
    world.wire.hits[1] += 0xffff'ffff;
    desk.turn();
  }
  Desk desk(world);
  ++world.wire.hits[1];
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 4294967308; ");
}

TEST(BlockHits, BeginAtNothingUnderAnotherWireProcess) {
  World world;
  {
    Desk desk(world);
    ASSERT_TRUE(desk.add("192.0.2.1"));
    world.wire.hits[1] += 5;
    desk.turn();
  }
  world.wire = {};
  world.wire.hits[1] = 3;
  Desk desk(world);
  EXPECT_EQ(desk.listed(), "1 192.0.2.1 0; ");
}

TEST(BlockHits, AreNotThoseOfABlockWithTheSameIdBeforeTheJournalWasLost) {
  World world;
  {
    Desk desk(world);
    ASSERT_TRUE(desk.add("192.0.2.1"));
    world.wire.hits[1] += 5;
    desk.turn();
  }
  std::filesystem::remove_all(world.dir.file(""));
  std::filesystem::create_directory(world.dir.file(""));
  world.time += kNsPerSecond;
  Desk desk(world);
  ASSERT_TRUE(desk.add("192.0.2.2"));
  EXPECT_EQ(desk.listed(), "1 192.0.2.2 0; ");
}

TEST(BlockHits, BeginAtNothingWhereABlockIsReplaced) {
  World world;
  world.wire.slot_count = 1;
  Desk desk(world);
  ASSERT_TRUE(desk.add("192.0.2.1"));
  world.wire.hits[0] += 5;
  ASSERT_TRUE(desk.add("192.0.2.1"));
  world.wire.hits[0] += 2;
  EXPECT_EQ(desk.listed(), "2 192.0.2.1 2; ");
}

}  // namespace
}  // namespace sluice
