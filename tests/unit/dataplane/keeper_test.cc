// The parts of the keeper that decide: heartbeats, links, pauses between restarts.
#include "dataplane/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Change = LinkFollower::Change;
using News = HeartbeatWatch::News;

constexpr TimeNs kStart = 1000 * kNsPerSecond;

TEST(HeartbeatWatch, TellsOnceOfAWorkerThatStandsStillAndOnceWhenItGoesOn) {
  HeartbeatWatch watch(2);
  EXPECT_THAT(watch.see(std::array<std::uint64_t, 2>{1, 1}, kStart), IsEmpty());
  EXPECT_THAT(watch.see(std::array<std::uint64_t, 2>{2, 1}, kStart + kNsPerSecond), IsEmpty());
  EXPECT_THAT(watch.see(std::array<std::uint64_t, 2>{3, 1}, kStart + kNsPerSecond + 1),
              ElementsAre(News{1, true}));
  EXPECT_FALSE(watch.all_move());
  EXPECT_THAT(watch.see(std::array<std::uint64_t, 2>{4, 1}, kStart + 2 * kNsPerSecond), IsEmpty());
  EXPECT_THAT(watch.see(std::array<std::uint64_t, 2>{5, 2}, kStart + 3 * kNsPerSecond),
              ElementsAre(News{1, false}));
  EXPECT_TRUE(watch.all_move());
}

TEST(AnswerWatch, BearsSilenceForHalfAMinute) {
  AnswerWatch watch(kStart);
  EXPECT_FALSE(watch.is_silent(kStart + 3 * kNsPerSecond));
  EXPECT_TRUE(watch.is_silent(kStart + 3 * kNsPerSecond + 1));
  EXPECT_TRUE(watch.is_borne(kStart + 30 * kNsPerSecond));
  EXPECT_FALSE(watch.is_borne(kStart + 30 * kNsPerSecond + 1));
}

TEST(AnswerWatch, CountsFromTheLastAnswer) {
  AnswerWatch watch(kStart);
  watch.hear(kStart + 29 * kNsPerSecond);
  EXPECT_FALSE(watch.is_silent(kStart + 32 * kNsPerSecond));
  EXPECT_TRUE(watch.is_borne(kStart + 59 * kNsPerSecond));
}

TEST(RestartPause, GrowsFromATenthToFiveSeconds) {
  RestartPause pause;
  const DurationNs short_life = kNsPerMs;
  EXPECT_EQ(pause.after(short_life), 100 * kNsPerMs);
  EXPECT_EQ(pause.after(short_life), 200 * kNsPerMs);
  EXPECT_EQ(pause.after(short_life), 400 * kNsPerMs);
  for (int i = 0; i < 40; ++i) static_cast<void>(pause.after(short_life));
  EXPECT_EQ(pause.after(short_life), 5 * kNsPerSecond);
}

TEST(RestartPause, ForgetsAfterAGoodLife) {
  RestartPause pause;
  for (int i = 0; i < 5; ++i) static_cast<void>(pause.after(0));
  EXPECT_EQ(pause.after(10 * kNsPerSecond), 100 * kNsPerMs);
}

/// Links that have been up for long.
LinkFollower settled(const std::vector<bool>& follows) {
  LinkFollower links(follows);
  for (std::size_t port = 0; port < follows.size(); ++port) links.see(port, true, 0);
  return links;
}

TEST(LinkFollower, GivesALinkThatWasNeverUpTimeToComeUp) {
  LinkFollower links({true, true});
  EXPECT_TRUE(links.see(0, false, kStart));
  EXPECT_THAT(links.due(kStart + 2 * kNsPerSecond), IsEmpty());
  EXPECT_THAT(links.due(kStart + 3 * kNsPerSecond), ElementsAre(Change{1, false}));
}

TEST(LinkFollower, TakesThePeerDownAfterAQuietMoment) {
  LinkFollower links = settled({true, true});
  links.see(0, false, kStart);
  EXPECT_THAT(links.due(kStart + 99 * kNsPerMs), IsEmpty());
  EXPECT_THAT(links.due(kStart + 100 * kNsPerMs), ElementsAre(Change{1, false}));
  EXPECT_THAT(links.due(kStart + kNsPerSecond), IsEmpty());
}

TEST(LinkFollower, BringsThePeerBack) {
  LinkFollower links = settled({true, true});
  links.see(0, false, kStart);
  static_cast<void>(links.due(kStart + kNsPerSecond));
  links.see(0, true, kStart + 2 * kNsPerSecond);
  EXPECT_THAT(links.due(kStart + 3 * kNsPerSecond), ElementsAre(Change{1, true}));
}

TEST(LinkFollower, DoesNotFollowAPortThatItTookDownItself) {
  LinkFollower links = settled({true, true});
  links.see(0, false, kStart);
  static_cast<void>(links.due(kStart + kNsPerSecond));
  links.see(1, false, kStart + kNsPerSecond + 1);
  EXPECT_THAT(links.due(kStart + 10 * kNsPerSecond), IsEmpty());
}

TEST(LinkFollower, NeverLetsTwoPortsHoldEachOtherDown) {
  LinkFollower links = settled({true, true});
  links.see(0, false, kStart);
  links.see(1, false, kStart);
  EXPECT_THAT(links.due(kStart + kNsPerSecond), IsEmpty());
  links.see(0, true, kStart + 2 * kNsPerSecond);
  EXPECT_THAT(links.due(kStart + 10 * kNsPerSecond), ElementsAre(Change{0, false}));
}

TEST(LinkFollower, WaitsLongerForALinkThatFlaps) {
  LinkFollower links = settled({true, true});
  TimeNs now = kStart;
  for (int i = 0; i < 5; ++i) {
    links.see(0, i % 2 != 0, now);
    now += 10 * kNsPerMs;
  }
  EXPECT_THAT(links.due(now + 500 * kNsPerMs), IsEmpty());
  EXPECT_THAT(links.due(now + 1600 * kNsPerMs), ElementsAre(Change{1, false}));
}

TEST(LinkFollower, LeavesPairsAloneThatDoNotAskForIt) {
  LinkFollower links = settled({false, false, true, true});
  links.see(0, false, kStart);
  links.see(2, false, kStart);
  EXPECT_THAT(links.due(kStart + kNsPerSecond), ElementsAre(Change{3, false}));
}

}  // namespace
}  // namespace sluice
