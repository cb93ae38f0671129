// The work of the short-lived child: from a file, or from an older configuration's parts, to their
// digest and the lists as they are published. Blocks; never on the control thread.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "control/config_child.h"

namespace sluice {

struct BuiltConfig {
  ConfigDigest digest;
  std::vector<std::byte> lists;  ///< `encode_lists`; empty where they need not be published
};

/// A file with errors is an answer. Errors: an older configuration that cannot be read.
[[nodiscard]] Result<BuiltConfig> build_config(const ConfigChildRequest& request,
                                               const ConfigJudge& judge);

}  // namespace sluice
