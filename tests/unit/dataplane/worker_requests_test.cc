// What a worker shows of its tables, a few slots at a time.
#include "dataplane/worker_requests.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "dataplane/limit/rate_limiter.h"
#include "tests/unit/dataplane/flow_fixture.h"

namespace sluice::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr SipKey kSourceKey{3, 4};
constexpr std::uint8_t kWorker = 5;

IpPrefix prefix(const std::string& text) {
  auto parsed = parse_ip_prefix(text);
  SLUICE_CHECK(parsed, "the test says what it means");
  return *parsed;
}

class RequestSeatTest : public FlowTest {
 protected:
  void SetUp() override {
    FlowTest::SetUp();
    LimitsConfig config;
    config.source.packets = {.rate = 10, .burst = 10};
    auto compiled = compile_limits(config, {});
    ASSERT_TRUE(compiled.has_value());
    limits_ = *compiled;
    auto made = RateLimiter::create({64, kSourceKey, nullptr}, arena);
    ASSERT_TRUE(made.has_value());
    limiter_ = std::move(*made);
  }

  /// A UDP flow of one packet, whose client is number `client`.
  Packet open(std::uint32_t client, std::uint32_t bytes = 100) {
    Talk other = talk;
    other.client = 0x0a000000 + client;
    other.protocol = 17;
    return send(packet_of(other, true, now, bytes));
  }
  void charge(const std::string& source, unsigned packets) {
    std::array<std::uint8_t, 64> bytes{};
    const IpAddress address = *parse_ip_address(source);
    std::copy_n(address.bytes.begin(), 4, bytes.begin() + 12);
    Burst one;
    one.count = 1;
    for (; packets > 0; --packets) {
      Packet& packet = one.packets[0] = {};
      packet.bytes = bytes.data();
      packet.ip_version = 4;
      packet.now = now;
      packet.frames = 1;
      packet.wire_bytes = 100;
      limiter_->limit(one, limits_);
    }
  }

  /// Runs a question to its end; how many turns it took.
  unsigned run(RequestKind kind, const RowQuery& query, std::uint32_t first_slot = 0) {
    if (seat_.is_answered()) seat_.close();
    EXPECT_TRUE(seat_.is_idle());
    seat_.ask(kind, query, first_slot);
    unsigned turns = 0;
    for (; seat_.is_asked(); ++turns) {
      seat_.answer_some({tracker.get(), limiter_.get(), &limits_, kWorker}, now, 4);
    }
    return turns;
  }
  std::vector<std::uint64_t> bytes_shown() const {
    std::vector<std::uint64_t> shown;
    for (const FlowRecord& row : seat_.flows()) shown.push_back(row.bytes[0]);
    return shown;
  }

  CompiledLimits limits_;
  std::unique_ptr<RateLimiter> limiter_;
  RequestSeat seat_;
};

TEST_F(RequestSeatTest, LooksAtAFewSlotsInATurn) {
  for (std::uint32_t client = 1; client <= 20; ++client) open(client);
  EXPECT_EQ(run(RequestKind::list_flows, {}), 6U);
  EXPECT_EQ(seat_.flows().size(), 20U);
  EXPECT_EQ(seat_.next_slot(), kNoSlot);
}

TEST_F(RequestSeatTest, GoesOnWhereThePageBeforeEnded) {
  for (std::uint32_t client = 1; client <= 10; ++client) open(client, 100 + client);
  run(RequestKind::list_flows, {.most = 4});
  EXPECT_THAT(bytes_shown(), ElementsAre(101, 102, 103, 104));
  const std::uint32_t next = seat_.next_slot();
  ASSERT_NE(next, kNoSlot);
  run(RequestKind::list_flows, {.most = 64}, next);
  EXPECT_THAT(bytes_shown(), ElementsAre(105, 106, 107, 108, 109, 110));
}

TEST_F(RequestSeatTest, ShowsTotalsUpToNowAndChangesNothing) {
  send(udp(true, now, 200));
  send(udp(false, now, 300));
  run(RequestKind::list_flows, {});
  ASSERT_EQ(seat_.flows().size(), 1U);
  const FlowRecord row = seat_.flows()[0];
  EXPECT_THAT(row.bytes, ElementsAre(200, 300));
  EXPECT_THAT(row.packets, ElementsAre(1, 1));
  EXPECT_EQ(row.worker, kWorker);
  EXPECT_EQ(row.end, FlowEnd::none);
  EXPECT_THAT(records, IsEmpty());
  tracker->flush(now);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].flow_number, row.flow_number);
  EXPECT_THAT(records[0].bytes, ElementsAre(200, 300));
}

TEST_F(RequestSeatTest, LeavesOutFlowsPastTheirTimeout) {
  open(1);
  now += settings.flows.udp_one_way;
  run(RequestKind::list_flows, {});
  EXPECT_THAT(seat_.flows(), IsEmpty());
}

TEST_F(RequestSeatTest, ShowsFlowsThatTouchAPrefixOnEitherSide) {
  for (std::uint32_t client = 1; client <= 4; ++client) open(client, 100 + client);
  run(RequestKind::list_flows, {.touching = prefix("10.0.0.2/31")});
  EXPECT_THAT(bytes_shown(), UnorderedElementsAre(102, 103));
  run(RequestKind::list_flows, {.touching = prefix("192.0.2.1")});
  EXPECT_EQ(seat_.flows().size(), 4U);
  run(RequestKind::list_flows, {.touching = prefix("2001:db8::/32")});
  EXPECT_THAT(seat_.flows(), IsEmpty());
}

TEST_F(RequestSeatTest, ShowsFlowsOfWhichPacketsWereRefused) {
  for (std::uint32_t client = 1; client <= 3; ++client) open(client, 100 + client);
  note_refused_packet(*open(4, 104).flow, 1);
  tracker->refuse(*open(5, 105).flow, DropReason::denied_prefix, 0);
  run(RequestKind::list_flows, {.refused_only = true});
  EXPECT_THAT(bytes_shown(), UnorderedElementsAre(104, 105));
}

TEST_F(RequestSeatTest, KeepsTheLargestOfTheWholeTable) {
  std::vector<std::uint32_t> sizes(200);
  for (std::uint32_t i = 0; i < sizes.size(); ++i) sizes[i] = 100 + (i * 73) % 200;
  for (std::uint32_t i = 0; i < sizes.size(); ++i) open(i + 1, sizes[i]);
  run(RequestKind::list_flows, {.most = 5, .largest = true});
  EXPECT_THAT(bytes_shown(), UnorderedElementsAre(299, 298, 297, 296, 295));
  run(RequestKind::list_flows, {.most = 1000, .largest = true});
  EXPECT_EQ(seat_.flows().size(), kLargestRowsMax);
}

TEST_F(RequestSeatTest, ShowsWhatSourcesMayStillSend) {
  charge("192.0.2.1", 4);
  charge("198.51.100.1", 13);
  run(RequestKind::list_sources, {});
  ASSERT_EQ(seat_.sources().size(), 2U);
  std::set<std::string> shown;
  for (const SourceRow& row : seat_.sources()) {
    shown.insert(to_string(row.source) + " " + std::to_string(row.packets_left) + " " +
                 std::to_string(row.packets_refused));
    EXPECT_EQ(row.worker, kWorker);
    EXPECT_EQ(row.last_seen, now);
  }
  EXPECT_THAT(shown, UnorderedElementsAre("192.0.2.1/32 6 0", "198.51.100.1/32 0 3"));
  run(RequestKind::list_sources, {.touching = prefix("192.0.2.0/24"), .refused_only = true});
  EXPECT_THAT(seat_.sources(), IsEmpty());
}

TEST(SourceEntries, CountRefusalsUpToTheLargestNumber) {
  SourceEntry entry{};
  entry.note_refused(5);
  EXPECT_EQ(entry.refused, 5U);
  entry.note_refused(~0U - 7);
  EXPECT_EQ(entry.refused, ~0U - 2);
  entry.note_refused(10);
  EXPECT_EQ(entry.refused, ~0U);
}

}  // namespace
}  // namespace sluice::test
