#include "dataplane/policy_slot.h"

#include <gtest/gtest.h>

#include "dataplane/policy.h"

namespace sluice {
namespace {

/// A policy whose end can be seen: `prefixes` is shared with nobody else.
struct Watched {
  std::unique_ptr<const Policy> policy;
  std::weak_ptr<const void> life;
};

Watched policy_of(std::uint64_t generation) {
  auto policy = std::make_unique<Policy>();
  policy->settings.generation = generation;
  auto life = std::make_shared<int>(0);
  policy->prefixes = std::shared_ptr<const PrefixTable>(life, nullptr);
  return {std::move(policy), life};
}

class PolicySlotOfTwo : public ::testing::Test {
 protected:
  PolicySlotOfTwo() : first_(policy_of(1)), slot_(std::move(first_.policy), 2) {
    slot_.enter(0);
    slot_.enter(1);
  }
  ~PolicySlotOfTwo() override {
    slot_.leave(0);
    slot_.leave(1);
  }
  void turn(unsigned worker) {
    static_cast<void>(slot_.current(worker));
    slot_.quiesce(worker);
  }

  Watched first_;
  PolicySlot slot_;
};

TEST_F(PolicySlotOfTwo, GivesEveryWorkerThePolicyInForce) {
  EXPECT_EQ(slot_.current(0)->settings.generation, 1u);
  EXPECT_EQ(slot_.current(1), &slot_.in_force());
}

TEST_F(PolicySlotOfTwo, CountsAGenerationAsAdoptedOnlyWhenAWorkerPickedItUp) {
  turn(0);
  turn(1);
  EXPECT_TRUE(slot_.is_adopted_by_all());
  slot_.publish(policy_of(2).policy);
  EXPECT_FALSE(slot_.is_adopted_by_all());
  turn(0);
  EXPECT_EQ(slot_.adopted_by(0), 2u);
  EXPECT_EQ(slot_.adopted_by(1), 1u);
  EXPECT_FALSE(slot_.is_adopted_by_all());
  turn(1);
  EXPECT_TRUE(slot_.is_adopted_by_all());
}

TEST_F(PolicySlotOfTwo, KeepsTheOldPolicyWhileAWorkerHoldsIt) {
  const Policy* held = slot_.current(0);
  turn(1);
  slot_.publish(policy_of(2).policy);
  turn(1);
  EXPECT_FALSE(slot_.reclaim());
  EXPECT_FALSE(slot_.can_publish());
  EXPECT_FALSE(first_.life.expired());
  EXPECT_EQ(held->settings.generation, 1u);
  slot_.quiesce(0);
  EXPECT_TRUE(slot_.reclaim());
  EXPECT_TRUE(first_.life.expired());
  EXPECT_TRUE(slot_.can_publish());
}

TEST_F(PolicySlotOfTwo, DoesNotWaitForAWorkerThatLeft) {
  slot_.leave(1);
  slot_.publish(policy_of(2).policy);
  turn(0);
  EXPECT_TRUE(slot_.is_adopted_by_all());
  EXPECT_TRUE(slot_.reclaim());
  slot_.enter(1);
}

TEST_F(PolicySlotOfTwo, SeesAGenerationEvenAtTheAddressOfAnOldOne) {
  for (std::uint64_t generation = 2; generation < 200; ++generation) {
    slot_.publish(policy_of(generation).policy);
    turn(0);
    turn(1);
    EXPECT_EQ(slot_.adopted_by(0), generation);
    EXPECT_TRUE(slot_.reclaim());
  }
}

TEST(PolicySlot, ServesReplayWithoutAnyWorkerEntering) {
  PolicySlot slot(policy_of(1).policy, 1);
  slot.publish(policy_of(2).policy);
  EXPECT_TRUE(slot.reclaim());
  EXPECT_EQ(slot.in_force().settings.generation, 2u);
}

TEST(PolicySlotDeath, NeverHoldsThreePolicies) {
  PolicySlot slot(policy_of(1).policy, 1);
  slot.enter(0);
  static_cast<void>(slot.current(0));
  slot.publish(policy_of(2).policy);
  EXPECT_DEATH(slot.publish(policy_of(3).policy), "at most two policies");
  slot.leave(0);
}

}  // namespace
}  // namespace sluice
