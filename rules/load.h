// From the text of a rule file to `Rule`s, with every mistake of form found at once: unknown keys,
// wrong types, words and ranges. Mistakes between members of a rule and between rules are for
// validate.h. Control side and short-lived children only.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "config/source.h"
#include "rules/rule_pack.h"

namespace sluice {

inline constexpr std::size_t kRuleFileBytesMax = std::size_t{64} << 20;

/// Never throws and accepts any bytes. Rules that have a mistake are left out, so that what is
/// there can be judged further. Each carries its position and the name of its file.
[[nodiscard]] RulePack load_rule_pack(const Source& source, Diagnostics& diagnostics);
/// The rules alone.
[[nodiscard]] std::vector<Rule> load_rules(const Source& source, Diagnostics& diagnostics);
/// Reads the file, too; one that cannot be read is a finding like any other.
[[nodiscard]] RulePack load_rule_file(const std::string& path, Diagnostics& diagnostics,
                                      std::size_t bytes_max = kRuleFileBytesMax);

}  // namespace sluice
