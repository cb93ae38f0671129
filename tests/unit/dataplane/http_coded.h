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

/// How zlib is to make it.
struct Making {
  int level = 9;
  int strategy = Z_DEFAULT_STRATEGY;
  int memory = 8;
};

inline std::string deflated(std::string_view text, int window, const Making& making = {}) {
  z_stream stream{};
  SLUICE_CHECK(deflateInit2(&stream, making.level, Z_DEFLATED, window, making.memory,
                            making.strategy) == Z_OK,
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

inline std::string response_with(std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 200 OK\r\n{}\r\n{}", headers, body);
}

inline std::string coded_response(std::string_view coding, std::string_view body) {
  return response_with(
      fmt::format("Content-Encoding: {}\r\nContent-Length: {}\r\n", coding, body.size()), body);
}

}  // namespace sluice::test
