#include "base/date.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace sluice {
namespace {

/// 'd' stands for a digit, everything else for itself.
constexpr std::string_view kForms[] = {"dddd-dd-dd", "dddd-dd-ddTdd:ddZ", "dddd-dd-ddTdd:dd:ddZ"};

[[nodiscard]] bool has_form(std::string_view text, std::string_view form) noexcept {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == 'd' ? !is_digit : text[i] != form[i]) return false;
  }
  return true;
}

[[nodiscard]] bool has_any_form(std::string_view text) noexcept {
  for (const std::string_view form : kForms) {
    if (has_form(text, form)) return true;
  }
  return false;
}

/// The digits from `begin` on; 0 where the text ends before.
[[nodiscard]] unsigned number_at(std::string_view text, std::size_t begin, std::size_t digits) {
  unsigned number = 0;
  if (begin + digits <= text.size()) {
    std::from_chars(text.data() + begin, text.data() + begin + digits, number);
  }
  return number;
}

tl::unexpected<Error> no_date(std::string_view text, std::string_view why) {
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is {}: 2026-12-31 or 2026-12-31T18:00:00Z, in UTC, would do",
                          text.substr(0, 32), why));
}

}  // namespace

Result<TimeNs> parse_date(std::string_view text) {
  using std::chrono::day, std::chrono::month, std::chrono::year;
  if (!has_any_form(text)) return no_date(text, "no date");
  const auto year_number = static_cast<int>(number_at(text, 0, 4));
  const std::chrono::year_month_day date{year(year_number), month(number_at(text, 5, 2)),
                                         day(number_at(text, 8, 2))};
  const unsigned hours = number_at(text, 11, 2);
  const unsigned minutes = number_at(text, 14, 2);
  const unsigned seconds = text.size() > 17 ? number_at(text, 17, 2) : 0;
  if (!date.ok() || hours > 23 || minutes > 59 || seconds > 59) {
    return no_date(text, "a date that does not exist");
  }
  if (year_number < 1970 || year_number > 2199) return no_date(text, "out of range");
  const auto days =
      static_cast<std::uint64_t>(std::chrono::sys_days(date).time_since_epoch().count());
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * kNsPerSecond;
}

}  // namespace sluice
