// Both directions of a TLS flow, cut into pushes as the input says, against the same bytes in one
// push a direction: buffers, ends, anomalies are the same, and no memory is left. With gaps and
// little memory nothing is compared. Names and elements of DER are read on their own too.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "dataplane/inspect/der_reader.h"
#include "dataplane/inspect/tls_certificate.h"
#include "dataplane/inspect/tls_detect.h"
#include "tests/unit/dataplane/tls_recorder.h"

namespace sluice {
namespace {

struct Input {
  ByteSpan bytes;
  std::uint8_t byte() {
    if (bytes.empty()) return 0;
    const std::uint8_t first = bytes.front();
    bytes = bytes.subspan(1);
    return first;
  }
  std::string text(std::size_t count) {
    count = std::min(count, bytes.size());
    const std::string out(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    return out;
  }
};

/// First byte: how long pushes are; second: eighths of what the client sends.
void compare(Input input) {
  const std::uint8_t seed = input.byte();
  std::array<std::string, 2> sides;
  sides[kToServer] = input.text(input.byte() * 8U);
  sides[kToClient] = input.text(input.bytes.size());
  test::TlsRecorder whole;
  test::TlsRecorder split;
  std::uint32_t random = seed + 1U;
  for (const unsigned direction : {kToServer, kToClient}) {
    const std::string& bytes = sides[direction];
    whole.push(direction, bytes);
    for (std::size_t at = 0; at < bytes.size();) {
      random = random * 1664525 + 1013904223;
      const std::size_t count = seed == 0 ? 1 : 1 + (random >> 24) % (seed * 4U);
      split.push(direction, std::string_view(bytes).substr(at, count));
      at += count;
    }
  }
  whole.end(kToServer).end(kToClient);
  split.end(kToServer).end(kToClient);
  SLUICE_CHECK(whole.told == split.told, "cuts change nothing in what is told");
  SLUICE_CHECK(whole.bytes_in_use() == 0, "all memory comes back");
  SLUICE_CHECK(split.bytes_in_use() == 0, "all memory comes back");
}

void run_with_gaps(Input input) {
  test::TlsRecorder tls(kChunkBytesMax);
  while (!input.bytes.empty()) {
    const std::uint8_t bits = input.byte();
    const unsigned direction = bits & 1U;
    if ((bits & 0xc0) == 0xc0) {
      tls.gap(direction, bits >> 1 & 0x1fU);
    } else {
      tls.push(direction, input.text(bits));
    }
  }
  tls.parser().release();
  SLUICE_CHECK(tls.bytes_in_use() == 0, "all memory comes back");
  SLUICE_CHECK(tls.told.encrypted <= 1, "it is told once");
}

void read_der(ByteSpan bytes) {
  std::array<std::uint8_t, 256> room;
  const auto certificate = read_certificate(bytes);
  if (certificate) {
    SLUICE_CHECK(write_name(certificate->subject, room).size() <= room.size(), "text fits");
    SLUICE_CHECK(write_serial(certificate->serial, room).size() <= room.size(), "text fits");
  }
  SLUICE_CHECK(write_name(bytes, room).size() <= room.size(), "text fits");
  (void)looks_like_tls(bytes);
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sluice::ByteSpan bytes{data, size};
  if (size > 0 && data[0] == 0xff) {
    sluice::run_with_gaps({bytes.subspan(1)});
  } else {
    sluice::compare({bytes});
  }
  sluice::read_der(bytes);
  return 0;
}
