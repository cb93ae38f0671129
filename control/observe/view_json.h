// What the verbs that look answer with, as JSON: the shapes of `status`, `stats`, `drops`, `top`
// and `health` from the gateway as the control thread sees it. Control thread only.
#pragma once

#include <cstdint>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "control/observe/health.h"
#include "control/observe/wire_view.h"

namespace sluice {

[[nodiscard]] nlohmann::json status_json(WireView& view, const HealthReport& health, TimeNs now);
/// Every counter by the name of its member, zeros included.
[[nodiscard]] nlohmann::json stats_json(WireView& view);
/// Largest first; reasons that never occurred only with `all`.
[[nodiscard]] nlohmann::json drops_json(WireView& view, bool all);
/// Everything of `top` but the flows.
[[nodiscard]] nlohmann::json top_json(WireView& view, const HealthReport& health);
[[nodiscard]] nlohmann::json health_json(const HealthReport& health, bool is_detailed);

}  // namespace sluice
