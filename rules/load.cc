#include "rules/load.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "config/text_file.h"
#include "config/yaml_tree.h"
#include "rules/keyword_value.h"
#include "rules/map_reader.h"

namespace sluice {
namespace {

// A value takes about 150 bytes in memory: at most 900 MB, in a process that ends thereafter.
constexpr YamlLimits kLimits{kRuleFileBytesMax, 16, 6'000'000, "a rule file"};

constexpr Keyword kPartKeyword{"part", KeywordType::word, {}, 0, 0, {}};

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
  void load_match(const YamlNode& node, Rule& rule);
  void load_flags(const YamlNode& node, Rule& rule);
  void load_counters(const YamlNode& node, Rule& rule);
  void load_threshold(const YamlNode& node, Rule& rule);
  void load_metadata(const YamlNode& node, Rule& rule);
  void load_metadata_map(const YamlNode& node, Rule& rule);
  void load_tests(const YamlNode& node, Rule& rule);

  void load_item(const YamlNode& node, Rule& rule);
  std::optional<Buffer> buffer_of(const YamlNode& item);
  void report_no_buffer(const YamlNode& node);
  std::optional<std::vector<TransformStep>> load_transforms(const YamlNode& node);
  std::optional<TransformStep> load_transform(const YamlNode& node);
  bool begins_part(const YamlNode& item);
  template <class Record>
  void load_choices(const YamlNode& list, std::span<const Choice<Record>> choices,
                    std::string_view what, std::vector<Record>& records);

  const Source& source_;
  Diagnostics& diagnostics_;
  FindingWriter findings_;
  MapReader reader_;
};

const YamlNode* child_of(const YamlNode& map, std::string_view key) {
  const auto found = std::ranges::find(map.children, key, &YamlNode::key);
  return found == map.children.end() ? nullptr : &*found;
}

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
  for (const YamlNode& child : node.children) {
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

bool Loader::begins_part(const YamlNode& item) {
  constexpr std::string_view kWords[] = {"new"};
  const YamlNode* part = child_of(item, "part");
  if (part == nullptr) return false;
  Keyword keyword = kPartKeyword;
  keyword.words = kWords;
  return reader_.read_value(keyword, *part).has_value();
}

std::optional<TransformStep> Loader::load_transform(const YamlNode& node) {
  if (node.is_map() && node.children.size() == 1 && node.children[0].key == "xor_key") {
    const Keyword key{"xor_key", KeywordType::bytes, {}, 1, 255};
    auto value = reader_.read_value(key, node.children[0]);
    if (!value) return std::nullopt;
    return TransformStep{Transform::xor_key, std::get<std::string>(std::move(*value))};
  }
  const Keyword word{"an entry of transforms", KeywordType::word, {}, 0, 0, transform_words()};
  const auto value = reader_.read_value(word, node);
  if (!value) return std::nullopt;
  const auto transform = static_cast<Transform>(std::get<std::uint64_t>(*value));
  if (transform != Transform::xor_key) return TransformStep{transform, {}};
  findings_.error(node.position, "xor_key has no key", "write {xor_key: 'KEY'}");
  return std::nullopt;
}

std::optional<std::vector<TransformStep>> Loader::load_transforms(const YamlNode& node) {
  std::vector<TransformStep> steps;
  if (!reader_.expect_list(node, "transforms", kTransformsOfAPartMax)) return std::nullopt;
  for (const YamlNode& child : node.children) {
    auto step = load_transform(child);
    if (!step) return std::nullopt;
    steps.push_back(std::move(*step));
  }
  return steps;
}

void Loader::report_no_buffer(const YamlNode& node) {
  if (find_main(term_choices(), node.key) != nullptr) {
    return findings_.error(node.key_position,
                           fmt::format("'{}' stands outside of a buffer", node.key.substr(0, 64)),
                           fmt::format("write 'payload: {{{}: ...}}' or another buffer", node.key));
  }
  std::vector<std::string_view> known{"part", "transforms"};
  for (const BufferRow& row : buffer_table()) known.push_back(row.name);
  reader_.report_unknown(node, known, "match, which is no buffer");
}

/// The buffer that an item of `match:` is about: its one key that is no other word.
std::optional<Buffer> Loader::buffer_of(const YamlNode& item) {
  std::optional<Buffer> buffer;
  for (const YamlNode& child : item.children) {
    if (child.key == "part" || child.key == "transforms") continue;
    const auto named = buffer_named(child.key);
    if (!named) {
      report_no_buffer(child);
      return std::nullopt;
    }
    if (buffer) {
      findings_.error(
          child.key_position,
          fmt::format("an item of match has both '{}' and '{}'", name_of(*buffer), child.key),
          "each stands in an item of its own");
      return std::nullopt;
    }
    buffer = named;
  }
  if (!buffer) {
    findings_.error(item.position,
                    "an item of match names no buffer: 'http.uri: {contains: x}' or "
                    "the like belongs here");
  }
  return buffer;
}

/// An item continues the part before it, where that is about the same buffer and the item does not
/// begin one of its own.
void Loader::load_item(const YamlNode& item, Rule& rule) {
  if (!reader_.expect_map(item, "an item of match")) return;
  const auto buffer = buffer_of(item);
  if (!buffer) return;
  const YamlNode* transforms = child_of(item, "transforms");
  const bool is_first = begins_part(item) || transforms != nullptr || rule.match.empty() ||
                        rule.match.back().buffer != *buffer;
  if (is_first) rule.match.push_back({*buffer, {}, {}});
  BufferTerms& part = rule.match.back();
  if (transforms != nullptr) {
    if (auto steps = load_transforms(*transforms)) part.transforms = std::move(*steps);
  }
  const YamlNode& map = *child_of(item, name_of(*buffer));
  if (map.is_map() && map.children.empty()) return;  // the buffer is there, whatever is in it
  if (auto term = reader_.read_choice(map, term_choices(), "a term")) {
    part.terms.push_back(std::move(*term));
  }
}

void Loader::load_match(const YamlNode& node, Rule& rule) {
  if (!reader_.expect_list(node, "match", kTermsOfARuleMax)) return;
  for (const YamlNode& item : node.children) load_item(item, rule);
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
