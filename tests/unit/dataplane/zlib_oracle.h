// What zlib makes of a stream, and the same by Inflate, cut into pushes; for tests and fuzzing.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "dataplane/inspect/inflate.h"

namespace sluice::test {

enum class StreamEnd { open, ended, bad };

struct Inflated {
  std::string made;
  StreamEnd end = StreamEnd::open;
  std::size_t left = 0;  ///< bytes behind the stream; 0 where it is bad
  bool operator==(const Inflated&) const = default;
};

/// `window` is that of inflateInit2.
inline Inflated by_zlib(std::span<const std::uint8_t> bytes, int window) {
  z_stream stream{};
  SLUICE_CHECK(inflateInit2(&stream, window) == Z_OK, "zlib has memory");
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  Inflated out;
  std::vector<std::uint8_t> piece(8192);
  int answer = Z_OK;
  do {
    stream.next_out = piece.data();
    stream.avail_out = static_cast<uInt>(piece.size());
    answer = inflate(&stream, Z_NO_FLUSH);
    out.made.append(piece.begin(), piece.end() - stream.avail_out);
  } while (answer == Z_OK && stream.avail_out == 0);
  if (answer == Z_STREAM_END) {
    out.end = StreamEnd::ended;
    out.left = stream.avail_in;
  } else if (answer != Z_OK && answer != Z_BUF_ERROR) {
    out.end = StreamEnd::bad;
  }
  inflateEnd(&stream);
  return out;
}

/// Raw deflate in pushes of at most `push_bytes`, in pieces of `piece_bytes` and the overrun. Every
/// push is gone after its call; what is further behind than matches reach may be, too.
inline Inflated by_inflate(std::span<const std::uint8_t> bytes, std::size_t push_bytes,
                           std::size_t piece_bytes) {
  constexpr std::uint8_t kUntouched = 0xa5;
  constexpr std::size_t kUntouchedBytes = 64;
  Inflate inflate;
  inflate.begin();
  Inflated out;
  const std::size_t room_bytes = piece_bytes + Inflate::kOverrun;
  std::vector<std::uint8_t> window(2 * Inflate::kReach + room_bytes + kUntouchedBytes);
  std::size_t at = 0;
  while (true) {
    if (at + room_bytes + kUntouchedBytes > window.size()) {
      std::memmove(window.data(), window.data() + at - Inflate::kReach, Inflate::kReach);
      at = Inflate::kReach;
    }
    std::uint8_t* const untouched = window.data() + at + room_bytes;
    std::fill_n(untouched, kUntouchedBytes, kUntouched);
    const auto own = bytes.first(std::min(push_bytes, bytes.size()));
    const std::vector<std::uint8_t> push(own.begin(), own.end());
    const Inflate::Piece piece = inflate.next(push, {window.data() + at, at, piece_bytes});
    SLUICE_CHECK(piece.made <= room_bytes, "pieces are bounded");
    SLUICE_CHECK(std::all_of(untouched, untouched + kUntouchedBytes,
                             [](std::uint8_t byte) { return byte == kUntouched; }),
                 "nothing is written beyond the room");
    out.made.append(reinterpret_cast<const char*>(window.data() + at), piece.made);
    at += piece.made;
    bytes = bytes.subspan(piece.consumed);
    if (piece.state != Inflate::State::more) {
      const bool has_ended = piece.state == Inflate::State::ended;
      out.end = has_ended ? StreamEnd::ended : StreamEnd::bad;
      out.left = has_ended ? bytes.size() : 0;
      return out;
    }
    if (bytes.empty() && !piece.is_cut) return out;
  }
}

}  // namespace sluice::test
