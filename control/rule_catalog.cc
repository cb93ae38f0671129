#include "control/rule_catalog.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/suggest.h"

namespace sluice {
namespace {

constexpr std::string_view kStages[] = {"shadow", "alert", "enforce"};
constexpr std::string_view kActions[] = {"alert", "drop", "reject", "pass", "limit", "block"};
constexpr std::string_view kSeverities[] = {"critical", "high", "medium", "low"};
static_assert(RuleStage{2} == RuleStage::enforce && RuleActionKind{5} == RuleActionKind::block &&
              RuleSeverity{4} == RuleSeverity::low);

template <class E>
[[nodiscard]] Result<E> parse_word(std::string_view where, std::string_view word,
                                   std::span<const std::string_view> words) {
  const auto found = std::ranges::find(words, word);
  if (found != words.end()) return static_cast<E>(found - words.begin());
  const std::string_view near = nearest_word(word, words);
  return fail(
      ErrorKind::invalid,
      fmt::format("{}: is '{}': {} would do", where, word.substr(0, 64), fmt::join(words, " or ")),
      near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

/// Not within a character of UTF-8.
[[nodiscard]] std::string cut(const std::string& text) {
  if (text.size() <= kCatalogTextMax) return text;
  std::size_t keep = kCatalogTextMax;
  while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xc0U) == 0x80U) --keep;
  return text.substr(0, keep);
}

[[nodiscard]] CatalogRow row_of(const CompiledRule& rule, const RuleText& text) {
  CatalogRow row{.key = {rule.gid, rule.id},
                 .rev = rule.rev,
                 .stage = rule.stage,
                 .action = rule.action.kind,
                 .severity = text.severity,
                 .name = cut(text.name),
                 .class_name = cut(text.class_name),
                 .pack = cut(text.pack),
                 .words = {}};
  row.words = folded(fmt::format("{} {} {}", rule.id, row.name, row.class_name));
  return row;
}

/// Every text that is one digit left out, put in, exchanged or swapped away.
[[nodiscard]] std::vector<std::string> slips_of(const std::string& text) {
  constexpr std::string_view kDigits = "0123456789";
  std::vector<std::string> slips;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string swapped = text;
    if (i + 1 < text.size()) std::swap(swapped[i], swapped[i + 1]);
    slips.push_back(std::move(swapped));
    slips.push_back(text.substr(0, i) + text.substr(i + 1));
  }
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (const char digit : kDigits) {
      slips.push_back(text.substr(0, i) + digit + text.substr(i));
      if (i < text.size()) slips.push_back(text.substr(0, i) + digit + text.substr(i + 1));
    }
  }
  return slips;
}

}  // namespace

std::string_view name_of(RuleStage stage) noexcept {
  return kStages[static_cast<std::size_t>(stage)];
}
std::string_view name_of(RuleActionKind action) noexcept {
  return kActions[static_cast<std::size_t>(action)];
}
std::string_view name_of(RuleSeverity severity) noexcept {
  return kSeverities[static_cast<std::size_t>(severity) - 1];
}

Result<RuleStage> parse_stage(std::string_view where, std::string_view word) {
  return parse_word<RuleStage>(where, word, kStages);
}
Result<RuleActionKind> parse_action(std::string_view where, std::string_view word) {
  return parse_word<RuleActionKind>(where, word, kActions);
}

std::string folded(std::string_view text) {
  std::string small(text);
  for (char& c : small) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return small;
}

RuleCatalog::RuleCatalog(const Ruleset& rules, const RuleTexts& texts) : digest_(rules.digest) {
  const std::size_t count = std::min(rules.rules.size(), texts.rules.size());
  rows_.reserve(count);
  by_key_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    rows_.push_back(row_of(rules.rules[i], texts.rules[i]));
    by_key_.push_back(static_cast<std::uint32_t>(i));
  }
  std::ranges::sort(by_key_, {}, [this](std::uint32_t place) {
    return std::tuple(rows_[place].key.id, rows_[place].key.gid);
  });
  for (const CatalogRow& row : rows_) classes_.push_back(row.class_name);
  std::ranges::sort(classes_);
  const auto repeated = std::ranges::unique(classes_);
  classes_.erase(repeated.begin(), repeated.end());
}

std::vector<std::uint32_t> RuleCatalog::find(const RuleKey& key) const {
  std::vector<std::uint32_t> places;
  const auto same_id = std::ranges::equal_range(
      by_key_, key.id, {}, [this](std::uint32_t place) { return rows_[place].key.id; });
  for (const std::uint32_t place : same_id) {
    if (key.names(rows_[place].key)) places.push_back(place);
  }
  return places;
}

std::uint32_t RuleCatalog::nearest_id(std::uint32_t id) const {
  for (const std::string& slip : slips_of(std::to_string(id))) {
    const auto key = parse_rule_key(slip);
    if (key && key->id != id && !find(*key).empty()) return key->id;
  }
  return 0;
}

}  // namespace sluice
