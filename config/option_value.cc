#include "config/option_value.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/suggest.h"
#include "base/units.h"

namespace sluice {
namespace {

constexpr std::size_t kQuotedBytesMax = 64;

/// What a message repeats of a value.
std::string_view excerpt(std::string_view text) { return text.substr(0, kQuotedBytesMax); }

tl::unexpected<Error> wrong(std::string_view path, const std::string& what, std::string hint = {}) {
  return fail(ErrorKind::invalid, fmt::format("{} {}", path, what), std::move(hint));
}

tl::unexpected<Error> wrong_type(const OptionShape& shape, std::string_view path, ScalarText scalar,
                                 std::string hint = {}) {
  const std::string_view article = scalar.is_quoted ? "the text " : "";
  return wrong(path,
               fmt::format("is {}'{}', where {} belongs", article, excerpt(scalar.text),
                           describe_type(shape)),
               std::move(hint));
}

std::string print_integer(OptionType type, std::uint64_t value) {
  switch (type) {
    case OptionType::bytes:
      return print_bytes(value);
    case OptionType::duration:
      return print_duration(value);
    case OptionType::bit_rate:
      return print_bit_rate(value);
    case OptionType::event_rate:
      return print_event_rate(value);
    default:
      return fmt::format("{}", value);
  }
}

Result<std::uint64_t> parse_quantity(OptionType type, std::string_view text) {
  switch (type) {
    case OptionType::bytes:
      return parse_bytes(text);
    case OptionType::duration:
      return parse_duration(text);
    case OptionType::bit_rate:
      return parse_bit_rate(text);
    default:
      return parse_event_rate(text);
  }
}

Result<OptionValue> in_range(const OptionShape& shape, std::string_view path, std::uint64_t value) {
  const OptionRange& range = shape.range;
  if (value >= range.min && value <= range.max) return OptionValue{value};
  if (value == 0 && !shape.zero_means.empty()) return OptionValue{value};
  const bool is_below = value < range.min;
  return wrong(path, fmt::format("is {}, {} of {}", print_integer(shape.type, value),
                                 is_below ? "below the smallest" : "above the largest",
                                 print_integer(shape.type, is_below ? range.min : range.max)));
}

Result<OptionValue> parse_number(const OptionShape& shape, std::string_view path,
                                 ScalarText scalar) {
  const std::string_view text = scalar.text;
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool is_number = !text.empty() && stop == end && !scalar.is_quoted;
  if (is_number && error == std::errc::result_out_of_range) {
    return wrong(path,
                 fmt::format("is {}, above the largest of {}", excerpt(text), shape.range.max));
  }
  if (!is_number) {
    const bool is_signed = text.size() > 1 && text.front() == '-' && !scalar.is_quoted;
    return wrong_type(shape, path, scalar, is_signed ? "no option is below zero" : "");
  }
  if (text.size() > 1 && text.front() == '0') {
    return wrong(path, fmt::format("is '{}', a number with a zero in front", excerpt(text)),
                 fmt::format("write {}", value));
  }
  return in_range(shape, path, value);
}

Result<OptionValue> parse_with_unit(const OptionShape& shape, std::string_view path,
                                    ScalarText scalar) {
  // Zero of any unit is zero; a bare one is understood where it has a meaning of its own.
  if (scalar.text == "0" && !shape.zero_means.empty()) return OptionValue{std::uint64_t{0}};
  const auto value = parse_quantity(shape.type, scalar.text);
  if (!value) return with_context(path, value.error());
  return in_range(shape, path, *value);
}

Result<OptionValue> parse_boolean(const OptionShape& shape, std::string_view path,
                                  ScalarText scalar) {
  const bool is_plain = !scalar.is_quoted;
  if (is_plain && scalar.text == "true") return OptionValue{std::uint64_t{1}};
  if (is_plain && scalar.text == "false") return OptionValue{std::uint64_t{0}};
  constexpr std::string_view kTrue[] = {"yes", "on", "True", "TRUE", "Yes", "On", "1", "y"};
  constexpr std::string_view kFalse[] = {"no", "off", "False", "FALSE", "No", "Off", "0", "n"};
  std::string hint;
  if (std::ranges::find(kTrue, scalar.text) != std::end(kTrue)) hint = "write true";
  if (std::ranges::find(kFalse, scalar.text) != std::end(kFalse)) hint = "write false";
  return wrong_type(shape, path, scalar, std::move(hint));
}

Result<OptionValue> parse_word(const OptionShape& shape, std::string_view path, ScalarText scalar) {
  const auto found = std::ranges::find(shape.words, scalar.text);
  if (found != shape.words.end()) {
    return OptionValue{static_cast<std::uint64_t>(found - shape.words.begin())};
  }
  const std::string_view near = nearest_word(scalar.text, shape.words);
  return wrong_type(shape, path, scalar,
                    near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

Result<OptionValue> parse_text(const OptionShape& shape, std::string_view path, ScalarText scalar) {
  const std::string_view text = scalar.text;
  if (text.size() < shape.range.min) return wrong(path, "is empty, where a text belongs");
  if (text.size() > shape.range.max) {
    return wrong(path, fmt::format("is {} bytes long, above the largest of {}", text.size(),
                                   shape.range.max));
  }
  if (escape_control(text) != text) {
    return wrong(path, fmt::format("has a control character: '{}'", excerpt(text)));
  }
  return OptionValue{std::string(text)};
}

}  // namespace

Result<OptionValue> parse_scalar(const OptionShape& shape, std::string_view path,
                                 ScalarText scalar) {
  switch (shape.type) {
    case OptionType::boolean:
      return parse_boolean(shape, path, scalar);
    case OptionType::number:
      return parse_number(shape, path, scalar);
    case OptionType::bytes:
    case OptionType::duration:
    case OptionType::bit_rate:
    case OptionType::event_rate:
      return parse_with_unit(shape, path, scalar);
    case OptionType::word:
      return parse_word(shape, path, scalar);
    case OptionType::text:
      return parse_text(shape, path, scalar);
    case OptionType::prefixes:
    case OptionType::paths:
    case OptionType::texts:
      break;
  }
  return wrong_type(shape, path, scalar);
}

std::string print_value(const OptionShape& shape, const OptionValue& value) {
  switch (shape.type) {
    case OptionType::boolean:
      return std::get<std::uint64_t>(value) != 0 ? "true" : "false";
    case OptionType::word:
      return std::string(shape.words[std::get<std::uint64_t>(value)]);
    case OptionType::text:
      return quoted(std::get<std::string>(value));
    case OptionType::prefixes: {
      std::string out;
      for (const IpPrefix& prefix : std::get<std::vector<IpPrefix>>(value)) {
        out += fmt::format("{}{}", out.empty() ? "" : ", ", quoted(to_string(prefix)));
      }
      return fmt::format("[{}]", out);
    }
    case OptionType::paths:
    case OptionType::texts: {
      std::string out;
      for (const std::string& entry : std::get<std::vector<std::string>>(value)) {
        out += fmt::format("{}{}", out.empty() ? "" : ", ", quoted(entry));
      }
      return fmt::format("[{}]", out);
    }
    default:
      return print_integer(shape.type, std::get<std::uint64_t>(value));
  }
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string describe_type(const OptionShape& shape) {
  switch (shape.type) {
    case OptionType::boolean:
      return "true or false";
    case OptionType::number:
      return "a number";
    case OptionType::bytes:
      return "a number of bytes such as 64KiB";
    case OptionType::duration:
      return "a duration such as 30s";
    case OptionType::bit_rate:
      return "a bit rate such as 10Mbit/s";
    case OptionType::event_rate:
      return "a rate such as 1000/s";
    case OptionType::word: {
      std::string words;
      for (const std::string_view word : shape.words) {
        const bool is_last = word == shape.words.back();
        words += fmt::format("{}{}", words.empty() ? "" : is_last ? " or " : ", ", word);
      }
      return words;
    }
    case OptionType::text:
      return "a text";
    case OptionType::prefixes:
      return "a list of prefixes";
    case OptionType::paths:
      return "a list of file names";
    case OptionType::texts:
      return "a list of texts";
  }
  return "a value";
}

std::string describe_range(const OptionShape& shape) {
  switch (shape.type) {
    case OptionType::boolean:
    case OptionType::word:
      return {};
    case OptionType::text:
      return fmt::format("up to {} bytes", shape.range.max);
    case OptionType::prefixes:
    case OptionType::paths:
    case OptionType::texts:
      return fmt::format("up to {} entries", shape.range.max);
    default:
      break;
  }
  const std::string range = fmt::format("{} to {}", print_integer(shape.type, shape.range.min),
                                        print_integer(shape.type, shape.range.max));
  return shape.zero_means.empty() ? range : fmt::format("{}, or 0: {}", range, shape.zero_means);
}

}  // namespace sluice
