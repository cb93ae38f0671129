// From the text of a configuration file to `Config`, with every mistake of form found at once:
// unknown keys, wrong types, units and ranges. Mistakes between options are for validate.h.
// Control threads and short-lived children only: the wire process runs no parser of files.
#pragma once

#include <string>

#include "base/diagnostic.h"
#include "config/config.h"
#include "config/source.h"

namespace sluice {

struct LoadedConfig {
  Config config;             ///< what could be read; the rest has its default
  Source source;             ///< knows where each option stands
  Diagnostics findings;      ///< without errors: the file says exactly `config`
  bool is_readable = false;  ///< it is a map of options, whatever is wrong inside
};

/// Never throws and accepts any bytes. `file` is the name that findings carry.
[[nodiscard]] LoadedConfig load_config(std::string file, std::string text);

}  // namespace sluice
