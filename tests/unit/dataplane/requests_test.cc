#include "dataplane/requests.h"

#include <algorithm>
#include <cstring>
#include <span>

#include <gtest/gtest.h>

namespace sluice {
namespace {

BlockChanges some_changes() {
  BlockEntry source;
  source.id = 7;
  source.until = 12'345;
  source.prefix = *parse_ip_prefix("2001:db8::/32");
  BlockEntry flow;
  flow.id = 8;
  flow.kind = BlockKind::flow;
  flow.low = *parse_ip_address("192.0.2.1");
  flow.high = *parse_ip_address("198.51.100.2");
  flow.low_port = 80;
  flow.high_port = 4242;
  flow.protocol = 6;
  return {.replaces_all = true, .added = {source, flow}, .removed = {1, 2, 3}};
}

SourceRows some_sources() {
  SourceRow row;
  row.source = *parse_ip_prefix("192.0.2.0/24");
  row.last_seen = 5;
  row.packets_refused = 6;
  row.packets_left = 7;
  row.bytes_left = 8;
  row.worker = 3;
  return {.next = 9, .rows = {row, row}};
}

FlowRows some_flows() {
  FlowRecord record;
  std::memset(static_cast<void*>(&record), 0x5a, sizeof record);
  return {.next = 1, .rows = {record}};
}

RowQuery some_query() {
  return {
      .cursor = 77, .most = 64, .touching = *parse_ip_prefix("10.0.0.0/8"), .refused_only = true};
}

/// Everything is back after a trip, and no part of the bytes is taken for the whole.
template <class T>
void expect_exact(const T& value) {
  const std::vector<std::byte> bytes = encode(value);
  const auto back = decode_as<T>(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_as<T>(std::span(bytes).first(size))) << size;
  }
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_as<T>(longer));
}

TEST(Requests, EveryBodyComesBackAsItWentAndNoPartOfItDoes) {
  expect_exact(BlockChanges{});
  expect_exact(some_changes());
  expect_exact(BlockReceipt{.active = 3, .slots = {0, 5, kBlocksMax - 1}});
  expect_exact(some_query());
  expect_exact(some_flows());
  expect_exact(some_sources());
}

TEST(Requests, FieldsOfABlockComeBack) {
  const auto back = decode_as<BlockChanges>(encode(some_changes()));
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->replaces_all);
  EXPECT_EQ(back->removed, (std::vector<std::uint64_t>{1, 2, 3}));
  ASSERT_EQ(back->added.size(), 2U);
  EXPECT_EQ(back->added[0].until, 12'345U);
  EXPECT_EQ(to_string(back->added[0].prefix), "2001:db8::/32");
  EXPECT_EQ(back->added[1].kind, BlockKind::flow);
  EXPECT_EQ(to_string(back->added[1].high), "198.51.100.2");
  EXPECT_EQ(back->added[1].high_port, 4242);
}

TEST(Requests, ValuesOutOfTheirRangeAreRefused) {
  const auto is_taken = [](auto&& change) {
    BlockChanges changes = some_changes();
    change(changes);
    return decode_as<BlockChanges>(encode(changes)).has_value();
  };
  EXPECT_TRUE(is_taken([](BlockChanges&) {}));
  EXPECT_FALSE(is_taken([](BlockChanges& c) { c.added[0].id = 0; }));
  EXPECT_FALSE(is_taken([](BlockChanges& c) { c.removed[0] = 0; }));
  EXPECT_FALSE(is_taken([](BlockChanges& c) { c.added[0].prefix.length = 129; }));
  EXPECT_FALSE(is_taken([](BlockChanges& c) { c.added[0].prefix.address.version = 5; }));
  EXPECT_FALSE(is_taken([](BlockChanges& c) { c.added[1].low.version = 6; }));
  EXPECT_FALSE(is_taken([](BlockChanges& c) { c.added[1].kind = static_cast<BlockKind>(2); }));
  RowQuery query = some_query();
  query.most = kRowsPerReplyMax + 1;
  EXPECT_FALSE(decode_as<RowQuery>(encode(query)));
  query.most = 0;
  EXPECT_FALSE(decode_as<RowQuery>(encode(query)));
  EXPECT_FALSE(decode_as<BlockReceipt>(encode(BlockReceipt{.active = 0, .slots = {kBlocksMax}})));
}

TEST(Requests, AWholeSetWrittenInPiecesIsTheSameAsAtOnce) {
  BlockChanges all = some_changes();
  all.removed.clear();
  auto body = WholeBlocksBody::begin();
  ASSERT_TRUE(body.has_value());
  for (const BlockEntry& block : all.added) ASSERT_TRUE(body->append(std::span(&block, 1)));
  const auto sealed = body->seal();
  ASSERT_TRUE(sealed.has_value()) << sealed.error().message;
  const auto view = SealedView::map(sealed->fd(), kRequestBytesMax);
  ASSERT_TRUE(view.has_value()) << view.error().message;
  const auto expected = encode(all);
  EXPECT_TRUE(std::ranges::equal(view->bytes(), expected));
}

TEST(Requests, SlotsOfAReceiptAreReadWhereTheyAre) {
  const auto bytes = encode(BlockReceipt{.active = 3, .slots = {7, 5, kBlocksMax - 1}});
  const auto slots = ReceiptSlots::of(bytes);
  ASSERT_TRUE(slots.has_value());
  ASSERT_EQ(slots->size(), 3U);
  EXPECT_EQ(slots->at(0), 7U);
  EXPECT_EQ(slots->at(2), kBlocksMax - 1);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ReceiptSlots::of(std::span(bytes).first(size))) << size;
  }
}

TEST(Requests, ALengthBeyondTheBytesAllocatesNothing) {
  std::vector<std::byte> bytes = encode(BlockReceipt{});
  std::memset(bytes.data() + bytes.size() - 4, 0xff, 4);
  EXPECT_FALSE(decode_as<BlockReceipt>(bytes));
}

}  // namespace
}  // namespace sluice
