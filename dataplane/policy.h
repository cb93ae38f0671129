// What workers obey now: one immutable snapshot, built off the worker path from plain parts and
// published through a `PolicySlot`. A packet is judged by exactly one policy.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/inspect/live_ruleset.h"
#include "dataplane/inspect/rule_overlay.h"
#include "dataplane/inspect/set_table.h"
#include "dataplane/limit/compiled_limits.h"
#include "dataplane/limit/prefix_table.h"
#include "dataplane/limit/rule_limiter.h"
#include "dataplane/policy_parts.h"

namespace sluice {

struct Policy {
  PolicySettings settings;
  CompiledLimits limits;
  /// Shared with the generation before where the lists did not change.
  std::shared_ptr<const PrefixTable> prefixes;
  /// Moves when `prefixes` does and is never 0; flows judged under another are looked up again.
  std::uint16_t list_epoch = 1;
  /// Null where there are no rules. Shared with the generation before where they did not change.
  std::shared_ptr<const LiveRuleset> ruleset;
  std::vector<RuleLimit> rule_limits;  ///< by CompiledAction::limit of the ruleset
  /// Null where nothing stands over the rules.
  std::shared_ptr<const RuleOverlay> overlay;
  /// Null where there are no sets; shared with the generation before where they did not change.
  std::shared_ptr<const SetTables> file_sets;
  std::shared_ptr<const SetTables> live_sets;  ///< null where operators added nothing
  RuleSets rule_sets;                          ///< of the ruleset
};

/// `previous` may be null. Fails where lists or limits are out of their bounds; allocates, any
/// thread but a worker's. `list_key` seeds the hash of the IPv6 tables; `memory` says where the
/// lists' tables lie. `ruleset` may be null.
[[nodiscard]] Result<std::unique_ptr<const Policy>> build_policy(
    const PolicyParts& parts, const Policy* previous, const SipKey& list_key,
    ArenaOptions memory = {}, std::shared_ptr<const LiveRuleset> ruleset = nullptr);

}  // namespace sluice
