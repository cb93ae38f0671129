// From the operator's configuration to the plain parts that a policy is built from: settings, and
// the prefix lists read from their files. Control side, at start and at every reload.
#pragma once

#include "base/diagnostic.h"
#include "base/result.h"
#include "config/check.h"
#include "config/config.h"
#include "dataplane/policy_parts.h"

namespace sluice {

/// Reads every list file of `config`, in the order of the configuration. All findings go to
/// `findings`: errors (then the result is an error too) and warnings (a prefix both allowed and
/// denied, where allow wins; duplicates). Lists come out ordered by side, kind and prefix, each
/// prefix once, so that equal configurations give equal parts. Generation is 1; the caller numbers.
[[nodiscard]] Result<PolicyParts> build_policy_parts(const Config& config, Diagnostics& findings);

/// From a configuration that was checked without errors. Lists come out ordered by side, kind and
/// prefix, each prefix once, so that equal configurations give equal parts. Generation is 1.
[[nodiscard]] PolicyParts build_policy_parts(const CheckedConfig& checked);

}  // namespace sluice
