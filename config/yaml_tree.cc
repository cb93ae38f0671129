// The only file that calls yaml-cpp, through its event interface: the library's own document tree
// hides duplicate keys, follows aliases, and knows no limits. Its exceptions end here.
#include "config/yaml_tree.h"

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/escape.h"
#include "base/units.h"

namespace sluice {
namespace {

SourcePosition position_of(const YAML::Mark& mark) noexcept {
  if (mark.line < 0) return {};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

/// Whether `text` begins with a quote that does not close within it.
bool is_quote_open(std::string_view text) noexcept {
  const char quote = text.front();
  if (quote != '"' && quote != '\'') return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const bool is_doubled = quote == '\'' && text.substr(i, 2) == "''";
    const bool is_escape = quote == '"' && text[i] == '\\';
    if (is_doubled || is_escape) {
      ++i;
    } else if (text[i] == quote) {
      return false;
    }
  }
  return true;
}

/// Thrown by the builder through yaml-cpp's parser to stop it; the finding is written.
struct OverLimit {};

/// Assembles the tree from events. Open containers are on a stack of our own; their number is
/// capped, so that nothing here or in the destructor of the tree goes deep.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Source& source, FindingWriter& findings, const YamlLimits& limits) noexcept
      : source_(source), findings_(findings), limits_(limits) {}

  [[nodiscard]] YamlNode take_root() noexcept { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(node_at(mark, YamlNode::Kind::null));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    findings_.error(position_of(mark), "aliases are not supported");
    add(node_at(mark, YamlNode::Kind::refused));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    YamlNode node = node_at(mark, YamlNode::Kind::scalar);
    node.is_quoted = tag == "!";
    node.text = value;
    if (node.is_quoted) refuse_open_quote(node.position);
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Container {
    YamlNode node;
    std::optional<YamlNode> key;  ///< of a map: read, its value is next
    std::map<std::string, SourcePosition, std::less<>> keys_seen;
  };

  static YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.position = position_of(mark);
    return node;
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == YAML::NullAnchor) return;
    findings_.error(position_of(mark), "anchors are not supported", "write the value out");
  }

  // yaml-cpp gives "?" for what has no tag, and "!" for a text in quotes.
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    findings_.error(position_of(mark), fmt::format("tags are not supported: '{}'", tag));
  }

  // A quote that was forgotten swallows what follows; yaml-cpp even ends it with the file.
  void refuse_open_quote(SourcePosition position) {
    const std::string_view line = source_.line(position.line);
    if (position.column == 0 || position.column > line.size()) return;
    if (!is_quote_open(line.substr(position.column - 1))) return;
    findings_.error(position, "a text in quotes ends on the line on which it begins");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (open_.size() == limits_.depth) {
      findings_.error(position_of(mark),
                      fmt::format("nested more than {} levels deep", limits_.depth));
      throw OverLimit{};
    }
    open_.push_back(Container{node_at(mark, kind), {}, {}});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (++nodes_ > limits_.nodes) {
      findings_.error(node.position, fmt::format("has more than {} values", limits_.nodes));
      throw OverLimit{};
    }
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().node.is_list()) {
      open_.back().node.children.push_back(std::move(node));
    } else if (!open_.back().key) {
      open_.back().key = std::move(node);
    } else {
      add_to_map(open_.back(), std::move(node));
    }
  }

  void add_to_map(Container& container, YamlNode value) {
    const YamlNode key = *std::exchange(container.key, std::nullopt);
    if (!key.is_scalar()) {
      if (key.kind != YamlNode::Kind::refused) {
        findings_.error(key.position, "a key is a word, not a list, a map or nothing");
      }
      return;
    }
    const auto [seen, is_new] = container.keys_seen.try_emplace(key.text, key.position);
    if (!is_new) {
      findings_.error(key.position, fmt::format("key '{}' stands twice, first in line {}",
                                                key.text.substr(0, 64), seen->second.line));
      return;
    }
    value.key = key.text;
    value.key_position = key.position;
    container.node.children.push_back(std::move(value));
  }

  const Source& source_;
  FindingWriter& findings_;
  const YamlLimits& limits_;
  YamlNode root_;
  std::vector<Container> open_;
  std::size_t nodes_ = 0;
};

/// Where the first byte stands that no text file has, or where there is none.
std::optional<std::size_t> first_byte_not_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_plain_ascii = byte >= 0x20 && byte < 0x7f;
    const bool is_line_end = byte == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (is_plain_ascii || byte == '\n' || byte == '\t' || is_line_end) {
      ++i;
      continue;
    }
    const std::size_t bytes = utf8_sequence_bytes(text.substr(i));
    const std::string_view sequence = text.substr(i, bytes);
    if (bytes < 2 || escape_control(sequence) != sequence) return i;
    i += bytes;
  }
  return std::nullopt;
}

SourcePosition position_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto lines = std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<std::uint32_t>(lines + 1),
          static_cast<std::uint32_t>(offset - line_start + 1)};
}

bool is_readable_text(const Source& source, FindingWriter& findings, const YamlLimits& limits) {
  const std::string_view text = source.text();
  if (text.size() > limits.bytes) {
    findings.error({}, fmt::format("larger than {}", print_bytes(limits.bytes)));
    return false;
  }
  if (const auto offset = first_byte_not_text(text)) {
    findings.error(
        position_at(text, *offset),
        fmt::format("not text: byte 0x{:02x}", static_cast<unsigned char>(text[*offset])),
        fmt::format("{} is UTF-8 without control characters", limits.file_kind));
    return false;
  }
  return true;
}

/// yaml-cpp's words for what people do wrong most, in ours.
std::string_view plain_words(std::string_view message) noexcept {
  struct Row {
    std::string_view theirs;
    std::string_view ours;
  };
  const Row rows[] = {
      {YAML::ErrorMsg::END_OF_MAP, "this line continues no map above it: look at its indentation"},
      {YAML::ErrorMsg::END_OF_SEQ, "this line continues no list above it: look at its indentation"},
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "a map that begins with { does not end with }"},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a list that begins with [ does not end with ]"},
      {YAML::ErrorMsg::MAP_VALUE,
       "no key can stand here: look at the indentation and for a colon "
       "that is missing above"},
      {YAML::ErrorMsg::BLOCK_ENTRY, "no list can begin here: look at the indentation"},
      {YAML::ErrorMsg::TAB_IN_INDENTATION, "a tab in the indentation"},
      {YAML::ErrorMsg::EOF_IN_SCALAR, "a quote that is not closed"},
  };
  for (const Row& row : rows) {
    if (row.theirs == message) return row.ours;
  }
  return message;
}

std::string hint_for(std::string_view line) {
  const std::string_view indent = line.substr(0, line.find_first_not_of(" \t"));
  if (indent.find('\t') != std::string_view::npos) return "indent with spaces, not with tabs";
  return {};
}

}  // namespace

std::optional<YamlNode> parse_yaml(const Source& source, FindingWriter& findings,
                                   const YamlLimits& limits) {
  if (!is_readable_text(source, findings, limits)) return std::nullopt;
  TreeBuilder builder(source, findings, limits);
  try {
    std::istringstream stream{std::string(source.text())};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    YamlNode root = builder.take_root();
    TreeBuilder second(source, findings, limits);
    if (parser.HandleNextDocument(second)) {
      findings.error(second.take_root().position, "a file holds one YAML document, not several");
      return std::nullopt;
    }
    return root;
  } catch (const OverLimit&) {
  } catch (const YAML::Exception& error) {
    const SourcePosition position = position_of(error.mark);
    findings.error(position, fmt::format("not YAML: {}", plain_words(error.msg)),
                   hint_for(source.line(position.line)));
  } catch (const std::exception& error) {
    findings.error({}, fmt::format("not YAML: {}", error.what()));
  }
  return std::nullopt;
}

std::string_view describe_kind(const YamlNode& node) noexcept {
  switch (node.kind) {
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      return "a single value";
    case YamlNode::Kind::null:
    case YamlNode::Kind::refused:
      break;
  }
  return "nothing";
}

SourcePosition position_of(const YamlNode& node) noexcept {
  const bool is_written = node.kind != YamlNode::Kind::null || node.key.empty();
  return is_written ? node.position : node.key_position;
}

}  // namespace sluice
