// The request target as servers understand it: percent-decoded once, scheme and authority taken
// away. In the path backslashes are made slashes, slashes in a row one, and dot segments resolved;
// %uXXXX is decoded everywhere but in the query. + stays +, and what is encoded twice is encoded
// once after. That is what Suricata's http.uri has. Worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/http_scan.h"

namespace sluice {

/// The target is normalised already: no byte of it would change.
[[nodiscard]] bool is_normal_uri(ByteSpan target) noexcept;
/// Writes the normalised target to `out`, which has room for target.size() bytes; how many it has.
[[nodiscard]] std::size_t normalise_uri(ByteSpan target, std::uint8_t* out) noexcept;
/// The authority of an absolute target ("http://host:80/path"); empty where there is none.
[[nodiscard]] ByteSpan authority_of(ByteSpan target) noexcept;
/// A host as in a Host header without user and port.
[[nodiscard]] ByteSpan without_port(ByteSpan authority) noexcept;

}  // namespace sluice
