#include "dataplane/rule_slots.h"

#include <algorithm>
#include <new>
#include <utility>

namespace sluice {
namespace {

// Rules of the ruleset in force and of the next one have slots at the same time.
static_assert(kRuleSlotsMax > 2 * kRulesMax);

[[nodiscard]] RuleKey key_of(const CompiledRule& rule) noexcept { return {rule.gid, rule.id}; }

}  // namespace

RuleSlots::RuleSlots(std::span<std::atomic<std::uint32_t>> directory,
                     std::span<const std::span<RuleCounts>> counts) noexcept
    : directory_(directory), counts_(counts) {}

/// From 0 on again; the first write to a page is the keeper's, so that no worker waits for memory.
std::uint32_t RuleSlots::take_slot() {
  std::uint32_t slot = kNoRuleSlot;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else if (untouched_ < directory_.size()) {
    slot = untouched_++;
  }
  if (slot == kNoRuleSlot) return slot;
  for (const std::span<RuleCounts> of_worker : counts_) new (&of_worker[slot]) RuleCounts;
  return slot;
}

void RuleSlots::free_all_but(const Ruleset& next, const Ruleset* in_force) {
  std::map<RuleKey, std::uint32_t> kept;
  const auto keep = [&](const CompiledRule& rule) {
    const auto found = slots_.find(key_of(rule));
    if (found == slots_.end()) return;
    kept.insert(*found);
    slots_.erase(found);
  };
  for (const CompiledRule& rule : next.rules) keep(rule);
  if (in_force != nullptr) {
    for (const CompiledRule& rule : in_force->rules) keep(rule);
  }
  for (const auto& [key, slot] : slots_) free_.push_back(slot);
  slots_ = std::move(kept);
}

std::vector<std::uint32_t> RuleSlots::assign(const Ruleset& next, const Ruleset* in_force) {
  std::vector<std::uint32_t> slots(next.rules.size(), kNoRuleSlot);
  if (directory_.empty()) return slots;
  free_all_but(next, in_force);
  for (std::size_t i = 0; i < next.rules.size(); ++i) {
    const auto [known, is_new] = slots_.try_emplace(key_of(next.rules[i]), kNoRuleSlot);
    if (is_new) known->second = take_slot();
    slots[i] = known->second;
  }
  return slots;
}

void RuleSlots::publish(std::span<const std::uint32_t> slots) noexcept {
  const std::size_t count = std::min(slots.size(), directory_.size());
  for (std::size_t i = 0; i < count; ++i) {
    directory_[i].store(slots[i], std::memory_order_relaxed);
  }
}

}  // namespace sluice
