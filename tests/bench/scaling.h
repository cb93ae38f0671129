// P10: what a second worker brings. Two threads on two CPUs, each with its own ports, tables and
// flows; needs two CPUs that nobody else uses.
#pragma once

#include <optional>

#include "tests/bench/corpus_port.h"

namespace sluice::bench {

struct Scaling {
  double one = 0;  ///< packets per second
  double two = 0;
  [[nodiscard]] double factor() const noexcept { return two / one; }
};

struct ScalingOptions {
  bool hugepages = false;
  bool quick = false;  ///< three repetitions instead of nine
};

/// Empty where the host has fewer than two CPUs, or where others keep them busy.
[[nodiscard]] std::optional<Scaling> measure_scaling(const NullPorts& ports,
                                                     const ScalingOptions& options);

}  // namespace sluice::bench
