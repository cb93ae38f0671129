#include "control/store/eve_text.h"

#include <charconv>
#include <cstddef>
#include <cstring>

#include "base/endian.h"

namespace sluice {
namespace {

void put_decimal(char* to, unsigned value, unsigned digits) noexcept {
  for (unsigned i = digits; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

/// "2025-01-02T03:04:05" of seconds since the epoch: days to a civil date by counting years from
/// March in cycles of 400 years (146,097 days).
void put_date(char* to, std::uint64_t seconds) noexcept {
  const std::uint64_t shifted = seconds / 86'400 + 719'468;  // days since 0000-03-01
  const auto of_cycle = static_cast<unsigned>(shifted % 146'097);
  const unsigned year_of_cycle =
      (of_cycle - of_cycle / 1'460 + of_cycle / 36'524 - of_cycle / 146'096) / 365;
  const unsigned of_year =
      of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
  const unsigned march_month = (5 * of_year + 2) / 153;
  const unsigned day = of_year - (153 * march_month + 2) / 5 + 1;
  const unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
  const auto year =
      static_cast<unsigned>(shifted / 146'097) * 400 + year_of_cycle + (month <= 2 ? 1U : 0U);
  const auto of_day = static_cast<unsigned>(seconds % 86'400);
  std::memcpy(to, "0000-00-00T00:00:00", 19);
  put_decimal(to, year, 4);
  put_decimal(to + 5, month, 2);
  put_decimal(to + 8, day, 2);
  put_decimal(to + 11, of_day / 3'600, 2);
  put_decimal(to + 14, of_day / 60 % 60, 2);
  put_decimal(to + 17, of_day % 60, 2);
}

char* put_v4(char* at, const std::uint8_t* bytes) noexcept {
  for (unsigned i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    at = std::to_chars(at, at + 3, unsigned{bytes[i]}).ptr;
  }
  return at;
}

struct ZeroRun {
  unsigned start = 8;
  unsigned length = 1;  // RFC 5952 4.2.2: a single group is not shortened
};

ZeroRun longest_zero_run(const std::array<std::uint16_t, 8>& groups) noexcept {
  ZeroRun best;
  unsigned length = 0;
  for (unsigned i = 0; i < 8; ++i) {
    length = groups[i] == 0 ? length + 1 : 0;
    if (length > best.length) best = {i + 1 - length, length};
  }
  return best;
}

/// RFC 5952, as base's to_string writes it, without allocation.
char* put_v6(char* at, const std::uint8_t* bytes) noexcept {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(bytes, kMapped.data(), kMapped.size()) == 0) {
    std::memcpy(at, "::ffff:", 7);
    return put_v4(at + 7, bytes + 12);
  }
  std::array<std::uint16_t, 8> groups;
  for (unsigned i = 0; i < 8; ++i) groups[i] = load_be16(bytes + 2 * i);
  const ZeroRun run = longest_zero_run(groups);
  for (unsigned i = 0; i < 8;) {
    if (i == run.start) {
      *at++ = ':';
      *at++ = ':';
      i += run.length;
      continue;
    }
    if (i > 0 && i != run.start + run.length) *at++ = ':';
    at = std::to_chars(at, at + 4, unsigned{groups[i]}, 16).ptr;
    ++i;
  }
  return at;
}

}  // namespace

std::string_view address_text(const std::array<std::uint8_t, 16>& bytes, std::uint8_t version,
                              AddressText& text) noexcept {
  const char* end =
      version == 6 ? put_v6(text.data(), bytes.data()) : put_v4(text.data(), bytes.data());
  return {text.data(), static_cast<std::size_t>(end - text.data())};
}

EveTime::Text EveTime::of(TimeNs time) noexcept {
  const std::uint64_t second = time / kNsPerSecond;
  Second& cached = seconds_[second % seconds_.size()];
  if (cached.second != second) {
    put_date(cached.text.data(), second);
    cached.second = second;
  }
  Text text;
  std::memcpy(text.data(), cached.text.data(), 19);
  std::memcpy(text.data() + 19, ".000000+0000", 12);
  put_decimal(text.data() + 20, static_cast<unsigned>(time % kNsPerSecond / kNsPerUs), 6);
  return text;
}

}  // namespace sluice
