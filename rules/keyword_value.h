// One value of a rule file as text and back, by the row of the keyword table: type, range and
// words. Used by loader, printer and reference page. Control side only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "rules/keywords.h"

namespace sluice {

/// A quoted text is never a number or a boolean.
struct KeywordText {
  std::string_view text;
  bool is_quoted = false;
};

/// The value of a key that takes a single text, or what is wrong with it; the message begins with
/// the key. Not for lists and sections.
[[nodiscard]] Result<KeywordValue> parse_keyword_value(const Keyword& keyword, KeywordText text);

/// Normal form for a file, on one line; lists in flow style. What can stand in a file reads back as
/// the same value. Texts that cannot, with control characters, are printed with those as \xNN.
[[nodiscard]] std::string print_keyword_value(const Keyword& keyword, const KeywordValue& value);

/// "a number", "a duration such as 30s": what belongs where another kind of value stands.
[[nodiscard]] std::string describe_keyword_type(const Keyword& keyword);
/// "1 to 65535", "up to 64 entries"; empty where every value of the type will do.
[[nodiscard]] std::string describe_keyword_range(const Keyword& keyword);

[[nodiscard]] constexpr bool is_list(KeywordType type) noexcept {
  return type == KeywordType::texts || type == KeywordType::byte_texts;
}

}  // namespace sluice
