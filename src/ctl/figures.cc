#include "ctl/figures.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::string_view kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};

/// Three digits, and none behind a point that say nothing.
std::string three_digits(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

/// As far as a person can tell: negative, infinite and no number at all count as zero.
double sane(double value) noexcept { return std::isfinite(value) && value > 0 ? value : 0; }

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string si_text(double value, std::string_view unit) {
  value = sane(value);
  std::size_t prefix = 0;
  while (value >= 999.5 && prefix + 1 < std::size(kPrefixes)) {
    value /= 1000;
    ++prefix;
  }
  const std::string word = fmt::format("{}{}", kPrefixes[prefix], unit);
  const bool is_whole = value >= 9.95 || value == std::floor(value);
  const std::string digits =
      prefix > 0 ? three_digits(value) : fmt::format("{:.{}f}", value, is_whole ? 0 : 1);
  return word.empty() ? digits : fmt::format("{} {}", digits, word);
}

std::string bit_rate_text(double bits_per_second) { return si_text(bits_per_second, "bit/s"); }

std::string packet_rate_text(double packets_per_second) {
  return si_text(packets_per_second, "pps");
}

std::string percent_text(double percent) { return fmt::format("{:.1f} %", sane(percent)); }

std::string share_text(std::uint64_t part, std::uint64_t of) {
  if (of == 0) return grouped(part);
  const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(of);
  return fmt::format("{} of {} ({})", grouped(part), grouped(of), percent_text(percent));
}

std::string span_text(double seconds) {
  struct Unit {
    std::uint64_t seconds;
    std::string_view word;
  };
  constexpr Unit kUnits[] = {{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}};
  auto left = static_cast<std::uint64_t>(std::min(sane(seconds), 1e12));
  for (std::size_t i = 0; i + 1 < std::size(kUnits); ++i) {
    if (left < kUnits[i].seconds) continue;
    const std::uint64_t rest = left % kUnits[i].seconds / kUnits[i + 1].seconds;
    const std::string first = fmt::format("{}{}", left / kUnits[i].seconds, kUnits[i].word);
    return rest == 0 ? first : fmt::format("{} {}{}", first, rest, kUnits[i + 1].word);
  }
  return fmt::format("{}s", left);
}

}  // namespace sluice
