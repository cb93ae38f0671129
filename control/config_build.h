// The work of the short-lived child: from a file, or from an older configuration's parts, to their
// digest and the bytes that are published. Blocks; never on the control thread.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "control/config_child.h"

namespace sluice {

struct BuiltConfig {
  ConfigDigest digest;
  std::vector<std::byte> parts;
};

/// A file with errors is an answer. Errors: an older configuration that cannot be read.
[[nodiscard]] Result<BuiltConfig> build_config(const ConfigChildRequest& request,
                                               const ConfigJudge& judge);

}  // namespace sluice
