// Which application the first bytes of a flow are of. Content decides; ports only where several
// applications begin alike. Worker thread only.
#pragma once

#include <cstdint>

#include "dataplane/inspect/http_detect.h"
#include "rules/service.h"

namespace sluice {

/// `likeness` yes: it is `service`. need_more: any, more bytes of the direction may tell. no:
/// unknown; the other direction may still tell.
struct Detection {
  Service service = Service::any;
  Likeness likeness = Likeness::need_more;
};

/// All bytes of a direction of a TCP stream so far. Asks for no more than 2 KiB, but behind CR and
/// LF alone, which HTTP servers pass over, without bound.
[[nodiscard]] Detection detect_stream(unsigned direction, ByteSpan first_bytes,
                                      std::uint16_t server_port) noexcept;
/// The payload of a datagram of UDP: unknown where it is of no application that is told apart.
[[nodiscard]] Service detect_datagram(unsigned direction, ByteSpan datagram,
                                      std::uint16_t server_port) noexcept;

}  // namespace sluice
