// Lists that are put together from several workers.
#include "dataplane/keeper_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kNumber = 17;

/// Workers whose tables hold flows of one packet each.
class RowRequestsTest : public ::testing::Test {
 protected:
  static constexpr unsigned kWorkers = 3;

  RowRequestsTest() : rows_(seats()) {
    for (auto& tracker : trackers_) {
      tracker = std::move(*FlowTracker::create({.flows = 64, .half_open = 16, .started = kStart},
                                               kFlowKey, arena_, {}));
    }
  }

  void open(unsigned worker, std::uint32_t bytes) {
    Talk talk;
    talk.client = 0x0a000000 + ++clients_;
    talk.protocol = 17;
    Burst burst;
    burst.packets[burst.count++] = packet_of(talk, true, kStart, bytes);
    FlowTracker& tracker = *trackers_[worker];
    tracker.guess(burst);
    tracker.find(burst, settings_.flows);
    tracker.track(burst, settings_, 1);
  }

  Status ask(const RowQuery& query, RequestKind kind = RequestKind::list_flows) {
    return rows_.take(kind, kNumber, encode(query));
  }
  void turn_workers() {
    for (unsigned i = 0; i < kWorkers; ++i) {
      const RowTables tables{trackers_[i].get(), nullptr, nullptr, static_cast<std::uint8_t>(i)};
      if (seats_[i].is_asked()) seats_[i].answer_some(tables, kStart, 8);
    }
  }
  std::optional<RowAnswer> turn_until_answered() {
    for (unsigned turn = 0; turn < 1000; ++turn) {
      if (auto answer = rows_.turn()) return answer;
      turn_workers();
    }
    return std::nullopt;
  }
  /// Bytes of the flows of the next reply.
  std::vector<std::uint64_t> shown() {
    const auto answer = turn_until_answered();
    EXPECT_TRUE(answer.has_value());
    const auto reply = decode_as<FlowRows>(answer->body);
    EXPECT_TRUE(reply.has_value());
    next_ = reply->next;
    std::vector<std::uint64_t> bytes;
    for (const FlowRecord& row : reply->rows) bytes.push_back(row.bytes[0]);
    return bytes;
  }

  std::vector<RequestSeat*> seats() {
    std::vector<RequestSeat*> list;
    for (RequestSeat& seat : seats_) list.push_back(&seat);
    return list;
  }

  MemoryArena arena_;
  PolicySettings settings_;
  std::array<std::unique_ptr<FlowTracker>, kWorkers> trackers_;
  std::array<RequestSeat, kWorkers> seats_;
  RowRequests rows_;
  std::uint32_t clients_ = 0;
  std::uint64_t next_ = 0;
};

TEST_F(RowRequestsTest, GoFromWorkerToWorkerInOrder) {
  open(2, 301);
  open(0, 101);
  open(1, 201);
  open(0, 102);
  ASSERT_TRUE(ask({.most = 10}));
  EXPECT_THAT(shown(), ElementsAre(101, 102, 201, 301));
  EXPECT_EQ(next_, 0U);
}

TEST_F(RowRequestsTest, ShowEverythingOnceInPagesOfAnySize) {
  std::vector<std::uint64_t> all;
  for (std::uint32_t i = 0; i < 30; ++i) {
    open(i / 10, 100 + i);
    all.push_back(100 + i);
  }
  for (std::uint32_t most = 1; most <= 31; ++most) {
    std::vector<std::uint64_t> seen;
    std::uint64_t cursor = 0;
    do {
      ASSERT_TRUE(ask({.cursor = cursor, .most = most}));
      const auto page = shown();
      EXPECT_LE(page.size(), most);
      seen.insert(seen.end(), page.begin(), page.end());
      cursor = next_;
    } while (cursor != 0);
    EXPECT_EQ(seen, all) << most;
  }
}

TEST_F(RowRequestsTest, PutTheLargestOfAllWorkersFirst) {
  for (std::uint32_t i = 0; i < 30; ++i) open(i % kWorkers, 100 + i * 7 % 30);
  ASSERT_TRUE(ask({.most = 4, .largest = true}));
  EXPECT_THAT(shown(), ElementsAre(129, 128, 127, 126));
  EXPECT_EQ(next_, 0U);
}

TEST_F(RowRequestsTest, AnswerNothingForACursorBehindTheEnd) {
  open(0, 100);
  for (const std::uint64_t cursor : {std::uint64_t{kWorkers} << 48, ~std::uint64_t{0},
                                     (std::uint64_t{kWorkers - 1} << 48) + 0xffff'ffff'ffff}) {
    ASSERT_TRUE(ask({.cursor = cursor}));
    EXPECT_THAT(shown(), IsEmpty());
    EXPECT_EQ(next_, 0U);
  }
}

TEST_F(RowRequestsTest, AreAnsweredInTheirOrderWithTheirNumbers) {
  open(0, 100);
  ASSERT_TRUE(rows_.take(RequestKind::list_flows, 5, encode(RowQuery{})));
  ASSERT_TRUE(rows_.take(RequestKind::list_flows, 4, encode(RowQuery{})));
  EXPECT_EQ(turn_until_answered()->number, 5U);
  EXPECT_EQ(turn_until_answered()->number, 4U);
  EXPECT_FALSE(rows_.is_waiting());
}

TEST_F(RowRequestsTest, WaitInABoundedQueue) {
  for (std::size_t i = 0; i < kRowRequestsMax; ++i) ASSERT_TRUE(ask({}));
  const Status refused = ask({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::limit);
}

TEST_F(RowRequestsTest, RefuseWhatNoHonestPeerAsks) {
  EXPECT_FALSE(ask({.most = 0}));
  EXPECT_FALSE(ask({.most = kRowsPerReplyMax + 1}));
  EXPECT_FALSE(ask({.most = kLargestRowsMax + 1, .largest = true}));
  EXPECT_FALSE(ask({.cursor = 1, .largest = true}));
  EXPECT_FALSE(ask({.largest = true}, RequestKind::list_sources));
  auto body = encode(RowQuery{});
  body.pop_back();
  EXPECT_FALSE(rows_.take(RequestKind::list_flows, kNumber, body));
  EXPECT_FALSE(rows_.is_waiting());
}

TEST_F(RowRequestsTest, ThrowAwayWhatAProcessAskedThatIsGone) {
  open(0, 100);
  ASSERT_TRUE(ask({}));
  ASSERT_TRUE(ask({}));
  EXPECT_FALSE(rows_.turn());
  rows_.forget_all();
  ASSERT_TRUE(rows_.take(RequestKind::list_flows, 99, encode(RowQuery{})));
  EXPECT_EQ(turn_until_answered()->number, 99U);
  EXPECT_FALSE(rows_.is_waiting());
}

TEST(RowQueries, ComeOverAsTheyWere) {
  RowQuery query{.cursor = 0, .most = 7, .refused_only = true, .largest = true};
  query.touching.length = 8;
  const auto read = decode_as<RowQuery>(encode(query));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->most, 7U);
  EXPECT_EQ(read->touching, query.touching);
  EXPECT_TRUE(read->refused_only && read->largest);
}

}  // namespace
}  // namespace sluice::test
