// Sets that imported rules ask for: their lists become files beside the pack, and the entries that
// the configuration needs are told. Offline tools only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "rules/suricata_datasets.h"

namespace sluice {

struct WrittenSet {
  ImportedSet set;
  std::string file;            ///< written; empty where there was no list to read
  std::string missing;         ///< why
  DatasetList list;            ///< without its text
  std::uint64_t capacity = 0;  ///< that has room for the list
};

/// A list is looked for in the directory of the rules that name it; `pack` is the path of theirs.
/// Errors: io, where a file cannot be written.
[[nodiscard]] Result<std::vector<WrittenSet>> write_sets(const std::vector<ImportedSet>& sets,
                                                         const std::string& pack);

/// For people: the entries of `sets` in a configuration, and what is missing. Empty without sets.
[[nodiscard]] std::string render_sets(const std::vector<WrittenSet>& sets);

}  // namespace sluice
