// A program as bytes. One function per structure serves both directions; what refers to something
// else in the program is checked once all of it was read.
#include <algorithm>
#include <bit>

#include "rules/program.h"

namespace sluice {
namespace {

constexpr std::int64_t kJumpMax = std::int64_t{1} << 31;

template <class Coder>
void code_place(Coder& coder, StepNumber& number, std::int64_t bound) {
  auto bits = std::bit_cast<std::uint64_t>(number.value);
  coder.number(bits);
  number.value = std::bit_cast<std::int64_t>(bits);
  coder.check(number.value >= -bound && number.value <= bound);
  coder.number(number.slot);
  coder.check(number.slot < kRuleSlots || number.slot == kNoVariable);
}

template <class Coder>
void code_operand(Coder& coder, StepNumber& number) {
  auto bits = std::bit_cast<std::uint64_t>(number.value);
  coder.number(bits);
  number.value = std::bit_cast<std::int64_t>(bits);
  coder.number(number.slot);
  coder.check(number.slot < kRuleSlots || number.slot == kNoVariable);
}

template <class Coder>
void fields(Coder& coder, BytesRef& ref) {
  coder.number(ref.begin, 0, kPartBytesMax);
  coder.number(ref.size, 0, kPartBytesMax);
}

template <class Coder>
void fields(Coder& coder, Needle& needle) {
  fields(coder, needle.bytes);
  coder.boolean(needle.nocase);
}

template <class Coder>
void fields(Coder& coder, ContentStep& step) {
  fields(coder, step.needle);
  coder.boolean(step.is_negated);
  coder.boolean(step.is_relative);
  coder.boolean(step.ends_with);
  coder.boolean(step.has_room);
  code_place(coder, step.start, kPlaceMax);
  code_place(coder, step.room, kPlaceMax);
}

template <class Coder>
void fields(Coder& coder, RegexStep& step) {
  coder.number(step.regex);
  fields(coder, step.needle);
  coder.boolean(step.is_negated);
  coder.boolean(step.is_relative);
  coder.number(step.capture_count, 0, kStepCaptures);
  for (std::uint8_t& slot : step.captures) coder.number(slot, 0, kRuleSlots - 1);
}

template <class Coder>
void fields(Coder& coder, ReadStep& step) {
  coder.number(step.bytes, 0, 23);
  code_place(coder, step.offset, kPlaceMax);
  coder.boolean(step.is_relative);
  coder.boolean(step.is_little);
  coder.enumeration(step.text, NumberText::octal);
  coder.number(step.mask);
  coder.check(step.text != NumberText::binary || step.bytes <= 8);
}

template <class Coder>
void fields(Coder& coder, ByteTestStep& step) {
  fields(coder, step.read);
  coder.boolean(step.is_negated);
  coder.enumeration(step.comparison, Comparison::bits_xor);
  code_operand(coder, step.operand);
}

template <class Coder>
void fields(Coder& coder, ByteJumpStep& step) {
  fields(coder, step.read);
  coder.number(step.multiplier);
  auto bits = std::bit_cast<std::uint64_t>(step.post_offset);
  coder.number(bits);
  step.post_offset = std::bit_cast<std::int64_t>(bits);
  coder.check(step.post_offset >= -kJumpMax && step.post_offset <= kJumpMax);
  coder.boolean(step.aligns_to_4);
  coder.boolean(step.from_beginning);
  coder.boolean(step.from_end);
}

template <class Coder>
void fields(Coder& coder, ByteExtractStep& step) {
  fields(coder, step.read);
  coder.number(step.slot, 0, kRuleSlots - 1);
  coder.number(step.multiplier);
  coder.number(step.align, 0, 4);
}

template <class Coder>
void fields(Coder& coder, ByteMathStep& step) {
  fields(coder, step.read);
  coder.enumeration(step.op, MathOperator::shift_right);
  code_operand(coder, step.operand);
  coder.number(step.slot, 0, kRuleSlots - 1);
}

template <class Coder>
void fields(Coder& coder, DataAtStep& step) {
  code_place(coder, step.offset, kPlaceMax);
  coder.boolean(step.is_negated);
  coder.boolean(step.is_relative);
}

template <class Coder>
void fields(Coder& coder, SizeStep& step) {
  coder.number(step.bytes.low);
  coder.number(step.bytes.high);
  coder.boolean(step.bytes.is_negated);
}

template <class Coder>
void fields(Coder& coder, Base64Step& step) {
  coder.number(step.bytes);
  coder.number(step.offset);
  coder.boolean(step.is_relative);
}

template <class Coder>
void fields(Coder& coder, SetStep& step) {
  coder.number(step.set);
  coder.enumeration(step.match, SetMatch::domain_suffix);
  coder.boolean(step.is_negated);
  coder.boolean(step.is_named);
}

template <std::size_t I = 0>
void make_kind(StepKind& kind, std::size_t index) {
  if constexpr (I < std::variant_size_v<StepKind>) {
    if (index == I) {
      kind.emplace<I>();
    } else {
      make_kind<I + 1>(kind, index);
    }
  }
}

template <class Coder>
void fields(Coder& coder, PartStep& step) {
  auto index = static_cast<std::uint8_t>(step.kind.index());
  coder.number(index, 0, std::variant_size_v<StepKind> - 1);
  if (index != step.kind.index()) make_kind(step.kind, index);
  std::visit([&coder](auto& kind) { fields(coder, kind); }, step.kind);
  coder.boolean(step.is_choice);
  coder.boolean(step.is_dependent);
  coder.boolean(step.is_gate);
}

bool lies_within(const BytesRef& ref, const PartProgram& program) {
  return ref.begin <= program.bytes.size() && ref.size <= program.bytes.size() - ref.begin;
}

bool is_sound(const PartStep& step, const PartProgram& program) {
  const BytesRef needle = needle_of(step).bytes;
  if (!lies_within(needle, program) || (step.is_gate && needle.size == 0)) return false;
  if (const auto* content = std::get_if<ContentStep>(&step.kind)) {
    return needle.size > 0 && needle.size <= kContentBytesMax &&
           !(content->is_negated && step.is_choice);
  }
  if (const auto* regex = std::get_if<RegexStep>(&step.kind)) {
    return regex->regex < program.regexes.size() && !(regex->is_negated && step.is_choice);
  }
  if (const auto* set = std::get_if<SetStep>(&step.kind)) {
    return (set->is_named || set->set < program.sets.size()) && !step.is_choice;
  }
  return !step.is_choice;
}

bool is_sound(const PartProgram& program) {
  const bool has_sound_keys =
      std::ranges::all_of(program.transforms, [&program](const TransformRef& step) {
        const bool needs_key = step.transform == Transform::xor_key;
        return lies_within(step.key, program) && needs_key == (step.key.size > 0);
      });
  return has_sound_keys && std::ranges::all_of(program.steps, [&program](const PartStep& step) {
           return is_sound(step, program);
         });
}

template <class Coder>
void code_program(Coder& coder, PartProgram& program) {
  coder.enumeration(program.buffer, static_cast<Buffer>(kBufferCount - 1));
  coder.boolean(program.is_chained);
  coder.boolean(program.needs_bytes);
  coder.boolean(program.has_variables);
  coder.number(program.reach_bytes);
  coder.number(program.sieve.database);
  coder.number(program.sieve.pattern);
  coder.sequence(program.transforms, kPartTransforms, [&coder](TransformRef& step) {
    coder.enumeration(step.transform, Transform::xor_key);
    fields(coder, step.key);
  });
  coder.sequence(program.steps, kPartSteps, [&coder](PartStep& step) { fields(coder, step); });
  coder.sequence(program.bytes, kPartBytesMax, [](std::uint8_t) {});
  coder.raw(program.bytes.data(), program.bytes.size());
  coder.sequence(program.regexes, kPartSteps, [&coder](Regex& regex) { code(coder, regex); });
  coder.sequence(program.sets, kPartSteps, [&coder](ByteSet& set) { code(coder, set); });
}

}  // namespace

void code(PlainWriter& writer, PartProgram& program) { code_program(writer, program); }

void code(PlainReader& reader, PartProgram& program) {
  code_program(reader, program);
  reader.check(reader.is_good() && is_sound(program));
}

}  // namespace sluice
