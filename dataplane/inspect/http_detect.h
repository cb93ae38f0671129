// Whether the first bytes of a direction are HTTP/1, from them alone. Worker thread only.
#pragma once

#include <cstdint>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

enum class Likeness : std::uint8_t { no, yes, need_more };

/// A known method before a path, or any word on a line with a version, or on one of more than 1 KiB
/// that has a path, an address or a known method. Line ends in front are passed over, however many;
/// behind them the line's first 2 KiB say all.
[[nodiscard]] Likeness looks_like_http_request(ByteSpan bytes) noexcept;
[[nodiscard]] Likeness looks_like_http_response(ByteSpan bytes) noexcept;

}  // namespace sluice
