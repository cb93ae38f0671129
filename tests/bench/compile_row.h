// P13: what it takes to bring thousands of expressions into force, as the compiler's child and the
// wire process do it: from the rule file, and from the cache.
#pragma once

#include "tests/bench/report.h"

namespace sluice::bench {

[[nodiscard]] Row compile_row(const Options& options);

}  // namespace sluice::bench
