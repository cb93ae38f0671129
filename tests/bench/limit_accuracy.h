// How exactly limits hold: a source that sends 1, 10 and 100 times what it may, for some seconds of
// simulated time, through one worker and through two of which one gets ten times as much.
#pragma once

#include <vector>

#include "tests/bench/corpus_port.h"

namespace sluice::bench {

struct LimitAccuracy {
  const char* limit = "";  ///< "packets" or "bits"
  unsigned workers = 0;
  unsigned overload = 0;  ///< times the configured rate
  double configured = 0;  ///< per second
  double passed = 0;      ///< per second
  [[nodiscard]] double error() const noexcept { return passed / configured - 1; }
};

/// Over ten seconds, or two where it has to be quick.
[[nodiscard]] std::vector<LimitAccuracy> measure_limits(const NullPorts& ports, bool quick);

}  // namespace sluice::bench
