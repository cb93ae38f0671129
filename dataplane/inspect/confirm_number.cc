// Terms that read numbers and measure, and those that ask about the buffer as a whole.
#include <algorithm>
#include <bit>

#include "base/hex.h"
#include "dataplane/inspect/confirm_evaluation.h"

namespace sluice {
namespace {

constexpr std::uint64_t kDecodedBytesPerStep = 256;

constexpr unsigned base_of(NumberText text) noexcept {
  if (text == NumberText::hexadecimal) return 16;
  return text == NumberText::octal ? 8 : 10;
}

constexpr bool is_space(std::uint8_t byte) noexcept {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/// Above every base where it is none.
constexpr unsigned digit_of(std::uint8_t byte) noexcept {
  return static_cast<unsigned>(hex_value(byte));
}

/// Skips white space and, for base 16, a 0x with a digit behind it.
constexpr std::size_t digits_begin(ByteSpan text, unsigned base) noexcept {
  std::size_t at = 0;
  while (at < text.size() && is_space(text[at])) ++at;
  if (at < text.size() && text[at] == '+') ++at;
  const bool has_prefix = base == 16 && at + 2 < text.size() && text[at] == '0' &&
                          folded(text[at + 1]) == 'x' && digit_of(text[at + 2]) < 16;
  return has_prefix ? at + 2 : at;
}

struct TextNumber {
  std::uint64_t value;
  std::size_t size;  ///< bytes that were read
};

/// As strtoull reads: up to the first byte that is no digit. None without a digit, or where it does
/// not fit 64 bits; a sign turns no number negative, as numbers on the wire have none.
std::optional<TextNumber> read_text(ByteSpan text, unsigned base) noexcept {
  const std::size_t begin = digits_begin(text, base);
  std::size_t at = begin;
  std::uint64_t value = 0;
  for (; at < text.size() && digit_of(text[at]) < base; ++at) {
    if (__builtin_mul_overflow(value, std::uint64_t{base}, &value) ||
        __builtin_add_overflow(value, digit_of(text[at]), &value)) {
      return std::nullopt;
    }
  }
  if (at == begin) return std::nullopt;
  return TextNumber{value, at};
}

std::uint64_t read_binary(ByteSpan bytes, bool is_little) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value = value << 8 | bytes[is_little ? bytes.size() - 1 - i : i];
  }
  return value;
}

constexpr std::uint64_t masked(std::uint64_t value, std::uint64_t mask) noexcept {
  return mask == 0 ? value : (value & mask) >> std::countr_zero(mask);
}

constexpr bool compare(std::uint64_t left, Comparison comparison, std::uint64_t right) noexcept {
  switch (comparison) {
    case Comparison::equal:
      return left == right;
    case Comparison::not_equal:
      return left != right;
    case Comparison::less:
      return left < right;
    case Comparison::greater:
      return left > right;
    case Comparison::less_or_equal:
      return left <= right;
    case Comparison::greater_or_equal:
      return left >= right;
    case Comparison::bits_set:
      return (left & right) != 0;
    case Comparison::bits_xor:
      return (left ^ right) != 0;
    case Comparison::between:
      return false;  // has two bounds: no program holds it
  }
  return false;
}

std::optional<std::uint64_t> calculate(std::uint64_t left, MathOperator op,
                                       std::uint64_t right) noexcept {
  switch (op) {
    case MathOperator::add:
      return left + right;
    case MathOperator::subtract:
      return left - right;
    case MathOperator::multiply:
      return left * right;
    case MathOperator::divide:
      if (right == 0) return std::nullopt;
      return left / right;
    case MathOperator::shift_left:
      return right < 64 ? left << right : 0;
    case MathOperator::shift_right:
      return right < 64 ? left >> right : 0;
  }
  return std::nullopt;
}

constexpr std::uint64_t aligned(std::uint64_t value, unsigned alignment) noexcept {
  const std::uint64_t over = alignment == 0 ? 0 : value % alignment;
  return over == 0 ? value : value + (alignment - over);
}

}  // namespace

std::optional<std::uint64_t> Evaluation::value_of(const StepNumber& number) const noexcept {
  if (number.slot == kNoVariable) return std::bit_cast<std::uint64_t>(number.value);
  if ((variables_.set_slots >> number.slot & 1) == 0) return std::nullopt;
  return variables_.values[number.slot];
}

std::optional<std::int64_t> Evaluation::place_of(const StepNumber& number) const noexcept {
  if (number.slot == kNoVariable) return number.value;
  const auto value = value_of(number);
  if (!value) return std::nullopt;
  return static_cast<std::int64_t>(std::min(*value, static_cast<std::uint64_t>(kPlaceMax)));
}

void Evaluation::set(std::uint8_t slot, std::optional<std::uint64_t> value) noexcept {
  const auto bit = static_cast<std::uint16_t>(1U << slot);
  variables_.values[slot] = value.value_or(0);
  variables_.set_slots =
      static_cast<std::uint16_t>(value ? variables_.set_slots | bit : variables_.set_slots & ~bit);
}

std::optional<Evaluation::Number> Evaluation::read(const ReadStep& step) noexcept {
  const PlacedBytes& view = bytes();
  const auto offset = place_of(step.offset);
  if (!offset) return std::nullopt;
  const std::int64_t place = (step.is_relative ? at_ : 0) + *offset;
  if (place < 0) return std::nullopt;
  // Relative to a match at the very end there is nothing, not even a number of no bytes.
  if (place + std::max<std::int64_t>(step.bytes, step.is_relative ? 1 : 0) > view.end()) {
    static_cast<void>(fail_for_more());
    return std::nullopt;
  }
  if (place < view.begin) {
    static_cast<void>(fail_for_lost());
    return std::nullopt;
  }
  if (step.bytes == 0) return Number{0, place};
  const ByteSpan field = view.between(place, place + step.bytes);
  if (step.text == NumberText::binary) {
    return Number{read_binary(field, step.is_little), place + step.bytes};
  }
  const auto text = read_text(field, base_of(step.text));
  if (!text) return std::nullopt;
  return Number{text->value, place + static_cast<std::int64_t>(text->size)};
}

bool Evaluation::holds(const ByteTestStep& step) noexcept {
  const auto number = read(step.read);
  const auto right = value_of(step.operand);
  if (!number || !right) return false;
  return compare(masked(number->value, step.read.mask), step.comparison, *right) != step.is_negated;
}

bool Evaluation::holds(const ByteJumpStep& step) noexcept {
  const auto number = read(step.read);
  if (!number) return false;
  if (step.from_end && is_end_unknown()) return fail_for_more();
  std::uint64_t value = masked(number->value, step.read.mask);
  if (__builtin_mul_overflow(value, std::uint64_t{step.multiplier}, &value)) return false;
  if (value > static_cast<std::uint64_t>(kPlaceMax)) return false;
  const auto distance =
      static_cast<std::int64_t>(aligned(value, step.aligns_to_4 ? 4 : 0)) + step.post_offset;
  const std::int64_t base = step.from_beginning ? 0 : step.from_end ? bytes().end() : number->end;
  const std::int64_t target = base + distance;
  if (target < 0) return false;
  if (target >= bytes().end()) return fail_for_more();
  at_ = target;
  return true;
}

bool Evaluation::holds(const ByteExtractStep& step) noexcept {
  const auto number = read(step.read);
  if (!number) return false;
  set(step.slot, aligned(masked(number->value, step.read.mask) * step.multiplier, step.align));
  at_ = number->end;
  return true;
}

/// The mask is of the result, as Suricata does it.
bool Evaluation::holds(const ByteMathStep& step) noexcept {
  const auto number = read(step.read);
  const auto right = value_of(step.operand);
  if (!number || !right) return false;
  const auto result = calculate(number->value, step.op, *right);
  if (!result) return false;
  set(step.slot, masked(*result, step.read.mask));
  at_ = number->end;
  return true;
}

/// Relative, as many bytes follow the last match; else there is a byte at that offset.
bool Evaluation::holds(const DataAtStep& step) noexcept {
  const auto offset = place_of(step.offset);
  if (!offset) return false;
  const bool has_data = step.is_relative ? at_ + *offset <= bytes().end() : *offset < bytes().end();
  if (!step.is_negated) return has_data || fail_for_more();
  if (has_data) return false;
  return is_end_unknown() ? fail_for_more() : true;
}

bool Evaluation::holds(const SizeStep& step) noexcept {
  const auto size = static_cast<std::uint64_t>(bytes().end());
  const bool is_inside = size >= step.bytes.low && size <= step.bytes.high;
  const bool is_settled = !bytes().is_open || size > step.bytes.high ||
                          (is_inside && step.bytes.high == NumberRange{}.high);
  return is_settled ? is_inside != step.bytes.is_negated : fail_for_more();
}

bool Evaluation::holds(const Base64Step& step) noexcept {
  const std::int64_t place = (step.is_relative ? at_ : 0) + step.offset;
  if (place >= whole_.end()) return fail_for_more();
  if (place < whole_.begin) return fail_for_lost();
  ByteSpan text = whole_.between(place, whole_.end());
  const bool is_bounded = step.bytes != 0 && step.bytes <= text.size();
  if (is_bounded) text = text.first(step.bytes);
  if (!pay(std::min(text.size(), kTransformBytesMax * 4 / 3) / kDecodedBytesPerStep)) return false;
  const auto decoded = tools_.transform.decode_base64(text);
  is_decoding_cut_ = decoded.is_cut;
  if (decoded.bytes.empty()) return fail_for_more();
  decoded_ = {decoded.bytes, 0, whole_.is_open && !is_bounded, whole_.has_fuzzy_end};
  is_decoded_ = true;
  at_ = 0;
  return true;
}

bool Evaluation::holds(const SetStep& step) noexcept {
  if (bytes().begin > 0) return fail_for_lost();
  if (bytes().is_open) return fail_for_more();
  if (step.is_named) {
    const bool is_member =
        tools_.sets != nullptr && tools_.sets->contains(step.set, bytes().bytes, tools_.now);
    return is_member != step.is_negated;
  }
  const ByteSet& set = program_.sets[step.set];
  const bool is_member = step.match == SetMatch::exact ? set.contains(bytes().bytes)
                                                       : set.contains_domain_of(bytes().bytes);
  return is_member != step.is_negated;
}

}  // namespace sluice
