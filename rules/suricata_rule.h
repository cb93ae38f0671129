// One rule of Suricata as a rule of sluice: header, options in their order, what follows from both.
// Control side only.
#pragma once

#include <vector>

#include <tl/expected.hpp>

#include "rules/suricata_draft.h"
#include "rules/suricata_import.h"
#include "rules/suricata_parser.h"

namespace sluice {

struct MappedRule {
  Rule rule;
  std::vector<SuricataDowngrade> downgrades;
  std::vector<DatasetUse> datasets = {};
};

[[nodiscard]] tl::expected<MappedRule, SuricataFault> map_suricata_rule(
    const SuricataRule& written, const ImportOptions& options);

/// What no packet can match, or no rule file may hold: contents longer than their room, buffers of
/// requests beside buffers of responses, more terms than a rule may have.
[[nodiscard]] tl::expected<void, SuricataFault> check_imported(const Rule& rule);

/// The usual priority of a classtype, 1 to 4; 0 where the class is not among the usual ones.
[[nodiscard]] std::uint32_t priority_of_class(std::string_view class_name) noexcept;

}  // namespace sluice
