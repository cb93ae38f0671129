#include "dataplane/policy.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr SipKey kKey{1, 2};

PolicyParts parts_denying(std::uint32_t host) {
  PolicyParts parts;
  ListEntry entry;
  entry.prefix = {IpAddress::from_v4(host), 32};
  parts.lists.push_back(entry);
  return parts;
}

TEST(Policy, UnchangedListsAreSharedAndKeepTheirEpoch) {
  PolicyParts parts = parts_denying(1);
  const auto first = build_policy(parts, nullptr, kKey);
  ASSERT_TRUE(first);
  EXPECT_NE((*first)->list_epoch, 0);
  parts.settings.generation = 2;
  parts.settings.mode = Mode::monitor;
  const auto second = build_policy(parts, first->get(), kKey);
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->prefixes, (*first)->prefixes);
  EXPECT_EQ((*second)->list_epoch, (*first)->list_epoch);
  EXPECT_EQ((*second)->settings.mode, Mode::monitor);
}

TEST(Policy, ChangedListsGetANewTableAndEpoch) {
  const auto first = build_policy(parts_denying(1), nullptr, kKey);
  ASSERT_TRUE(first);
  const auto second = build_policy(parts_denying(2), first->get(), kKey);
  ASSERT_TRUE(second);
  EXPECT_NE((*second)->list_epoch, (*first)->list_epoch);
  EXPECT_EQ((*second)->prefixes->lookup(IpAddress::from_v4(2), ListSide::source), ListAnswer::deny);
  EXPECT_EQ((*second)->prefixes->lookup(IpAddress::from_v4(1), ListSide::source), ListAnswer::none);
}

TEST(Policy, EpochNeverBecomesZero) {
  auto policy = build_policy(parts_denying(0), nullptr, kKey);
  ASSERT_TRUE(policy);
  Policy late = **policy;
  late.list_epoch = 0xffff;
  const auto next = build_policy(parts_denying(1), &late, kKey);
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)->list_epoch, 1);
}

TEST(Policy, SetsOfFilesStayWithTheListsAndThoseAddedDoNot) {
  const NamedSet names{"bad", SetKind::domain, false};
  PolicyParts parts;
  parts.sets = {{names, {{"file.test", 0}}}};
  parts.live_sets = {{names, {{"live.test", 0}}}};
  const auto first = build_policy(parts, nullptr, kKey);
  ASSERT_TRUE(first);
  PolicyParts next;
  next.keeps_lists = true;
  next.live_sets = parts.live_sets;
  const auto second = build_policy(next, first->get(), kKey);
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->file_sets, (*first)->file_sets);
  EXPECT_EQ((*second)->live_sets, (*first)->live_sets);
  next.live_sets.clear();
  const auto third = build_policy(next, second->get(), kKey);
  ASSERT_TRUE(third);
  EXPECT_NE((*third)->file_sets, nullptr);
  EXPECT_EQ((*third)->live_sets, nullptr);
}

TEST(Policy, LimitsAreCompiled) {
  PolicyParts parts;
  parts.settings.limits.source.packets = {1000, 50};
  const auto policy = build_policy(parts, nullptr, kKey);
  ASSERT_TRUE(policy);
  EXPECT_EQ((*policy)->limits.source.packets.burst, 50 * kTokenScale);
  EXPECT_FALSE((*policy)->limits.flow.is_set());
  EXPECT_TRUE((*policy)->prefixes->is_empty());
}

TEST(Policy, DamagedPartsAreRefused) {
  PolicyParts parts = parts_denying(1);
  parts.lists[0].prefix.address.version = 5;
  EXPECT_FALSE(build_policy(parts, nullptr, kKey));
  parts = {};
  parts.settings.limits.source_prefix_v4 = 40;
  EXPECT_FALSE(build_policy(parts, nullptr, kKey));
}

}  // namespace
}  // namespace sluice
