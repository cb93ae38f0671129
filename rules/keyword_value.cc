#include "rules/keyword_value.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/suggest.h"
#include "base/units.h"
#include "rules/byte_text.h"

namespace sluice {
namespace {

constexpr std::size_t kShownBytesMax = 64;
constexpr std::uint64_t kLargest64 = std::numeric_limits<std::uint64_t>::max();

std::string_view shown(std::string_view text) { return text.substr(0, kShownBytesMax); }

tl::unexpected<Error> wrong(const Keyword& keyword, const std::string& what,
                            std::string hint = {}) {
  return fail(ErrorKind::invalid, fmt::format("{} {}", keyword.key, what), std::move(hint));
}

tl::unexpected<Error> wrong_type(const Keyword& keyword, KeywordText text, std::string hint = {}) {
  return wrong(keyword,
               fmt::format("is {}'{}', where {} belongs", text.is_quoted ? "the text " : "",
                           shown(text.text), describe_keyword_type(keyword)),
               std::move(hint));
}

/// Decimal digits, or hexadecimal ones behind 0x; none where it is no number of 64 bits.
std::optional<std::uint64_t> unsigned_number(std::string_view text) noexcept {
  const bool is_hex = text.starts_with("0x");
  if (is_hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, is_hex ? 16 : 10);
  if (text.empty() || stop != end || error != std::errc{}) return std::nullopt;
  return value;
}

std::optional<std::int64_t> signed_number(std::string_view text) noexcept {
  if (text.starts_with("0x")) {
    const auto value = unsigned_number(text);
    if (!value || *value > kLargest64 / 2) return std::nullopt;
    return static_cast<std::int64_t>(*value);
  }
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end || error != std::errc{}) return std::nullopt;
  return value;
}

bool looks_like_a_number(std::string_view text) noexcept {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

template <class Number>
Result<KeywordValue> in_range(const Keyword& keyword, Number value) {
  const bool is_below = value < static_cast<Number>(keyword.min);
  const bool is_above = value > 0 && static_cast<std::uint64_t>(value) > keyword.max;
  if (!is_below && !is_above) return KeywordValue{value};
  if (is_below) {
    return wrong(keyword, fmt::format("is {}, below the smallest of {}", value, keyword.min));
  }
  return wrong(keyword, fmt::format("is {}, above the largest of {}", value, keyword.max));
}

Result<KeywordValue> parse_number(const Keyword& keyword, KeywordText text) {
  const auto value = unsigned_number(text.text);
  if (!value || text.is_quoted) return wrong_type(keyword, text);
  return in_range(keyword, *value);
}

Result<KeywordValue> parse_integer(const Keyword& keyword, KeywordText text) {
  const auto value = signed_number(text.text);
  if (!value || text.is_quoted) return wrong_type(keyword, text);
  return in_range(keyword, *value);
}

Result<KeywordValue> parse_operand(const Keyword& keyword, KeywordText text) {
  const bool is_name = !text.text.empty() && !looks_like_a_number(text.text) &&
                       text.text.size() <= kShownBytesMax && escape_control(text.text) == text.text;
  if (is_name) return KeywordValue{TermNumber{std::string(text.text)}};
  auto value = parse_integer(keyword, text);
  if (!value) return value;
  return KeywordValue{TermNumber{std::get<std::int64_t>(*value)}};
}

/// What stands behind a "!", "<" or the like, as far as it is a range.
std::optional<NumberRange> plain_range(std::string_view text) noexcept {
  if (text == "any") return NumberRange{};
  const bool is_above = text.starts_with('>');
  if (is_above || text.starts_with('<')) {
    const bool is_included = text.substr(1).starts_with('=');
    const auto bound = unsigned_number(text.substr(is_included ? 2 : 1));
    if (!bound || (!is_included && *bound == (is_above ? kLargest64 : 0))) return std::nullopt;
    if (is_above) return NumberRange{is_included ? *bound : *bound + 1, kLargest64, false};
    return NumberRange{0, is_included ? *bound : *bound - 1, false};
  }
  const std::size_t dash = text.find('-');
  const auto low = unsigned_number(text.substr(0, dash));
  const auto high = dash == std::string_view::npos ? low : unsigned_number(text.substr(dash + 1));
  if (!low || !high || *low > *high) return std::nullopt;
  return NumberRange{*low, *high, false};
}

Result<KeywordValue> parse_range(const Keyword& keyword, KeywordText text) {
  const bool is_negated = text.text.starts_with('!');
  auto range = plain_range(text.text.substr(is_negated ? 1 : 0));
  if (!range) return wrong_type(keyword, text);
  range->is_negated = is_negated;
  return KeywordValue{*range};
}

std::string print_range(const NumberRange& range) {
  const std::string_view sign = range.is_negated ? "!" : "";
  if (range.low == 0 && range.high == kLargest64) return fmt::format("{}any", sign);
  if (range.low == range.high) return fmt::format("{}{}", sign, range.low);
  if (range.high == kLargest64) return fmt::format("{}>={}", sign, range.low);
  if (range.low == 0) return fmt::format("{}<={}", sign, range.high);
  return fmt::format("{}{}-{}", sign, range.low, range.high);
}

Result<KeywordValue> parse_boolean(const Keyword& keyword, KeywordText text) {
  if (!text.is_quoted && text.text == "true") return KeywordValue{std::uint64_t{1}};
  if (!text.is_quoted && text.text == "false") return KeywordValue{std::uint64_t{0}};
  return wrong_type(keyword, text);
}

Result<KeywordValue> parse_word(const Keyword& keyword, KeywordText text) {
  const auto found = std::ranges::find(keyword.words, text.text);
  if (found != keyword.words.end()) {
    return KeywordValue{static_cast<std::uint64_t>(found - keyword.words.begin())};
  }
  const std::string_view near = nearest_word(text.text, keyword.words);
  return wrong_type(keyword, text,
                    near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

Result<KeywordValue> parse_bits(const Keyword& keyword, KeywordText text) {
  if (looks_like_a_number(text.text)) return parse_number(keyword, text);
  std::uint64_t bits = 0;
  for (const char letter : text.text) {
    const auto found = std::ranges::find(keyword.words, std::string_view(&letter, 1));
    if (found == keyword.words.end()) return wrong_type(keyword, text);
    bits |= std::uint64_t{1} << (found - keyword.words.begin());
  }
  if (bits == 0) return wrong_type(keyword, text, "write 0 for none");
  return KeywordValue{bits};
}

std::string print_bits(const Keyword& keyword, std::uint64_t bits) {
  if (bits == 0) return "0";
  if (bits >> keyword.words.size() != 0) return fmt::format("{:#x}", bits);
  std::string letters;
  for (std::size_t i = 0; i < keyword.words.size(); ++i) {
    if ((bits >> i & 1) != 0) letters += keyword.words[i];
  }
  return letters;
}

/// Length and, where it is to be printable, the characters of a text.
Result<KeywordValue> text_value(const Keyword& keyword, std::string text) {
  if (text.size() < static_cast<std::uint64_t>(keyword.min)) {
    return wrong(keyword, "is empty, where a text belongs");
  }
  if (text.size() > keyword.max) {
    return wrong(keyword, fmt::format("is {} bytes long, above the largest of {}", text.size(),
                                      keyword.max));
  }
  if (keyword.type != KeywordType::bytes && escape_control(text) != text) {
    return wrong(keyword, fmt::format("has a control character: '{}'", shown(text)));
  }
  return KeywordValue{std::move(text)};
}

Result<KeywordValue> parse_escaped(const Keyword& keyword, KeywordText text) {
  auto bytes = read_escapes(text.text);
  if (!bytes) return with_context(keyword.key, bytes.error());
  return text_value(keyword, std::move(*bytes));
}

Result<KeywordValue> parse_duration_value(const Keyword& keyword, KeywordText text) {
  const auto value = parse_duration(text.text);
  if (!value) return with_context(keyword.key, value.error());
  return in_range(keyword, *value);
}

std::string print_operand(const TermNumber& operand) {
  if (const auto* number = std::get_if<std::int64_t>(&operand)) return fmt::format("{}", *number);
  return quoted_scalar(escape_control(std::get<std::string>(operand)));
}

std::string print_texts(const Keyword& keyword, const std::vector<std::string>& texts) {
  const bool has_escapes = keyword.type == KeywordType::byte_texts;
  std::string out;
  for (const std::string& text : texts) {
    if (!out.empty()) out += ", ";
    out += quoted_scalar(has_escapes ? escape_bytes(text) : escape_control(text));
  }
  const bool is_one = texts.size() == 1 && !has_escapes;
  return is_one ? out : fmt::format("[{}]", out);
}

std::string joined(std::span<const std::string_view> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool is_last = i + 1 == words.size();
    out += fmt::format("{}{}", i == 0 ? "" : is_last ? " or " : ", ", words[i]);
  }
  return out;
}

}  // namespace

Result<KeywordValue> parse_keyword_value(const Keyword& keyword, KeywordText text) {
  switch (keyword.type) {
    case KeywordType::boolean:
      return parse_boolean(keyword, text);
    case KeywordType::number:
    case KeywordType::hex:
      return parse_number(keyword, text);
    case KeywordType::integer:
      return parse_integer(keyword, text);
    case KeywordType::operand:
      return parse_operand(keyword, text);
    case KeywordType::range:
      return parse_range(keyword, text);
    case KeywordType::duration:
      return parse_duration_value(keyword, text);
    case KeywordType::word:
      return parse_word(keyword, text);
    case KeywordType::bits:
      return parse_bits(keyword, text);
    case KeywordType::bytes:
      return parse_escaped(keyword, text);
    case KeywordType::text:
    case KeywordType::expression:
      return text_value(keyword, std::string(text.text));
    case KeywordType::texts:
    case KeywordType::byte_texts:
    case KeywordType::section:
      break;
  }
  return wrong_type(keyword, text);
}

std::string print_keyword_value(const Keyword& keyword, const KeywordValue& value) {
  switch (keyword.type) {
    case KeywordType::boolean:
      return std::get<std::uint64_t>(value) != 0 ? "true" : "false";
    case KeywordType::number:
      return fmt::format("{}", std::get<std::uint64_t>(value));
    case KeywordType::hex:
      return fmt::format("{:#x}", std::get<std::uint64_t>(value));
    case KeywordType::integer:
      return fmt::format("{}", std::get<std::int64_t>(value));
    case KeywordType::operand:
      return print_operand(std::get<TermNumber>(value));
    case KeywordType::range:
      return quoted_scalar(print_range(std::get<NumberRange>(value)));
    case KeywordType::duration:
      return print_duration(std::get<std::uint64_t>(value));
    case KeywordType::word:
      return std::string(keyword.words[std::get<std::uint64_t>(value)]);
    case KeywordType::bits:
      return print_bits(keyword, std::get<std::uint64_t>(value));
    case KeywordType::bytes:
      return quoted_scalar(escape_bytes(std::get<std::string>(value)));
    case KeywordType::text:
    case KeywordType::expression:
      return quoted_scalar(escape_control(std::get<std::string>(value)));
    case KeywordType::texts:
    case KeywordType::byte_texts:
    case KeywordType::section:
      break;
  }
  return print_texts(keyword, std::get<std::vector<std::string>>(value));
}

std::string describe_keyword_type(const Keyword& keyword) {
  switch (keyword.type) {
    case KeywordType::boolean:
      return "true or false";
    case KeywordType::number:
    case KeywordType::hex:
      return "a number";
    case KeywordType::integer:
      return "a whole number";
    case KeywordType::operand:
      return "a number or a name that byte_extract has set";
    case KeywordType::range:
      return "a number or a range such as 5-10, >=5 or !5";
    case KeywordType::duration:
      return "a duration such as 30s";
    case KeywordType::word:
      return joined(keyword.words);
    case KeywordType::text:
      return "a text";
    case KeywordType::bytes:
      return "a text with escapes";
    case KeywordType::expression:
      return "an expression such as [$HOME_NET, !10.0.0.0/8]";
    case KeywordType::texts:
      return "a list of texts";
    case KeywordType::byte_texts:
      return "a list of texts with escapes";
    case KeywordType::bits:
      return fmt::format("a number or letters of {}", joined(keyword.words));
    case KeywordType::section:
      break;
  }
  return "a map or list";
}

std::string describe_keyword_range(const Keyword& keyword) {
  switch (keyword.type) {
    case KeywordType::number:
    case KeywordType::integer:
    case KeywordType::operand:
      if (keyword.max > kLargest64 / 4) return {};
      return fmt::format("{} to {}", keyword.min, keyword.max);
    case KeywordType::text:
    case KeywordType::bytes:
    case KeywordType::expression:
      return fmt::format("up to {} bytes", keyword.max);
    case KeywordType::texts:
    case KeywordType::byte_texts:
    case KeywordType::section:
      return keyword.max == kLargest64 ? std::string()
                                       : fmt::format("up to {} entries", keyword.max);
    default:
      return {};
  }
}

}  // namespace sluice
