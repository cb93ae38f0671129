// The rules of a ruleset as an operator looks for them: rows in the order of the ruleset, found by
// id, class, stage, action or words. Const after construction, which takes long for many rules and
// is not for the control thread; that one reads it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/rule_key.h"
#include "base/siphash.h"
#include "rules/ruleset.h"

namespace sluice {

[[nodiscard]] std::string_view name_of(RuleStage stage) noexcept;
[[nodiscard]] std::string_view name_of(RuleActionKind action) noexcept;
[[nodiscard]] std::string_view name_of(RuleSeverity severity) noexcept;
/// Errors: invalid, with the words that would do; `where` begins the message.
[[nodiscard]] Result<RuleStage> parse_stage(std::string_view where, std::string_view word);
[[nodiscard]] Result<RuleActionKind> parse_action(std::string_view where, std::string_view word);

struct CatalogRow {
  RuleKey key;
  std::uint32_t rev = 1;
  RuleStage stage = RuleStage::alert;  ///< as written
  RuleActionKind action = RuleActionKind::alert;
  RuleSeverity severity = RuleSeverity::medium;
  std::string name;  ///< cut at kCatalogTextMax, as are the next two
  std::string class_name;
  std::string pack;
  std::string words;  ///< id, name and class in small letters, to be searched
};
inline constexpr std::size_t kCatalogTextMax = 240;

class RuleCatalog {
 public:
  RuleCatalog() = default;
  /// `rules` and `texts` are of one ruleset.
  RuleCatalog(const Ruleset& rules, const RuleTexts& texts);

  [[nodiscard]] const Hash128& digest() const noexcept { return digest_; }
  [[nodiscard]] const std::vector<CatalogRow>& rows() const noexcept { return rows_; }
  /// Places of the rules that `key` names, in the order of their gids. O(log n).
  [[nodiscard]] std::vector<std::uint32_t> find(const RuleKey& key) const;
  /// An id that is one slip of the finger away; 0 where there is none.
  [[nodiscard]] std::uint32_t nearest_id(std::uint32_t id) const;
  [[nodiscard]] const std::vector<std::string>& classes() const noexcept { return classes_; }

 private:
  Hash128 digest_;
  std::vector<CatalogRow> rows_;
  std::vector<std::uint32_t> by_key_;  ///< places, by id and gid
  std::vector<std::string> classes_;   ///< sorted
};

/// ASCII letters made small.
[[nodiscard]] std::string folded(std::string_view text);

}  // namespace sluice
