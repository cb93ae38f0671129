// One rule resolved: names become numbers, expressions become sets, terms become programs. The
// tables of the ruleset grow with it. Compiler only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "rules/ruleset.h"

namespace sluice {

/// Numbers from 0 for names, in the order in which they come.
class NameNumbers {
 public:
  [[nodiscard]] std::uint32_t number_of(const std::string& name);
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

 private:
  std::map<std::string, std::uint32_t> numbers_;
  std::vector<std::string> names_;
};

/// Sets by the expression that was written.
template <class Set>
class SetTable {
 public:
  explicit SetTable(std::vector<Set>& sets) : sets_(sets) {
    sets_.assign(1, Set::any());
    numbers_.emplace("any", 0);
  }
  /// `parse(expression, variables)` gives the set of an expression that is new.
  template <class Parse>
  [[nodiscard]] Result<std::uint32_t> number_of(const std::string& expression,
                                                const RuleVariables& variables, Parse&& parse) {
    if (const auto known = numbers_.find(expression); known != numbers_.end()) {
      return known->second;
    }
    Result<Set> set = parse(expression, variables);
    if (!set) return tl::unexpected<Error>(set.error());
    std::uint32_t number = 0;
    if (!set->is_any()) {
      number = static_cast<std::uint32_t>(sets_.size());
      sets_.push_back(std::move(*set));
    }
    numbers_.emplace(expression, number);
    return number;
  }

 private:
  std::vector<Set>& sets_;
  std::map<std::string, std::uint32_t> numbers_;
};

class RuleResolver {
 public:
  /// Fills the tables of `ruleset`, which outlives this.
  RuleResolver(Ruleset& ruleset, const RuleVariables& variables);
  /// Errors begin with the rule's id. A rule that fails leaves no programs behind.
  [[nodiscard]] Result<CompiledRule> resolve(const Rule& rule);
  /// Puts the names and their counts where they belong, once all rules are resolved.
  void finish(RuleTexts& texts);

 private:
  [[nodiscard]] Status resolve_all(const Rule& rule, CompiledRule& out);
  [[nodiscard]] Result<RuleEnds> resolve_ends(const RuleHeader& when);
  [[nodiscard]] Result<std::vector<RulePart>> resolve_parts(const Rule& rule, RuleNames& names);
  [[nodiscard]] CompiledFlagStep resolve_flags(const FlagStep& step);
  [[nodiscard]] Result<CompiledCounterStep> resolve_counter(const CounterStep& step,
                                                            const RuleNames& names);

  Ruleset& ruleset_;
  const RuleVariables& variables_;
  SetTable<AddressSet> addresses_;
  SetTable<PortRanges> ports_;
  std::array<NameNumbers, kFlagScopeCount> flags_;
  NameNumbers counters_;
  NameNumbers limits_;
  NameNumbers classes_;
};

/// Texts cross between processes as text, in which there is no zero byte.
[[nodiscard]] std::string without_zeros(std::string text);

/// Which bytes of TCP parts on `payload` see, as Suricata 7 has it: what is about one packet sees
/// packets; contents at a place see packets and the stream; all others the stream alone.
struct PayloadNeeds {
  bool packet = false;
  bool stream = false;
};
[[nodiscard]] PayloadNeeds payload_needs(const Rule& rule);

}  // namespace sluice
