// The block format of draft-ietf-opsawg-pcapng: several sections, each with its byte order and its
// interfaces, each interface with its link type, snap length and clock. Enhanced, simple and
// obsolete packet blocks are packets; every other block is stepped over. Used by parse_capture
// only.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/io/capture_assembler.h"

namespace sluice {

[[nodiscard]] bool is_pcapng(std::span<const std::uint8_t> file) noexcept;

void read_pcapng(std::span<const std::uint8_t> file, CaptureAssembler& assembler);

/// An interface's clock: a tick is 10^-exponent or 2^-exponent seconds, counted from
/// `offset_seconds`.
struct PcapngClock {
  bool is_power_of_two = false;
  std::uint8_t exponent = 6;
  std::int64_t offset_seconds = 0;
};

/// Exact to the nanosecond below; saturates at 0 and kCaptureTimeMax.
[[nodiscard]] TimeNs pcapng_time(std::uint64_t ticks, const PcapngClock& clock) noexcept;

}  // namespace sluice
