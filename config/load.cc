#include "config/load.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/suggest.h"
#include "config/option_value.h"
#include "config/options.h"
#include "config/rule_limits.h"
#include "config/set_kind.h"
#include "config/yaml_tree.h"

namespace sluice {
namespace {

using Kind = YamlNode::Kind;

/// The part of an option's path that stands in section `section`, or nothing: of "memory.mbufs" in
/// "memory." it is "mbufs", in "" it is "memory".
std::string_view word_in_section(std::string_view path, std::string_view section) noexcept {
  if (!path.starts_with(section)) return {};
  path.remove_prefix(section.size());
  return path.substr(0, path.find('.'));
}

class Loader {
 public:
  Loader(Source& source, Diagnostics& diagnostics) noexcept
      : source_(source), findings_(source, diagnostics) {}

  /// False where the file is no map of options at all.
  bool load(Config& config);

 private:
  /// A map of the file that is to be read: `path` is relative to its record and ends in a dot.
  struct Section {
    const YamlNode* map;
    std::string path;
  };

  template <class Record>
  void load_record(const YamlNode& root, std::span<const Option<Record>> options,
                   std::string_view place, Record& record);
  template <class Record>
  void load_entry(const YamlNode& node, std::span<const Option<Record>> options,
                  std::string_view place, const Section& section, Record& record,
                  std::vector<Section>& sections);
  template <class Record>
  void report_unknown(const YamlNode& node, std::span<const Option<Record>> options,
                      std::string_view place, const Section& section);

  std::optional<OptionValue> read_value(const OptionShape& shape, const std::string& path,
                                        const YamlNode& node);
  std::optional<OptionValue> read_list(const OptionShape& shape, const std::string& path,
                                       const YamlNode& node);
  std::optional<OptionValue> read_prefixes(const std::string& path, const YamlNode& list);
  std::optional<OptionValue> read_texts(const OptionShape& shape, const std::string& path,
                                        const YamlNode& list);
  bool is_element_scalar(const std::string& path, const YamlNode& element, std::string_view what);
  /// Where a list of records stands and what it is.
  struct ListPlace {
    std::string_view path;
    std::string_view what;
    std::string_view hint;
    std::size_t count_max;
  };
  template <class Record, class Make>
  void load_records(const YamlNode& node, const ListPlace& place,
                    std::span<const Option<Record>> options, std::vector<Record>& records,
                    Make&& make);
  void load_pairs(const YamlNode& node, Config& config);
  void load_rule_limits(const YamlNode& node, Config& config);
  void load_sets(const YamlNode& node, Config& config);
  void load_exceptions(YamlNode& rules, Config& config);
  void expect(const YamlNode& node, const std::string& path, std::string_view what,
              std::string hint = {});

  Source& source_;
  FindingWriter findings_;
};

void Loader::expect(const YamlNode& node, const std::string& path, std::string_view what,
                    std::string hint) {
  if (node.kind == Kind::refused) return;
  const std::string message =
      node.kind == Kind::null
          ? fmt::format("{} has no value: {} belongs here", path, what)
          : fmt::format("{} is {}, where {} belongs", path, describe_kind(node), what);
  findings_.error(position_of(node), message, std::move(hint));
}

std::optional<OptionValue> Loader::read_value(const OptionShape& shape, const std::string& path,
                                              const YamlNode& node) {
  if (is_list(shape.type)) return read_list(shape, path, node);
  if (!node.is_scalar()) {
    expect(node, path, describe_type(shape));
    return std::nullopt;
  }
  auto value = parse_scalar(shape, path, {node.text, node.is_quoted});
  if (!value) {
    findings_.error(node.position, value.error().message, value.error().hint);
    return std::nullopt;
  }
  return std::move(*value);
}

std::optional<OptionValue> Loader::read_list(const OptionShape& shape, const std::string& path,
                                             const YamlNode& node) {
  if (!node.is_list()) {
    const bool is_one = node.is_scalar() && node.text.size() <= 64;
    expect(node, path, describe_type(shape),
           node.kind == Kind::null ? "write [] for none"
           : is_one                ? fmt::format("write [{}]", quoted(node.text))
                                   : "");
    return std::nullopt;
  }
  if (node.children.size() > shape.range.max) {
    findings_.error(node.position,
                    fmt::format("{} has {} entries, above the most of {}", path,
                                node.children.size(), shape.range.max),
                    shape.type == OptionType::prefixes ? "put long lists into a file" : "");
    return std::nullopt;
  }
  return shape.type == OptionType::prefixes ? read_prefixes(path, node)
                                            : read_texts(shape, path, node);
}

bool Loader::is_element_scalar(const std::string& path, const YamlNode& element,
                               std::string_view what) {
  if (element.is_scalar()) return true;
  // "- fe80::" is a map to YAML: its last colon makes the rest a key.
  const bool is_address = element.is_map() && element.children.size() == 1 &&
                          parse_ip_prefix(element.children[0].key + ":");
  expect(element, path, what,
         is_address ? "an address that ends in a colon belongs in quotes" : "");
  return false;
}

std::optional<OptionValue> Loader::read_prefixes(const std::string& path, const YamlNode& list) {
  std::vector<IpPrefix> prefixes;
  for (std::size_t i = 0; i < list.children.size(); ++i) {
    const YamlNode& element = list.children[i];
    const std::string place = fmt::format("{}[{}]", path, i);
    source_.note(place, element.position);
    if (!is_element_scalar(place, element, "a prefix such as 192.0.2.0/24")) continue;
    const auto prefix = parse_ip_prefix(element.text);
    if (prefix) {
      prefixes.push_back(*prefix);
    } else {
      source_.note_refused(path);
      findings_.error(element.position, fmt::format("{}: {}", place, prefix.error().message),
                      prefix.error().hint);
    }
  }
  return OptionValue{std::move(prefixes)};
}

std::optional<OptionValue> Loader::read_texts(const OptionShape& shape, const std::string& path,
                                              const YamlNode& list) {
  constexpr OptionShape kElement{"", OptionType::text, {1, 4096}, {}, {}, {}};
  const std::string_view what = shape.type == OptionType::paths ? "a file name" : "a text";
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < list.children.size(); ++i) {
    const YamlNode& element = list.children[i];
    const std::string place = fmt::format("{}[{}]", path, i);
    source_.note(place, element.position);
    if (!is_element_scalar(place, element, what)) continue;
    auto text = read_value(kElement, place, element);
    if (text) texts.push_back(std::get<std::string>(std::move(*text)));
  }
  return OptionValue{std::move(texts)};
}

template <class Record>
void Loader::report_unknown(const YamlNode& node, std::span<const Option<Record>> options,
                            std::string_view place, const Section& section) {
  std::vector<std::string_view> siblings;
  std::vector<std::string_view> leaves;  // by row
  for (const Option<Record>& option : options) {
    const std::string_view path = option.shape.path;
    const std::string_view sibling = word_in_section(path, section.path);
    if (!sibling.empty()) siblings.push_back(sibling);
    leaves.push_back(path.substr(path.find_last_of('.') + 1));  // npos + 1 is 0
  }
  if (place.empty() && section.path.empty()) {
    siblings.insert(siblings.end(), {"pairs", "rule_limits", "sets"});
  }
  if (place.empty() && section.path == "rules.") siblings.push_back("exceptions");
  const std::string_view near = nearest_word(node.key, siblings);
  const std::string_view leaf = near.empty() ? nearest_word(node.key, leaves) : near;
  std::string where = fmt::format("{}{}", place, section.path);
  if (where.ends_with('.')) where.pop_back();
  std::string hint;
  if (!near.empty()) {
    hint = fmt::format("did you mean '{}'?", near);
  } else if (!leaf.empty()) {
    const auto row = std::ranges::find(leaves, leaf) - leaves.begin();
    hint = fmt::format("did you mean '{}{}'?", place,
                       options[static_cast<std::size_t>(row)].shape.path);
  }
  const std::string inside = where.empty() ? std::string() : fmt::format(" in '{}'", where);
  findings_.error(node.key_position,
                  fmt::format("unknown key '{}'{}", node.key.substr(0, 64), inside),
                  std::move(hint));
}

template <class Record>
void Loader::load_entry(const YamlNode& node, std::span<const Option<Record>> options,
                        std::string_view place, const Section& section, Record& record,
                        std::vector<Section>& sections) {
  const std::string path = section.path + node.key;
  const std::string full_path = fmt::format("{}{}", place, path);
  const auto option = std::ranges::find_if(
      options, [&path](const Option<Record>& row) { return row.shape.path == path; });
  if (option != options.end()) {
    source_.note(full_path, position_of(node));
    auto value = read_value(option->shape, full_path, node);
    if (value) {
      option->write(record, std::move(*value));
    } else {
      source_.note_refused(full_path);
    }
    return;
  }
  const bool is_section = std::ranges::any_of(options, [&path](const Option<Record>& row) {
    return row.shape.path.starts_with(path + ".");
  });
  if (!is_section) return report_unknown(node, options, place, section);
  source_.note(full_path, node.key_position);
  if (node.is_map()) {
    sections.push_back({&node, path + "."});
  } else if (node.kind != Kind::null) {  // a section of comments alone is fine
    expect(node, full_path, "a map of options");
    source_.note_refused(full_path);
  }
}

/// Sections are visited over a list of our own; there are no more of them than the table has.
template <class Record>
void Loader::load_record(const YamlNode& root, std::span<const Option<Record>> options,
                         std::string_view place, Record& record) {
  std::vector<Section> sections{{&root, ""}};
  while (!sections.empty()) {
    const Section section = std::move(sections.back());
    sections.pop_back();
    for (const YamlNode& node : section.map->children) {
      if (findings_.is_full()) return;
      load_entry(node, options, place, section, record, sections);
    }
  }
}

/// A list of maps, each a record of its own; `path` is that of the list.
template <class Record, class Make>
void Loader::load_records(const YamlNode& node, const ListPlace& place,
                          std::span<const Option<Record>> options, std::vector<Record>& records,
                          Make&& make) {
  const std::string path(place.path);
  source_.note(path, node.key_position);
  if (node.kind == Kind::null) return;
  if (!node.is_list()) {
    source_.note_refused(path);
    return expect(node, path, place.what, std::string(place.hint));
  }
  if (node.children.size() > place.count_max) {
    source_.note_refused(path);
    return findings_.error(node.key_position,
                           fmt::format("{} has {} entries, above the most of {}", path,
                                       node.children.size(), place.count_max));
  }
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const YamlNode& entry = node.children[i];
    const std::string own = fmt::format("{}[{}]", path, i);
    source_.note(own, entry.position);
    Record record = make(i);
    if (entry.is_map()) {
      load_record(entry, options, own + ".", record);
    } else {
      expect(entry, own, "a map of options");
      source_.note_refused(own);
    }
    records.push_back(std::move(record));
  }
}

void Loader::load_pairs(const YamlNode& node, Config& config) {
  load_records(node, {"pairs", "a list of port pairs", "write '- outside:' under it", kPairsMax},
               pair_options(), config.pairs, [](std::size_t i) {
                 PortPairConfig pair;
                 pair.name = fmt::format("pair{}", i);
                 return pair;
               });
}

void Loader::load_rule_limits(const YamlNode& node, Config& config) {
  load_records(
      node, {"rule_limits", "a list of limits", "write '- name: WORD' under it", kRuleLimitsMax},
      rule_limit_options(), config.rule_limits, [](std::size_t) { return RuleLimitConfig{}; });
}

void Loader::load_sets(const YamlNode& node, Config& config) {
  load_records(node, {"sets", "a list of sets", "write '- name: WORD' under it", kSetsMax},
               set_options(), config.sets, [](std::size_t) { return SetConfig{}; });
}

void Loader::load_exceptions(YamlNode& rules, Config& config) {
  const auto node = std::ranges::find(rules.children, "exceptions", &YamlNode::key);
  if (node == rules.children.end()) return;
  load_records(*node,
               {"rules.exceptions", "a list of exceptions", "write '- rules: [ID]' under it",
                kExceptionsMax},
               exception_options(), config.rules.exceptions,
               [](std::size_t) { return RuleExceptionConfig{}; });
  rules.children.erase(node);
}

bool Loader::load(Config& config) {
  std::optional<YamlNode> root = parse_yaml(source_, findings_);
  if (!root) return false;
  if (root->kind == Kind::null) return true;
  if (!root->is_map()) {
    expect(*root, "the file", "a map of options");
    return false;
  }
  const auto take = [&](std::string_view key, void (Loader::*load_list)(const YamlNode&, Config&)) {
    const auto list = std::ranges::find(root->children, key, &YamlNode::key);
    if (list == root->children.end()) return;
    (this->*load_list)(*list, config);
    root->children.erase(list);
  };
  take("pairs", &Loader::load_pairs);
  take("rule_limits", &Loader::load_rule_limits);
  take("sets", &Loader::load_sets);
  const auto rules = std::ranges::find(root->children, "rules", &YamlNode::key);
  if (rules != root->children.end()) load_exceptions(*rules, config);
  load_record(*root, config_options(), "", config);
  return true;
}

}  // namespace

LoadedConfig load_config(std::string file, std::string text) {
  LoadedConfig loaded{{}, Source(std::move(file), std::move(text)), {}, false};
  loaded.is_readable = Loader(loaded.source, loaded.findings).load(loaded.config);
  return loaded;
}

}  // namespace sluice
