// Undoes one gzip or deflate coding of a body as it comes, with memory from the pool: 12 KiB of
// state and a window of 16 KiB, which becomes one of 64 KiB where a body outgrows it. One for each
// coding of a body that a rule looks into. Worker thread only.
//
// As long as nothing was told, the first bytes are held: a body that does not read as it should is
// tried as the next likely format, as browsers do, and in the end taken as it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/gzip_frame.h"
#include "dataplane/inspect/http_framing.h"
#include "dataplane/inspect/inflate.h"

namespace sluice {

class HttpInflate {
 public:
  enum class State : std::uint8_t {
    more,
    ended,      ///< what comes now is not of the coded body
    not_coded,  ///< the body is not coded, whatever its head says: take it as it is
    bad,
    no_memory,
  };
  /// Of a piece that is to be scanned while it is in the cache.
  static constexpr std::size_t kPieceBytes = 8192;

  /// In a chunk of the pool; null where there is none. `inner` is the coding below, or null.
  [[nodiscard]] static HttpInflate* create(ChunkPool& pool, HttpCoding coding,
                                           HttpInflate* inner) noexcept;
  /// Gives the chunk and the window back; says which coding is below.
  static HttpInflate* release(HttpInflate* inflate, ChunkPool& pool) noexcept;

  /// How many more bytes may be told of a body, of which `told` were, before its codings have made
  /// too much of what was sent; they share one budget, so that codings in codings do not multiply
  /// what one may make, or have the others read; nor may blocks that make nothing go on for ever.
  /// 0 ratio: no end. What each has taken counts in whole slices, so that cuts of the body change
  /// nothing.
  [[nodiscard]] static std::uint64_t room(const HttpInflate& outermost, std::uint32_t ratio,
                                          std::uint64_t told) noexcept;
  /// So many bytes at most are to be taken at a time, and all that they make,
  [[nodiscard]] std::size_t slice_left() const noexcept {
    return kSliceBytes - taken_ % kSliceBytes;
  }
  /// before the room is looked at.
  [[nodiscard]] bool is_between_slices() const noexcept { return taken_ % kSliceBytes == 0; }

  struct Piece {
    std::size_t consumed;
    ByteSpan data;  ///< until the next call; where the body is not coded, its first bytes
    State state;
    bool is_cut;  ///< more can be made of the same bytes
  };
  /// What the next bytes stand for: `most`, 1 at least, or a few more than that. To be called again
  /// while bytes are left or unread, or the piece was cut.
  [[nodiscard]] Piece next(ByteSpan bytes, std::size_t most) noexcept;
  /// Of the first bytes some wait for the next call.
  [[nodiscard]] bool has_unread() const noexcept {
    return is_settled_ && read_bytes_ < held_bytes_;
  }
  /// The body is not coded quite as its head and its own head say: known before any of it is made.
  [[nodiscard]] bool is_odd() const noexcept { return is_odd_; }
  [[nodiscard]] HttpInflate*& inner() noexcept { return inner_; }

 private:
  /// In the order in which they are tried; a body that begins neither as gzip nor as zlib is raw.
  enum class Format : std::uint8_t { unknown, gzip, gzip_body, zlib, raw };
  enum class Step : std::uint8_t { head, data, trailer };
  static constexpr std::size_t kHeldBytes = 256;
  static constexpr std::size_t kSliceBytes = 512;
  static constexpr std::uint64_t kHeadWork = 2048;

  HttpInflate(ChunkPool& pool, HttpCoding coding, HttpInflate* inner) noexcept
      : pool_(&pool), inner_(inner), coding_(coding) {}

  [[nodiscard]] std::uint64_t slices_taken() const noexcept {
    return (taken_ + kSliceBytes - 1) / kSliceBytes;
  }
  /// What it cost beside what it made, in bytes that could have been made.
  [[nodiscard]] std::uint64_t work_beside() const noexcept { return heads_ * kHeadWork; }
  [[nodiscard]] Piece read(ByteSpan bytes, std::size_t most) noexcept;
  [[nodiscard]] Piece next_of_held(ByteSpan bytes, std::size_t most) noexcept;
  [[nodiscard]] State begin() noexcept;
  [[nodiscard]] State try_next_format() noexcept;
  [[nodiscard]] State begin_as(Format format) noexcept;
  void begin_member() noexcept;
  [[nodiscard]] Piece inflate_from(ByteSpan bytes, std::size_t most) noexcept;
  [[nodiscard]] Piece inflate_data(ByteSpan bytes, std::size_t most) noexcept;
  [[nodiscard]] bool make_room() noexcept;
  [[nodiscard]] State end_member() noexcept;
  [[nodiscard]] ByteSpan held() const noexcept { return {held_.data(), held_bytes_}; }

  ChunkPool* pool_;
  HttpInflate* inner_;
  std::uint64_t taken_ = 0;         ///< bytes
  std::uint64_t heads_ = 0;         ///< of blocks, in whole slices
  std::uint8_t* window_ = nullptr;  ///< what was made last
  std::size_t window_room_ = 0;
  std::size_t window_bytes_ = 0;
  std::size_t window_begin_ = 0;  ///< of the member: matches reach no further
  GzipFrame frame_;
  HttpCoding coding_;
  Format format_ = Format::unknown;
  Step step_ = Step::head;
  bool is_settled_ = false;  ///< the format stays
  bool has_made_ = false;    ///< any bytes
  bool is_odd_ = false;
  bool is_between_members_ = false;
  std::uint16_t held_bytes_ = 0;
  std::uint16_t read_bytes_ = 0;  ///< of those held
  std::array<std::uint8_t, kHeldBytes> held_{};
  Inflate stream_;
};

}  // namespace sluice
