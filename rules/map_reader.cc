#include "rules/map_reader.h"

#include "base/suggest.h"
#include "rules/keyword_value.h"

namespace sluice {
namespace {

using Kind = YamlNode::Kind;

constexpr std::size_t kListedKeysMax = 24;

}  // namespace

const YamlNode* child_of(const YamlNode& map, std::string_view key) noexcept {
  const auto found = std::ranges::find(map.children, key, &YamlNode::key);
  return found == map.children.end() ? nullptr : &*found;
}

void MapReader::refuse_kind(const YamlNode& node, std::string_view what, std::string_view belongs) {
  if (node.kind == Kind::refused) return;
  findings_.error(
      position_of(node),
      node.kind == Kind::null
          ? fmt::format("{} has no value: {} belongs here", what, belongs)
          : fmt::format("{} is {}, where {} belongs", what, describe_kind(node), belongs));
}

bool MapReader::expect_map(const YamlNode& node, std::string_view what) {
  if (node.is_map()) return true;
  refuse_kind(node, what, "a map");
  return false;
}

bool MapReader::expect_list(const YamlNode& node, std::string_view what, std::size_t entries_max) {
  if (!node.is_list()) {
    refuse_kind(node, what, "a list");
    return false;
  }
  if (node.children.size() <= entries_max) return true;
  findings_.error(position_of(node), fmt::format("{} has {} entries, above the most of {}", what,
                                                 node.children.size(), entries_max));
  return false;
}

void MapReader::report_unknown(const YamlNode& node, std::span<const std::string_view> known,
                               std::string_view what) {
  const std::string_view near = nearest_word(node.key, known);
  std::string hint;
  if (!near.empty()) {
    hint = fmt::format("did you mean '{}'?", near);
  } else if (!known.empty() && known.size() <= kListedKeysMax) {
    hint = fmt::format("its keys are {}", fmt::join(known, ", "));
  }
  findings_.error(node.key_position,
                  fmt::format("unknown key '{}' in {}", node.key.substr(0, 64), what),
                  std::move(hint));
}

std::optional<std::string> MapReader::read_text(const Keyword& keyword, const YamlNode& node) {
  if (!node.is_scalar()) {
    refuse_kind(node, fmt::format("an entry of {}", keyword.key), "a text");
    return std::nullopt;
  }
  const bool has_escapes = keyword.type == KeywordType::byte_texts;
  const Keyword entry{keyword.key,
                      has_escapes ? KeywordType::bytes : KeywordType::text,
                      {},
                      1,
                      has_escapes ? kContentBytesMax : kTextBytesMax};
  auto value = parse_keyword_value(entry, {node.text, node.is_quoted});
  if (value) return std::get<std::string>(std::move(*value));
  findings_.error(node.position, value.error().message, value.error().hint);
  return std::nullopt;
}

std::optional<KeywordValue> MapReader::read_texts(const Keyword& keyword, const YamlNode& node) {
  std::vector<std::string> texts;
  if (node.is_scalar()) {
    auto text = read_text(keyword, node);
    if (!text) return std::nullopt;
    texts.push_back(std::move(*text));
    return KeywordValue{std::move(texts)};
  }
  if (!expect_list(node, keyword.key, keyword.max)) return std::nullopt;
  if (node.children.size() < static_cast<std::size_t>(keyword.min)) {
    findings_.error(node.position, fmt::format("{} is an empty list", keyword.key));
    return std::nullopt;
  }
  for (const YamlNode& child : node.children) {
    auto text = read_text(keyword, child);
    if (text) texts.push_back(std::move(*text));
  }
  return KeywordValue{std::move(texts)};
}

/// A list of YAML is the list of the expression.
std::optional<KeywordValue> MapReader::read_expression(const Keyword& keyword,
                                                       const YamlNode& node) {
  std::string list;
  for (const YamlNode& child : node.children) {
    if (!child.is_scalar()) {
      refuse_kind(child, fmt::format("an entry of {}", keyword.key), "a text");
      return std::nullopt;
    }
    list += fmt::format("{}{}", list.empty() ? "" : ", ", child.text);
    if (list.size() > keyword.max) break;
  }
  auto value = parse_keyword_value(keyword, {fmt::format("[{}]", list), true});
  if (value) return std::move(*value);
  findings_.error(node.position, value.error().message, value.error().hint);
  return std::nullopt;
}

std::optional<KeywordValue> MapReader::read_value(const Keyword& keyword, const YamlNode& node) {
  if (is_list(keyword.type)) return read_texts(keyword, node);
  if (keyword.type == KeywordType::expression && node.is_list()) {
    return read_expression(keyword, node);
  }
  if (!node.is_scalar()) {
    refuse_kind(node, keyword.key, describe_keyword_type(keyword));
    return std::nullopt;
  }
  auto value = parse_keyword_value(keyword, {node.text, node.is_quoted});
  if (value) return std::move(*value);
  findings_.error(node.position, value.error().message, value.error().hint);
  return std::nullopt;
}

}  // namespace sluice
