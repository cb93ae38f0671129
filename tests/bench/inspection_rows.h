// The goals that concern rules: P6 to P9, P11 with scanning and P14.
#pragma once

#include <vector>

#include "tests/bench/report.h"

namespace sluice::bench {

[[nodiscard]] std::vector<Row> inspection_rows(const Options& options);

}  // namespace sluice::bench
