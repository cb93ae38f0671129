#include "dataplane/limit/block_filter.h"

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

using test::PacketBuilder;

constexpr std::uint32_t kCapacity = 64;
constexpr std::uint32_t kAllSampled = 1;
constexpr std::uint32_t kNoneSampled = 0;

/// One table, one worker's filter, one burst of frames that were not decoded.
class BlockFilterTest : public testing::Test {
 protected:
  BlockFilterTest() {
    auto made = BlockTable::create(kCapacity, {1, 2}, arena_);
    SLUICE_CHECK(made, "a small table");
    table_ = std::move(*made);
    filter_ = std::make_unique<BlockFilter>(SipKey{3, 4}, table_.get(), BlockHits(hits_));
    lists_ = lists_of({});
  }
  static std::unique_ptr<const PrefixTable> lists_of(const std::vector<ListEntry>& entries) {
    auto table = PrefixTable::build(entries, {5, 6});
    SLUICE_CHECK(table, "the entries are valid");
    return std::move(*table);
  }
  std::uint32_t block(const std::string& prefix, TimeNs until = 100) {
    BlockEntry entry;
    entry.prefix = *parse_ip_prefix(prefix);
    return table_->insert(block_key(entry), ++id_, until);
  }
  Packet& add(const std::string& source, const std::string& destination) {
    const bool v6 = source.find(':') != std::string::npos;
    PacketBuilder builder;
    builder.eth();
    v6 ? builder.ipv6(source, destination) : builder.ipv4(source, destination);
    frames_.push_back(std::make_unique<test::Bytes>(builder.udp(5000, 53).build()));
    Packet& packet = burst_.packets[burst_.count++];
    std::memset(static_cast<void*>(&packet), 0, sizeof packet);
    packet.bytes = frames_.back()->data();
    packet.bytes_at_hand = static_cast<std::uint32_t>(frames_.back()->size());
    packet.frames = 1;
    packet.verdict = {};
    return packet;
  }
  void filter(std::uint32_t sample, std::uint32_t spared = 0) {
    outer_.find(burst_, filter_->wanted(), spared);
    filter_->filter_outer_sources(burst_, outer_, *lists_, sample);
    outer_.refuse_in_place(burst_);
  }
  static bool is_refused(const Packet& packet) {
    return packet.verdict.action == Action::drop &&
           packet.verdict.reason == DropReason::blocked_source;
  }

  MemoryArena arena_;
  std::unique_ptr<BlockTable> table_;
  std::array<std::atomic<std::uint32_t>, kCapacity> hits_{};
  std::unique_ptr<BlockFilter> filter_;
  std::unique_ptr<const PrefixTable> lists_;
  std::vector<std::unique_ptr<test::Bytes>> frames_;
  Burst burst_;
  OuterSources outer_;
  std::uint64_t id_ = 0;
};

TEST_F(BlockFilterTest, RefusesBlockedSourcesOfBothFamiliesAndCountsThemByBlock) {
  const std::uint32_t v4 = block("192.0.2.0/24");
  const std::uint32_t v6 = block("2001:db8::7");
  const Packet& first = add("192.0.2.1", "10.0.0.1");
  const Packet& second = add("2001:db8::7", "2001:db8::1");
  const Packet& third = add("192.0.2.2", "10.0.0.1");
  const Packet& other = add("10.0.0.1", "192.0.2.1");
  filter(kNoneSampled);
  EXPECT_TRUE(is_refused(first));
  EXPECT_TRUE(is_refused(second));
  EXPECT_TRUE(is_refused(third));
  EXPECT_TRUE(other.is_undecided());
  EXPECT_EQ(hits_[v4].load(), 2U);
  EXPECT_EQ(hits_[v6].load(), 1U);
}

TEST_F(BlockFilterTest, LeavesASampledDropToBeDecodedAndCountsItOnce) {
  const std::uint32_t slot = block("192.0.2.1");
  const Packet& packet = add("192.0.2.1", "10.0.0.1");
  filter(kAllSampled);
  EXPECT_TRUE(packet.is_undecided());
  EXPECT_EQ(hits_[slot].load(), 0U);
  filter_->refuse_sampled(burst_, outer_);
  EXPECT_TRUE(is_refused(packet));
  EXPECT_TRUE(packet.has(kSampled));
  EXPECT_EQ(hits_[slot].load(), 1U);
}

TEST_F(BlockFilterTest, ADatagramCountsForAllItsFrames) {
  const std::uint32_t slot = block("192.0.2.1");
  add("192.0.2.1", "10.0.0.1").frames = 3;
  filter(kNoneSampled);
  EXPECT_EQ(hits_[slot].load(), 3U);
}

TEST_F(BlockFilterTest, AnAllowPrefixOfEitherSideBeatsABlock) {
  block("192.0.2.0/24");
  block("2001:db8::/32");
  lists_ = lists_of({{*parse_ip_prefix("192.0.2.1"), ListKind::allow, ListSide::source},
                     {*parse_ip_prefix("10.9.0.0/16"), ListKind::allow, ListSide::destination},
                     {*parse_ip_prefix("2001:db8::1"), ListKind::allow, ListSide::source}});
  const Packet& by_source = add("192.0.2.1", "10.0.0.1");
  const Packet& by_destination = add("192.0.2.2", "10.9.0.1");
  const Packet& by_source_v6 = add("2001:db8::1", "2001:db8::9");
  const Packet& refused = add("192.0.2.2", "10.0.0.1");
  filter(kNoneSampled);
  EXPECT_TRUE(by_source.is_undecided());
  EXPECT_TRUE(by_destination.is_undecided());
  EXPECT_TRUE(by_source_v6.is_undecided());
  EXPECT_TRUE(is_refused(refused));
}

TEST_F(BlockFilterTest, APacketIsJudgedByItsOwnTime) {
  block("192.0.2.1", 100);
  Packet& before = add("192.0.2.1", "10.0.0.1");
  Packet& after = add("192.0.2.1", "10.0.0.1");
  before.now = 99;
  after.now = 100;
  filter(kNoneSampled);
  EXPECT_TRUE(is_refused(before));
  EXPECT_TRUE(after.is_undecided());
}

TEST_F(BlockFilterTest, SparedPlacesAndDecidedPacketsAreLeftAlone) {
  block("192.0.2.1");
  const Packet& spared = add("192.0.2.1", "10.0.0.1");
  Packet& passed = add("192.0.2.1", "10.0.0.1");
  passed.verdict.action = Action::pass;
  filter(kNoneSampled, 1);
  EXPECT_TRUE(spared.is_undecided());
  EXPECT_EQ(passed.verdict.action, Action::pass);
}

TEST_F(BlockFilterTest, AWorkerObeysAChangeWithItsNextBurst) {
  const Packet& packet = add("192.0.2.1", "10.0.0.1");
  filter(kNoneSampled);
  EXPECT_TRUE(packet.is_undecided());
  const std::uint32_t slot = block("192.0.2.1");
  filter(kNoneSampled);
  EXPECT_TRUE(is_refused(packet));
  table_->remove(slot);
  burst_.count = 0;
  const Packet& next = add("192.0.2.1", "10.0.0.1");
  filter(kNoneSampled);
  EXPECT_TRUE(next.is_undecided());
}

}  // namespace
}  // namespace sluice
