// The allow and deny lists of a configuration with all that its list files hold. Control threads
// and short-lived children only.
#pragma once

#include <vector>

#include "base/diagnostic.h"
#include "base/ip_address.h"
#include "config/config.h"
#include "config/source.h"

namespace sluice {

/// Each list ordered by prefix, each prefix once.
struct PrefixLists {
  std::vector<IpPrefix> allow_source;
  std::vector<IpPrefix> allow_destination;
  std::vector<IpPrefix> deny_source;
  std::vector<IpPrefix> deny_destination;
};

/// Reads the list files of `lists`. A file that cannot be read is an error where `source` names
/// it, a line that is no prefix one of its file. Warnings: lines that repeat a prefix, and prefixes
/// both allowed and denied, where allow wins.
[[nodiscard]] PrefixLists read_prefix_lists(const ListConfig& lists, const Source& source,
                                            Diagnostics& diagnostics);

}  // namespace sluice
