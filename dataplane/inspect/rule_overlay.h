// What stands over a ruleset without being compiled: stages that an operator set, and exceptions.
// Const, shared by the policies in which neither it nor the ruleset changed. Built by the keeper or
// a replay; asked by workers, of rules that hold.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "dataplane/policy_parts.h"
#include "rules/ruleset.h"

namespace sluice {

/// Of what a rule holds. `uri` is that of the request, normalised; `has_uri` false: there is none
/// at hand.
struct ExceptionScene {
  IpAddress source;
  IpAddress destination;
  std::span<const std::uint8_t> uri;
  bool has_uri = false;
  TimeNs now = 0;
};

class RuleOverlay {
 public:
  /// Rules that `overrides` name and `rules` lack are passed over.
  RuleOverlay(const Ruleset& rules, RuleOverrides overrides);

  [[nodiscard]] RuleStage stage_of(std::uint32_t rule) const noexcept { return stages_[rule]; }
  [[nodiscard]] bool has_exceptions() const noexcept { return !overrides_.exceptions.empty(); }
  /// One of the exceptions is of this rule, whose class is given with it, and this scene, and has
  /// not ended.
  [[nodiscard]] bool is_excepted(std::uint32_t rule, std::uint32_t class_number,
                                 const ExceptionScene& scene) const noexcept;
  /// An exception asks for the URI of requests.
  [[nodiscard]] bool wants_uri() const noexcept { return wants_uri_; }
  [[nodiscard]] const RuleOverrides& overrides() const noexcept { return overrides_; }

 private:
  /// An exception, by its place, of one rule.
  struct OfRule {
    std::uint32_t rule = 0;
    std::uint32_t exception = 0;
    friend auto operator<=>(const OfRule&, const OfRule&) noexcept = default;
  };

  RuleOverrides overrides_;
  std::vector<RuleStage> stages_;                       ///< by rule
  std::vector<OfRule> of_rules_;                        ///< sorted
  std::vector<std::vector<std::uint32_t>> of_classes_;  ///< exceptions by the number of a class
  bool wants_uri_ = false;
};

/// Null where nothing stands over the rules. `previous` (may be null) is taken where it was made of
/// the same, which it was only if it is of these rules.
[[nodiscard]] std::shared_ptr<const RuleOverlay> make_overlay(
    const Ruleset& rules, const RuleOverrides& overrides,
    const std::shared_ptr<const RuleOverlay>& previous);

/// Whether a URI begins with `pattern`, or is what a pattern with `*` describes, each of which
/// stands for any bytes. O(pattern * uri) at worst.
[[nodiscard]] bool is_uri_of(std::string_view pattern, std::string_view uri) noexcept;

}  // namespace sluice
