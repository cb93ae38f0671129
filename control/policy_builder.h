// From the operator's configuration to the plain parts that a policy is built from. Pure; control
// side, at start and at every reload.
#pragma once

#include "config/check.h"
#include "dataplane/policy_parts.h"

namespace sluice {

/// From a configuration that was checked without errors. Lists come out ordered by side, kind and
/// prefix, each prefix once, so that equal configurations give equal parts. Generation is 1.
[[nodiscard]] PolicyParts build_policy_parts(const CheckedConfig& checked);

}  // namespace sluice
