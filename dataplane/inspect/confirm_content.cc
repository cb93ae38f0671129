// Terms that look for bytes: contents and regular expressions.
#include <algorithm>

#include "base/hex.h"
#include "dataplane/inspect/confirm_evaluation.h"

namespace sluice {
namespace {

constexpr std::uint64_t kSearchedBytesPerStep = 1'024;
constexpr std::uint64_t kRegexSteps = 2;
constexpr std::uint32_t kRegexWorkPerStep = 32;

/// A captured group as a number: decimal, or hexadecimal behind 0x; nothing else around it.
std::optional<std::uint64_t> number_in(ByteSpan text) noexcept {
  const bool is_hexadecimal = text.size() > 2 && text[0] == '0' && folded(text[1]) == 'x';
  const std::uint64_t base = is_hexadecimal ? 16 : 10;
  const ByteSpan digits = text.subspan(is_hexadecimal ? 2 : 0);
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const std::uint8_t byte : digits) {
    const auto digit = static_cast<unsigned>(hex_value(byte));  // what is none is above every base
    if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
        __builtin_add_overflow(value, digit, &value)) {
      return std::nullopt;
    }
  }
  return value;
}

}  // namespace

/// Offset and depth count from the buffer's start, distance and within from the last match; a
/// distance may lead back, but not to before the start.
std::optional<Evaluation::Region> Evaluation::region_of(const ContentStep& step) const noexcept {
  const auto start = place_of(step.start);
  const auto room = place_of(step.room);
  if (!start || !room) return std::nullopt;
  const std::int64_t low = (step.is_relative ? at_ : 0) + *start;
  Region region;
  region.low = std::max<std::int64_t>(low, 0);
  region.high = step.has_room ? low + *room : kNoBound;
  region.needs_low = step.has_room || (step.is_relative && at_ > 0);
  return region;
}

std::optional<std::int64_t> Evaluation::find(const ContentStep& step,
                                             const Region& region) noexcept {
  const PlacedBytes& view = bytes();
  const ByteSpan needle = bytes_of(program_, step.needle);
  const auto size = static_cast<std::int64_t>(needle.size());
  const std::int64_t high = std::min(region.high, view.end());
  std::int64_t low = std::max({region.low, from_, view.begin});
  if (step.ends_with) {
    if (high < view.end()) return std::nullopt;
    low = std::max(low, high - size);
  }
  if (high - low < size) return std::nullopt;
  const ByteSpan searched = view.between(low, high);
  if (!pay(searched.size() / kSearchedBytesPerStep)) return std::nullopt;
  const std::size_t found = find_needle(searched, needle, step.needle.nocase);
  if (found == kNotFound) return std::nullopt;
  return low + static_cast<std::int64_t>(found);
}

bool Evaluation::is_absent(const ContentStep& step, const Region& region) noexcept {
  if (find(step, region) || limit_ != ConfirmLimit::none) return false;
  return region.needs_low && region.low < bytes().begin ? fail_for_lost() : true;
}

bool Evaluation::holds(const ContentStep& step) noexcept {
  const auto region = region_of(step);
  if (!region) return false;
  if (step.ends_with && is_end_unknown()) return fail_for_more();
  if (step.is_negated) return is_absent(step, *region);
  const auto found = find(step, *region);
  if (!found) {
    doubts_.lost_bytes |= region->needs_low && region->low < bytes().begin;
    doubts_.more_bytes |= bytes().is_open && region->high > bytes().end();
    doubts_.is_endless |= bytes().is_open && region->high == kNoBound;
    return false;
  }
  next_ = *found + 1;
  at_ = *found + static_cast<std::int64_t>(step.needle.bytes.size);
  return true;
}

void Evaluation::capture(const RegexStep& step, ByteSpan subject) noexcept {
  for (std::size_t i = 0; i < step.capture_count; ++i) {
    const auto piece = tools_.matcher.group(i + 1);
    const auto value =
        piece ? number_in(subject.subspan(piece->begin, piece->end - piece->begin)) : std::nullopt;
    set(step.captures[i], value);
  }
}

bool Evaluation::has_needle(const RegexStep& step, ByteSpan subject) const noexcept {
  if (step.needle.bytes.size == 0) return true;
  return find_needle(subject, bytes_of(program_, step.needle), step.needle.nocase) != kNotFound;
}

/// A relative expression sees the bytes behind the last match and nothing before them, so that `^`
/// holds there. Tried again, it may begin one byte behind where it began before.
bool Evaluation::holds(const RegexStep& step) noexcept {
  const PlacedBytes& view = bytes();
  const std::int64_t origin = step.is_relative ? at_ : view.begin;
  if (origin < view.begin) return fail_for_lost();
  if (origin > view.end()) return fail_for_more();
  const ByteSpan subject = view.between(origin, view.end());
  if (!pay(kRegexSteps + subject.size() / kSearchedBytesPerStep)) return false;
  const std::size_t start = from_ == kFirstTry ? 0 : static_cast<std::size_t>(from_ - origin);
  if (start <= subject.size() && !has_needle(step, subject.subspan(start))) {
    return step.is_negated || fail_for_more();
  }
  saw_needle_ = true;
  const bool is_begin = step.is_relative || view.begin == 0;
  const auto outcome = tools_.matcher.match(
      program_.regexes[step.regex], {subject, start, is_begin, !is_end_unknown(), view.is_open,
                                     tools_.steps * kRegexWorkPerStep});
  if (outcome == RegexOutcome::limit || !pay(tools_.matcher.work() / kRegexWorkPerStep)) {
    limit_ = ConfirmLimit::regex;
    return false;
  }
  if (step.is_negated) return outcome == RegexOutcome::no;
  if (outcome == RegexOutcome::no) return fail_for_more();
  const auto piece = tools_.matcher.group(0).value_or(RegexMatcher::Piece{});
  next_ = origin + static_cast<std::int64_t>(std::max(piece.begin, start)) + 1;
  at_ = origin + static_cast<std::int64_t>(piece.end);
  capture(step, subject);
  return true;
}

}  // namespace sluice
