// Datagrams of QUIC: as they are, and with the input as the frames of a packet that is sealed as a
// client would, so that what lies behind the cipher is reached. The CRYPTO stream is compared with
// an array in which the first copy of a byte counts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "dataplane/inspect/quic_detect.h"
#include "tests/unit/dataplane/quic_bytes.h"
#include "tests/unit/dataplane/tls_recorder.h"

namespace sluice {
namespace {

constexpr std::size_t kFramesMax = 4096;

void read_datagrams(ByteSpan bytes) {
  test::QuicRecorder quic;
  const std::string datagram(bytes.begin(), bytes.end());
  quic.client(datagram).client(datagram).server(datagram);
  (void)looks_like_quic(bytes);
}

/// In two packets, cut where the first byte says.
void read_frames(ByteSpan bytes) {
  const std::size_t cut = bytes.empty() ? 0 : std::min<std::size_t>(bytes[0] * 8U, bytes.size());
  const std::string frames(bytes.begin(), bytes.end());
  test::QuicRecorder quic;
  quic.client(test::quic_datagram({}, frames.substr(cut)));
  quic.client(test::quic_datagram({.number = 3}, frames.substr(0, cut)));
  SLUICE_CHECK(quic.told.encrypted <= 1, "it is told once");
  quic.parser().release();
  SLUICE_CHECK(quic.bytes_in_use() == 0, "all memory comes back");
}

/// Triples of bytes: where, how many, and what a piece begins with.
void compare_stream(ByteSpan bytes) {
  MemoryArena arena;
  const auto pool = ChunkPool::create(1 << 20, arena).value();
  QuicCrypto crypto;
  std::vector<std::optional<std::uint8_t>> oracle(70'000);
  bool is_over = false;
  for (; bytes.size() >= 3 && !is_over; bytes = bytes.subspan(3)) {
    const std::size_t at = bytes[0] * 40U;
    std::vector<std::uint8_t> piece(bytes[1]);
    for (std::size_t i = 0; i < piece.size(); ++i) {
      piece[i] = static_cast<std::uint8_t>(bytes[2] + i);
      if (!oracle[at + i]) oracle[at + i] = piece[i];
    }
    is_over = crypto.add(*pool, at, piece) != QuicCrypto::Added::yes;
  }
  const ByteSpan front = crypto.front();
  for (std::size_t i = 0; i < front.size(); ++i) {
    SLUICE_CHECK(oracle[i] && *oracle[i] == front[i], "the first copy counts");
  }
  SLUICE_CHECK(is_over || !oracle[front.size()], "the front goes as far as bytes are there");
  crypto.release(*pool);
  SLUICE_CHECK(pool->counters().bytes_in_use == 0, "all memory comes back");
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const sluice::ByteSpan bytes{data + 1, std::min(size - 1, sluice::kFramesMax)};
  switch (data[0] % 3) {
    case 0:
      sluice::read_datagrams(bytes);
      break;
    case 1:
      sluice::read_frames(bytes);
      break;
    default:
      sluice::compare_stream(bytes);
  }
  return 0;
}
