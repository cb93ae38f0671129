// A YAML document as a plain tree with positions. Strict: one document, no anchors, aliases or
// tags, no duplicate keys, capped in size, depth and number of values. Control threads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "config/source.h"

namespace sluice {

struct YamlNode {
  enum class Kind : std::uint8_t {
    null,  ///< nothing written
    scalar,
    list,
    map,
    refused,  ///< an alias or a bad key's value: reported already
  };
  Kind kind = Kind::null;
  bool is_quoted = false;  ///< a scalar in quotes, or a block text
  SourcePosition position;
  std::string text;                ///< of a scalar
  std::vector<YamlNode> children;  ///< of a list or map, in the order of the file
  std::string key;                 ///< in a map: what this is the value of
  SourcePosition key_position;

  [[nodiscard]] bool is_map() const noexcept { return kind == Kind::map; }
  [[nodiscard]] bool is_list() const noexcept { return kind == Kind::list; }
  [[nodiscard]] bool is_scalar() const noexcept { return kind == Kind::scalar; }
};

inline constexpr std::size_t kYamlBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kYamlDepthMax = 32;
inline constexpr std::size_t kYamlNodesMax = 200'000;

/// What a file may be at most; the defaults are those of a configuration.
struct YamlLimits {
  std::size_t bytes = kYamlBytesMax;
  std::size_t depth = kYamlDepthMax;
  std::size_t nodes = kYamlNodesMax;
  std::string_view file_kind = "a configuration";  ///< as findings call it
};

/// "a list", "a map": what stands there, for findings.
[[nodiscard]] std::string_view describe_kind(const YamlNode& node) noexcept;
/// Where a finding about `node` points: at what is written, else at its key.
[[nodiscard]] SourcePosition position_of(const YamlNode& node) noexcept;

/// The document of `source`; none where it is not YAML or over a cap. An empty document is a null
/// node. Duplicate keys, anchors, aliases and tags are findings, and the rest of the tree stands.
[[nodiscard]] std::optional<YamlNode> parse_yaml(const Source& source, FindingWriter& findings,
                                                 const YamlLimits& limits = {});

}  // namespace sluice
