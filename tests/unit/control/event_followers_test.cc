#include "control/event_followers.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/control/records.h"

namespace sluice {
namespace {

using Json = nlohmann::json;

class CountingSink final : public EventSink {
 public:
  void flow(const FlowRecord&) noexcept override { ++flows; }
  void drop(const DropRecord&) noexcept override { ++drops; }
  void inspection(const InspectRecord&) noexcept override { ++inspections; }
  void stats(const StatsSnapshot&) noexcept override { ++snapshots; }
  void end_turn(TimeNs) noexcept override { ++turns; }
  [[nodiscard]] EventCounts counts() const noexcept override { return {flows, 2, 3}; }
  std::uint64_t flows = 0, drops = 0, inspections = 0, snapshots = 0, turns = 0;
};

const FlowRecord kFlow = test::flow_record({"192.0.2.1", "198.51.100.2", 40000, 80});
const DropRecord kDrop = test::drop_record({"192.0.2.1", "198.51.100.2", 40000, 80});

EventTypes types(std::vector<std::string> names) { return event_types(names).value(); }

struct Shown {
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
};
Shown take_all(EventFollowers& followers, std::string_view name) {
  Shown shown;
  while (const auto next = followers.take(name)) {
    shown.lost += next->lost;
    shown.events += next->event == nullptr ? 0 : 1;
  }
  return shown;
}

TEST(EventFollowers, PassEverythingOn) {
  CountingSink sink;
  EventFollowers followers(sink, {});
  ASSERT_TRUE(followers.follow("a", 0, kEventTypesAll));
  followers.flow(kFlow);
  followers.drop(kDrop);
  followers.stats({});
  followers.end_turn(1);
  EXPECT_EQ(sink.flows + sink.drops + sink.snapshots + sink.turns, 4U);
  EXPECT_EQ(followers.counts().lost_queue, 2U);
}

TEST(EventFollowers, ShowTheEventAsTheFileHasIt) {
  CountingSink sink;
  EveContext context;
  context.port_names = {"outside0"};
  EventFollowers followers(sink, context);
  ASSERT_TRUE(followers.follow("a", 0, kEventTypesAll));
  followers.drop(kDrop);
  const auto next = followers.take("a");
  ASSERT_TRUE(next && next->event);
  EveFormatter formatter(context);
  std::string line(kEveLineBytesMax, '\0');
  line.resize(formatter.drop(kDrop, line) - 1);
  EXPECT_EQ(*next->event, line);
  EXPECT_FALSE(followers.take("a"));
}

TEST(EventFollowers, ShowOnlyTheKindsThatWereAskedFor) {
  CountingSink sink;
  EventFollowers followers(sink, {});
  ASSERT_TRUE(followers.follow("drops", 0, types({"drop"})));
  ASSERT_TRUE(followers.follow("rest", 0, types({"flow", "stats"})));
  followers.flow(kFlow);
  followers.drop(kDrop);
  followers.stats({});
  EXPECT_EQ(take_all(followers, "drops").events, 1U);
  EXPECT_EQ(take_all(followers, "rest").events, 2U);
}

TEST(EventFollowers, KnowMessagesOfApplicationsByTheirService) {
  CountingSink sink;
  EventFollowers followers(sink, {});
  ASSERT_TRUE(followers.follow("a", 0, types({"dns", "alert"})));
  const test::Ends ends{"192.0.2.1", "198.51.100.2", 40000, 80};
  followers.inspection(test::alert_record(ends));
  followers.inspection(
      test::transaction_record(ends, Service::http, {{Buffer::http_method, "GET"}}));
  followers.inspection(
      test::transaction_record(ends, Service::dns, {{Buffer::payload, "123456789012"}}));
  followers.inspection(test::transaction_record(ends, Service::smb, {}));
  EXPECT_EQ(take_all(followers, "a").events, 2U);
  EXPECT_EQ(sink.inspections, 4U);
}

TEST(EventFollowers, RefuseAKindThatThereIsNot) {
  const auto none = event_types(std::vector<std::string>{"drops"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "types: no events of type 'drops': flow, drop, stats, alert, anomaly, http, dns, tls, "
            "ssh, smtp, ftp, quic");
  EXPECT_EQ(none.error().hint, "did you mean 'drop'?");
  EXPECT_EQ(types({}), kEventTypesAll);
}

TEST(EventFollowers, ShowNothingFromBeforeAndAfter) {
  CountingSink sink;
  EventFollowers followers(sink, {});
  followers.drop(kDrop);
  ASSERT_TRUE(followers.follow("a", 0, kEventTypesAll));
  EXPECT_FALSE(followers.take("a"));
  followers.drop(kDrop);
  followers.unfollow("a");
  EXPECT_FALSE(followers.is_following("a"));
  EXPECT_FALSE(followers.take("a"));
}

TEST(EventFollowers, LoseTheOldestOfASlowFollowerAndCountThemWhereTheyWere) {
  CountingSink sink;
  EventFollowers followers(sink, {});
  ASSERT_TRUE(followers.follow("slow", 0, kEventTypesAll));
  ASSERT_TRUE(followers.follow("quick", 0, kEventTypesAll));
  DropRecord record = kDrop;
  std::uint64_t quick = 0;
  constexpr std::uint64_t kEvents = 5000;
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    if (i % 1000 == 0) followers.end_turn((i / 1000 + 1) * EventFollowers::kWindow);
    record.tcp_sequence = static_cast<std::uint32_t>(i);
    followers.drop(record);
    quick += take_all(followers, "quick").events;
  }
  EXPECT_EQ(quick, kEvents) << "one slow follower costs the others nothing";
  const auto first = followers.take("slow");
  ASSERT_TRUE(first && first->event);
  EXPECT_EQ(Json::parse(*first->event)["drop"]["tcpseq"], first->lost);
  const Shown rest = take_all(followers, "slow");
  EXPECT_EQ(rest.lost, 0U);
  EXPECT_EQ(first->lost + 1 + rest.events, kEvents);
  EXPECT_EQ(followers.lost(), first->lost);
}

TEST(EventFollowers, FormatNoMoreThanABudgetInAWindow) {
  CountingSink sink;
  EventFollowers followers(sink, {});
  ASSERT_TRUE(followers.follow("a", 0, kEventTypesAll));
  followers.end_turn(kNsPerSecond);
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  for (std::uint32_t i = 0; i < EventFollowers::kLinesPerWindow + 10; ++i) {
    followers.end_turn(kNsPerSecond + i);  // turns that follow at once do not add to it
    followers.drop(kDrop);
    const Shown shown = take_all(followers, "a");
    events += shown.events;
    lost += shown.lost;
  }
  EXPECT_EQ(events, EventFollowers::kLinesPerWindow);
  EXPECT_EQ(lost, 10U);
  followers.end_turn(kNsPerSecond + EventFollowers::kWindow);
  followers.drop(kDrop);
  EXPECT_EQ(take_all(followers, "a").events, 1U);
}

TEST(EventFollowers, AreBoundedInNumber) {
  CountingSink sink;
  EventFollowers followers(sink, {});
  for (std::size_t i = 0; i < EventFollowers::kFollowersMax; ++i) {
    ASSERT_TRUE(
        followers.follow(std::to_string(i), static_cast<std::uint32_t>(i / 4), kEventTypesAll));
  }
  EXPECT_EQ(followers.follow("more", 9, kEventTypesAll).error().kind, ErrorKind::limit);
  followers.unfollow("0");
  EXPECT_TRUE(followers.follow("more", 9, kEventTypesAll));
}

TEST(EventFollowers, AreBoundedInNumberOfOneUser) {
  CountingSink sink;
  EventFollowers followers(sink, {});
  for (const char* name : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(followers.follow(name, 1001, kEventTypesAll));
  }
  EXPECT_EQ(followers.follow("e", 1001, kEventTypesAll).error().kind, ErrorKind::limit);
  EXPECT_TRUE(followers.follow("e", 1002, kEventTypesAll));
  followers.unfollow("b");
  EXPECT_TRUE(followers.follow("f", 1001, kEventTypesAll));
}

}  // namespace
}  // namespace sluice
