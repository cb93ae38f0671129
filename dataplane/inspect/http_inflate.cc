#include "dataplane/inspect/http_inflate.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>

namespace sluice {
namespace {

constexpr std::uint64_t kRatioFreeBytes = 16'384;
constexpr std::size_t kSmallWindow = 16 * 1024;
constexpr std::size_t kLargeWindow = kChunkBytesMax;
/// The least piece that is made in a window before there is room for a whole one.
constexpr std::size_t kPieceBytesMin = 2048;
static_assert(Inflate::kReach + kPieceBytesMin + Inflate::kOverrun <= kLargeWindow);

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

HttpInflate* HttpInflate::create(ChunkPool& pool, HttpCoding coding, HttpInflate* inner) noexcept {
  void* chunk = pool.take(sizeof(HttpInflate));
  return chunk == nullptr ? nullptr : new (chunk) HttpInflate(pool, coding, inner);
}

HttpInflate* HttpInflate::release(HttpInflate* inflate, ChunkPool& pool) noexcept {
  HttpInflate* inner = inflate->inner_;
  if (inflate->window_ != nullptr) pool.give(inflate->window_, inflate->window_room_);
  pool.give(inflate, sizeof(HttpInflate));
  return inner;
}

HttpInflate::Piece HttpInflate::next(ByteSpan bytes, std::size_t most) noexcept {
  const Piece piece = read(bytes, most);
  taken_ += piece.consumed;
  if (is_between_slices() && !piece.is_cut && !has_unread()) heads_ = stream_.heads();
  return piece;
}

HttpInflate::Piece HttpInflate::read(ByteSpan bytes, std::size_t most) noexcept {
  if (!is_settled_) return next_of_held(bytes, most);
  const bool is_of_held = has_unread();
  const ByteSpan from = is_of_held ? held().subspan(read_bytes_) : bytes;
  if (is_between_members_) {
    if (from.empty()) return {0, {}, State::more, false};
    if (from[0] != held_[0]) return {bytes.size(), {}, State::ended, false};
    begin_member();
  }
  Piece piece = inflate_from(from, most);
  if (!is_of_held) return piece;
  read_bytes_ = static_cast<std::uint16_t>(read_bytes_ + piece.consumed);
  piece.consumed = 0;
  return piece;
}

// Until something was made of the body, or no more of it can be held.
HttpInflate::Piece HttpInflate::next_of_held(ByteSpan bytes, std::size_t most) noexcept {
  const std::size_t count = std::min(bytes.size(), kHeldBytes - held_bytes_);
  std::copy_n(bytes.begin(), count, held_.begin() + held_bytes_);
  held_bytes_ = static_cast<std::uint16_t>(held_bytes_ + count);
  if (held_bytes_ < 2) return {count, {}, State::more, false};
  State state = format_ == Format::unknown ? begin() : State::more;
  while (state == State::more) {
    Piece piece{0, {}, State::bad, false};
    const auto head = format_ == Format::gzip_body ? gzip_head_bytes(held()) : std::size_t{0};
    if (head) {
      read_bytes_ = std::max(read_bytes_, static_cast<std::uint16_t>(*head));
      piece = inflate_from(held().subspan(read_bytes_), most);
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
  return {count, state == State::not_coded ? held() : ByteSpan{}, state, false};
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
  format_ = format;
  read_bytes_ = 0;
  begin_member();
  return State::more;
}

void HttpInflate::begin_member() noexcept {
  frame_.begin(format_ == Format::gzip   ? GzipFrame::Kind::gzip
               : format_ == Format::zlib ? GzipFrame::Kind::zlib
                                         : GzipFrame::Kind::none);
  stream_.begin();
  step_ = Step::head;
  window_begin_ = window_bytes_;
  is_between_members_ = false;
}

HttpInflate::Piece HttpInflate::inflate_from(ByteSpan bytes, std::size_t most) noexcept {
  Piece piece{0, {}, State::more, false};
  if (step_ == Step::head) {
    const GzipFrame::Piece head = frame_.read_head(bytes);
    piece.consumed = head.consumed;
    if (head.state == GzipFrame::State::bad) piece.state = State::bad;
    if (head.state != GzipFrame::State::ended) return piece;
    step_ = Step::data;
  }
  if (step_ == Step::data) {
    const Piece data = inflate_data(bytes.subspan(piece.consumed), most);
    piece = {piece.consumed + data.consumed, data.data, data.state, data.is_cut};
    if (step_ == Step::data) return piece;
  }
  const GzipFrame::Piece trailer = frame_.read_trailer(bytes.subspan(piece.consumed));
  piece.consumed += trailer.consumed;
  if (trailer.state == GzipFrame::State::bad) piece.state = State::bad;
  if (trailer.state == GzipFrame::State::ended) piece.state = end_member();
  return piece;
}

HttpInflate::Piece HttpInflate::inflate_data(ByteSpan bytes, std::size_t most) noexcept {
  if (!make_room()) return {0, {}, State::no_memory, false};
  std::uint8_t* const begin = window_ + window_bytes_;
  const std::size_t room = window_room_ - window_bytes_ - Inflate::kOverrun;
  const Inflate::Piece made =
      stream_.next(bytes, {begin, window_bytes_ - window_begin_, std::min(most, room)});
  const ByteSpan data{begin, made.made};
  window_bytes_ += made.made;
  has_made_ |= made.made > 0;
  frame_.add(data);
  if (made.state == Inflate::State::ended) step_ = Step::trailer;
  const State state = made.state == Inflate::State::bad ? State::bad : State::more;
  return {made.consumed, data, state, made.is_cut};
}

/// For a piece, and in front of it for all that matches reach.
bool HttpInflate::make_room() noexcept {
  if (window_bytes_ + kPieceBytesMin + Inflate::kOverrun <= window_room_) return true;
  std::size_t kept = window_bytes_;
  std::uint8_t* window = window_;
  if (window_room_ < kLargeWindow) {
    const std::size_t room = window_ == nullptr ? kSmallWindow : kLargeWindow;
    window = static_cast<std::uint8_t*>(pool_->take(room));
    if (window == nullptr) return false;
    if (window_ != nullptr) {
      std::memcpy(window, window_, kept);
      pool_->give(window_, window_room_);
    }
    window_room_ = room;
  } else {
    kept = std::min(window_bytes_, Inflate::kReach);
    std::memmove(window, window + window_bytes_ - kept, kept);
  }
  const std::size_t gone = window_bytes_ - kept;
  window_ = window;
  window_bytes_ = kept;
  window_begin_ -= std::min(window_begin_, gone);
  return true;
}

HttpInflate::State HttpInflate::end_member() noexcept {
  is_between_members_ = format_ == Format::gzip;
  return is_between_members_ ? State::more : State::ended;
}

std::uint64_t HttpInflate::room(const HttpInflate& outermost, std::uint32_t ratio,
                                std::uint64_t told) noexcept {
  if (ratio == 0) return ~std::uint64_t{0};
  const std::uint64_t most = kRatioFreeBytes + outermost.slices_taken() * kSliceBytes * ratio;
  std::uint64_t made = told + outermost.work_beside();
  for (const HttpInflate* one = outermost.inner_; one != nullptr; one = one->inner_) {
    made += one->slices_taken() * kSliceBytes + one->work_beside();
  }
  return most > made ? most - made : 0;
}

}  // namespace sluice
