// Values of Suricata's options: quotes, lists, numbers, ranges and bytes. Control side only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "rules/rule.h"

namespace sluice {

[[nodiscard]] std::string_view trim_blanks(std::string_view text) noexcept;
/// The value begins with a quote, behind a '!' perhaps, and does not end with another one.
[[nodiscard]] bool has_open_quote(std::string_view value) noexcept;
/// What stands inside of quotes, or the value itself where it has none.
[[nodiscard]] std::string_view strip_quotes(std::string_view value) noexcept;
/// The same with \" \; \: and \\ written as the byte behind the backslash.
[[nodiscard]] std::string read_text(std::string_view value);
/// True and cut off where `value` begins with a '!'.
[[nodiscard]] bool cut_negation(std::string_view& value) noexcept;
/// Entries without blanks around them; an empty value has none.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view value, char separator);

/// Decimal, or hexadecimal behind 0x; `max` is included.
[[nodiscard]] Result<std::uint64_t> read_number(std::string_view text,
                                                std::uint64_t max = ~std::uint64_t{0});
[[nodiscard]] Result<std::int64_t> read_integer(std::string_view text);
/// An integer, or the name of what a byte_extract has read.
[[nodiscard]] Result<TermNumber> read_operand(std::string_view text);
/// The name that a term sets: letters, digits, "_", "." and "-", with a letter or "_" in front.
[[nodiscard]] Result<std::string> read_name(std::string_view text);
/// "5", "!5", "<5", "<=5", ">5", ">=5", and "5<>10" or "5-10", both of which leave their ends out.
[[nodiscard]] Result<NumberRange> read_range(std::string_view text, std::uint64_t max);
/// The numbers that compare so with `number`: <, <=, >, >=, = and !=; nothing is =, "!" is !=.
[[nodiscard]] Result<NumberRange> range_of(std::string_view comparison, std::uint64_t number,
                                           std::uint64_t max);
/// The bytes of a content: text with escapes, and hexadecimal between bars.
[[nodiscard]] Result<std::string> read_content(std::string_view value);
/// Pairs of hexadecimal digits, with blanks between them or not.
[[nodiscard]] std::optional<std::string> read_hex(std::string_view digits);

}  // namespace sluice
