#include "rules/pattern_choice.h"

#include <algorithm>
#include <array>

#include "rules/pattern_strength.h"
#include "rules/regex_literal.h"
#include "rules/regex_loose.h"

namespace sluice {
namespace {

/// Below so many bits an expression is looked for rather than the literal.
constexpr double kWeakBits = 14;
/// What a literal inside an expression needs to stand for it in a group of hundreds.
constexpr double kSavingBits = 8;
/// What an expression of so many bytes is taken to be worth at least.
constexpr double kRegexBitsPerByte = 4;
constexpr double kRegexBitsMax = 40;
constexpr double kEnumerationBits = 3;
constexpr std::uint32_t kBoundMax = 1U << 30;

/// How the bytes that terms of a part look at stand to the bytes that are scanned.
struct PartView {
  bool is_usable = true;
  bool ignores_case = false;    ///< letters were changed
  bool has_dot_before = false;  ///< terms see a dot in front of the bytes
};

[[nodiscard]] PartView view_of(const BufferTerms& part) {
  PartView view;
  view.is_usable = is_scanned(part.buffer);
  for (const TransformStep& step : part.transforms) {
    switch (step.transform) {
      case Transform::dotprefix:
        view.has_dot_before = true;
        break;
      case Transform::to_lowercase:
      case Transform::to_uppercase:
      case Transform::header_lowercase:
        view.ignores_case = true;
        break;
      default:
        view.is_usable = false;
        break;
    }
  }
  return view;
}

[[nodiscard]] std::optional<std::uint32_t> constant(const std::optional<TermNumber>& number) {
  if (!number) return std::nullopt;
  const auto* value = std::get_if<std::int64_t>(&*number);
  if (value == nullptr || *value < 0 || *value > kBoundMax) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

/// Where the window of a content may end, counted from the buffer's start.
void bound_ends(const ContentTerm& term, LiteralWindow window, ScanPattern& pattern) {
  if (term.distance || term.within) return;
  const auto behind = static_cast<std::uint32_t>(window.begin + window.size);
  const auto left = static_cast<std::uint32_t>(term.bytes.size()) - behind;
  if (term.starts_with) {
    pattern.end_min = pattern.end_max = behind;
    return;
  }
  const bool is_offset_known = !term.offset || constant(term.offset);
  const std::uint32_t offset = constant(term.offset).value_or(0);
  if (term.offset) pattern.end_min = offset + behind;
  const auto depth = constant(term.depth);
  if (depth && is_offset_known && offset + *depth >= left + window.size) {
    pattern.end_max = offset + *depth - left;
  }
}

/// The term behind a content says that the buffer ends there.
[[nodiscard]] bool ends_buffer(const Term& term) {
  const auto* data_at = std::get_if<IsDataAtTerm>(&term);
  if (data_at == nullptr || !data_at->is_negated || !data_at->is_relative) return false;
  const auto* offset = std::get_if<std::int64_t>(&data_at->offset);
  return offset != nullptr && *offset == 1;
}

[[nodiscard]] LiteralWindow window_of(const ContentTerm& term, bool nocase, bool at_end) {
  if (term.is_fast_pattern && term.fast_length != 0 &&
      std::size_t{term.fast_offset} + term.fast_length <= term.bytes.size()) {
    return {term.fast_offset, std::min<std::size_t>(term.fast_length, kPrefilterLiteralMax)};
  }
  const std::size_t size = std::min(term.bytes.size(), kPrefilterLiteralMax);
  if (at_end) return {term.bytes.size() - size, size};
  return rarest_window(term.bytes, nocase, kPrefilterLiteralMax);
}

[[nodiscard]] PatternChoice literal_choice(const BufferTerms& part, std::size_t term_index) {
  const auto& term = std::get<ContentTerm>(part.terms[term_index]);
  const PartView view = view_of(part);
  ScanPattern pattern;
  pattern.nocase = term.nocase || view.ignores_case;
  pattern.at_end = term.ends_with ||
                   (term_index + 1 < part.terms.size() && ends_buffer(part.terms[term_index + 1]));
  LiteralWindow window = window_of(term, pattern.nocase, pattern.at_end);
  pattern.at_end = pattern.at_end && window.begin + window.size == term.bytes.size();
  if (view.has_dot_before && window.begin == 0 && window.size > 1 && term.bytes[0] == '.') {
    window = {1, window.size - 1};
  }
  pattern.text = term.bytes.substr(window.begin, window.size);
  if (!view.has_dot_before) bound_ends(term, window, pattern);
  PatternChoice choice;
  choice.bits = literal_bits(pattern.text, pattern.nocase);
  if (is_enumeration(part.buffer)) choice.bits = std::min(choice.bits, kEnumerationBits);
  choice.pattern = std::move(pattern);
  return choice;
}

/// Whether a content's bytes stand in the scanned bytes wherever the part holds.
[[nodiscard]] bool is_usable(const ContentTerm& term, const PartView& view) {
  if (term.is_negated || term.bytes.empty()) return false;
  return !view.has_dot_before || term.bytes != ".";
}

/// Calls `use(part, term index)` for every term that the scanned bytes themselves must meet.
template <class Each>
void each_usable_term(const Rule& rule, Each&& use) {
  for (std::size_t part = 0; part < rule.match.size(); ++part) {
    const BufferTerms& terms = rule.match[part];
    const PartView view = view_of(terms);
    if (!view.is_usable) continue;
    for (std::size_t i = 0; i < terms.terms.size(); ++i) {
      if (std::holds_alternative<Base64Term>(terms.terms[i])) break;
      use(part, i, view);
    }
  }
}

[[nodiscard]] PatternChoice best_literal(const Rule& rule) {
  PatternChoice best;
  double best_score = -1;
  bool has_author = false;
  each_usable_term(rule, [&](std::size_t part, std::size_t index, const PartView& view) {
    const auto* term = std::get_if<ContentTerm>(&rule.match[part].terms[index]);
    if (term == nullptr || !is_usable(*term, view)) return;
    if (has_author && !term->is_fast_pattern) return;
    PatternChoice choice = literal_choice(rule.match[part], index);
    choice.part = part;
    const double score = choice.bits + buffer_bits(rule.match[part].buffer);
    const bool is_first_of_author = term->is_fast_pattern && !has_author;
    if (!is_first_of_author && score <= best_score) return;
    has_author = has_author || term->is_fast_pattern;
    best_score = score;
    best = std::move(choice);
  });
  if (has_author) best.bits = std::max(best.bits, kWeakBits);
  return best;
}

/// An expression that starts where the last term ended sees nothing before it, while the scan does.
[[nodiscard]] bool looks_behind(std::string_view pattern) {
  constexpr std::array<std::string_view, 5> kSigns{"\\A", "\\G", "\\b", "\\B", "(?<"};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool is_plain = i > 0 && (pattern[i - 1] == '[' || pattern[i - 1] == '\\');
    if (pattern[i] == '^' && !is_plain) return true;
  }
  return std::ranges::any_of(kSigns, [pattern](std::string_view sign) {
    return pattern.find(sign) != std::string_view::npos;
  });
}

[[nodiscard]] ScanPattern expression_of(const PcreTerm& term, PatternKind kind) {
  ScanPattern pattern;
  pattern.kind = kind;
  pattern.text = term.pattern;
  // A comment of the extended syntax reaches to the end of its line.
  if (term.anchored) pattern.text = "\\A(?:" + pattern.text + (term.extended ? "\n)" : ")");
  if (term.extended) pattern.text.insert(0, "(?x)");
  pattern.nocase = term.nocase;
  pattern.multiline = term.multiline;
  pattern.dotall = term.dotall;
  return pattern;
}

[[nodiscard]] bool is_stream_pattern(const Rule& rule, const BufferTerms& part) {
  return row_of(part.buffer).is_streamed &&
         (part.buffer != Buffer::payload || rule.when.scope != PayloadScope::no_stream);
}

/// It may ask where the buffer begins. A line or a word may: a head ends with the end of a line.
[[nodiscard]] bool has_anchor(const ScanPattern& expression) {
  const std::string_view text = expression.text;
  for (std::size_t at = text.find('^'); at != std::string_view::npos; at = text.find('^', at + 1)) {
    const bool is_of_class = at > 0 && text[at - 1] == '[';
    if (!is_of_class && !expression.multiline) return true;
  }
  return text.find("\\A") != std::string_view::npos || text.find("\\G") != std::string_view::npos ||
         text.find("\\B") != std::string_view::npos;
}

[[nodiscard]] PatternChoice no_choice(std::string reason) {
  PatternChoice choice;
  choice.reason = std::move(reason);
  return choice;
}

/// The expression as the engine takes it.
[[nodiscard]] PatternChoice engine_choice(const PcreTerm& term, PatternKind kind, bool is_stream,
                                          bool nocase) {
  if (term.pattern.find('\0') != std::string::npos) {
    return no_choice("the expression holds a zero byte as such");
  }
  // It begins where the term before it ended, which the engine does not know.
  if (term.is_relative && (term.anchored || looks_behind(term.pattern))) {
    return no_choice("the expression looks at where the term before it ended");
  }
  ScanPattern pattern = expression_of(term, kind);
  pattern.nocase = pattern.nocase || nocase;
  const auto width = check_pattern(pattern);
  if (!width) return no_choice(width.error().message);
  if (is_stream && width->needs_end) {
    return no_choice("the expression asks for the end of a stream");
  }
  PatternChoice choice;
  choice.bits = std::min(width->min * kRegexBitsPerByte, kRegexBitsMax);
  choice.pattern = std::move(pattern);
  return choice;
}

/// A literal inside the expression.
[[nodiscard]] PatternChoice inner_choice(const PcreTerm& term, bool nocase) {
  const auto literal = required_literal(term);
  if (!literal) return no_choice("no bytes are certain to be in it");
  ScanPattern pattern;
  pattern.nocase = literal->nocase || nocase;
  const LiteralWindow window = rarest_window(literal->bytes, pattern.nocase, kPrefilterLiteralMax);
  pattern.text = literal->bytes.substr(window.begin, window.size);
  PatternChoice choice;
  choice.bits = literal_bits(pattern.text, pattern.nocase);
  choice.pattern = std::move(pattern);
  return choice;
}

[[nodiscard]] PatternChoice regex_choice(const PcreTerm& term, bool is_stream, bool nocase) {
  PatternChoice exact = engine_choice(term, PatternKind::regex, is_stream, nocase);
  PatternChoice inner = inner_choice(term, nocase);
  const bool is_inner_good = inner.pattern && inner.bits >= kWeakBits;
  if (exact.pattern) {
    if (inner.pattern && inner.bits >= kSavingBits) exact.cheaper = std::move(inner.pattern);
    return exact;
  }
  if (is_inner_good) return inner;
  PatternChoice loose = engine_choice(term, PatternKind::loose_regex, is_stream, nocase);
  if (loose.pattern) return loose;
  return inner.pattern ? inner : exact;
}

[[nodiscard]] PatternChoice best_regex(const Rule& rule) {
  PatternChoice best = no_choice("it has no content and no expression that is not negated");
  double best_score = -1;
  each_usable_term(rule, [&](std::size_t part, std::size_t index, const PartView& view) {
    const BufferTerms& terms = rule.match[part];
    const auto* term = std::get_if<PcreTerm>(&terms.terms[index]);
    if (term == nullptr || term->is_negated || view.has_dot_before) return;
    PatternChoice choice = regex_choice(*term, is_stream_pattern(rule, terms), view.ignores_case);
    const double score = choice.bits + buffer_bits(terms.buffer);
    if (!choice.pattern && !best.pattern) best.reason = choice.reason;
    if (!choice.pattern || score <= best_score) return;
    best_score = score;
    best = std::move(choice);
    best.part = part;
  });
  return best;
}

}  // namespace

PatternChoice choose_pattern(const Rule& rule) {
  PatternChoice literal = best_literal(rule);
  if (literal.pattern && literal.bits >= kWeakBits) return literal;
  PatternChoice regex = best_regex(rule);
  if (!literal.pattern) return regex;
  const bool is_sure = regex.pattern && regex.pattern->kind != PatternKind::loose_regex;
  return is_sure && regex.bits > literal.bits ? regex : literal;
}

void choose_set(const Rule& rule, std::span<const NamedSet> sets, PatternChoice& choice) {
  if (choice.pattern) return;
  for (std::size_t part = 0; part < rule.match.size(); ++part) {
    const BufferTerms& terms = rule.match[part];
    if (!terms.transforms.empty() || row_of(terms.buffer).is_streamed) continue;
    if (row_of(terms.buffer).service == Service::any) continue;
    for (const Term& term : terms.terms) {
      if (std::holds_alternative<Base64Term>(term)) break;  // what follows sees other bytes
      const auto* set = std::get_if<SetTerm>(&term);
      if (set == nullptr || set->match != SetMatch::named || set->is_negated) continue;
      const auto known = std::ranges::find(sets, set->name, &NamedSet::name);
      if (known == sets.end()) continue;
      choice.set = static_cast<std::uint32_t>(known - sets.begin());
      choice.part = part;
      return;
    }
  }
}

ScanPattern pattern_in_mode(ScanPattern pattern, ScanMode mode) {
  if (mode == ScanMode::stream) {
    pattern.end_min = 0;
    pattern.at_end = false;
  }
  return pattern;
}

std::optional<ScanPattern> pattern_in_carrier(const PatternChoice& choice) {
  if (!choice.pattern) return std::nullopt;
  const bool is_sound =
      choice.pattern->kind == PatternKind::literal || !has_anchor(*choice.pattern);
  if (!is_sound && !choice.cheaper) return std::nullopt;
  ScanPattern pattern =
      pattern_in_mode(is_sound ? *choice.pattern : *choice.cheaper, ScanMode::stream);
  pattern.end_max = 0;
  return pattern;
}

std::optional<ScanPattern> pattern_in_bytes(const PcreTerm& term) {
  if (term.is_relative) return std::nullopt;
  PcreTerm loose = term;
  loose.pattern = loosened(term.pattern).value_or(term.pattern);
  auto exact = engine_choice(loose, PatternKind::regex, false, false).pattern;
  return exact ? exact : engine_choice(loose, PatternKind::loose_regex, false, false).pattern;
}

bool is_scanned(Buffer buffer) {
  switch (buffer) {
    case Buffer::packet:
    case Buffer::icmp_header:
    case Buffer::tcp_header:
    case Buffer::udp_header:
    case Buffer::ip_header:
      return false;
    default:
      return true;
  }
}

}  // namespace sluice
