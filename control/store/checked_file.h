// Small files of state that only this program writes: replaced as a whole, with a digest in front,
// so that a torn or foreign file is told from a good one. No fsync: what they hold is of use only
// while the host has not gone down. Control thread; a write takes far less than a millisecond.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice {

inline constexpr std::size_t kCheckedFileBytesMax = 8U << 20;

/// The old content stands until the new one is there.
[[nodiscard]] Status write_checked_file(const std::string& path,
                                        std::span<const std::byte> content);
/// Errors: not_found, io, invalid where it is damaged or too large.
[[nodiscard]] Result<std::vector<std::byte>> read_checked_file(const std::string& path);

}  // namespace sluice
