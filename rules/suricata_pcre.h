// The importer's pcre keyword. Control side only.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "rules/suricata_keywords.h"

namespace sluice {

struct SuricataPcre {
  PcreTerm term;
  std::optional<Buffer> buffer;  ///< where a flag names one
};

/// `value` is as the rule has it: "/PATTERN/FLAGS" in quotes, behind a '!' perhaps.
[[nodiscard]] Result<SuricataPcre> read_suricata_pcre(std::string_view value);

[[nodiscard]] Status read_pcre(RuleDraft& draft, const SuricataOption& option,
                               const SuricataKeyword& keyword);

}  // namespace sluice
