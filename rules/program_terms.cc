#include "rules/program_terms.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "rules/pattern_strength.h"

namespace sluice {
namespace {

constexpr std::uint8_t kTextBytesMax = 23;
constexpr std::size_t kRegexNeedleMax = 64;

std::string_view kind_of(const Term& term) {
  static constexpr std::array<std::string_view, std::variant_size_v<Term>> kNames{
      "content",   "pcre",    "byte_test", "byte_jump", "byte_extract",
      "byte_math", "data_at", "size",      "base64",    "set"};
  return kNames[term.index()];
}

tl::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::invalid, std::move(message));
}

std::string in_lower_case(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return folded;
}

Status check_width(const ByteRead& read, std::uint8_t bytes_min) {
  const bool is_text = read.text != NumberText::binary;
  const std::uint8_t bytes_max = is_text ? kTextBytesMax : 8;
  if (read.bytes < bytes_min || read.bytes > bytes_max) {
    return invalid(
        fmt::format("reads {} bytes: {} to {} are possible", read.bytes, bytes_min, bytes_max));
  }
  if (read.order == ByteOrder::dce && is_text) return invalid("dce: is no byte order of text");
  return {};
}

}  // namespace

Status PartBuilder::add_transforms(const std::vector<TransformStep>& steps) {
  if (steps.size() > kPartTransforms) {
    return fail(ErrorKind::limit, fmt::format("has {} transforms: at most {} are allowed",
                                              steps.size(), kPartTransforms));
  }
  for (const TransformStep& step : steps) {
    const bool needs_key = step.transform == Transform::xor_key;
    if (needs_key == step.key.empty()) {
      return invalid(needs_key ? "xor: has no key: give the bytes to combine with"
                               : "transform: has a key: only xor takes one");
    }
    auto key = keep(step.key);
    if (!key) return tl::unexpected(std::move(key.error()));
    program_.transforms.push_back({step.transform, *key});
  }
  return {};
}

Status PartBuilder::add(const Term& term) {
  auto kind = std::visit([this](const auto& written) { return resolve(written); }, term);
  if (!kind) return with_context(kind_of(term), std::move(kind.error()));
  program_.steps.push_back({std::move(*kind)});
  return {};
}

// Needles of expressions come last: where there is no room they are left out.
PartProgram PartBuilder::finish() && {
  for (const auto& [step, literal] : literals_) {
    const LiteralWindow window = rarest_window(literal.bytes, literal.nocase, kRegexNeedleMax);
    const std::string needle = literal.bytes.substr(window.begin, window.size);
    const auto bytes = keep(literal.nocase ? in_lower_case(needle) : needle);
    if (!bytes) break;
    std::get<RegexStep>(program_.steps[step].kind).needle = {*bytes, literal.nocase};
  }
  return std::move(program_);
}

Result<BytesRef> PartBuilder::keep(std::string_view bytes) {
  const std::size_t begin = program_.bytes.size();
  if (bytes.size() > kPartBytesMax - begin) {
    return fail(
        ErrorKind::limit,
        fmt::format("the part has more than {} bytes of contents: split it", kPartBytesMax));
  }
  program_.bytes.insert(program_.bytes.end(), bytes.begin(), bytes.end());
  return BytesRef{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(bytes.size())};
}

Result<StepNumber> PartBuilder::number(const TermNumber& number, std::int64_t low) const {
  if (const auto* name = std::get_if<std::string>(&number)) {
    const auto slot = names_.slot_of(*name);
    if (!slot) return invalid(fmt::format("'{}' is set by no term before it", *name));
    return StepNumber{0, *slot};
  }
  const std::int64_t value = std::get<std::int64_t>(number);
  if (value < low || value > kPlaceMax) {
    return invalid(fmt::format("{}: {} to {} are possible", value, low, kPlaceMax));
  }
  return StepNumber{value, kNoVariable};
}

Result<StepNumber> PartBuilder::operand(const TermNumber& number) const {
  if (std::holds_alternative<std::string>(number)) return this->number(number, 0);
  return StepNumber{std::get<std::int64_t>(number), kNoVariable};
}

Result<std::uint8_t> PartBuilder::define(const std::string& name) {
  if (name.empty()) return invalid("names nothing that could hold the number");
  const auto slot = names_.define(name);
  if (!slot) {
    return fail(ErrorKind::limit,
                fmt::format("'{}' is one name too many: a rule may set {}", name, kRuleSlots));
  }
  return *slot;
}

Status PartBuilder::place_content(const ContentTerm& term, ContentStep& step) const {
  const bool is_placed = term.offset || term.depth;
  step.is_relative = term.distance || term.within;
  if (step.is_relative && is_placed) {
    return invalid("has offset or depth beside distance or within: one pair of them");
  }
  if (term.starts_with && (step.is_relative || is_placed)) {
    return invalid("starts the buffer and has a place of its own: one of them");
  }
  const auto& start = step.is_relative ? term.distance : term.offset;
  const auto& room = step.is_relative ? term.within : term.depth;
  if (start) {
    auto resolved = number(*start, step.is_relative ? -kPlaceMax : 0);
    if (!resolved) return with_context("start", std::move(resolved.error()));
    step.start = *resolved;
  }
  if (room) {
    auto resolved = number(*room, static_cast<std::int64_t>(term.bytes.size()));
    if (!resolved) return with_context("depth or within", std::move(resolved.error()));
    step.room = *resolved;
  } else if (term.starts_with) {
    step.room.value = static_cast<std::int64_t>(term.bytes.size());
  }
  step.has_room = room || term.starts_with;
  return {};
}

Result<StepKind> PartBuilder::resolve(const ContentTerm& term) {
  if (term.bytes.empty() || term.bytes.size() > kContentBytesMax) {
    return invalid(
        fmt::format("has {} bytes: 1 to {} are possible", term.bytes.size(), kContentBytesMax));
  }
  ContentStep step;
  step.is_negated = term.is_negated;
  step.needle.nocase = term.nocase;
  step.ends_with = term.ends_with;
  if (auto placed = place_content(term, step); !placed) {
    return tl::unexpected(std::move(placed.error()));
  }
  auto bytes = keep(term.nocase ? in_lower_case(term.bytes) : term.bytes);
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  step.needle.bytes = *bytes;
  return step;
}

Result<StepKind> PartBuilder::resolve(const PcreTerm& term) {
  auto regex = Regex::compile(term);
  if (!regex) return tl::unexpected(std::move(regex.error()));
  if (term.captures.size() > std::min<std::size_t>(kStepCaptures, regex->groups())) {
    return invalid(
        fmt::format("names {} captures of {} groups: at most as many as there are, and "
                    "{}",
                    term.captures.size(), regex->groups(), kStepCaptures));
  }
  if (term.is_negated && !term.captures.empty()) return invalid("is negated and captures nothing");
  RegexStep step;
  for (const std::string& name : term.captures) {
    auto slot = define(name);
    if (!slot) return tl::unexpected(std::move(slot.error()));
    step.captures[step.capture_count++] = *slot;
  }
  step.regex = static_cast<std::uint32_t>(program_.regexes.size());
  step.is_negated = term.is_negated;
  step.is_relative = term.is_relative;
  program_.regexes.push_back(std::move(*regex));
  if (const auto literal = required_literal(term)) {
    literals_.emplace_back(program_.steps.size(), *literal);
  }
  return step;
}

Result<ReadStep> PartBuilder::read_of(const ByteRead& read, std::uint8_t bytes_min) const {
  if (auto good = check_width(read, bytes_min); !good) {
    return tl::unexpected(std::move(good.error()));
  }
  auto offset = number(read.offset, read.is_relative ? -kPlaceMax : 0);
  if (!offset) return with_context("offset", std::move(offset.error()));
  ReadStep step;
  step.bytes = read.bytes;
  step.offset = *offset;
  step.is_relative = read.is_relative;
  // The order of a DCERPC fragment stands in its header; all but a few senders use little.
  step.is_little = read.order != ByteOrder::big;
  step.text = read.text;
  step.mask = read.mask;
  return step;
}

Result<StepKind> PartBuilder::resolve(const ByteTestTerm& term) {
  if (term.comparison == Comparison::between) return invalid("between: is no comparison of it");
  auto read = read_of(term.read, 1);
  if (!read) return tl::unexpected(std::move(read.error()));
  auto right = operand(term.operand);
  if (!right) return tl::unexpected(std::move(right.error()));
  return ByteTestStep{*read, term.is_negated, term.comparison, *right};
}

Result<StepKind> PartBuilder::resolve(const ByteJumpTerm& term) {
  if (term.from_beginning && term.from_end) return invalid("counts from both ends: one of them");
  auto read = read_of(term.read, 0);
  if (!read) return tl::unexpected(std::move(read.error()));
  return ByteJumpStep{
      *read,        term.multiplier, term.post_offset, term.aligns_to_4, term.from_beginning,
      term.from_end};
}

Result<StepKind> PartBuilder::resolve(const ByteExtractTerm& term) {
  if (term.align != 0 && term.align != 2 && term.align != 4) {
    return invalid(fmt::format("aligns to {}: 2 or 4 are possible", term.align));
  }
  auto read = read_of(term.read, 1);
  if (!read) return tl::unexpected(std::move(read.error()));
  auto slot = define(term.name);
  if (!slot) return tl::unexpected(std::move(slot.error()));
  return ByteExtractStep{*read, *slot, term.multiplier, term.align};
}

Result<StepKind> PartBuilder::resolve(const ByteMathTerm& term) {
  auto read = read_of(term.read, 1);
  if (!read) return tl::unexpected(std::move(read.error()));
  auto right = operand(term.operand);
  if (!right) return tl::unexpected(std::move(right.error()));
  if (term.op == MathOperator::divide && right->slot == kNoVariable && right->value == 0) {
    return invalid("divides by 0");
  }
  auto slot = define(term.result);
  if (!slot) return tl::unexpected(std::move(slot.error()));
  return ByteMathStep{*read, term.op, *right, *slot};
}

Result<StepKind> PartBuilder::resolve(const IsDataAtTerm& term) {
  auto offset = number(term.offset, 0);
  if (!offset) return tl::unexpected(std::move(offset.error()));
  return DataAtStep{*offset, term.is_negated, term.is_relative};
}

Result<StepKind> PartBuilder::resolve(const SizeTerm& term) {
  if (term.bytes.low > term.bytes.high) {
    return invalid(fmt::format("{} to {} is no range", term.bytes.low, term.bytes.high));
  }
  return SizeStep{term.bytes};
}

Result<StepKind> PartBuilder::resolve(const Base64Term& term) {
  if (std::exchange(has_base64_, true))
    return invalid("is the second of its part: one is possible");
  return Base64Step{term.bytes, term.offset, term.is_relative};
}

Result<StepKind> PartBuilder::resolve_named(const SetTerm& term) const {
  const auto set = std::ranges::find(sets_, term.name, &NamedSet::name);
  if (set == sets_.end() || set->kind == SetKind::address) {
    return invalid(
        fmt::format("is '{}', no set of names or texts in the configuration", term.name));
  }
  SetStep step;
  step.set = static_cast<std::uint32_t>(set - sets_.begin());
  step.match = set->kind == SetKind::domain ? SetMatch::domain_suffix : SetMatch::exact;
  step.is_negated = term.is_negated;
  step.is_named = true;
  return step;
}

Result<StepKind> PartBuilder::resolve(const SetTerm& term) {
  if (term.match == SetMatch::named) return resolve_named(term);
  if (term.entries.empty() || term.entries.size() > kSetEntriesMax) {
    return invalid(
        fmt::format("has {} entries: 1 to {} are possible", term.entries.size(), kSetEntriesMax));
  }
  std::vector<std::string> entries = term.entries;
  for (std::string& entry : entries) {
    if (term.match == SetMatch::domain_suffix) {
      entry = in_lower_case(entry.starts_with('.') ? std::string_view(entry).substr(1) : entry);
    }
    if (entry.empty() || entry.size() > kSetEntryBytesMax) {
      return invalid(fmt::format("an entry has {} bytes: 1 to {} are possible", entry.size(),
                                 kSetEntryBytesMax));
    }
  }
  const auto index = static_cast<std::uint32_t>(program_.sets.size());
  program_.sets.emplace_back(entries);
  return SetStep{index, term.match, term.is_negated, false};
}

}  // namespace sluice
