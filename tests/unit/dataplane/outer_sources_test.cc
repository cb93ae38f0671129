#include "dataplane/limit/outer_sources.h"

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"
#include "dataplane/limit/prefix_filter.h"
#include "tests/support/packet_builder.h"

namespace sluice {
namespace {

using test::PacketBuilder;

constexpr Families kBoth{true, true};
constexpr std::uint32_t kNoneSampled = 0;
constexpr std::uint32_t kAllSampled = 1;

/// A burst of frames that were not decoded; a packet's number is its place, from 0.
class OuterSourcesTest : public testing::Test {
 protected:
  void add(const std::string& source, const std::string& destination = "") {
    const bool v6 = source.find(':') != std::string::npos;
    PacketBuilder builder;
    builder.eth();
    v6 ? builder.ipv6(source, destination.empty() ? "2001:db8::1" : destination)
       : builder.ipv4(source, destination.empty() ? "10.0.0.1" : destination);
    frames_.push_back(std::make_unique<test::Bytes>(builder.udp(5000, 53).build()));
    const std::uint32_t place = burst_.count++;
    Packet& packet = burst_.packets[place];
    std::memset(static_cast<void*>(&packet), 0, sizeof packet);
    packet.bytes = frames_.back()->data();
    packet.bytes_at_hand = static_cast<std::uint32_t>(frames_.back()->size());
    packet.packet_number = place;
    packet.verdict = {};
  }
  [[nodiscard]] std::vector<std::uint32_t> numbers() const {
    std::vector<std::uint32_t> all;
    for (std::uint32_t i = 0; i < burst_.count; ++i) all.push_back(burst_.packets[i].packet_number);
    return all;
  }
  static std::unique_ptr<const PrefixTable> denying(const std::vector<std::string>& prefixes) {
    std::vector<ListEntry> entries;
    for (const std::string& prefix : prefixes) {
      entries.push_back({*parse_ip_prefix(prefix), ListKind::deny, ListSide::source});
    }
    auto table = PrefixTable::build(entries, {5, 6});
    SLUICE_CHECK(table, "the entries are valid");
    return std::move(*table);
  }

  std::vector<std::unique_ptr<test::Bytes>> frames_;
  Burst burst_;
  OuterSources outer_;
};

TEST_F(OuterSourcesTest, EachFamilyHasItsSourcesInOrder) {
  add("192.0.2.1");
  add("2001:db8::7");
  add("192.0.2.2");
  outer_.find(burst_, kBoth, 0);
  ASSERT_EQ(outer_.v4.count, 2U);
  ASSERT_EQ(outer_.v6.count, 1U);
  EXPECT_EQ(outer_.sources_v4[0], 0xc0000201U);
  EXPECT_EQ(outer_.sources_v4[1], 0xc0000202U);
  EXPECT_EQ(outer_.v4.places[1], 2);
  EXPECT_EQ(outer_.sources_v6[0].low, 7U);
  EXPECT_EQ(outer_.judged, 0b111U);
}

TEST_F(OuterSourcesTest, NobodyIsLookedAtWhereNobodyAsks) {
  add("192.0.2.1");
  outer_.find(burst_, {}, 0);
  EXPECT_EQ(outer_.v4.count, 0U);
  EXPECT_EQ(outer_.judged, 0U);
}

TEST_F(OuterSourcesTest, SparedAndDecidedPlacesAndOtherFramesHaveNone) {
  add("192.0.2.1");
  add("192.0.2.2");
  add("192.0.2.3");
  add("192.0.2.4");
  burst_.packets[1].verdict.action = Action::pass;
  burst_.packets[2].bytes_at_hand = 20;
  outer_.find(burst_, kBoth, 0b0001);
  EXPECT_EQ(outer_.v4.count, 1U);
  EXPECT_EQ(outer_.judged, 0b1000U);
}

TEST_F(OuterSourcesTest, WhatListsRefusedIsNotAskedAboutAgain) {
  add("192.0.2.1");
  add("2001:db8::7");
  add("192.0.2.2");
  add("192.0.2.3");
  outer_.find(burst_, kBoth, 0);
  outer_.denied.add(0, false);
  outer_.denied.add(1, true);
  outer_.leave_out_denied();
  ASSERT_EQ(outer_.v4.count, 2U);
  EXPECT_EQ(outer_.v6.count, 0U);
  EXPECT_EQ(outer_.sources_v4[0], 0xc0000202U);
  EXPECT_EQ(outer_.v4.places[1], 3);
}

TEST_F(OuterSourcesTest, RefusesInPlaceForTheReasonThatWasFirst) {
  add("192.0.2.1");
  add("192.0.2.2");
  add("192.0.2.3");
  outer_.find(burst_, kBoth, 0);
  outer_.denied.add(0, false);
  outer_.blocked.add(2, false);
  outer_.refuse_in_place(burst_);
  EXPECT_EQ(burst_.packets[0].verdict.reason, DropReason::denied_prefix);
  EXPECT_TRUE(burst_.packets[1].is_undecided());
  EXPECT_EQ(burst_.packets[2].verdict.reason, DropReason::blocked_source);
  EXPECT_TRUE(burst_.packets[2].has(kUnsampled));
}

TEST_F(OuterSourcesTest, PacketsThatStayKeepTheirOrderAndWhatIsKnownOfThem) {
  for (int i = 0; i < 6; ++i) add("192.0.2.1");
  burst_.packets[4].bytes_at_hand = 0;
  outer_.find(burst_, kBoth, 0);
  outer_.denied.add(0, false);
  outer_.denied.add(1, true);
  outer_.blocked.add(2, false);
  outer_.blocked.add(5, true);
  outer_.slots[5] = 77;
  outer_.close_ranks(burst_);
  EXPECT_EQ(numbers(), (std::vector<std::uint32_t>{1, 3, 4, 5}));
  EXPECT_EQ(outer_.refused_at_once(), 0U);
  EXPECT_EQ(outer_.judged, 0b1011U);
  EXPECT_EQ(outer_.denied.to_report, 0b0001U);
  EXPECT_EQ(outer_.blocked.to_report, 0b1000U);
  EXPECT_EQ(outer_.slots[3], 77U);
}

TEST_F(OuterSourcesTest, AFullBurstMayLeaveAsAWhole) {
  for (std::uint32_t i = 0; i < kBurstMax; ++i) {
    add("192.0.2.1");
    outer_.denied.at_once |= 1U << i;
  }
  outer_.close_ranks(burst_);
  EXPECT_EQ(burst_.count, 0U);
}

TEST_F(OuterSourcesTest, ListsRefuseTheirSourcesAtOnce) {
  add("192.0.2.1");
  add("2001:db8::7");
  add("198.51.100.1");
  const auto lists = denying({"192.0.2.0/24", "2001:db8::7"});
  const PrefixFilter filter(SipKey{3, 4});
  outer_.find(burst_, PrefixFilter::wanted(*lists), 0);
  filter.filter_outer_sources(burst_, outer_, *lists, kNoneSampled);
  EXPECT_EQ(outer_.denied.at_once, 0b011U);
  EXPECT_EQ(outer_.denied.to_report, 0U);
}

TEST_F(OuterSourcesTest, ASampledRefusalOfAListWaitsForItsReport) {
  add("192.0.2.1");
  const auto lists = denying({"192.0.2.1"});
  const PrefixFilter filter(SipKey{3, 4});
  outer_.find(burst_, PrefixFilter::wanted(*lists), 0);
  filter.filter_outer_sources(burst_, outer_, *lists, kAllSampled);
  EXPECT_EQ(outer_.refused_at_once(), 0U);
  filter.refuse_sampled(burst_, outer_);
  EXPECT_EQ(burst_.packets[0].verdict.reason, DropReason::denied_prefix);
  EXPECT_TRUE(burst_.packets[0].has(kSampled));
}

}  // namespace
}  // namespace sluice
