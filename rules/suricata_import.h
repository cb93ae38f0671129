// Rule files of Suricata as rules of sluice, with a report of every rule that is not among them and
// why. A rule is imported where each of its keywords is; nothing is skipped in silence. Control
// side and short-lived children only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "rules/rule.h"
#include "rules/suricata_datasets.h"

namespace sluice {

inline constexpr std::size_t kImportFileBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kImportRulesMax = 200'000;

struct ImportFile {
  std::string name;
  std::string text;
};

struct ImportOptions {
  /// Keeps the written action and puts every rule at stage enforce. Otherwise `alert` becomes
  /// `drop`, and a rule is at stage enforce where its metadata has confidence High and not
  /// signature_severity Informational, at stage shadow where not.
  bool is_as_is = false;
  /// Written in place of `$NAME`; other variables stay and are the configuration's.
  std::map<std::string, std::string> variables;
};

/// About one rule: why it was refused, or what of it has no effect.
struct ImportNote {
  std::string file;
  SourcePosition position;  ///< where the rule begins; the column counts in its joined lines
  std::uint32_t sid = 0;    ///< 0 = not known
  std::string keyword;      ///< "syntax", "header" or "rule" where it is no keyword
  std::string reason;
};

struct ImportCounts {
  std::size_t rules_total = 0;    ///< commented-out ones too
  std::size_t rules_enabled = 0;  ///< imported and refused
  std::size_t imported = 0;
  friend bool operator==(const ImportCounts&, const ImportCounts&) = default;
};

struct ImportReport {
  ImportCounts counts;
  std::vector<ImportNote> refused;
  std::vector<ImportNote> downgraded;
  std::map<std::string, std::size_t> by_keyword;  ///< refusals
  std::map<std::string, ImportCounts> files;
};

struct ImportResult {
  std::vector<Rule> rules;  ///< in the order of their files and lines; `pack` is the file's name
  ImportReport report;
  std::vector<ImportedSet> sets = {};  ///< that the configuration needs, ordered by name
};

/// Of rules with one gid and sid the highest revision is imported, the first of equal ones.
[[nodiscard]] ImportResult import_suricata(std::span<const ImportFile> files,
                                           const ImportOptions& options);

}  // namespace sluice
