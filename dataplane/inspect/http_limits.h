// What the HTTP parser of a worker takes note of, and how much of it. One for all flows of a
// generation; the parsers only read it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rules/buffers.h"

namespace sluice {

/// A head, as written or as a buffer, fits a chunk of the pool with what joining its lines adds.
inline constexpr std::uint32_t kHttpHeadBytesMax = 64'512;
inline constexpr std::size_t kHttpHeadersMax = 128;
/// Requests whose methods are remembered until they are answered.
inline constexpr std::uint32_t kHttpRequestsInFlight = 32;
inline constexpr std::uint32_t kHttpChunkLineBytesMax = 1024;
inline constexpr std::uint32_t kHttpTrailerBytesMax = 8192;

struct HttpLimits {
  std::uint64_t wanted = ~std::uint64_t{0};      ///< bit i: Buffer i is built and told
  std::uint32_t head_bytes = kHttpHeadBytesMax;  ///< no more than that
  std::uint32_t request_body_bytes = 65'536;     ///< of a message's body, then it is only counted
  std::uint32_t response_body_bytes = 65'536;
  /// Bytes that all codings of a body may make together for each byte it has as sent, beyond the
  /// first 16 KiB. 0: any number.
  std::uint32_t inflate_ratio = 100;
  /// Keep the spans of a head until its message ends, not only until the next push.
  bool keep_heads = true;

  [[nodiscard]] bool wants(Buffer buffer) const noexcept {
    return (wanted >> static_cast<unsigned>(buffer) & 1) != 0;
  }
};

}  // namespace sluice
