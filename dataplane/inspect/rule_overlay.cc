#include "dataplane/inspect/rule_overlay.h"

#include <algorithm>
#include <compare>
#include <string_view>
#include <utility>

namespace sluice {
namespace {

/// A rule by its name.
struct Named {
  std::uint32_t id = 0;
  std::uint32_t gid = 0;
  std::uint32_t rule = 0;
  friend auto operator<=>(const Named&, const Named&) noexcept = default;
};

[[nodiscard]] std::vector<Named> by_name(const Ruleset& rules) {
  std::vector<Named> named;
  named.reserve(rules.rules.size());
  for (const CompiledRule& rule : rules.rules) {
    named.push_back({rule.id, rule.gid, static_cast<std::uint32_t>(named.size())});
  }
  std::ranges::sort(named);
  return named;
}

/// Calls `each(rule)` for all that `key` names.
template <class Each>
void for_each_named(const std::vector<Named>& named, const RuleKey& key, Each&& each) {
  for (const Named& rule : std::ranges::equal_range(named, key.id, {}, &Named::id)) {
    if (key.names({rule.gid, rule.id})) each(rule.rule);
  }
}

[[nodiscard]] bool is_covered(std::span<const IpPrefix> prefixes,
                              const IpAddress& address) noexcept {
  return prefixes.empty() || std::ranges::any_of(prefixes, [&](const IpPrefix& prefix) {
           return prefix.covers(address);
         });
}

[[nodiscard]] bool is_of(const RuleException& exception, const ExceptionScene& scene) noexcept {
  if (exception.until != 0 && scene.now >= exception.until) return false;
  if (!is_covered(exception.sources, scene.source)) return false;
  if (!is_covered(exception.destinations, scene.destination)) return false;
  if (exception.uri.empty()) return true;
  const std::string_view uri(reinterpret_cast<const char*>(scene.uri.data()), scene.uri.size());
  return scene.has_uri && is_uri_of(exception.uri, uri);
}

}  // namespace

// What the last `*` stands for grows by a byte wherever the rest does not fit: no recursion.
bool is_uri_of(std::string_view pattern, std::string_view uri) noexcept {
  if (pattern.find('*') == std::string_view::npos) return uri.starts_with(pattern);
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_ends = 0;  // in the URI
  while (at < uri.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      star_ends = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == uri[at]) {
      ++in_pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++star_ends;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

RuleOverlay::RuleOverlay(const Ruleset& rules, RuleOverrides overrides)
    : overrides_(std::move(overrides)) {
  const std::vector<Named> named = by_name(rules);
  stages_.reserve(rules.rules.size());
  for (const CompiledRule& rule : rules.rules) stages_.push_back(rule.stage);
  for (const StageOverride& set : overrides_.stages) {
    for_each_named(named, set.rule, [&](std::uint32_t rule) { stages_[rule] = set.stage; });
  }
  of_classes_.resize(rules.classes.size());
  for (std::uint32_t i = 0; i < overrides_.exceptions.size(); ++i) {
    const RuleException& exception = overrides_.exceptions[i];
    wants_uri_ = wants_uri_ || !exception.uri.empty();
    for (const RuleKey& key : exception.rules) {
      for_each_named(named, key, [&](std::uint32_t rule) { of_rules_.push_back({rule, i}); });
    }
    if (!exception.rules.empty()) continue;
    const auto known = std::ranges::find(rules.classes, exception.class_name);
    if (known == rules.classes.end()) continue;
    of_classes_[static_cast<std::size_t>(known - rules.classes.begin())].push_back(i);
  }
  std::ranges::sort(of_rules_);
}

bool RuleOverlay::is_excepted(std::uint32_t rule, std::uint32_t class_number,
                              const ExceptionScene& scene) const noexcept {
  const auto holds = [&](std::uint32_t exception) {
    return is_of(overrides_.exceptions[exception], scene);
  };
  return std::ranges::any_of(of_classes_[class_number], holds) ||
         std::ranges::any_of(std::ranges::equal_range(of_rules_, rule, {}, &OfRule::rule), holds,
                             &OfRule::exception);
}

std::shared_ptr<const RuleOverlay> make_overlay(
    const Ruleset& rules, const RuleOverrides& overrides,
    const std::shared_ptr<const RuleOverlay>& previous) {
  if (overrides == RuleOverrides{}) return nullptr;
  if (previous != nullptr && previous->overrides() == overrides) return previous;
  return std::make_shared<const RuleOverlay>(rules, overrides);
}

}  // namespace sluice
