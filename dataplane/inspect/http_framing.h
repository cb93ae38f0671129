// Where the body of an HTTP message ends and how it is coded, as its head says (RFC 9112 6.3).
// Where heads contradict themselves: the chunked coding beats a length, the first length beats
// further ones, as most servers take it. Of responses the names of codings are looked for within
// what stands around them, as browsers do: a body shows by itself whether it is coded so, but for
// what a program shows that does not know the name. Such a name is an anomaly that the operator can
// have refused (docs/limitations.md). Worker thread only.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/inspect/http_head.h"

namespace sluice {

enum class HttpFraming : std::uint8_t { no_body, length, chunked, until_close };
enum class HttpCoding : std::uint8_t { none, gzip, deflate };

/// Of content, in the order in which they were applied; the body shows the last one.
struct HttpCodings {
  static constexpr std::size_t kMax = 3;  ///< of more, those that were applied last
  std::array<HttpCoding, kMax> list{};
  std::uint8_t count = 0;
};

struct HttpBody {
  HttpFraming framing = HttpFraming::no_body;
  HttpCodings codings;
  std::uint64_t length = 0;
};

/// What a request was, as far as its answer depends on it.
enum class HttpRequestKind : std::uint8_t { other, head, connect };
[[nodiscard]] HttpRequestKind kind_of(ByteSpan method) noexcept;

/// Both note in `head` what is odd.
[[nodiscard]] HttpBody body_of_request(HttpHead& head) noexcept;
[[nodiscard]] HttpBody body_of_response(HttpHead& head, HttpRequestKind request,
                                        std::uint32_t status) noexcept;

/// The status code, or 0 where it is no number.
[[nodiscard]] std::uint32_t status_of(const HttpHead& head) noexcept;

/// The body of a message in chunks, read as its bytes come. Junk around a size and before a line
/// end is passed over, as browsers do, and is odd; only what has no size in it is bad.
class HttpChunks {
 public:
  enum class State : std::uint8_t { more, ended, bad };
  struct Piece {
    std::size_t consumed;  ///< bytes of the input that are done with; the last one may be bad
    ByteSpan data;         ///< those of them that are of the body
    State state;
  };
  /// Up to the next data, or as far as `bytes` go.
  [[nodiscard]] Piece next(ByteSpan bytes) noexcept;
  /// Something was not as it should be.
  [[nodiscard]] bool is_odd() const noexcept { return is_odd_; }
  /// So many bytes of data are missing; false where the gap goes beyond a chunk's data.
  [[nodiscard]] bool skip(std::uint64_t bytes) noexcept;

 private:
  enum class Step : std::uint8_t { size, extension, data, data_end, trailer };

  [[nodiscard]] State take_size_byte(std::uint8_t byte) noexcept;
  [[nodiscard]] State take_line_end_byte(std::uint8_t byte) noexcept;
  [[nodiscard]] State take_trailer_byte(std::uint8_t byte) noexcept;
  void end_size_line() noexcept;

  std::uint64_t left_ = 0;        ///< of the chunk's data; while its size is read, the size
  std::uint16_t line_bytes_ = 0;  ///< of the size line, or of all trailers
  std::uint8_t digits_ = 0;
  Step step_ = Step::size;
  bool is_odd_ = false;
  bool is_line_empty_ = true;  ///< of the trailer's line nothing but CR has come
};

}  // namespace sluice
