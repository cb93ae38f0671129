#include "rules/ruleset.h"

namespace sluice {

GroupMap::GroupMap() noexcept {
  for (ByClass& groups : packet_groups) groups.fill(kNoGroup);
  for (ByClass& groups : stream_groups) groups.fill(kNoGroup);
  for (auto& groups : buffer_groups) groups.fill(kNoGroup);
}

}  // namespace sluice
