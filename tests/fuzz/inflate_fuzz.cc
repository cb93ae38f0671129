// Deflate undone by zlib in one go and by Inflate, cut into pushes and pieces as the input says:
// the same bytes, the same end, the same bytes left behind it. Heads and trailers of gzip and zlib
// around a stream are read, in one go and byte by byte, as zlib reads them.
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/gzip_frame.h"
#include "tests/unit/dataplane/zlib_oracle.h"

namespace sluice {
namespace {

using Bytes = std::span<const std::uint8_t>;

/// The frame and the stream within it, in pushes of so many bytes.
test::Inflated in_frame(Bytes bytes, GzipFrame::Kind kind, std::size_t push_bytes) {
  GzipFrame frame;
  frame.begin(kind);
  const auto read = [&](auto&& part) {
    GzipFrame::Piece piece{0, GzipFrame::State::more};
    while (piece.state == GzipFrame::State::more) {
      const Bytes push = bytes.first(std::min(push_bytes, bytes.size()));
      piece = part(push);
      bytes = bytes.subspan(piece.consumed);
      if (push.empty()) break;
    }
    return piece.state;
  };
  test::Inflated out;
  GzipFrame::State state = read([&](Bytes push) { return frame.read_head(push); });
  if (state == GzipFrame::State::ended) {
    out = test::by_inflate(bytes, push_bytes, 8192);
    if (out.end != test::StreamEnd::ended) return out;
    bytes = bytes.last(out.left);
    frame.add({reinterpret_cast<const std::uint8_t*>(out.made.data()), out.made.size()});
    state = read([&](Bytes push) { return frame.read_trailer(push); });
  }
  out.end = state == GzipFrame::State::ended ? test::StreamEnd::ended
            : state == GzipFrame::State::bad ? test::StreamEnd::bad
                                             : test::StreamEnd::open;
  out.left = state == GzipFrame::State::ended ? bytes.size() : 0;
  return out;
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  constexpr int kRaw = -15, kZlib = 15, kGzip = 15 + 16;
  if (size < 3) return 0;
  const std::size_t push_bytes = data[0] < 0x80 ? 1U + data[0] : std::size_t{1} << (data[0] % 16U);
  const std::size_t piece_bytes = data[1] < 0x80 ? 1U + data[1] : 8192;
  const unsigned kind = data[2] % 3U;
  const std::span<const std::uint8_t> bytes(data + 3, size - 3);
  if (kind == 0) {
    SLUICE_CHECK(test::by_inflate(bytes, push_bytes, piece_bytes) == test::by_zlib(bytes, kRaw),
                 "a stream is undone as zlib does it");
    return 0;
  }
  const auto frame = kind == 1 ? GzipFrame::Kind::zlib : GzipFrame::Kind::gzip;
  SLUICE_CHECK(
      in_frame(bytes, frame, push_bytes) == test::by_zlib(bytes, kind == 1 ? kZlib : kGzip),
      "a frame is read as zlib reads it");
  return 0;
}
