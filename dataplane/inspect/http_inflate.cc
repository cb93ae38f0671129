#include "dataplane/inspect/http_inflate.h"

#include <algorithm>
#include <new>

namespace sluice {
namespace {

constexpr std::uint64_t kRatioFreeBytes = 16'384;
constexpr int kGzipWindow = 15 + 16;  // zlib's way to say: with a gzip header
constexpr int kZlibWindow = 15;
constexpr int kRawWindow = -15;

void* take_for_zlib(void* pool, uInt items, uInt size) {
  return static_cast<ChunkPool*>(pool)->take(std::size_t{items} * size);
}
void give_from_zlib(void* pool, void* memory) { static_cast<ChunkPool*>(pool)->give(memory); }

bool starts_gzip(const std::array<std::uint8_t, 2>& bytes) noexcept {
  return bytes[0] == 0x1f && bytes[1] == 0x8b;
}
/// RFC 1950: method 8, and the two bytes are a multiple of 31.
bool starts_zlib(const std::array<std::uint8_t, 2>& bytes) noexcept {
  return (bytes[0] & 0x0f) == 8 && (bytes[0] * 256 + bytes[1]) % 31 == 0;
}

}  // namespace

HttpInflate::HttpInflate(ChunkPool& pool, HttpCoding coding, std::uint32_t ratio_max) noexcept
    : ratio_max_(ratio_max), coding_(coding) {
  stream_.zalloc = take_for_zlib;
  stream_.zfree = give_from_zlib;
  stream_.opaque = &pool;
}

HttpInflate* HttpInflate::create(ChunkPool& pool, HttpCoding coding,
                                 std::uint32_t ratio_max) noexcept {
  void* chunk = pool.take(sizeof(HttpInflate));
  return chunk == nullptr ? nullptr : new (chunk) HttpInflate(pool, coding, ratio_max);
}

void HttpInflate::release(HttpInflate* inflate, ChunkPool& pool) noexcept {
  if (inflate->has_begun_) inflateEnd(&inflate->stream_);
  pool.give(inflate, sizeof(HttpInflate));
}

HttpInflate::Piece HttpInflate::next(ByteSpan bytes, Out& out) noexcept {
  std::size_t consumed = 0;
  while (held_bytes_ < held_.size()) {
    if (consumed == bytes.size()) return {consumed, {}, State::more};
    held_[held_bytes_++] = bytes[consumed++];
  }
  if (!has_begun_) {
    const State state = begin();
    if (state == State::not_coded) return {consumed, held_, state};
    if (state != State::more) return {consumed, {}, state};
    Piece piece = inflate_from(held_, out);
    piece.consumed = consumed;
    return piece;
  }
  if (is_between_members_) {
    if (bytes.empty()) return {0, {}, State::more};
    if (bytes[0] != held_[0] || inflateReset(&stream_) != Z_OK) {
      return {bytes.size(), {}, State::ended};
    }
    is_between_members_ = false;
  }
  return inflate_from(bytes.first(std::min(bytes.size(), kChunkBytesMax)), out);
}

HttpInflate::State HttpInflate::begin() noexcept {
  is_gzip_ = starts_gzip(held_);
  if (!is_gzip_ && coding_ == HttpCoding::gzip && !starts_zlib(held_)) return State::not_coded;
  const int window = is_gzip_ ? kGzipWindow : starts_zlib(held_) ? kZlibWindow : kRawWindow;
  if (inflateInit2(&stream_, window) != Z_OK) return State::no_memory;
  has_begun_ = true;
  return State::more;
}

HttpInflate::Piece HttpInflate::inflate_from(ByteSpan bytes, Out& out) noexcept {
  stream_.next_in = const_cast<Bytef*>(bytes.data());
  stream_.avail_in = static_cast<uInt>(bytes.size());
  stream_.next_out = out.data();
  stream_.avail_out = kOutBytes;
  State state = state_of(inflate(&stream_, Z_NO_FLUSH));
  const std::size_t used = bytes.size() - stream_.avail_in;
  const std::size_t made = kOutBytes - stream_.avail_out;
  bytes_in_ += used;
  bytes_out_ += made;
  if (state == State::more && is_over_ratio()) state = State::over_ratio;
  return {used, {out.data(), made}, state};
}

HttpInflate::State HttpInflate::state_of(int answer) noexcept {
  switch (answer) {
    case Z_OK:
    case Z_BUF_ERROR:
      return State::more;
    case Z_STREAM_END:
      is_between_members_ = is_gzip_;
      return is_gzip_ ? State::more : State::ended;
    case Z_MEM_ERROR:
      return State::no_memory;
    default:
      return State::bad;
  }
}

bool HttpInflate::is_over_ratio() const noexcept {
  return ratio_max_ != 0 && bytes_out_ > kRatioFreeBytes &&
         bytes_out_ - kRatioFreeBytes > bytes_in_ * ratio_max_;
}

}  // namespace sluice
