#include "dataplane/inspect/http_inflate.h"

#include <algorithm>
#include <new>
#include <optional>

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

bool starts_gzip(ByteSpan bytes) noexcept { return bytes[0] == 0x1f && bytes[1] == 0x8b; }
/// RFC 1950: method 8, and the two bytes are a multiple of 31.
bool starts_zlib(ByteSpan bytes) noexcept {
  return (bytes[0] & 0x0f) == 8 && (bytes[0] * 256 + bytes[1]) % 31 == 0;
}

/// RFC 1952: the fields that the flags announce, whatever they hold, and no others. None where
/// they are not all there.
std::optional<std::size_t> gzip_head_bytes(ByteSpan bytes) noexcept {
  constexpr std::size_t kFixedBytes = 10;
  if (bytes.size() < kFixedBytes) return std::nullopt;
  const std::uint8_t flags = bytes[3];
  std::size_t at = kFixedBytes;
  if ((flags & 4) != 0) {  // extra
    if (bytes.size() < at + 2) return std::nullopt;
    at += 2 + std::size_t{bytes[at]} + std::size_t{bytes[at + 1]} * 256;
  }
  for (const unsigned text : {8U, 16U}) {  // name, comment
    if ((flags & text) == 0) continue;
    at = find_byte(bytes, std::min(at, bytes.size()), '\0') + 1;
  }
  if ((flags & 2) != 0) at += 2;  // checksum
  return at <= bytes.size() ? std::optional(at) : std::nullopt;
}

}  // namespace

HttpInflate::HttpInflate(ChunkPool& pool, HttpCoding coding, HttpInflate* inner) noexcept
    : inner_(inner), coding_(coding) {
  stream_.zalloc = take_for_zlib;
  stream_.zfree = give_from_zlib;
  stream_.opaque = &pool;
}

HttpInflate* HttpInflate::create(ChunkPool& pool, HttpCoding coding, HttpInflate* inner) noexcept {
  void* chunk = pool.take(sizeof(HttpInflate));
  return chunk == nullptr ? nullptr : new (chunk) HttpInflate(pool, coding, inner);
}

HttpInflate* HttpInflate::release(HttpInflate* inflate, ChunkPool& pool) noexcept {
  HttpInflate* inner = inflate->inner_;
  if (inflate->has_begun_) inflateEnd(&inflate->stream_);
  pool.give(inflate, sizeof(HttpInflate));
  return inner;
}

HttpInflate::Piece HttpInflate::next(ByteSpan bytes, Out& out) noexcept {
  const Piece piece = read(bytes, out);
  taken_ += piece.consumed;
  return piece;
}

HttpInflate::Piece HttpInflate::read(ByteSpan bytes, Out& out) noexcept {
  if (!is_settled_) return next_of_held(bytes, out);
  const bool is_of_held = has_unread();
  const ByteSpan from = is_of_held ? held().subspan(read_bytes_)
                                   : bytes.first(std::min(bytes.size(), kChunkBytesMax));
  if (is_between_members_) {
    if (from.empty()) return {0, {}, State::more};
    if (from[0] != held_[0] || inflateReset(&stream_) != Z_OK) {
      return {bytes.size(), {}, State::ended};
    }
    is_between_members_ = false;
  }
  Piece piece = inflate_from(from, out);
  if (!is_of_held) return piece;
  read_bytes_ = static_cast<std::uint16_t>(read_bytes_ + piece.consumed);
  piece.consumed = 0;
  return piece;
}

// Until something was made of the body, or no more of it can be held.
HttpInflate::Piece HttpInflate::next_of_held(ByteSpan bytes, Out& out) noexcept {
  const std::size_t count = std::min(bytes.size(), kHeldBytes - held_bytes_);
  std::copy_n(bytes.begin(), count, held_.begin() + held_bytes_);
  held_bytes_ = static_cast<std::uint16_t>(held_bytes_ + count);
  if (held_bytes_ < 2) return {count, {}, State::more};
  State state = format_ == Format::unknown ? begin() : State::more;
  while (state == State::more) {
    Piece piece{0, {}, State::bad};
    const auto head = format_ == Format::gzip_body ? gzip_head_bytes(held()) : std::size_t{0};
    if (head) {
      read_bytes_ = std::max(read_bytes_, static_cast<std::uint16_t>(*head));
      piece = inflate_from(held().subspan(read_bytes_), out);
      read_bytes_ = static_cast<std::uint16_t>(read_bytes_ + piece.consumed);
    } else if (held_bytes_ < kHeldBytes) {
      piece.state = State::more;
    }
    is_settled_ = has_made_ || held_bytes_ == kHeldBytes || piece.state == State::ended;
    if (piece.state != State::bad || has_made_) {
      piece.consumed = count;
      return piece;
    }
    is_settled_ = false;
    state = try_next_format();
  }
  return {count, state == State::not_coded ? held() : ByteSpan{}, state};
}

HttpInflate::State HttpInflate::begin() noexcept {
  if (starts_gzip(held())) return begin_as(Format::gzip);
  if (starts_zlib(held())) return begin_as(Format::zlib);
  if (coding_ == HttpCoding::deflate) return begin_as(Format::raw);
  is_odd_ = true;
  return State::not_coded;
}

HttpInflate::State HttpInflate::try_next_format() noexcept {
  is_odd_ = true;
  if (format_ == Format::gzip) return begin_as(Format::gzip_body);
  return format_ == Format::zlib ? begin_as(Format::raw) : State::not_coded;
}

HttpInflate::State HttpInflate::begin_as(Format format) noexcept {
  const int window = format == Format::gzip   ? kGzipWindow
                     : format == Format::zlib ? kZlibWindow
                                              : kRawWindow;
  const int answer = has_begun_ ? inflateReset2(&stream_, window) : inflateInit2(&stream_, window);
  if (answer != Z_OK) return State::no_memory;
  has_begun_ = true;
  format_ = format;
  read_bytes_ = 0;
  return State::more;
}

HttpInflate::Piece HttpInflate::inflate_from(ByteSpan bytes, Out& out) noexcept {
  stream_.next_in = const_cast<Bytef*>(bytes.data());
  stream_.avail_in = static_cast<uInt>(bytes.size());
  stream_.next_out = out.data();
  stream_.avail_out = kOutBytes;
  const State state = state_of(inflate(&stream_, Z_NO_FLUSH));
  const std::size_t used = bytes.size() - stream_.avail_in;
  const std::size_t made = kOutBytes - stream_.avail_out;
  has_made_ |= made > 0;
  return {used, {out.data(), made}, state};
}

HttpInflate::State HttpInflate::state_of(int answer) noexcept {
  switch (answer) {
    case Z_OK:
    case Z_BUF_ERROR:
      return State::more;
    case Z_STREAM_END:
      is_between_members_ = format_ == Format::gzip;
      return is_between_members_ ? State::more : State::ended;
    case Z_MEM_ERROR:
      return State::no_memory;
    default:
      return State::bad;
  }
}

std::uint64_t HttpInflate::room(const HttpInflate& outermost, std::uint32_t ratio,
                                std::uint64_t told) noexcept {
  if (ratio == 0) return ~std::uint64_t{0};
  const std::uint64_t most = kRatioFreeBytes + outermost.slices_taken() * kSliceBytes * ratio;
  std::uint64_t made = told;
  for (const HttpInflate* one = outermost.inner_; one != nullptr; one = one->inner_) {
    made += one->slices_taken() * kSliceBytes;
  }
  return most > made ? most - made : 0;
}

}  // namespace sluice
