// Rules of a start: the wire does not wait for them longer than it has to. The short-lived child
// that reads the configuration only.
#pragma once

#include <functional>

#include "base/clock.h"
#include "base/result.h"
#include "config/check.h"

namespace sluice {

/// Judges rules; called in a thread of its own. `judge_rules` in the program.
using RulesJudge = std::function<Status(CheckedConfig&)>;

/// Ordinary files take little of the processor, and are waited for on a busy host, too.
struct JudgePatience {
  DurationNs time = 0;      ///< at least so long,
  DurationNs work = 0;      ///< and until judging took so much of the processor,
  DurationNs time_max = 0;  ///< and no longer than that
};

/// Of a start: a mistake in an ordinary file ends it.
inline constexpr JudgePatience kStartPatience{
    .time = kNsPerSecond, .work = kNsPerSecond / 2, .time_max = 10 * kNsPerSecond};

/// What judging has taken so far: time, and work of this process.
struct JudgeEffort {
  DurationNs time = 0;
  DurationNs work = 0;
};

[[nodiscard]] constexpr bool is_spent(const JudgePatience& patience,
                                      const JudgeEffort& effort) noexcept {
  const bool is_slow = effort.time >= patience.time && effort.work >= patience.work;
  return is_slow || effort.time >= patience.time_max;
}

/// What `judge` finds becomes findings of `checked`. Where packets pass until rules are ready it is
/// waited for with `patience`, by what `effort` says every few milliseconds: false where that ends,
/// and the thread goes on until its process does. The control process judges the same files, and
/// tells.
[[nodiscard]] bool judge_in_time(CheckedConfig& checked, RulesJudge judge,
                                 const JudgePatience& patience,
                                 const std::function<JudgeEffort()>& effort);

/// A file that cannot be judged at all is a finding, too.
void note_judgement(const Status& judged, CheckedConfig& checked);

}  // namespace sluice
