// Bytes that some servers take for a blank in the first line of a request, beside blanks and tabs:
// control characters that separate, NEL, the blank that does not break, as Python splits Latin-1.
// Others refuse a line that has them in front of the target. Worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

[[nodiscard]] constexpr bool is_loose_blank(std::uint8_t byte) noexcept {
  const bool is_separator = byte == 0x0b || byte == 0x0c || (byte >= 0x1c && byte <= 0x1f);
  return is_blank(byte) || is_separator || byte == 0x85 || byte == 0xa0;
}

/// What may stand in front of a request: servers pass over any number of line ends, some over
/// blanks too.
[[nodiscard]] constexpr bool is_before_request(std::uint8_t byte) noexcept {
  return byte == '\r' || byte == '\n' || is_loose_blank(byte);
}

}  // namespace sluice
