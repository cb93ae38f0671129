// Whether a datagram is the first of a QUIC connection, from it alone. Worker thread only.
#pragma once

#include "dataplane/inspect/http_detect.h"

namespace sluice {

/// An Initial packet of version 1 or 2. A datagram is whole: need_more is never the answer.
[[nodiscard]] Likeness looks_like_quic(ByteSpan datagram) noexcept;

}  // namespace sluice
