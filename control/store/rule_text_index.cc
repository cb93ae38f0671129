#include "control/store/rule_text_index.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/escape.h"
#include "control/bypasses.h"
#include "control/store/json_writer.h"

namespace sluice {
namespace {

[[nodiscard]] std::uint64_t key_of(std::uint32_t gid, std::uint32_t id) noexcept {
  return std::uint64_t{gid} << 32 | id;
}

/// As Suricata shows it: every key once, with a list of its values.
[[nodiscard]] std::string metadata_of(const RuleText& text) {
  std::map<std::string, std::string> lists;
  for (const auto& [key, value] : text.metadata) {
    std::string& list = lists[key];
    if (!list.empty()) list += ',';
    list += '"' + escape_json(value) + '"';
  }
  std::string members;
  for (const auto& [key, list] : lists) {
    if (!members.empty()) members += ',';
    members += '"' + escape_json(key) + "\":[" + list + ']';
  }
  return members;
}

[[nodiscard]] std::optional<RuleBlock> block_of(const CompiledRule& rule, const RuleText& text) {
  if (rule.action.kind != RuleActionKind::block) return std::nullopt;
  std::string reason = escape_control(fmt::format("rule {} {}", rule.id, text.name));
  if (reason.size() > kReasonBytesMax) {
    reason.resize(kReasonBytesMax);
    while (escape_control(reason) != reason) reason.pop_back();  // half a letter
  }
  return RuleBlock{rule.action.block_key, rule.action.block_for, std::move(reason)};
}

}  // namespace

RuleTextIndex::RuleTextIndex(const Ruleset& rules, const RuleTexts& texts) {
  const std::size_t count = std::min(rules.rules.size(), texts.rules.size());
  for (std::size_t i = 0; i < count; ++i) {
    const RuleText& text = texts.rules[i];
    texts_[key_of(rules.rules[i].gid, rules.rules[i].id)] = {
        .signature = escape_json(text.name),
        .category = escape_json(text.class_name),
        .severity = static_cast<std::uint8_t>(text.severity),
        .metadata = metadata_of(text),
        .block = block_of(rules.rules[i], text)};
  }
}

const RuleEventText* RuleTextIndex::find(std::uint32_t gid, std::uint32_t id) const noexcept {
  const auto found = texts_.find(key_of(gid, id));
  return found == texts_.end() ? nullptr : &found->second;
}

}  // namespace sluice
