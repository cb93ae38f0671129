// What is in force beyond the configuration file, and has to outlive the control process: which
// entry of the history, another mode, bypasses, stages of rules, entries of sets, a confirmation
// that is waited for. But for stages and entries it is of use only while the same wire process
// runs: its start is in it. Control thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/verdict.h"
#include "control/bypasses.h"
#include "control/live_sets.h"
#include "control/stage_overrides.h"

namespace sluice {

/// A mode that an operator set in place of the file's.
struct ModeOverride {
  Mode mode = Mode::enforce;
  std::string by;
};

/// A configuration that is taken back unless somebody confirms it.
struct PendingConfirm {
  TimeNs deadline = 0;
  std::uint64_t previous = 0;  ///< entry of the history that comes back
  std::uint64_t earlier = 0;   ///< what was `RuntimeState::previous` then, and is again
  std::string by;
  std::optional<ModeOverride> mode_before;
};

struct RuntimeState {
  TimeNs wire_started = 0;     ///< WindowHeader::started
  std::uint64_t started = 0;   ///< entry of the history that the wire process was started with
  std::uint64_t in_force = 0;  ///< entry of the history; 0 = not known
  std::uint64_t previous = 0;  ///< the entry in force before it; 0 = none
  /// A publication is on its way: what is in force is unknown until it is published anew.
  bool is_changing = false;
  std::optional<ModeOverride> mode;
  std::optional<PendingConfirm> confirm;
  Bypasses bypasses;
  StageOverrides stages;
  LiveSets sets;
};

[[nodiscard]] std::vector<std::byte> encode_state(const RuntimeState& state);
/// Errors: invalid, for a wrong length or any value out of its range.
[[nodiscard]] Result<RuntimeState> decode_state(std::span<const std::byte> bytes);

/// STATE_DIR/runtime.state, replaced as a whole.
class RuntimeStore {
 public:
  explicit RuntimeStore(const std::string& state_dir) : path_(state_dir + "/runtime.state") {}

  [[nodiscard]] Status save(const RuntimeState& state) const;
  /// Errors: not_found, io, invalid.
  [[nodiscard]] Result<RuntimeState> load() const;

 private:
  std::string path_;
};

}  // namespace sluice
