// The control process: the hidden role `sluiced control`, started and restarted by the keeper of
// the wire process. Reads the configuration, gives up its privileges, and turns the control loop.
// It may die at any moment: the lanes keep what fits and the next one goes on from there.
#pragma once

#include <string>

#include "base/clock.h"
#include "config/config.h"
#include "dataplane/channel.h"

namespace sluice {

inline constexpr DurationNs kControlTurnInterval = 50 * kNsPerMs;
/// After SIGTERM the wire process may still flush its flows: this long the lanes are drained on,
/// unless it says stop or is gone.
inline constexpr DurationNs kControlStopGrace = 400 * kNsPerMs;

struct ControlSetup {
  int channel_fd = kControlChannelFd;
  int window_fd = kControlWindowFd;
  int tails_fd = kControlTailsFd;
  std::string config_path;
  std::string version;  ///< of the program
};

/// Until SIGTERM, SIGINT, the keeper's stop, or its end. SIGHUP reloads the configuration and
/// opens event and audit files anew. Returns the exit code: 0 done, 1 could not, 2 the
/// configuration is invalid.
[[nodiscard]] int run_control(const ControlSetup& setup);

/// The same with a configuration that is already read; gives up no privileges.
[[nodiscard]] int run_control(const ControlSetup& setup, const Config& config);

}  // namespace sluice
