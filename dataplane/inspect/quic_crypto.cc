#include "dataplane/inspect/quic_crypto.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace sluice {
namespace {

constexpr std::size_t kFirstRoom = 2048;
constexpr std::size_t kRangesMax = 64;

struct Range {
  std::uint32_t begin;
  std::uint32_t end;
};

}  // namespace

/// At the front of a chunk, the bytes behind it. Ranges are in order and do not touch.
struct QuicCrypto::Stream {
  std::uint32_t room = 0;  ///< for bytes
  std::uint32_t count = 0;
  std::array<Range, kRangesMax> ranges;

  [[nodiscard]] std::uint8_t* bytes() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
  [[nodiscard]] std::size_t chunk_bytes() const noexcept { return sizeof(Stream) + room; }
  void copy_missing(Range piece, const std::uint8_t* from) noexcept;
  [[nodiscard]] bool note(Range piece) noexcept;
};

/// Bytes that are there already stay as they are.
void QuicCrypto::Stream::copy_missing(Range piece, const std::uint8_t* from) noexcept {
  std::uint32_t at = piece.begin;
  const auto copy_to = [&](std::uint32_t end) noexcept {
    end = std::min(end, piece.end);
    if (end > at) std::memcpy(bytes() + at, from + (at - piece.begin), end - at);
  };
  for (const Range& range : std::span(ranges).first(count)) {
    copy_to(range.begin);
    at = std::max(at, range.end);
  }
  copy_to(piece.end);
}

/// Joins the piece with what it touches. False: it would be one range too many.
bool QuicCrypto::Stream::note(Range piece) noexcept {
  Range* const end = ranges.data() + count;
  Range* const first =
      std::find_if(ranges.data(), end, [&](Range r) { return r.end >= piece.begin; });
  Range* const last = std::find_if(first, end, [&](Range r) { return r.begin > piece.end; });
  if (first == last) {
    if (count == kRangesMax) return false;
    std::copy_backward(first, end, end + 1);
    *first = piece;
    ++count;
    return true;
  }
  first->begin = std::min(first->begin, piece.begin);
  first->end = std::max((last - 1)->end, piece.end);
  std::copy(last, end, first + 1);
  count -= static_cast<std::uint32_t>(last - first - 1);
  return true;
}

bool QuicCrypto::make_room(ChunkPool& pool, std::uint32_t end) noexcept {
  if (stream_ != nullptr && end <= stream_->room) return true;
  const std::size_t chunk_bytes = std::max(kFirstRoom, std::bit_ceil(sizeof(Stream) + end));
  auto* chunk = static_cast<Stream*>(pool.take(chunk_bytes));
  if (chunk == nullptr) return false;
  if (stream_ == nullptr) {
    chunk->count = 0;
  } else {
    std::memcpy(static_cast<void*>(chunk), stream_, stream_->chunk_bytes());
    pool.give(stream_, stream_->chunk_bytes());
  }
  chunk->room = static_cast<std::uint32_t>(chunk_bytes - sizeof(Stream));
  stream_ = chunk;
  return true;
}

QuicCrypto::Added QuicCrypto::add(ChunkPool& pool, std::uint64_t offset, ByteSpan bytes) noexcept {
  if (offset > kQuicCryptoBytesMax || bytes.size() > kQuicCryptoBytesMax - offset) {
    return Added::too_long;
  }
  if (bytes.empty()) return Added::yes;
  const auto begin = static_cast<std::uint32_t>(offset);
  const bool is_empty = stream_ == nullptr || stream_->count == 0;
  const std::uint32_t known = is_empty ? 0 : stream_->ranges[stream_->count - 1].end;
  if (begin > known && begin - known > kQuicGapMax) return Added::too_long;
  const Range piece{begin, begin + static_cast<std::uint32_t>(bytes.size())};
  if (!make_room(pool, piece.end)) return Added::no_memory;
  stream_->copy_missing(piece, bytes.data());
  return stream_->note(piece) ? Added::yes : Added::too_many_pieces;
}

ByteSpan QuicCrypto::front() const noexcept {
  if (stream_ == nullptr || stream_->count == 0 || stream_->ranges[0].begin != 0) return {};
  return {stream_->bytes(), stream_->ranges[0].end};
}

void QuicCrypto::release(ChunkPool& pool) noexcept {
  if (stream_ != nullptr) pool.give(stream_, stream_->chunk_bytes());
  stream_ = nullptr;
}

}  // namespace sluice
