// Bodies in the codings of HTTP, for tests.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/check.h"

namespace sluice::test {

inline constexpr int kGzip = 31;
inline constexpr int kZlib = 15;
inline constexpr int kRawDeflate = -15;

inline std::string deflated(std::string_view text, int window) {
  z_stream stream{};
  SLUICE_CHECK(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib has memory");
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  SLUICE_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END, "the room is enough");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string chunked(std::string_view text, std::size_t chunk_bytes) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += chunk_bytes) {
    const std::string_view chunk = text.substr(at, chunk_bytes);
    out += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
  }
  return out + "0\r\n\r\n";
}

}  // namespace sluice::test
