// The report of `sluiced rules import` as JSON. Wording only.
#pragma once

#include <string>
#include <vector>

#include "import_sets.h"
#include "rules/suricata_import.h"

namespace sluice {

/// An object with the members that docs/import.md tells of. Bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string render_import_report(const ImportReport& report,
                                               const std::vector<WrittenSet>& sets = {});

}  // namespace sluice
