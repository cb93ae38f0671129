#include "dataplane/policy.h"

#include <algorithm>
#include <span>
#include <utility>

namespace sluice {
namespace {

// 0 is the epoch of flows that no list ever judged.
std::uint16_t next_epoch(std::uint16_t epoch) noexcept {
  return epoch == 0xffff ? std::uint16_t{1} : static_cast<std::uint16_t>(epoch + 1);
}

void add_sets(const PolicyParts& parts, const Policy* previous, const SipKey& key, Policy& policy) {
  const auto before = previous == nullptr ? nullptr : previous->file_sets;
  policy.file_sets = parts.keeps_lists ? before : make_set_tables(parts.sets, key, before);
  policy.live_sets =
      make_set_tables(parts.live_sets, key, previous == nullptr ? nullptr : previous->live_sets);
  const bool is_same = previous != nullptr && policy.ruleset == previous->ruleset &&
                       policy.file_sets == previous->file_sets &&
                       policy.live_sets == previous->live_sets;
  const std::uint32_t epoch = previous == nullptr ? 0 : previous->rule_sets.epoch();
  const std::span<const NamedSet> names =
      policy.ruleset == nullptr ? std::span<const NamedSet>() : policy.ruleset->rules.sets;
  policy.rule_sets = RuleSets(names, policy.file_sets, policy.live_sets,
                              is_same ? epoch : std::max(epoch + 1, 1U));
}

}  // namespace

Result<std::unique_ptr<const Policy>> build_policy(const PolicyParts& parts, const Policy* previous,
                                                   const SipKey& list_key, ArenaOptions memory,
                                                   std::shared_ptr<const LiveRuleset> ruleset) {
  auto limits = compile_limits(parts.settings.limits, parts.settings.decode);
  if (!limits) return tl::unexpected<Error>(limits.error());
  auto policy = std::make_unique<Policy>();
  policy->settings = parts.settings;
  policy->limits = *limits;
  if (ruleset != nullptr) {
    auto rule_limits = compile_rule_limits(parts.settings, ruleset->rules.limits);
    if (!rule_limits) return tl::unexpected<Error>(rule_limits.error());
    policy->rule_limits = std::move(*rule_limits);
  }
  policy->ruleset = std::move(ruleset);
  if (policy->ruleset != nullptr) {
    const bool keeps_rules = previous != nullptr && previous->ruleset == policy->ruleset;
    policy->overlay = make_overlay(policy->ruleset->rules, parts.overrides,
                                   keeps_rules ? previous->overlay : nullptr);
  }
  add_sets(parts, previous, list_key, *policy);
  const bool keeps_lists = previous != nullptr &&
                           (parts.keeps_lists || previous->prefixes->digest() ==
                                                     PrefixTable::digest_of(parts.lists, list_key));
  if (keeps_lists) {
    policy->prefixes = previous->prefixes;
    policy->list_epoch = previous->list_epoch;
    return policy;
  }
  auto prefixes = PrefixTable::build(parts.lists, list_key, memory);
  if (!prefixes) return tl::unexpected<Error>(prefixes.error());
  policy->prefixes = std::move(*prefixes);
  if (previous != nullptr) policy->list_epoch = next_epoch(previous->list_epoch);
  return policy;
}

}  // namespace sluice
