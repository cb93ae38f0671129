// Reads maps of a rule file by the rows of the keyword table: fields of a record, or a choice with
// its main key. Every finding points at what it is about. For the loader; control side only.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "config/source.h"
#include "config/yaml_tree.h"
#include "rules/keywords.h"

namespace sluice {

class MapReader {
 public:
  explicit MapReader(FindingWriter& findings) noexcept : findings_(findings) {}

  [[nodiscard]] FindingWriter& findings() noexcept { return findings_; }

  /// The value of `node`; none where it is none of `keyword`, which is a finding then.
  std::optional<KeywordValue> read_value(const Keyword& keyword, const YamlNode& node);

  /// Whether `node` is a map or a list as `what` is to be; otherwise that is a finding.
  bool expect_map(const YamlNode& node, std::string_view what);
  bool expect_list(const YamlNode& node, std::string_view what, std::size_t entries_max);

  /// `node` stands where none of `known` is its key.
  void report_unknown(const YamlNode& node, std::span<const std::string_view> known,
                      std::string_view what);

  template <class Record>
  void read_field(const YamlNode& node, const Field<Record>& field, Record& record) {
    if (auto value = read_value(field.keyword, node)) field.write(record, std::move(*value));
  }

  /// All keys of the map `node`, none of which is a section.
  template <class Record>
  void read_fields(const YamlNode& node, std::span<const Field<Record>> fields,
                   std::string_view what, Record& record);

  /// The record that the map `node` describes; none where no main key, or more than one, says what
  /// it is.
  template <class Record>
  std::optional<Record> read_choice(const YamlNode& node, std::span<const Choice<Record>> choices,
                                    std::string_view what);

  template <class Row>
  static std::vector<std::string_view> keys_of(std::span<const Row> rows);

 private:
  template <class Record>
  const Choice<Record>* find_choice(const YamlNode& node, std::span<const Choice<Record>> choices,
                                    std::string_view what);
  template <class Record>
  void report_no_choice(const YamlNode& node, std::span<const Choice<Record>> choices,
                        std::string_view what);
  std::optional<KeywordValue> read_texts(const Keyword& keyword, const YamlNode& node);
  std::optional<KeywordValue> read_expression(const Keyword& keyword, const YamlNode& node);
  std::optional<std::string> read_text(const Keyword& keyword, const YamlNode& node);
  void refuse_kind(const YamlNode& node, std::string_view what, std::string_view belongs);

  FindingWriter& findings_;
};

/// The value of `key` in the map `map`, or null.
[[nodiscard]] const YamlNode* child_of(const YamlNode& map, std::string_view key) noexcept;

/// The row whose key is `key`, or null.
template <class Record>
const Field<Record>* find_field(std::span<const Field<Record>> fields, std::string_view key) {
  const auto found = std::ranges::find_if(
      fields, [key](const Field<Record>& row) { return row.keyword.key == key; });
  return found == fields.end() ? nullptr : &*found;
}
template <class Record>
const Choice<Record>* find_main(std::span<const Choice<Record>> choices, std::string_view key) {
  const auto found = std::ranges::find_if(
      choices, [key](const Choice<Record>& row) { return row.main.keyword.key == key; });
  return found == choices.end() ? nullptr : &*found;
}

template <class Row>
std::vector<std::string_view> MapReader::keys_of(std::span<const Row> rows) {
  std::vector<std::string_view> keys;
  for (const Row& row : rows) {
    if constexpr (requires { row.keyword; }) {
      keys.push_back(row.keyword.key);
    } else {
      keys.push_back(row.main.keyword.key);
    }
  }
  return keys;
}

template <class Record>
void MapReader::read_fields(const YamlNode& node, std::span<const Field<Record>> fields,
                            std::string_view what, Record& record) {
  if (!expect_map(node, what)) return;
  for (const YamlNode& child : node.children) {
    if (const auto* field = find_field(fields, child.key)) {
      read_field(child, *field, record);
    } else {
      report_unknown(child, keys_of(fields), what);
    }
  }
}

template <class Record>
const Choice<Record>* MapReader::find_choice(const YamlNode& node,
                                             std::span<const Choice<Record>> choices,
                                             std::string_view what) {
  const Choice<Record>* chosen = nullptr;
  for (const YamlNode& child : node.children) {
    const auto* choice = find_main(choices, child.key);
    if (choice != nullptr && chosen != nullptr) {
      findings_.error(
          child.key_position,
          fmt::format("{} has both '{}' and '{}'", what, chosen->main.keyword.key, child.key),
          "each stands in a map of its own");
      return nullptr;
    }
    if (choice != nullptr) chosen = choice;
  }
  if (chosen == nullptr) report_no_choice(node, choices, what);
  return chosen;
}

template <class Record>
void MapReader::report_no_choice(const YamlNode& node, std::span<const Choice<Record>> choices,
                                 std::string_view what) {
  const auto mains = keys_of(choices);
  if (node.children.empty()) {
    findings_.error(node.position, fmt::format("{} is empty: one of {} belongs here", what,
                                               fmt::join(mains, ", ")));
    return;
  }
  const YamlNode& first = node.children.front();
  const bool is_field = std::ranges::any_of(choices, [&first](const Choice<Record>& choice) {
    return find_field(choice.fields, first.key) != nullptr;
  });
  if (!is_field) return report_unknown(first, mains, what);
  findings_.error(first.key_position, fmt::format("{} has '{}' and not what it belongs to: one of "
                                                  "{} belongs beside it",
                                                  what, first.key, fmt::join(mains, ", ")));
}

template <class Record>
std::optional<Record> MapReader::read_choice(const YamlNode& node,
                                             std::span<const Choice<Record>> choices,
                                             std::string_view what) {
  if (!expect_map(node, what)) return std::nullopt;
  const Choice<Record>* choice = find_choice(node, choices, what);
  if (choice == nullptr) return std::nullopt;
  Record record = choice->blank();
  for (const YamlNode& child : node.children) {
    if (child.key == choice->main.keyword.key) {
      read_field(child, choice->main, record);
    } else if (const auto* field = find_field(choice->fields, child.key)) {
      read_field(child, *field, record);
    } else {
      report_unknown(child, keys_of(choice->fields),
                     fmt::format("{} with '{}'", what, choice->main.keyword.key));
    }
  }
  return record;
}

}  // namespace sluice
