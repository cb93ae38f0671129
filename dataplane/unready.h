// Station 8 before the first ruleset is in force: what a rule should judge passes and is counted,
// or is refused (rules.until_ready). Without rules, and once there is a ruleset, a branch a burst.
// Worker thread.
#pragma once

#include "dataplane/burst.h"

namespace sluice {

struct Policy;
struct WorkerCounters;

/// Refuses, or counts in `counters`, what is undecided. Control protocols always pass.
void judge_unready(Burst& burst, const Policy& policy, WorkerCounters& counters) noexcept;

}  // namespace sluice
