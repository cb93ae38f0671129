// Sequences of segments, well behaved and not, against the byte-array model: every judgement, every
// byte the sink is told, every mark. With budgets that are too small, only what holds even then.
// And TCP headers with any options.
#include <algorithm>

#include "base/check.h"
#include "tests/support/stream_model.h"

namespace sluice {
namespace {

void run_options(std::span<const std::uint8_t> bytes) {
  Packet packet{};
  packet.bytes = bytes.data();
  packet.bytes_at_hand = static_cast<std::uint32_t>(bytes.size());
  packet.payload_offset = static_cast<std::uint16_t>(20 + (bytes.size() & 10) * 4);
  packet.payload_bytes = 100;
  const StreamSegment segment = stream_segment_of(packet, kToServer);
  const std::size_t header = std::min<std::size_t>(packet.payload_offset, bytes.size());
  SLUICE_CHECK(segment.payload.size() <= bytes.size() - header, "only what is at hand");
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::test::run_stream_operations({data, size});
  sluice::run_options({data, size});
  return 0;
}
