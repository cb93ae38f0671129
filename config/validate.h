// What no single option can say: whether the options of a file fit each other. Knows nothing of the
// host; whether CPUs, memory and devices are there is for the plan. Control threads only.
#pragma once

#include <cstdint>

#include "base/diagnostic.h"
#include "config/config.h"
#include "config/source.h"

namespace sluice {

/// What the configuration is for. A replay has no ports: its pairs may be absent.
enum class ConfigPurpose : std::uint8_t { run, replay };

/// Adds a finding for every contradiction, at the option that has to change.
void validate_config(const Config& config, const Source& source, ConfigPurpose purpose,
                     Diagnostics& diagnostics);

}  // namespace sluice
