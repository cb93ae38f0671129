// The classic capture format (draft-ietf-opsawg-pcap): one header, then records. Both byte orders,
// microseconds and nanoseconds, and the variant with longer records that patched libpcaps wrote.
// Used by parse_capture only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/io/capture_assembler.h"

namespace sluice {

struct PcapShape {
  bool is_swapped = false;
  std::uint32_t ns_per_fraction = 1000;
  std::size_t record_header_bytes = 16;
};

/// What the first four bytes announce; nothing where they are not those of a pcap.
[[nodiscard]] std::optional<PcapShape> pcap_shape(std::span<const std::uint8_t> file) noexcept;

void read_pcap(const PcapShape& shape, std::span<const std::uint8_t> file,
               CaptureAssembler& assembler);

}  // namespace sluice
