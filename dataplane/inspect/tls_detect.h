// Whether the first bytes of a direction are TLS, from them alone. Worker thread only.
#pragma once

#include "dataplane/inspect/http_detect.h"

namespace sluice {

/// A record that begins with a ClientHello or a ServerHello, or is an alert; of the client also the
/// old form of a ClientHello, as of SSL 2. Never asks for more than 512 bytes.
[[nodiscard]] Likeness looks_like_tls(ByteSpan bytes) noexcept;

}  // namespace sluice
