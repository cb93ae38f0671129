// One value of an option as text and back, by the row of the option table: type, unit, range and
// words. Used by loader, printer and reference page. Control threads only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/options.h"

namespace sluice {

/// Text of a value as it stands in a file. A quoted text is never a number or a boolean.
struct ScalarText {
  std::string_view text;
  bool is_quoted = false;
};

/// The value of a scalar option, or what is wrong with it. `path` opens the message.
[[nodiscard]] Result<OptionValue> parse_scalar(const OptionShape& shape, std::string_view path,
                                               ScalarText scalar);

/// Normal form on one line: parse_scalar(print_scalar(v)) == v. Texts are in double quotes. A list
/// is printed in flow style.
[[nodiscard]] std::string print_value(const OptionShape& shape, const OptionValue& value);

/// Text in YAML double quotes. It has no control characters.
[[nodiscard]] std::string quoted(std::string_view text);

/// "a number", "a duration such as 30s": what belongs where another kind of value stands.
[[nodiscard]] std::string describe_type(const OptionShape& shape);
/// "1 to 32", "100ms to 30d, or 0s: no limit"; empty where every value of the type will do.
[[nodiscard]] std::string describe_range(const OptionShape& shape);

[[nodiscard]] constexpr bool is_list(OptionType type) noexcept {
  return type == OptionType::prefixes || type == OptionType::paths || type == OptionType::texts;
}

}  // namespace sluice
