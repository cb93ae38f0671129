// A configuration in its normal form: every option, in the order of the table, in its normal unit.
// load_config(print_config(c)) gives c back. Control threads only.
#pragma once

#include <string>

#include "config/config.h"

namespace sluice {

[[nodiscard]] std::string print_config(const Config& config);

}  // namespace sluice
