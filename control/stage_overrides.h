// Stages of rules that an operator set in place of the written ones: by whom and why. A value: a
// change is made on a copy, published, and kept when it is in force. They outlive reloads and
// restarts, also of rules that are not in force at the moment. Control thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/policy_parts.h"

namespace sluice {

inline constexpr std::size_t kStageReasonBytesMax = 200;

struct SetStage {
  StageOverride set;
  TimeNs at = 0;
  std::string owner;
  std::string reason;
};

class StageOverrides {
 public:
  StageOverrides() = default;
  explicit StageOverrides(std::vector<SetStage> entries);

  /// Takes the place of what the rule had. Errors: limit where there are kStageOverridesMax.
  [[nodiscard]] Status set(SetStage stage);
  /// Rules have their written stages again: all that `key` names. Errors: not_found.
  [[nodiscard]] Result<std::uint64_t> clear(const RuleKey& key);
  std::uint64_t clear_all() noexcept;

  [[nodiscard]] std::span<const SetStage> entries() const noexcept { return entries_; }
  /// Null where the rule has its written stage. O(log n).
  [[nodiscard]] const SetStage* find(const RuleKey& rule) const noexcept;
  /// For a policy.
  [[nodiscard]] std::vector<StageOverride> list() const;

 private:
  std::vector<SetStage> entries_;  ///< sorted by rule
};

}  // namespace sluice
