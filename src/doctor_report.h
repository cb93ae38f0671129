// The findings of `sluiced doctor`: a table that fits 80 columns, JSON for scripts, and the exit
// code. Wording only.
#pragma once

#include <string>
#include <vector>

#include "dataplane/doctor.h"

namespace sluice {

/// Failures before warnings; what is in order is only counted. Commands of a fix stand on lines of
/// their own and are never broken.
[[nodiscard]] std::string render_findings_table(const std::vector<HostFinding>& findings);
/// {"findings": [{"area", "subject", "state", "what", "fix"}], "ok": n, "warnings": n,
/// "failures": n}
[[nodiscard]] std::string render_findings_json(const std::vector<HostFinding>& findings);

/// 0 nothing found, 1 warnings, 2 failures.
[[nodiscard]] int exit_code_of(const std::vector<HostFinding>& findings) noexcept;

}  // namespace sluice
