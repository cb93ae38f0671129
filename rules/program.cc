// From the terms as written to steps: `PartBuilder` resolves one term after the other, then the
// marks are set that evaluation needs. A step is *dependent* when it looks at a place or a number
// that an earlier choice has set; only then is it worth to try that choice again when it fails.
#include "rules/program.h"

#include <algorithm>

#include <fmt/format.h>

#include "rules/program_terms.h"

namespace sluice {
namespace {

bool is_relative(const StepKind& kind) {
  return std::visit(
      [](const auto& step) {
        if constexpr (requires { step.read; }) {
          return step.read.is_relative;
        } else if constexpr (requires { step.is_relative; }) {
          return step.is_relative;
        } else {
          return false;
        }
      },
      kind);
}

/// Slots that a step looks at, a bit for each.
std::uint32_t slots_read(const StepKind& kind) {
  std::uint32_t bits = 0;
  const auto add = [&bits](const StepNumber& number) {
    if (number.slot != kNoVariable) bits |= 1U << number.slot;
  };
  std::visit(
      [&add](const auto& step) {
        if constexpr (requires { step.read; }) add(step.read.offset);
        if constexpr (requires { step.operand; }) add(step.operand);
        if constexpr (requires { step.start; }) add(step.start);
        if constexpr (requires { step.room; }) add(step.room);
        if constexpr (requires { step.offset.slot; }) add(step.offset);
      },
      kind);
  return bits;
}

std::uint32_t slots_set(const StepKind& kind) {
  if (const auto* regex = std::get_if<RegexStep>(&kind)) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < regex->capture_count; ++i) bits |= 1U << regex->captures[i];
    return bits;
  }
  if (const auto* extract = std::get_if<ByteExtractStep>(&kind)) return 1U << extract->slot;
  if (const auto* math = std::get_if<ByteMathStep>(&kind)) return 1U << math->slot;
  return 0;
}

bool can_be_chosen_again(const StepKind& kind) {
  if (const auto* content = std::get_if<ContentStep>(&kind)) return !content->is_negated;
  const auto* regex = std::get_if<RegexStep>(&kind);
  return regex != nullptr && !regex->is_negated;
}

/// It holds or not for good, or holds only until bytes come that it does not want; what follows it
/// is found behind it.
bool leads_forward(const PartStep& step) {
  if (std::holds_alternative<SizeStep>(step.kind)) return true;
  const auto* content = std::get_if<ContentStep>(&step.kind);
  return content != nullptr && !content->ends_with && slots_read(step.kind) == 0 &&
         (!content->is_relative || content->start.value >= 0);
}

/// Found wherever bytes that come later let it be found, but for its place.
bool waits_for_needle(const PartStep& step) {
  if (needle_of(step).bytes.size == 0) return false;
  if (const auto* regex = std::get_if<RegexStep>(&step.kind)) return !regex->is_negated;
  const auto& content = std::get<ContentStep>(step.kind);
  return !content.is_negated && leads_forward(step) && (content.is_relative || !content.has_room);
}

void mark_gates(std::span<PartStep> steps) {
  bool is_forward = true;
  for (PartStep& step : steps) {
    step.is_gate = waits_for_needle(step) && (is_forward || !step.is_dependent);
    is_forward = is_forward && leads_forward(step);
    if (std::holds_alternative<Base64Step>(step.kind)) return;  // from here on other bytes are read
  }
}

void mark_steps(PartProgram& program) {
  std::uint32_t dependent_slots = 0;
  bool is_after_dependent_base64 = false;
  for (PartStep& step : program.steps) {
    step.is_dependent = is_after_dependent_base64 || is_relative(step.kind) ||
                        (slots_read(step.kind) & dependent_slots) != 0;
    if (step.is_dependent || std::holds_alternative<RegexStep>(step.kind)) {
      dependent_slots |= slots_set(step.kind);
    }
    is_after_dependent_base64 |= step.is_dependent && std::holds_alternative<Base64Step>(step.kind);
  }
  bool is_needed = false;
  for (auto step = program.steps.rbegin(); step != program.steps.rend(); ++step) {
    step->is_choice = is_needed && can_be_chosen_again(step->kind);
    is_needed |= step->is_dependent;
  }
}

/// Bytes from the place a step counts from to the last that it looks at.
std::uint64_t reach_of(const PartStep& step) {
  if (slots_read(step.kind) != 0) return kUnboundedReach;
  if (const auto* content = std::get_if<ContentStep>(&step.kind)) {
    if (!content->has_room) return kUnboundedReach;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(content->start.value, 0) +
                                      content->room.value);
  }
  if (const auto* test = std::get_if<ByteTestStep>(&step.kind)) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(test->read.offset.value, 0)) +
           test->read.bytes;
  }
  if (const auto* at = std::get_if<DataAtStep>(&step.kind)) {
    return static_cast<std::uint64_t>(at->offset.value);
  }
  return kUnboundedReach;
}

/// A chain whose links are all bounded has the first content's bytes and the links as its reach;
/// anything else needs as much as there is.
std::uint64_t reach_of(const PartProgram& program) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const PartStep& step = program.steps[i];
    const auto* content = std::get_if<ContentStep>(&step.kind);
    if (i == 0 && content != nullptr && !content->is_negated) {
      sum = content->needle.bytes.size;
      continue;
    }
    const std::uint64_t reach = reach_of(step);
    if (!is_relative(step.kind) || reach == kUnboundedReach) return kUnboundedReach;
    sum += reach;
  }
  return sum;
}

}  // namespace

std::optional<std::uint8_t> RuleNames::slot_of(std::string_view name) const noexcept {
  for (std::size_t i = names_.size(); i > 0; --i) {
    if (names_[i - 1] == name) return static_cast<std::uint8_t>(i - 1);
  }
  return std::nullopt;
}

std::optional<std::uint8_t> RuleNames::define(std::string_view name) {
  if (names_.size() >= kRuleSlots) return std::nullopt;
  names_.emplace_back(name);
  return static_cast<std::uint8_t>(names_.size() - 1);
}

Needle needle_of(const PartStep& step) noexcept {
  if (const auto* content = std::get_if<ContentStep>(&step.kind)) return content->needle;
  const auto* regex = std::get_if<RegexStep>(&step.kind);
  return regex != nullptr ? regex->needle : Needle{};
}

Result<PartProgram> compile_part(const Rule& rule, std::size_t part, RuleNames& names,
                                 std::span<const NamedSet> sets) {
  const BufferTerms& terms = rule.match[part];
  const std::string where = fmt::format("rule {}: match {}", rule.id, part + 1);
  PartBuilder builder(terms.buffer, names, sets);
  if (auto added = builder.add_transforms(terms.transforms); !added) {
    return with_context(where, std::move(added.error()));
  }
  if (terms.terms.size() > kPartSteps) {
    return fail(ErrorKind::limit, fmt::format("{}: has {} terms: at most {} are allowed", where,
                                              terms.terms.size(), kPartSteps));
  }
  for (std::size_t i = 0; i < terms.terms.size(); ++i) {
    if (auto added = builder.add(terms.terms[i]); !added) {
      return with_context(fmt::format("{}, term {}", where, i + 1), std::move(added.error()));
    }
  }
  PartProgram program = std::move(builder).finish();
  mark_steps(program);
  for (const PartStep& step : program.steps) {
    program.is_chained |= is_relative(step.kind);
    program.needs_bytes |= !std::holds_alternative<ContentStep>(step.kind);
    program.has_variables |= (slots_read(step.kind) | slots_set(step.kind)) != 0;
  }
  // Places are those of the buffer, and a part that is passed over sets no numbers for others.
  if (program.transforms.empty() && !program.has_variables) mark_gates(program.steps);
  program.reach_bytes = reach_of(program);
  return program;
}

}  // namespace sluice
