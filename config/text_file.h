// Files that a person wrote, read whole and within a cap. Control threads only.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace sluice {

/// Errors: io with the system's reason, limit where the file is larger than `bytes_max`. The
/// message does not name the file; the caller does.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t bytes_max);

}  // namespace sluice
