// One answer, two renderings: a table for people and JSON for scripts. Wording only.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "dataplane/io/lcore_plan.h"
#include "dataplane/memory_plan.h"

namespace sluice {

/// What `sluiced plan` answers.
struct PlanAnswer {
  Config config;
  LcorePlan lcores;
  MemoryPlan memory;
};

[[nodiscard]] std::string render_plan_table(const PlanAnswer& plan);
[[nodiscard]] std::string render_plan_json(const PlanAnswer& plan);

/// Columns padded to their widest cell; the first row is the heading. Columns whose heading starts
/// with '>' are aligned to the right.
[[nodiscard]] std::string render_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace sluice
