// The one way a configuration file is judged: `sluiced check`, start, reload and replay all come
// through here, so that none can accept what another refuses. Control threads and short-lived
// children only.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "config/config.h"
#include "config/prefix_lists.h"
#include "config/set_kind.h"
#include "config/source.h"
#include "config/validate.h"

namespace sluice {

struct CheckedConfig {
  Config config;  ///< to be used only where `findings` has no errors
  PrefixLists lists;
  std::vector<SetContents> sets;  ///< beside those of `config`
  Source source{{}, {}};  ///< where each option stands, for findings of whoever judges further
  Diagnostics findings;
};

/// Reads, loads and validates. Names of list, set and rule files are relative to the directory of
/// `path`, and have it in front in the answer. A file that cannot be read is a finding like any
/// other.
[[nodiscard]] CheckedConfig check_file(const std::string& path, ConfigPurpose purpose);

/// The same for a text at hand; findings carry the name `path`.
[[nodiscard]] CheckedConfig check_text(const std::string& path, std::string text,
                                       ConfigPurpose purpose);

}  // namespace sluice
