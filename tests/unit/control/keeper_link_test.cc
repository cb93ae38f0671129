#include "control/keeper_link.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "dataplane/parts_codec.h"

namespace sluice {
namespace {

constexpr TimeNs kStart = 1'700'000'000 * kNsPerSecond;

/// A link whose keeper is the test.
class KeeperLinkTest : public testing::Test {
 protected:
  KeeperLinkTest() : KeeperLinkTest(Channel::make_memory_pair()) {}
  explicit KeeperLinkTest(std::pair<Channel, Channel> ends)
      : keeper_(std::move(ends.first)), link_(std::move(ends.second)) {}

  void greet(std::uint64_t generation) {
    link_.obey({.kind = MessageKind::hello, .generation = generation}, kStart);
  }
  void publish() {
    link_.publish({}, {}, {},
                  [this](Result<std::uint64_t> result) { published_.push_back(result); });
  }
  void ask() {
    link_.request(RequestKind::list_flows, encode(RowQuery{}),
                  [this](Result<SealedView> result) { replied_.push_back(std::move(result)); });
  }
  /// What the keeper finds next; it must be there.
  Message next() {
    auto message = keeper_.try_receive();
    EXPECT_TRUE(message.has_value() && message->has_value());
    return message && *message ? std::move(**message) : Message{};
  }
  bool is_quiet() { return !keeper_.try_receive().value_or(std::nullopt).has_value(); }

  Channel keeper_;
  KeeperLink link_;
  std::vector<Result<std::uint64_t>> published_;
  std::vector<Result<SealedView>> replied_;
};

TEST_F(KeeperLinkTest, SendsNothingBeforeTheKeeperHasGreeted) {
  publish();
  ask();
  link_.turn(kStart);
  EXPECT_TRUE(is_quiet());
  greet(7);
  link_.turn(kStart);
  EXPECT_EQ(next().kind, MessageKind::publish_policy);
  EXPECT_EQ(next().kind, MessageKind::request);
}

TEST_F(KeeperLinkTest, SendsChangesOfBlocksBeforeListsOfRows) {
  greet(7);
  ask();
  link_.request(RequestKind::change_blocks, encode(BlockChanges{}), {});
  link_.turn(kStart);
  EXPECT_EQ(next().request, RequestKind::change_blocks);
  EXPECT_EQ(next().request, RequestKind::list_flows);
}

TEST_F(KeeperLinkTest, PublishesOneAfterTheOtherAndAnswersEach) {
  greet(7);
  publish();
  publish();
  link_.turn(kStart);
  EXPECT_EQ(next().generation, 8U);
  EXPECT_TRUE(is_quiet());
  link_.obey({.kind = MessageKind::ack, .generation = 8}, kStart);
  ASSERT_EQ(published_.size(), 1U);
  EXPECT_EQ(published_[0].value(), 8U);
  link_.turn(kStart);
  EXPECT_EQ(next().generation, 9U);
  link_.obey({.kind = MessageKind::refused, .generation = 9, .text = "too large"}, kStart);
  ASSERT_EQ(published_.size(), 2U);
  EXPECT_EQ(published_[1].error().message, "too large");
  EXPECT_EQ(link_.generation(), 8U);
}

TEST_F(KeeperLinkTest, PassesListsOnAsTheyAre) {
  greet(7);
  auto lists = make_memfd("test");
  const std::vector<ListEntry> sent = {
      {*parse_ip_prefix("10.0.0.0/8"), ListKind::deny, ListSide::source}};
  ASSERT_TRUE(lists && write_and_seal(lists->fd(), encode_lists(sent)));
  link_.publish({}, std::move(*lists), {}, {});
  link_.turn(kStart);
  const auto parts = parts_of(next());
  ASSERT_TRUE(parts.has_value()) << parts.error().message;
  EXPECT_FALSE(parts->keeps_lists);
  EXPECT_EQ(encode_lists(parts->lists), encode_lists(sent));
  link_.obey({.kind = MessageKind::ack, .generation = 8}, kStart);
  publish();
  link_.turn(kStart);
  EXPECT_TRUE(parts_of(next())->keeps_lists);
}

TEST_F(KeeperLinkTest, SendsABodyThatIsSealedAlready) {
  greet(7);
  auto body = make_memfd("test");
  ASSERT_TRUE(body && write_and_seal(body->fd(), encode(RowQuery{.cursor = 5})));
  link_.request(RequestKind::list_flows, std::move(*body), {});
  link_.turn(kStart);
  const Message asked = next();
  EXPECT_EQ(decode_as<RowQuery>(body_of(asked)->bytes())->cursor, 5U);
  link_.turn(kStart);
  EXPECT_TRUE(is_quiet());
}

TEST_F(KeeperLinkTest, GivesUpAPolicyThatIsNeverAnswered) {
  greet(1);
  publish();
  link_.turn(kStart);
  link_.turn(kStart + 21 * kNsPerSecond);
  ASSERT_EQ(published_.size(), 1U);
  EXPECT_EQ(published_[0].error().kind, ErrorKind::unavailable);
}

TEST_F(KeeperLinkTest, GivesUpWhatWasAskedBeforeAnyGreeting) {
  publish();
  ask();
  link_.turn(kStart);
  link_.turn(kStart + 21 * kNsPerSecond);
  EXPECT_EQ(published_.size(), 1U);
  EXPECT_EQ(replied_.size(), 1U);
}

TEST_F(KeeperLinkTest, MatchesRepliesToRequestsByNumber) {
  greet(1);
  ask();
  ask();
  link_.turn(kStart);
  const std::uint64_t first = next().generation;
  const std::uint64_t second = next().generation;
  ASSERT_TRUE(keeper_.try_send_body(MessageKind::reply, RequestKind::list_flows, second,
                                    encode(FlowRows{.next = 5, .rows = {}})));
  // What the control end would read from its channel:
  auto message = link_.channel().try_receive();
  ASSERT_TRUE(message && *message);
  link_.obey(**message, kStart);
  ASSERT_EQ(replied_.size(), 1U);
  EXPECT_EQ(decode_as<FlowRows>(replied_[0].value().bytes())->next, 5U);
  link_.obey({.kind = MessageKind::denied, .generation = first, .text = "busy"}, kStart);
  ASSERT_EQ(replied_.size(), 2U);
  EXPECT_EQ(replied_[1].error().message, "busy");
}

TEST_F(KeeperLinkTest, IgnoresAnswersToWhatNobodyAsked) {
  greet(1);
  link_.obey({.kind = MessageKind::ack, .generation = 99}, kStart);
  link_.obey({.kind = MessageKind::denied, .generation = 99}, kStart);
  EXPECT_TRUE(published_.empty());
  EXPECT_TRUE(replied_.empty());
}

}  // namespace
}  // namespace sluice
