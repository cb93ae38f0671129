// The wire process: `run_wire` reads as its life. Called once, on the main thread of the program,
// before any other thread exists; the calling thread becomes the keeper.
#pragma once

#include <string>

#include "dataplane/wire_plan.h"

namespace sluice {

/// Forwards until SIGTERM or SIGINT; drains and stops within a second. What goes wrong is logged
/// with cause and fix. `config_path` is handed to the control process, which is this program again
/// in the role `control`; empty = no control process. Returns the exit code: 0 stopped when asked,
/// 1 could not start.
[[nodiscard]] int run_wire(const WirePlan& plan, const std::string& config_path);

}  // namespace sluice
