// How a rule is named: its number and the generator that the number is of, as in "20031" or
// "3:20031". Control threads only, but for comparing.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

struct RuleKey {
  std::uint32_t gid = 0;  ///< 0 = not said: of any generator
  std::uint32_t id = 0;

  [[nodiscard]] constexpr bool names(const RuleKey& rule) const noexcept {
    return id == rule.id && (gid == 0 || gid == rule.gid);
  }
  friend constexpr auto operator<=>(const RuleKey&, const RuleKey&) noexcept = default;
};

/// "20031", or "3:20031" where the generator is said. Errors: invalid.
[[nodiscard]] Result<RuleKey> parse_rule_key(std::string_view text);
/// The same, without the generator where it is 0 or 1.
[[nodiscard]] std::string to_string(const RuleKey& key);

}  // namespace sluice
