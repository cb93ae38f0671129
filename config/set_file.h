// Files of sets: one entry a line, of the set's kind, blank lines and lines that begin with '#'
// passed over. Behind an entry 'until=DATE' may stand, when it ends (base/date.h); behind domains
// and addresses a '#' begins a comment, too. Strict: everything else is an error with file, line
// and column, all of them at once. Control threads and short-lived children only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/result.h"
#include "config/config.h"
#include "config/source.h"

namespace sluice {

struct SetFile {
  std::vector<SetEntry> entries;  ///< ordered by key, each once, with the latest of its ends
  std::uint64_t duplicates = 0;
};

/// What `text`, the content of the file `name`, says. Lines with errors are left out.
[[nodiscard]] SetFile parse_set_file(std::string_view text, const std::string& name,
                                     const NamedSet& set, Diagnostics& findings);

[[nodiscard]] NamedSet named_set(const SetConfig& config);

/// Of all sets, in their order, with what their files hold. A file that cannot be read, or holds
/// more than the set's capacity, is an error where `source` names it.
[[nodiscard]] std::vector<SetContents> read_set_files(const std::vector<SetConfig>& sets,
                                                      const Source& source,
                                                      Diagnostics& diagnostics);

}  // namespace sluice
