// Files that are whole and on the disk, or an error. Short-lived children: it waits for the disk.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace sluice {

/// Mode 0640; a file of this name is overwritten, a symbolic link refused.
[[nodiscard]] Status write_synced(const std::string& path, std::span<const std::byte> bytes);

}  // namespace sluice
