// The list `match:` of a rule: items in sequence as parts of terms about one buffer each. For the
// loader; control side only.
#pragma once

#include "config/yaml_tree.h"
#include "rules/map_reader.h"
#include "rules/rule.h"

namespace sluice {

/// Adds to `rule.match`; what is wrong is a finding of `reader`.
void read_match(const YamlNode& node, MapReader& reader, Rule& rule);

}  // namespace sluice
