// Where each rule is counted: a rule keeps its slot, and with it its counts, through every reload
// that keeps the rule, whatever its place in the ruleset. Keeper thread; workers and the control
// process read what it writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/rule_key.h"
#include "dataplane/window.h"
#include "rules/ruleset.h"

namespace sluice {

class RuleSlots {
 public:
  RuleSlots() = default;
  /// Both empty: no rule has a slot. They outlive the object.
  RuleSlots(std::span<std::atomic<std::uint32_t>> directory,
            std::span<const std::span<RuleCounts>> counts) noexcept;

  /// The slot of every rule of `next`, by its place; kNoRuleSlot where none is left. Slots of rules
  /// that are neither in `next` nor in `in_force` (null: none is in force) become free: no worker
  /// may obey any other ruleset.
  [[nodiscard]] std::vector<std::uint32_t> assign(const Ruleset& next, const Ruleset* in_force);
  /// All workers obey the ruleset whose rules have these slots.
  void publish(std::span<const std::uint32_t> slots) noexcept;

 private:
  [[nodiscard]] std::uint32_t take_slot();
  void free_all_but(const Ruleset& next, const Ruleset* in_force);

  std::span<std::atomic<std::uint32_t>> directory_;
  std::span<const std::span<RuleCounts>> counts_;
  std::map<RuleKey, std::uint32_t> slots_;
  std::vector<std::uint32_t> free_;
  std::uint32_t untouched_ = kNoRuleSlot + 1;  ///< no slot from here on was ever given out
};

}  // namespace sluice
