// Both directions of an HTTP flow, cut into pushes as the input says, against the same bytes in
// one push a direction: buffers, bodies, ends and anomalies are the same, and no memory is left.
// Targets are normalised on their own too.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "dataplane/inspect/http_detect.h"
#include "dataplane/inspect/http_uri.h"
#include "tests/unit/dataplane/http_recorder.h"

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
};

HttpLimits read_limits(Input& input) {
  const std::uint8_t bits = input.byte();
  HttpLimits limits;
  limits.keep_heads = (bits & 1) != 0;
  if ((bits & 2) != 0) limits.head_bytes = 128;
  if ((bits & 4) != 0) limits.request_body_bytes = limits.response_body_bytes = 24;
  if ((bits & 8) != 0) limits.wanted = 0x5555'5555'5555'5555;
  if ((bits & 16) != 0) limits.inflate_ratio = 1;
  return limits;
}

/// The bytes of each direction come to the other's as they are told to, but the requests first,
/// as a response depends on what was asked before it.
void compare(Input input) {
  const HttpLimits limits = read_limits(input);
  const std::uint8_t seed = input.byte();
  const std::size_t asked = std::min<std::size_t>(input.byte() * 8U, input.bytes.size());
  const std::string sides[2] = {test::text_of(input.bytes.first(asked)),
                                test::text_of(input.bytes.subspan(asked))};
  test::HttpRecorder whole(limits);
  test::HttpRecorder split(limits);
  std::uint32_t random = seed + 1U;
  for (const unsigned direction : {kToServer, kToClient}) {
    const std::string& bytes = sides[direction];
    whole.push(direction, bytes);
    for (std::size_t at = 0; at < bytes.size();) {
      random = random * 1664525 + 1013904223;
      const std::size_t count = seed == 0 ? 1 : 1 + (random >> 24) % (seed * 4U);
      split.push(direction, bytes.substr(at, count));
      at += count;
    }
  }
  for (const unsigned direction : {kToServer, kToClient}) {
    whole.end(direction);
    split.end(direction);
  }
  SLUICE_CHECK(whole.messages == split.messages, "cuts change nothing in what is told");
  SLUICE_CHECK(whole.anomalies == split.anomalies, "cuts change no anomaly");
  SLUICE_CHECK(whole.pool().counters().bytes_in_use == 0, "all memory comes back");
  SLUICE_CHECK(split.pool().counters().bytes_in_use == 0, "all memory comes back");
}

void run_with_gaps(Input input) {
  test::HttpRecorder http(read_limits(input), kChunkBytesMax * (1 + input.byte() % 4U));
  while (!input.bytes.empty()) {
    const std::uint8_t bits = input.byte();
    const unsigned direction = bits & 1U;
    if ((bits & 0xc0) == 0xc0) {
      http.gap(direction, bits >> 1 & 0x1fU);
      continue;
    }
    const std::size_t count = std::min<std::size_t>(bits, input.bytes.size());
    http.push(direction, test::text_of(input.bytes.first(count)));
    input.bytes = input.bytes.subspan(count);
  }
  http.release();
  SLUICE_CHECK(http.pool().counters().bytes_in_use == 0, "all memory comes back");
}

void normalise(ByteSpan target) {
  if (target.size() > kHttpHeadBytesMax) return;
  std::vector<std::uint8_t> out(target.size());
  const std::size_t bytes = normalise_uri(target, out.data());
  SLUICE_CHECK(bytes <= target.size(), "a target grows no longer");
  if (is_normal_uri(target)) {
    SLUICE_CHECK(std::equal(target.begin(), target.end(), out.begin()), "it stays as it is");
  }
  (void)without_port(authority_of(target));
  (void)looks_like_http_request(target);
  (void)looks_like_http_response(target);
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::Input input{{data, size}};
  const std::uint8_t choice = input.byte();
  if (choice % 4 == 3) {
    sluice::run_with_gaps(input);
  } else {
    sluice::compare(input);
  }
  sluice::normalise(input.bytes);
  return 0;
}
