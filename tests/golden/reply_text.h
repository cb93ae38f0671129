// A frame that sluice made itself, as one line of expected.txt: read by the decoder that judges
// other people's frames, so that a wrong length or sum shows. Test code only.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/clock.h"

namespace sluice::test {

/// "+0.003000 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 7 / 10.0.0.2 > 10.0.0.1 / tcp 80 > 4000
/// RA seq=0 ack=101 / ttl 64 / 60 bytes"; of an ICMP error, what it quotes in brackets; with the
/// reason where the decoder refuses it.
[[nodiscard]] std::string reply_text(TimeNs since_start, std::span<const std::uint8_t> frame);

}  // namespace sluice::test
