// `sluicectl top` on a terminal: a page every interval until q or a signal. The terminal is put
// back whatever ends it but SIGKILL. One thread, and no others in the process.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "ctl/arguments.h"
#include "ctl/session.h"

namespace sluice {

/// "--interval", 1 s without it. Errors: invalid.
[[nodiscard]] Result<DurationNs> top_interval(const nlohmann::json& local);

/// The daemon may go and come back meanwhile. Returns the exit code.
[[nodiscard]] int run_live(Session& session, const Asked& asked, DurationNs interval);

}  // namespace sluice
