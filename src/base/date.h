// Points in time as operators write them: a day, or a day and a time of it, in UTC. Control threads
// only.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

/// "2026-12-31", which is the first moment of that day, or "2026-12-31T18:00Z", or with seconds
/// "2026-12-31T18:00:30Z"; years from 1970 to 2199. Errors: invalid.
[[nodiscard]] Result<TimeNs> parse_date(std::string_view text);

}  // namespace sluice
