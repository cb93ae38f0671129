// Datasets of Suricata as sets of the configuration: what rules say of them, and their list files.
// Control side only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/set_kind.h"

namespace sluice {

enum class DatasetType : std::uint8_t { text, md5, sha256, address };

/// What one rule says of a dataset.
struct DatasetUse {
  std::string set;      ///< its name in the configuration
  std::string dataset;  ///< its name in the rule
  std::optional<DatasetType> type;
  std::string list;  ///< the file of `load` or `state`; empty where it names none
};

/// What the configuration needs for imported rules: an entry of `sets`.
struct ImportedSet {
  std::string name;
  std::string dataset;
  DatasetType type = DatasetType::text;
  std::string list;       ///< as a rule names it; empty where none does
  std::string rule_file;  ///< that names the list
  std::size_t rules = 0;  ///< that ask for it
};

/// All that rules say of datasets, which have to agree about each.
class DatasetTable {
 public:
  /// Errors: invalid, where other rules say otherwise; limit, above kSetsMax sets.
  [[nodiscard]] Status add(const DatasetUse& use, const std::string& rule_file);
  /// Null where there is none.
  [[nodiscard]] ImportedSet* find(const std::string& set);
  /// Those that rules ask for, ordered by name.
  [[nodiscard]] std::vector<ImportedSet> in_use() const;

 private:
  std::map<std::string, ImportedSet> sets_;
};

/// Letters, digits, _ and - of the name, at most kSetNameMax; where that changes it, a number of
/// the name as it was stands behind.
[[nodiscard]] std::string set_name_of(std::string_view dataset);

[[nodiscard]] std::string_view name_of(DatasetType type) noexcept;
[[nodiscard]] SetKind kind_of(DatasetType type) noexcept;

struct DatasetLineFault {
  std::uint32_t line = 0;
  std::string reason;
};

/// A list file of Suricata as the file of a set.
struct DatasetList {
  std::string text;
  std::uint64_t entries = 0;
  std::vector<DatasetLineFault> refused;  ///< the first kDatasetFaultsMax
  std::uint64_t refused_lines = 0;
};
inline constexpr std::size_t kDatasetFaultsMax = 100;

/// Lines of base64, of hexadecimal digits or of addresses; what stands behind a comma is a
/// reputation and left out. At most kSetCapacityMax entries.
[[nodiscard]] DatasetList convert_dataset_list(DatasetType type, std::string_view text);

}  // namespace sluice
