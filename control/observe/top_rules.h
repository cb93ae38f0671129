// Hits by rule, for /metrics: the rules with the most hits have numbers of their own, all others
// share one, so that rules without number never become series without number. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"
#include "control/observe/control_facts.h"
#include "control/rule_desk.h"

namespace sluice {

class TopRules {
 public:
  static constexpr std::size_t kRulesMax = 50;
  static constexpr DurationNs kInterval = 5 * kNsPerSecond;

  /// The desk outlives the object, and works on nothing behind its end.
  explicit TopRules(RuleDesk& desk) noexcept : desk_(desk) {}

  /// Asks the desk for the next list when the last one is old enough.
  void turn(TimeNs now);
  [[nodiscard]] const RuleHitFacts& facts() const noexcept { return facts_; }

 private:
  void take(const Ranking& ranking);

  RuleDesk& desk_;
  RuleHitFacts facts_;
  std::map<RuleKey, std::uint64_t> listed_;  ///< hits of those that had numbers of their own
  std::uint64_t all_ = 0;                    ///< hits of all rules, when they were read last
  TimeNs due_ = 0;
  bool is_asked_ = false;
};

}  // namespace sluice
