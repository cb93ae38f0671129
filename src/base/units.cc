// One parser for all quantities: a decimal number and a word from the quantity's own table. The
// value is exact or refused: no floating point, so that what is printed is what was meant.
#include "base/units.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace sluice {
namespace {

struct Unit {
  std::string_view word;
  std::uint64_t multiplier;
};

/// Units from large to small.
struct Quantity {
  std::string_view noun;
  std::span<const Unit> units;
  std::string_view example;
  std::string_view whole;  ///< what every value is a number of
};

constexpr Unit kByteUnits[] = {
    {"GiB", std::uint64_t{1} << 30},
    {"GB", 1'000'000'000},
    {"MiB", std::uint64_t{1} << 20},
    {"MB", 1'000'000},
    {"KiB", 1024},
    {"kB", 1000},
    {"", 1},
};
constexpr Unit kDurationUnits[] = {
    {"d", 86'400 * kNsPerSecond},
    {"h", 3'600 * kNsPerSecond},
    {"min", 60 * kNsPerSecond},
    {"m", 60 * kNsPerSecond},  // read, never printed: "min" stands before it
    {"s", kNsPerSecond},
    {"ms", kNsPerMs},
    {"us", kNsPerUs},
    {"ns", 1},
};
constexpr Unit kBitRateUnits[] = {
    {"Gbit/s", 1'000'000'000}, {"Mbit/s", 1'000'000}, {"kbit/s", 1'000}, {"bit/s", 1}};
constexpr Unit kEventRateUnits[] = {
    {"G/s", 1'000'000'000}, {"M/s", 1'000'000}, {"k/s", 1'000}, {"/s", 1}};

constexpr Quantity kBytes{"a number of bytes", kByteUnits, "64KiB", "bytes"};
constexpr Quantity kDuration{"a duration", kDurationUnits, "30s", "nanoseconds"};
constexpr Quantity kBitRate{"a bit rate", kBitRateUnits, "10Mbit/s", "bits per second"};
constexpr Quantity kEventRate{"a rate", kEventRateUnits, "1000/s", "events per second"};

// Nine digits behind the point keep every product below inside 64 bits, whatever the unit.
constexpr std::size_t kFractionDigitsMax = 9;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view leading_digits(std::string_view text) noexcept {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

tl::unexpected<Error> malformed(const Quantity& quantity, std::string_view text) {
  std::string words;
  for (const Unit& unit : quantity.units) {
    if (unit.word.empty()) continue;
    words += fmt::format("{}{}", words.empty() ? "" : ", ", unit.word);
  }
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is not {}: write a number and one of {}, such as {}",
                          text.substr(0, 64), quantity.noun, words, quantity.example));
}

tl::unexpected<Error> too_large(const Quantity& quantity, std::string_view text) {
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is too large for {}", text.substr(0, 64), quantity.noun));
}

tl::unexpected<Error> not_whole(const Quantity& quantity, std::string_view text) {
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is not a whole number of {}", text.substr(0, 64), quantity.whole));
}

/// One number with its unit, at the front of a text.
struct Term {
  std::uint64_t whole = 0;
  std::string_view fraction;  ///< digits behind the point, trailing zeros removed
  const Unit* unit = nullptr;
  std::size_t bytes = 0;  ///< length in the text
  bool is_too_large = false;
};

bool read_whole(std::string_view digits, std::uint64_t& value) noexcept {
  value = 0;
  for (const char c : digits) {
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value)) return false;
    if (__builtin_add_overflow(value, static_cast<std::uint64_t>(c - '0'), &value)) return false;
  }
  return true;
}

/// Unit is null where the text does not begin with a number and a known unit word.
Term read_term(std::span<const Unit> units, std::string_view text) noexcept {
  Term term;
  const std::string_view whole = leading_digits(text);
  if (whole.empty()) return term;
  term.is_too_large = !read_whole(whole, term.whole);
  std::string_view rest = text.substr(whole.size());
  if (!rest.empty() && rest.front() == '.') {
    term.fraction = leading_digits(rest.substr(1));
    if (term.fraction.empty()) return term;
    rest.remove_prefix(1 + term.fraction.size());
    while (!term.fraction.empty() && term.fraction.back() == '0') term.fraction.remove_suffix(1);
  }
  const auto word_end = std::find_if(rest.begin(), rest.end(), is_digit);
  const std::string_view word = rest.substr(0, static_cast<std::size_t>(word_end - rest.begin()));
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [word](const Unit& candidate) { return candidate.word == word; });
  if (unit == units.end()) return term;
  term.unit = &*unit;
  term.bytes = text.size() - rest.size() + word.size();
  return term;
}

/// What the digits behind the point are worth; none where that is not a whole number.
struct FractionValue {
  std::uint64_t value = 0;
  bool is_whole = true;
};
FractionValue fraction_value(const Term& term) noexcept {
  if (term.fraction.empty()) return {};
  if (term.fraction.size() > kFractionDigitsMax) return {0, false};
  std::uint64_t digits = 0;
  std::uint64_t scale = 1;
  std::uint64_t multiplier = term.unit->multiplier;
  for (const char c : term.fraction) {
    digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
    // Cancelling tens first keeps the product within the unit's own size, or below 1e9 x 1 GiB.
    if (multiplier % 10 == 0)
      multiplier /= 10;
    else
      scale *= 10;
  }
  const std::uint64_t product = digits * multiplier;
  return {product / scale, product % scale == 0};
}

Result<std::uint64_t> term_value(const Quantity& quantity, const Term& term,
                                 std::string_view text) {
  const FractionValue fraction = fraction_value(term);
  if (!fraction.is_whole) return not_whole(quantity, text);
  std::uint64_t value = 0;
  if (term.is_too_large || __builtin_mul_overflow(term.whole, term.unit->multiplier, &value) ||
      __builtin_add_overflow(value, fraction.value, &value)) {
    return too_large(quantity, text);
  }
  return value;
}

Result<std::uint64_t> parse_quantity(const Quantity& quantity, std::string_view text) {
  const Term term = read_term(quantity.units, text);
  if (term.unit == nullptr || term.bytes != text.size()) return malformed(quantity, text);
  return term_value(quantity, term, text);
}

/// In the unit that makes the smallest whole number of it.
std::string print_quantity(const Quantity& quantity, std::uint64_t value) {
  for (const Unit& unit : quantity.units) {
    if (value != 0 && value % unit.multiplier == 0) {
      return fmt::format("{}{}", value / unit.multiplier, unit.word);
    }
  }
  return fmt::format("0{}", quantity.units.back().word);
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) { return parse_quantity(kBytes, text); }

Result<std::uint64_t> parse_bit_rate(std::string_view text) {
  return parse_quantity(kBitRate, text);
}

Result<std::uint64_t> parse_event_rate(std::string_view text) {
  return parse_quantity(kEventRate, text);
}

Result<DurationNs> parse_duration(std::string_view text) {
  if (!text.empty() && leading_digits(text).size() == text.size()) {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' has no unit: write a duration such as {}s or {}ms",
                            text.substr(0, 64), text.substr(0, 20), text.substr(0, 20)));
  }
  DurationNs sum = 0;
  const Unit* previous = nullptr;
  std::string_view rest = text;
  do {
    const Term term = read_term(kDuration.units, rest);
    const bool is_in_order = term.unit != nullptr &&
                             (previous == nullptr || term.unit->multiplier < previous->multiplier);
    if (!is_in_order) return malformed(kDuration, text);
    auto value = term_value(kDuration, term, text);
    if (!value) return value;
    if (__builtin_add_overflow(sum, *value, &sum)) return too_large(kDuration, text);
    previous = term.unit;
    rest.remove_prefix(term.bytes);
  } while (!rest.empty());
  return sum;
}

std::string print_bytes(std::uint64_t bytes) { return print_quantity(kBytes, bytes); }

std::string print_bit_rate(std::uint64_t bits_per_second) {
  return print_quantity(kBitRate, bits_per_second);
}

std::string print_event_rate(std::uint64_t events_per_second) {
  return print_quantity(kEventRate, events_per_second);
}

std::string print_duration(DurationNs duration) {
  if (duration == 0) return "0s";
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    if (duration < unit.multiplier) continue;
    text += fmt::format("{}{}", duration / unit.multiplier, unit.word);
    duration %= unit.multiplier;
  }
  return text;
}

}  // namespace sluice
