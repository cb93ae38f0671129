// What a control process takes up that another one left.
#include <gtest/gtest.h>

#include <string>

#include "control/reload.h"
#include "tests/unit/control/reload_rig.h"

namespace sluice {
namespace {

using test::ReloadRig;
using test::RigWorld;

constexpr DurationNs kMinute = 60 * kNsPerSecond;

TEST(ReloadResume, KnowsWhatIsInForceAfterTheControlProcessCameBack) {
  RigWorld world;
  {
    ReloadRig rig(world);
    rig.settle();
    world.write("flows: {table_full: drop_flow}");
    ASSERT_TRUE(rig.reload().has_value());
    ASSERT_TRUE(rig.mode(Mode::monitor).has_value());
    ASSERT_TRUE(rig.bypass(kMinute).has_value());
  }
  const std::size_t published = world.published.size();
  world.write("mode: nonsense");  // the file is not looked at
  ReloadRig rig(world);
  rig.settle();
  EXPECT_EQ(world.published.size(), published);
  EXPECT_EQ(rig->in_force()->id, 2U);
  EXPECT_EQ(rig->mode(), Mode::monitor);
  EXPECT_EQ(rig->bypasses().entries().size(), 1U);
  EXPECT_EQ(rig.bypass(kMinute)->value, 2U);  // ids are not given twice
  EXPECT_EQ(world.last().flows.table_full, ExceptionPolicy::drop_flow);
}

TEST(ReloadResume, TakesBackWhatNobodyConfirmedWhileItWasAway) {
  RigWorld world;
  {
    ReloadRig rig(world);
    rig.settle();
    world.write("mode: monitor");
    ASSERT_TRUE(rig.reload(kMinute).has_value());
  }
  {
    ReloadRig rig(world);
    rig.settle();
    EXPECT_EQ(rig->mode(), Mode::monitor);
    ASSERT_TRUE(rig->pending().has_value());
  }
  world.now += 2 * kMinute;
  ReloadRig rig(world);
  rig.settle();
  EXPECT_EQ(rig->mode(), Mode::enforce);
  EXPECT_EQ(world.last().mode, Mode::enforce);
}

TEST(ReloadResume, PublishesTheKnownStateWhereItDiedWithinAChange) {
  RigWorld world;
  {
    ReloadRig rig(world);
    rig.settle();
    world.write("mode: monitor\nlists:\n  deny:\n    source: [10.1.0.0/16]");
    rig->reload(ReloadRig::caller(), kMinute, [](const Result<ReloadAnswer>&) { FAIL(); });
    world.keeper = RigWorld::Keeper::is_silent;
    rig.settle();
  }
  world.keeper = RigWorld::Keeper::obeys;
  world.generation = 2;  // the keeper did take it
  ReloadRig rig(world);
  rig.settle();
  ASSERT_EQ(world.published.size(), 1U);
  EXPECT_EQ(world.last().mode, Mode::enforce);
  EXPECT_FALSE(world.published.back().keeps_lists);
  EXPECT_TRUE(world.published.back().lists.empty());
  EXPECT_FALSE(rig->pending().has_value());
  world.write("mode: monitor");
  EXPECT_TRUE(rig.reload().has_value());
}

TEST(ReloadResume, DropsModeAndBypassesWithTheWireProcess) {
  RigWorld world;
  {
    ReloadRig rig(world);
    rig.settle();
    ASSERT_TRUE(rig.mode(Mode::monitor).has_value());
    ASSERT_TRUE(rig.bypass(kMinute).has_value());
  }
  world.wire_started += kNsPerSecond;
  world.generation = 1;
  ReloadRig rig(world);
  rig.settle();
  EXPECT_EQ(rig->mode(), Mode::enforce);
  EXPECT_TRUE(rig->bypasses().entries().empty());
  EXPECT_EQ(rig->history().entries().size(), 1U);  // the same file is the same entry
}

TEST(ReloadResume, StartsAnewFromADamagedState) {
  RigWorld world;
  {
    ReloadRig rig(world);
    rig.settle();
  }
  for (const char* text : {"", "x",
                           "0123456789012345678901234567890123456789012345678901234567890"
                           "123456789"}) {
    world.dir.write("runtime.state", text);
    ReloadRig rig(world);
    rig.settle();
    EXPECT_NE(rig->in_force(), nullptr);
    EXPECT_TRUE(rig.reload().has_value());
  }
}

TEST(ReloadResume, WaitsForAValidFileWhereTheStartIsNotKnown) {
  RigWorld world;
  world.write("mode: nonsense");
  ReloadRig rig(world);
  rig.settle();
  EXPECT_EQ(rig->in_force(), nullptr);
  EXPECT_EQ(rig.mode(Mode::monitor).error().kind, ErrorKind::unavailable);
  world.write("mode: monitor");
  ASSERT_TRUE(rig.reload().has_value());
  EXPECT_FALSE(world.published.back().keeps_lists);
  EXPECT_TRUE(rig.mode(Mode::enforce).has_value());
}

}  // namespace
}  // namespace sluice
