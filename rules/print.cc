#include "rules/print.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/escape.h"
#include "rules/byte_text.h"
#include "rules/keyword_value.h"
#include "rules/keywords.h"

namespace sluice {
namespace {

using Entries = std::vector<std::string>;

std::string entry(const Keyword& keyword, const KeywordValue& value) {
  return fmt::format("{}: {}", keyword.key, print_keyword_value(keyword, value));
}

std::string flow_map(const Entries& entries) {
  return fmt::format("{{{}}}", fmt::join(entries, ", "));
}

/// "key: value" of the fields of `record` that differ from those of `blank`.
template <class Record>
Entries changed_fields(const Record& record, const Record& blank,
                       std::span<const Field<Record>> fields) {
  Entries out;
  for (const Field<Record>& field : fields) {
    auto value = field.read(record);
    if (value && value != field.read(blank)) out.push_back(entry(field.keyword, *value));
  }
  return out;
}

/// Every record has a choice that holds it; without one it is an empty map, which does not load.
template <class Record>
std::string choice_map(const Record& record, std::span<const Choice<Record>> choices) {
  for (const Choice<Record>& choice : choices) {
    if (!choice.holds(record)) continue;
    Entries entries{entry(choice.main.keyword, *choice.main.read(record))};
    for (std::string& field : changed_fields(record, choice.blank(), choice.fields)) {
      entries.push_back(std::move(field));
    }
    return flow_map(entries);
  }
  return "{}";
}

/// Lines of one rule without their indentation: a key each, and lists with a deeper one.
class RulePrinter {
 public:
  explicit RulePrinter(const Rule& rule) noexcept : rule_(rule) {}
  [[nodiscard]] Entries lines() &&;

 private:
  struct Section {
    std::string_view key;
    void (RulePrinter::*print)();
  };

  void print_section(std::string_view key);
  void print_action();
  void print_when();
  void print_headers() { print_list("headers", rule_.headers, header_choices()); }
  void print_match();
  void print_part(std::size_t index);
  void print_flags() { print_list("flags", rule_.flags, flag_choices()); }
  void print_counters() { print_list("counters", rule_.counters, counter_choices()); }
  void print_threshold();
  void print_metadata();
  void print_tests();
  template <class Record>
  void print_list(std::string_view key, const std::vector<Record>& records,
                  std::span<const Choice<Record>> choices);

  const Rule& rule_;
  Entries lines_;
};

template <class Record>
void RulePrinter::print_list(std::string_view key, const std::vector<Record>& records,
                             std::span<const Choice<Record>> choices) {
  if (records.empty()) return;
  lines_.push_back(fmt::format("{}:", key));
  for (const Record& record : records) {
    lines_.push_back(fmt::format("  - {}", choice_map(record, choices)));
  }
}

void RulePrinter::print_action() {
  if (rule_.action == RuleAction{}) return;
  const auto kind = static_cast<std::size_t>(rule_.action.kind);
  lines_.push_back(fmt::format("action: {}", kind < action_words().size()
                                                 ? std::string(action_words()[kind])
                                                 : choice_map(rule_.action, action_choices())));
}

void RulePrinter::print_when() {
  const Entries entries = changed_fields(rule_.when, RuleHeader{}, when_keywords());
  if (!entries.empty()) lines_.push_back(fmt::format("when: {}", flow_map(entries)));
}

std::string transform_text(const TransformStep& step) {
  if (step.transform != Transform::xor_key) {
    return std::string(transform_words()[static_cast<std::size_t>(step.transform)]);
  }
  return fmt::format("{{xor_key: {}}}", quoted_scalar(escape_bytes(step.key)));
}

void RulePrinter::print_part(std::size_t index) {
  const BufferTerms& part = rule_.match[index];
  const bool follows_its_like = index > 0 && rule_.match[index - 1].buffer == part.buffer;
  const std::string_view buffer = name_of(part.buffer);
  const std::size_t first = lines_.size();
  for (const Term& term : part.terms) {
    lines_.push_back(fmt::format("  - {}: {}", buffer, choice_map(term, term_choices())));
  }
  if (part.terms.empty()) lines_.push_back(fmt::format("  - {}: {{}}", buffer));
  auto behind_first = lines_.begin() + static_cast<std::ptrdiff_t>(first) + 1;
  if (!part.transforms.empty()) {
    Entries steps;
    for (const TransformStep& step : part.transforms) steps.push_back(transform_text(step));
    lines_.insert(behind_first, fmt::format("    transforms: [{}]", fmt::join(steps, ", ")));
  } else if (follows_its_like) {
    lines_.insert(behind_first, "    part: new");
  }
}

void RulePrinter::print_match() {
  if (rule_.match.empty()) return;
  lines_.push_back("match:");
  for (std::size_t i = 0; i < rule_.match.size(); ++i) print_part(i);
}

void RulePrinter::print_threshold() {
  if (!rule_.threshold) return;
  const Entries entries = changed_fields(*rule_.threshold, Threshold{}, threshold_keywords());
  lines_.push_back(fmt::format("threshold: {}", flow_map(entries)));
}

/// A map, or a list of maps of one pair where a name comes twice.
void RulePrinter::print_metadata() {
  if (rule_.metadata.empty()) return;
  Entries pairs;
  std::vector<std::string_view> names;
  for (const auto& [name, value] : rule_.metadata) {
    names.push_back(name);
    pairs.push_back(fmt::format("{}: {}", quoted_scalar(escape_control(name)),
                                quoted_scalar(escape_control(value))));
  }
  std::ranges::sort(names);
  const bool has_twins = std::ranges::adjacent_find(names) != names.end();
  if (!has_twins) {
    lines_.push_back(fmt::format("metadata: {}", flow_map(pairs)));
    return;
  }
  lines_.push_back("metadata:");
  for (const std::string& pair : pairs) lines_.push_back(fmt::format("  - {{{}}}", pair));
}

void RulePrinter::print_tests() {
  if (rule_.tests.empty()) return;
  lines_.push_back("tests:");
  for (const bool is_hit : {true, false}) {
    bool is_first = true;
    for (const RuleTest& test : rule_.tests) {
      if (test.is_hit != is_hit) continue;
      if (std::exchange(is_first, false)) lines_.push_back(is_hit ? "  hit:" : "  miss:");
      lines_.push_back(fmt::format("    - {}", choice_map(test, test_choices())));
    }
  }
}

void RulePrinter::print_section(std::string_view key) {
  constexpr Section kSections[] = {
      {"action", &RulePrinter::print_action},       {"when", &RulePrinter::print_when},
      {"headers", &RulePrinter::print_headers},     {"match", &RulePrinter::print_match},
      {"flags", &RulePrinter::print_flags},         {"counters", &RulePrinter::print_counters},
      {"threshold", &RulePrinter::print_threshold}, {"metadata", &RulePrinter::print_metadata},
      {"tests", &RulePrinter::print_tests},
  };
  for (const Section& section : kSections) {
    if (section.key == key) (this->*section.print)();
  }
}

Entries RulePrinter::lines() && {
  const Rule blank;
  for (const Field<Rule>& field : rule_keywords()) {
    if (field.read == nullptr) {
      print_section(field.keyword.key);
      continue;
    }
    auto value = field.read(rule_);
    if (value && value != field.read(blank)) lines_.push_back(entry(field.keyword, *value));
  }
  return std::move(lines_);
}

}  // namespace

std::string print_rule(const Rule& rule) {
  const Entries lines = RulePrinter(rule).lines();
  if (lines.empty()) return "  - {}\n";
  std::string out;
  for (const std::string& line : lines) {
    out += fmt::format("{}{}\n", out.empty() ? "  - " : "    ", line);
  }
  return out;
}

std::string print_rules(std::string_view pack, std::uint32_t version, std::span<const Rule> rules) {
  RulePack header;
  header.name = pack;
  header.version = version;
  std::string out;
  for (const Field<RulePack>& field : pack_keywords()) {
    if (field.read == nullptr) continue;
    const auto value = field.read(header);
    const bool is_given = field.keyword.key != "pack" || !pack.empty();
    if (is_given) out += fmt::format("{}\n", entry(field.keyword, *value));
  }
  out += rules.empty() ? "rules: []\n" : "rules:\n";
  for (const Rule& rule : rules) out += print_rule(rule);
  return out;
}

}  // namespace sluice
