#include "rules/suricata_values.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/hex.h"

namespace sluice {
namespace {

constexpr std::uint64_t kOpen = ~std::uint64_t{0};  // a range without an upper end
constexpr std::size_t kNameBytesMax = 64;
constexpr std::string_view kEscapable = "\";:\\";

bool is_name(std::string_view text) noexcept {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_inner = [is_letter](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, is_inner);
}

/// "5<>10" and "5-10".
Result<NumberRange> read_interval(std::string_view low_text, std::string_view high_text,
                                  std::uint64_t max) {
  const auto low = read_number(trim_blanks(low_text), max);
  if (!low) return tl::unexpected(low.error());
  const auto high = read_number(trim_blanks(high_text), max);
  if (!high) return tl::unexpected(high.error());
  if (*high <= *low || *high - *low < 2) {
    return fail(ErrorKind::invalid,
                fmt::format("there is no number between {} and {}", *low, *high));
  }
  return NumberRange{*low + 1, *high - 1, false};
}

}  // namespace

std::string_view trim_blanks(std::string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool has_open_quote(std::string_view value) noexcept {
  static_cast<void>(cut_negation(value));
  if (!value.starts_with('"')) return false;
  return value.size() < 2 || !value.ends_with('"');
}

std::string_view strip_quotes(std::string_view value) noexcept {
  const bool is_quoted = value.size() >= 2 && value.starts_with('"') && value.ends_with('"');
  return is_quoted ? value.substr(1, value.size() - 2) : value;
}

std::string read_text(std::string_view value) {
  value = strip_quotes(value);
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool is_escape = value[i] == '\\' && i + 1 < value.size() &&
                           kEscapable.find(value[i + 1]) != std::string_view::npos;
    if (is_escape) ++i;
    text += value[i];
  }
  return text;
}

bool cut_negation(std::string_view& value) noexcept {
  if (!value.starts_with('!')) return false;
  value = trim_blanks(value.substr(1));
  return true;
}

std::vector<std::string_view> split_list(std::string_view value, char separator) {
  std::vector<std::string_view> entries;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(separator), value.size());
    entries.push_back(trim_blanks(value.substr(0, end)));
    value.remove_prefix(std::min(end + 1, value.size()));
  }
  return entries;
}

Result<std::uint64_t> read_number(std::string_view text, std::uint64_t max) {
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  std::uint64_t number = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, number, is_hex ? 16 : 10);
  if (error == std::errc::result_out_of_range || (error == std::errc{} && number > max)) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is too large: at most {} belongs here",
                                                escape_control(text), max));
  }
  if (error != std::errc{} || end != last) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is no number", escape_control(text)));
  }
  return number;
}

Result<std::int64_t> read_integer(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  const auto number = read_number(text, std::numeric_limits<std::int64_t>::max());
  if (!number) return tl::unexpected(number.error());
  const auto value = static_cast<std::int64_t>(*number);
  return is_negative ? -value : value;
}

Result<TermNumber> read_operand(std::string_view text) {
  if (is_name(text) && text.size() <= kNameBytesMax) return TermNumber{std::string(text)};
  const auto number = read_integer(text);
  if (!number) return tl::unexpected(number.error());
  return TermNumber{*number};
}

Result<std::string> read_name(std::string_view text) {
  if (is_name(text) && text.size() <= kNameBytesMax) return std::string(text);
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is no name of 1 to {} bytes", escape_control(text), kNameBytesMax));
}

Result<NumberRange> range_of(std::string_view comparison, std::uint64_t number, std::uint64_t max) {
  const auto nothing = [&] {
    return fail(ErrorKind::invalid, fmt::format("no number is {} {}", comparison, number));
  };
  if (comparison == "=" || comparison.empty()) return NumberRange{number, number, false};
  if (comparison == "!" || comparison == "!=") return NumberRange{number, number, true};
  if (comparison == "<=") return NumberRange{0, number, false};
  if (comparison == ">=") return NumberRange{number, kOpen, false};
  if (comparison == "<") {
    if (number == 0) return nothing();
    return NumberRange{0, number - 1, false};
  }
  if (comparison == ">") {
    if (number >= max) return nothing();
    return NumberRange{number + 1, kOpen, false};
  }
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is no comparison: <, >, <=, >=, = or != belongs here",
                          escape_control(comparison)));
}

Result<NumberRange> read_range(std::string_view text, std::uint64_t max) {
  const std::size_t digits = std::min(text.find_first_not_of("<>=!"), text.size());
  const std::string_view comparison = text.substr(0, digits);
  const std::string_view rest = trim_blanks(text.substr(digits));
  for (const std::string_view between : {std::string_view("<>"), std::string_view("-")}) {
    const std::size_t at = rest.find(between);
    if (at == std::string_view::npos || (!comparison.empty() && comparison != "!")) continue;
    auto interval = read_interval(rest.substr(0, at), rest.substr(at + between.size()), max);
    if (interval) interval->is_negated = comparison == "!";
    return interval;
  }
  const auto number = read_number(rest, max);
  if (!number) return tl::unexpected(number.error());
  return range_of(comparison, *number, max);
}

std::optional<std::string> read_hex(std::string_view digits) {
  std::string bytes;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ' || c == '\t') continue;
    const int digit = hex_value(c);
    if (digit < 0) return std::nullopt;
    if (high < 0) {
      high = digit;
      continue;
    }
    bytes += static_cast<char>(high * 16 + digit);
    high = -1;
  }
  if (high >= 0) return std::nullopt;
  return bytes;
}

Result<std::string> read_content(std::string_view value) {
  std::string bytes;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '|') {
      const std::size_t end = value.find('|', i + 1);
      if (end == std::string_view::npos) {
        return fail(ErrorKind::invalid, "a '|' has no other that ends its hexadecimal bytes");
      }
      const std::string_view digits = value.substr(i + 1, end - i - 1);
      const auto part = read_hex(digits);
      if (!part) {
        return fail(ErrorKind::invalid,
                    fmt::format("'|{}|' are no hexadecimal bytes", escape_control(digits)));
      }
      bytes += *part;
      i = end;
      continue;
    }
    if (value[i] == '\\') {
      if (i + 1 == value.size() || kEscapable.find(value[i + 1]) == std::string_view::npos) {
        return fail(ErrorKind::invalid, fmt::format("'{}' is no escape: \\\" \\; \\: and \\\\ are",
                                                    escape_control(value.substr(i, 2))));
      }
      ++i;
    }
    bytes += value[i];
  }
  if (bytes.empty()) return fail(ErrorKind::invalid, "a content has no bytes");
  return bytes;
}

}  // namespace sluice
