#include "rules/load_match.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sluice {
namespace {

/// Reads the items of one rule.
class MatchLoader {
 public:
  MatchLoader(MapReader& reader, Rule& rule) noexcept : reader_(reader), rule_(rule) {}

  void load_item(const YamlNode& item);

 private:
  std::optional<Buffer> buffer_of(const YamlNode& item);
  void report_no_buffer(const YamlNode& node);
  std::optional<std::vector<TransformStep>> load_transforms(const YamlNode& node);
  std::optional<TransformStep> load_transform(const YamlNode& node);
  bool begins_part(const YamlNode& item);

  MapReader& reader_;
  Rule& rule_;
};

bool MatchLoader::begins_part(const YamlNode& item) {
  static constexpr std::string_view kWords[] = {"new"};
  const YamlNode* part = child_of(item, "part");
  if (part == nullptr) return false;
  const Keyword keyword{"part", KeywordType::word, {}, 0, 0, kWords};
  return reader_.read_value(keyword, *part).has_value();
}

std::optional<TransformStep> MatchLoader::load_transform(const YamlNode& node) {
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
  reader_.findings().error(node.position, "xor_key has no key", "write {xor_key: 'KEY'}");
  return std::nullopt;
}

std::optional<std::vector<TransformStep>> MatchLoader::load_transforms(const YamlNode& node) {
  std::vector<TransformStep> steps;
  if (!reader_.expect_list(node, "transforms", kTransformsOfAPartMax)) return std::nullopt;
  for (const YamlNode& child : node.children) {
    auto step = load_transform(child);
    if (!step) return std::nullopt;
    steps.push_back(std::move(*step));
  }
  return steps;
}

void MatchLoader::report_no_buffer(const YamlNode& node) {
  if (find_main(term_choices(), node.key) != nullptr) {
    return reader_.findings().error(
        node.key_position, fmt::format("'{}' stands outside of a buffer", node.key.substr(0, 64)),
        fmt::format("write 'payload: {{{}: ...}}' or another buffer", node.key));
  }
  std::vector<std::string_view> known{"part", "transforms"};
  for (const BufferRow& row : buffer_table()) known.push_back(row.name);
  reader_.report_unknown(node, known, "match, which is no buffer");
}

/// The buffer that an item of `match:` is about: its one key that is no other word.
std::optional<Buffer> MatchLoader::buffer_of(const YamlNode& item) {
  std::optional<Buffer> buffer;
  for (const YamlNode& child : item.children) {
    if (child.key == "part" || child.key == "transforms") continue;
    const auto named = buffer_named(child.key);
    if (!named) {
      report_no_buffer(child);
      return std::nullopt;
    }
    if (buffer) {
      reader_.findings().error(
          child.key_position,
          fmt::format("an item of match has both '{}' and '{}'", name_of(*buffer), child.key),
          "each stands in an item of its own");
      return std::nullopt;
    }
    buffer = named;
  }
  if (!buffer) {
    reader_.findings().error(item.position,
                             "an item of match names no buffer: 'http.uri: {contains: x}' or "
                             "the like belongs here");
  }
  return buffer;
}

/// An item continues the part before it, where that is about the same buffer and the item does not
/// begin one of its own.
void MatchLoader::load_item(const YamlNode& item) {
  if (!reader_.expect_map(item, "an item of match")) return;
  const auto buffer = buffer_of(item);
  if (!buffer) return;
  const YamlNode* transforms = child_of(item, "transforms");
  const bool is_first = begins_part(item) || transforms != nullptr || rule_.match.empty() ||
                        rule_.match.back().buffer != *buffer;
  if (is_first) rule_.match.push_back({*buffer, {}, {}});
  BufferTerms& part = rule_.match.back();
  if (transforms != nullptr) {
    if (auto steps = load_transforms(*transforms)) part.transforms = std::move(*steps);
  }
  const YamlNode& map = *child_of(item, name_of(*buffer));
  if (map.is_map() && map.children.empty()) return;  // the buffer is there, whatever is in it
  if (auto term = reader_.read_choice(map, term_choices(), "a term")) {
    part.terms.push_back(std::move(*term));
  }
}

}  // namespace

void read_match(const YamlNode& node, MapReader& reader, Rule& rule) {
  if (!reader.expect_list(node, "match", kTermsOfARuleMax)) return;
  MatchLoader loader(reader, rule);
  for (const YamlNode& item : node.children) loader.load_item(item);
}

}  // namespace sluice
