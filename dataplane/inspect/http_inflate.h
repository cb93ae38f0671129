// Undoes the gzip and deflate codings of a body as it comes, by zlib with memory from the pool:
// some 8 KiB of state and, for bodies that come in several pushes, a window of 32 KiB. One for a
// coded body that a rule looks into. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <zlib.h>

#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/http_framing.h"

namespace sluice {

class HttpInflate {
 public:
  enum class State : std::uint8_t {
    more,
    ended,      ///< what comes now is not of the coded body
    not_coded,  ///< the body is not gzip, whatever its head says: take it as it is
    bad,
    no_memory,
    over_ratio,
  };
  static constexpr std::size_t kOutBytes = 8192;
  using Out = std::array<std::uint8_t, kOutBytes>;

  /// In a chunk of the pool; null where there is none.
  [[nodiscard]] static HttpInflate* create(ChunkPool& pool, HttpCoding coding,
                                           std::uint32_t ratio_max) noexcept;
  /// Gives the chunk and all that zlib took back.
  static void release(HttpInflate* inflate, ChunkPool& pool) noexcept;

  struct Piece {
    std::size_t consumed;
    ByteSpan data;  ///< in `out`, or, where the body is not coded, its first bytes
    State state;
  };
  /// What the next bytes stand for, until `bytes` or `out` are used up. To be called again while
  /// bytes are left or `out` was filled.
  [[nodiscard]] Piece next(ByteSpan bytes, Out& out) noexcept;

 private:
  HttpInflate(ChunkPool& pool, HttpCoding coding, std::uint32_t ratio_max) noexcept;

  [[nodiscard]] State begin() noexcept;
  [[nodiscard]] Piece inflate_from(ByteSpan bytes, Out& out) noexcept;
  [[nodiscard]] State state_of(int answer) noexcept;  ///< of inflate
  [[nodiscard]] bool is_over_ratio() const noexcept;

  z_stream stream_{};
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::uint32_t ratio_max_;
  HttpCoding coding_;
  bool has_begun_ = false;
  bool is_gzip_ = false;
  bool is_between_members_ = false;
  std::uint8_t held_bytes_ = 0;
  std::array<std::uint8_t, 2> held_{};  ///< first bytes, which tell the format
};

}  // namespace sluice
