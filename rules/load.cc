#include "rules/load.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/text_file.h"
#include "config/yaml_tree.h"
#include "rules/keyword_value.h"
#include "rules/load_match.h"
#include "rules/map_reader.h"

namespace sluice {
namespace {

// A value takes about 120 bytes in memory, twice that while a list grows. 64 MiB of ordinary rules
// have three million.
constexpr YamlLimits kLimits{kRuleFileBytesMax, 16, 4'000'000, "a rule file"};

/// Reads one file. What a section is read by stands in `sections`, beside the key of its row.
class Loader {
 public:
  Loader(const Source& source, Diagnostics& diagnostics) noexcept
      : source_(source),
        diagnostics_(diagnostics),
        findings_(source, diagnostics),
        reader_(findings_) {}

  [[nodiscard]] RulePack load();

 private:
  struct Section {
    std::string_view key;
    void (Loader::*read)(const YamlNode&, Rule&);
  };

  void load_list(const YamlNode& list, RulePack& pack);
  Rule load_rule(const YamlNode& node);
  void load_section(const YamlNode& node, Rule& rule);

  void load_action(const YamlNode& node, Rule& rule);
  void load_when(const YamlNode& node, Rule& rule);
  void load_headers(const YamlNode& node, Rule& rule);
  void load_match(const YamlNode& node, Rule& rule) { read_match(node, reader_, rule); }
  void load_flags(const YamlNode& node, Rule& rule);
  void load_counters(const YamlNode& node, Rule& rule);
  void load_threshold(const YamlNode& node, Rule& rule);
  void load_metadata(const YamlNode& node, Rule& rule);
  void load_metadata_map(const YamlNode& node, Rule& rule);
  void load_tests(const YamlNode& node, Rule& rule);

  template <class Record>
  void load_choices(const YamlNode& list, std::span<const Choice<Record>> choices,
                    std::string_view what, std::vector<Record>& records);

  const Source& source_;
  Diagnostics& diagnostics_;
  FindingWriter findings_;
  MapReader reader_;
};

template <class Record>
void Loader::load_choices(const YamlNode& list, std::span<const Choice<Record>> choices,
                          std::string_view what, std::vector<Record>& records) {
  if (!reader_.expect_list(list, list.key, kStepsOfARuleMax)) return;
  for (const YamlNode& node : list.children) {
    if (auto record = reader_.read_choice(node, choices, what)) {
      records.push_back(std::move(*record));
    }
  }
}

void Loader::load_action(const YamlNode& node, Rule& rule) {
  if (node.is_map()) {
    if (auto action = reader_.read_choice(node, action_choices(), "action")) {
      rule.action = std::move(*action);
    }
    return;
  }
  if (node.text == "block" || node.text == "limit") {
    return findings_.error(
        node.position, fmt::format("action {} is a map", node.text),
        node.text == "block" ? "write {block: source, for: 10min}" : "write {limit: NAME}");
  }
  const Keyword keyword{"action", KeywordType::word, {}, 0, 0, action_words()};
  const auto word = reader_.read_value(keyword, node);
  if (word) rule.action.kind = static_cast<RuleActionKind>(std::get<std::uint64_t>(*word));
}

void Loader::load_when(const YamlNode& node, Rule& rule) {
  reader_.read_fields(node, when_keywords(), "when", rule.when);
  if (node.is_map() && child_of(node, "service") && child_of(node, "except_service")) {
    findings_.error(node.position, "when has both 'service' and 'except_service'");
  }
}

void Loader::load_headers(const YamlNode& node, Rule& rule) {
  load_choices(node, header_choices(), "a test of headers", rule.headers);
}

void Loader::load_flags(const YamlNode& node, Rule& rule) {
  load_choices(node, flag_choices(), "a step of flags", rule.flags);
}

void Loader::load_counters(const YamlNode& node, Rule& rule) {
  load_choices(node, counter_choices(), "a step of counters", rule.counters);
}

void Loader::load_threshold(const YamlNode& node, Rule& rule) {
  reader_.read_fields(node, threshold_keywords(), "threshold", rule.threshold.emplace());
}

void Loader::load_metadata_map(const YamlNode& node, Rule& rule) {
  if (!reader_.expect_map(node, "an entry of metadata")) return;
  constexpr Keyword kName{"a name of metadata", KeywordType::text, {}, 1, 256};
  for (const YamlNode& child : node.children) {
    if (const auto name = parse_keyword_value(kName, {child.key, true}); !name) {
      findings_.error(child.key_position, name.error().message);
      continue;
    }
    const Keyword keyword{child.key, KeywordType::text, {}, 0, kTextBytesMax};
    auto value = reader_.read_value(keyword, child);
    if (value) rule.metadata.emplace_back(child.key, std::get<std::string>(std::move(*value)));
  }
}

void Loader::load_metadata(const YamlNode& node, Rule& rule) {
  if (node.is_map()) {
    load_metadata_map(node, rule);
  } else if (reader_.expect_list(node, "metadata", kMetadataMax)) {
    for (const YamlNode& child : node.children) load_metadata_map(child, rule);
  }
  if (rule.metadata.size() > kMetadataMax) {
    findings_.error(node.position, fmt::format("metadata has {} entries, above the most of {}",
                                               rule.metadata.size(), kMetadataMax));
  }
}

/// Those to be hit come first, whichever list stands first in the file.
void Loader::load_tests(const YamlNode& node, Rule& rule) {
  constexpr std::string_view kLists[] = {"hit", "miss"};
  if (!reader_.expect_map(node, "tests")) return;
  for (const std::string_view key : kLists) {
    const YamlNode* list = child_of(node, key);
    if (list == nullptr) continue;
    const std::size_t before = rule.tests.size();
    load_choices(*list, test_choices(), "a test", rule.tests);
    for (std::size_t i = before; i < rule.tests.size(); ++i) rule.tests[i].is_hit = key == "hit";
  }
  for (const YamlNode& child : node.children) {
    const bool is_known = std::ranges::find(kLists, child.key) != std::end(kLists);
    if (!is_known) reader_.report_unknown(child, kLists, "tests");
  }
}

void Loader::load_section(const YamlNode& node, Rule& rule) {
  constexpr Section kSections[] = {
      {"action", &Loader::load_action},       {"when", &Loader::load_when},
      {"headers", &Loader::load_headers},     {"match", &Loader::load_match},
      {"flags", &Loader::load_flags},         {"counters", &Loader::load_counters},
      {"threshold", &Loader::load_threshold}, {"metadata", &Loader::load_metadata},
      {"tests", &Loader::load_tests},
  };
  for (const Section& section : kSections) {
    if (section.key == node.key) return (this->*section.read)(node, rule);
  }
}

Rule Loader::load_rule(const YamlNode& node) {
  Rule rule;
  rule.position = node.position;
  rule.pack = source_.file();
  if (!reader_.expect_map(node, "a rule")) return rule;
  for (const YamlNode& child : node.children) {
    const auto* field = find_field(rule_keywords(), child.key);
    if (field == nullptr) {
      reader_.report_unknown(child, MapReader::keys_of(rule_keywords()), "a rule");
    } else if (field->read == nullptr) {
      load_section(child, rule);
    } else {
      reader_.read_field(child, *field, rule);
    }
  }
  return rule;
}

void Loader::load_list(const YamlNode& list, RulePack& pack) {
  if (list.kind == YamlNode::Kind::null) return;
  if (!reader_.expect_list(list, "rules", kRulesOfAFileMax)) return;
  pack.rules.reserve(list.children.size());
  for (const YamlNode& node : list.children) {
    if (findings_.is_full()) return;
    const std::size_t errors_before = diagnostics_.error_count();
    Rule rule = load_rule(node);
    if (diagnostics_.error_count() == errors_before) pack.rules.push_back(std::move(rule));
  }
}

RulePack Loader::load() {
  RulePack pack;
  const std::optional<YamlNode> root = parse_yaml(source_, findings_, kLimits);
  if (!root || root->kind == YamlNode::Kind::null) return pack;
  if (!reader_.expect_map(*root, "the file")) return pack;
  for (const YamlNode& child : root->children) {
    const auto* field = find_field(pack_keywords(), child.key);
    if (field == nullptr) {
      reader_.report_unknown(child, MapReader::keys_of(pack_keywords()), "a rule file");
    } else if (field->read == nullptr) {
      load_list(child, pack);
    } else {
      reader_.read_field(child, *field, pack);
    }
  }
  return pack;
}

}  // namespace

RulePack load_rule_pack(const Source& source, Diagnostics& diagnostics) {
  return Loader(source, diagnostics).load();
}

std::vector<Rule> load_rules(const Source& source, Diagnostics& diagnostics) {
  return load_rule_pack(source, diagnostics).rules;
}

RulePack load_rule_file(const std::string& path, Diagnostics& diagnostics, std::size_t bytes_max) {
  auto text = read_text_file(path, bytes_max);
  if (!text) {
    diagnostics.add({Severity::error, path, {}, text.error().message, {}, {}});
    return {};
  }
  return load_rule_pack(Source(path, std::move(*text)), diagnostics);
}

}  // namespace sluice
