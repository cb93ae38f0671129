// What events and blocks say of a rule by its id, escaped once. Const after construction; the
// recorder and the control thread share it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rules/ruleset.h"

namespace sluice {

/// Of a rule with the action block.
struct RuleBlock {
  BlockedEnd key = BlockedEnd::source;
  DurationNs duration = 0;
  std::string reason;  ///< plain text, not longer than the reason of a block may be
};

/// All strings of an event as they stand in JSON, quotes not included.
struct RuleEventText {
  std::string signature;
  std::string category;
  std::uint8_t severity = 3;
  std::string metadata;  ///< members of an object, or empty
  std::optional<RuleBlock> block = {};
};

class RuleTextIndex {
 public:
  RuleTextIndex() = default;
  /// `rules` and `texts` are of one ruleset.
  RuleTextIndex(const Ruleset& rules, const RuleTexts& texts);

  /// Null where the rule is of another ruleset.
  [[nodiscard]] const RuleEventText* find(std::uint32_t gid, std::uint32_t id) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return texts_.size(); }

 private:
  std::unordered_map<std::uint64_t, RuleEventText> texts_;
};

}  // namespace sluice
