// Whether the first bytes of a direction are HTTP/1, from them alone. Worker thread only.
#pragma once

#include <cstdint>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

enum class Likeness : std::uint8_t { no, yes, need_more };

/// A known method before a blank, or any other word on a line with a version, or on a long one with
/// a path. Line ends in front are passed over, however many; behind them never asks for more than
/// 1 KiB.
[[nodiscard]] Likeness looks_like_http_request(ByteSpan bytes) noexcept;
[[nodiscard]] Likeness looks_like_http_response(ByteSpan bytes) noexcept;

}  // namespace sluice
