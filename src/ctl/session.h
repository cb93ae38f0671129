// One verb from the request to the exit code. One thread.
#pragma once

#include "base/result.h"
#include "ctl/arguments.h"
#include "ctl/connection.h"
#include "ctl/paper.h"

namespace sluice {

/// What a verb talks to.
struct Session {
  Connection& daemon;
  Output& out;
  Output& err;
  Paper paper;
};

/// 0 done, also where the reader of the output went away; 1 could not; 2 asked wrongly.
[[nodiscard]] int run_verb(Session& session, const Asked& asked);

/// The message, and a hint on a line of its own where there is one; returns the exit code.
[[nodiscard]] int report(Output& err, const Error& error);

}  // namespace sluice
