#include <algorithm>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/http_parser.h"

namespace sluice {
namespace {

/// A reload may have made the depth of a body that is under way less than what was seen of it.
[[nodiscard]] std::uint32_t left_of(std::uint32_t depth, std::uint32_t seen) noexcept {
  return depth > seen ? depth - seen : 0;
}

}  // namespace

std::uint32_t HttpParser::depth_of(unsigned direction) const noexcept {
  return direction == kToServer ? limits_->request_body_bytes : limits_->response_body_bytes;
}

void HttpParser::begin_body(const Turn& turn, const HttpBody& body) noexcept {
  Side& side = turn.side;
  const bool is_request = turn.direction == kToServer;
  const bool has_depth = depth_of(turn.direction) > 0;
  side.step = Step::body;
  side.framing = body.framing;
  side.left = body.length;
  side.chunks = {};
  side.as_sent_bytes = 0;
  side.decoded_bytes = 0;
  side.is_as_sent_open = has_depth && is_request && limits_->wants(Buffer::http_request_body);
  const bool has_decoded = is_request ? side.is_as_sent_open && body.codings.count > 0
                                      : has_depth && limits_->wants(Buffer::http_response_body);
  side.is_decoded_open = has_decoded || (has_depth && limits_->wants(Buffer::file_data));
  side.is_plain = body.codings.count == 0;
  side.has_told_chunk = false;
  side.has_told_coding = body.codings.count > 1;  // with the head
  if (side.is_decoded_open) open_codings(turn, body.codings);
}

void HttpParser::open_codings(const Turn& turn, const HttpCodings& codings) noexcept {
  Side& side = turn.side;
  for (std::size_t i = 0; i < codings.count; ++i) {
    HttpInflate* outer = HttpInflate::create(*pool_, codings.list[i], side.inflate);
    if (outer == nullptr) {
      give_inflate(side);
      tell(turn, AppAnomaly::state_limit);
      return tell_decoded(turn, {}, true);
    }
    side.inflate = outer;
  }
}

std::size_t HttpParser::read_body(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  if (side.framing == HttpFraming::chunked) return read_chunks(turn, bytes);
  if (side.framing == HttpFraming::until_close) {
    take_body(turn, bytes);
    return bytes.size();
  }
  const std::size_t count = std::min<std::uint64_t>(bytes.size(), side.left);
  take_body(turn, bytes.first(count));
  side.left -= count;
  if (side.left == 0) end_body(turn);
  return count;
}

// A response that has no size where one must be is not in chunks, whatever its head says: browsers
// take the rest as it is. A server refuses such a request.
std::size_t HttpParser::read_chunks(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  const HttpChunks::Piece piece = side.chunks.next(bytes);
  if (side.chunks.is_odd() && !side.has_told_chunk) {
    side.has_told_chunk = true;
    tell(turn, AppAnomaly::http_bad_chunk);
  }
  if (!piece.data.empty()) take_body(turn, piece.data);
  if (piece.state == HttpChunks::State::ended) end_body(turn);
  if (piece.state != HttpChunks::State::bad) return piece.consumed;
  if (turn.direction == kToServer) {
    leave(turn);
    return piece.consumed;
  }
  side.framing = HttpFraming::until_close;
  return piece.consumed - 1;
}

void HttpParser::take_body(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  if (side.is_as_sent_open) tell_as_sent(turn, bytes, false);
  if (!side.is_decoded_open) return;
  decode(turn, side.inflate, bytes);
  if (!side.is_decoded_open) give_inflate(side);
}

/// Undoes the coding `layer` and those below it.
void HttpParser::decode(const Turn& turn, HttpInflate*& layer, ByteSpan bytes) noexcept {
  using enum HttpInflate::State;
  if (layer == nullptr) return tell_made(turn, bytes);
  Side& side = turn.side;
  while (true) {
    const ByteSpan slice = bytes.first(std::min(bytes.size(), layer->slice_left()));
    const HttpInflate::Piece piece = layer->next(slice, wanted_of(turn, *layer));
    bytes = bytes.subspan(piece.consumed);
    if (layer->is_odd()) tell_odd_coding(turn);
    side.is_plain |= piece.state == not_coded && layer == side.inflate && layer->inner() == nullptr;
    if (!piece.data.empty()) decode(turn, layer->inner(), piece.data);
    if (!side.is_decoded_open) return;  // what is bad beyond the depth is not looked at
    if (piece.state == bad) tell_odd_coding(turn);
    if (piece.state == more) {
      const bool is_drained =
          piece.consumed == slice.size() && !piece.is_cut && !layer->has_unread();
      if (is_drained && layer->is_between_slices() && room_left(side) == 0) {
        return end_bomb(turn);
      }
      if (is_drained && bytes.empty()) return;
      continue;
    }
    if (piece.state == not_coded) {
      drop_coding(layer);
      return decode(turn, layer, bytes);
    }
    if (piece.state == no_memory) tell(turn, AppAnomaly::state_limit);
    return tell_decoded(turn, {}, true);
  }
}

std::uint64_t HttpParser::room_left(const Side& side) const noexcept {
  if (side.inflate == nullptr) return ~std::uint64_t{0};
  return HttpInflate::room(*side.inflate, limits_->inflate_ratio, side.decoded_bytes);
}

/// What no coding is left of.
void HttpParser::tell_made(const Turn& turn, ByteSpan bytes) noexcept {
  const std::uint64_t room = room_left(turn.side);
  if (bytes.size() <= room) return tell_decoded(turn, bytes, false);
  tell_decoded(turn, bytes.first(room), false);
  if (turn.side.is_decoded_open) end_bomb(turn);
}

void HttpParser::end_bomb(const Turn& turn) noexcept {
  tell(turn, AppAnomaly::http_decompression_limit);
  tell_decoded(turn, {}, true);
}

/// Of what the coding makes next: nothing beyond the depth.
std::size_t HttpParser::wanted_of(const Turn& turn, HttpInflate& layer) const noexcept {
  if (layer.inner() != nullptr) return HttpInflate::kPieceBytes;
  const std::size_t left = left_of(depth_of(turn.direction), turn.side.decoded_bytes);
  return std::clamp(left, std::size_t{1}, HttpInflate::kPieceBytes);
}

void HttpParser::tell_odd_coding(const Turn& turn) noexcept {
  if (turn.side.has_told_coding) return;
  turn.side.has_told_coding = true;
  tell(turn, AppAnomaly::http_bad_content_coding);
}

/// The next one is the outermost now, if this one was.
void HttpParser::drop_coding(HttpInflate*& layer) noexcept {
  layer = HttpInflate::release(layer, *pool_);
}

/// A body without a byte is none: it is not told at all.
void HttpParser::tell_as_sent(const Turn& turn, ByteSpan bytes, bool is_last) noexcept {
  Side& side = turn.side;
  const std::uint32_t depth = depth_of(turn.direction);
  const std::size_t count = std::min<std::size_t>(bytes.size(), left_of(depth, side.as_sent_bytes));
  side.as_sent_bytes += static_cast<std::uint32_t>(count);
  is_last |= side.as_sent_bytes >= depth;
  side.is_as_sent_open = !is_last;
  if (side.as_sent_bytes == 0) return;
  turn.sink.piece(turn.sink.self, turn.direction, side.message,
                  {Buffer::http_request_body, bytes.first(count)}, is_last);
}

void HttpParser::tell_decoded(const Turn& turn, ByteSpan bytes, bool is_last) noexcept {
  Side& side = turn.side;
  const std::uint32_t depth = depth_of(turn.direction);
  const std::size_t count = std::min<std::size_t>(bytes.size(), left_of(depth, side.decoded_bytes));
  side.decoded_bytes += static_cast<std::uint32_t>(count);
  is_last |= side.decoded_bytes >= depth;
  side.is_decoded_open = !is_last;
  if (side.decoded_bytes == 0) return;
  const ByteSpan told = bytes.first(count);
  if (turn.direction == kToServer) tell_decoded_request(turn, told, is_last);
  if (turn.direction == kToClient && limits_->wants(Buffer::http_response_body)) {
    turn.sink.piece(turn.sink.self, turn.direction, side.message,
                    {Buffer::http_response_body, told}, is_last);
  }
  if (limits_->wants(Buffer::file_data)) {
    turn.sink.piece(turn.sink.self, turn.direction, side.message, {Buffer::file_data, told},
                    is_last);
  }
}

/// What is not coded is told as it was sent.
void HttpParser::tell_decoded_request(const Turn& turn, ByteSpan bytes, bool is_last) noexcept {
  const bool is_wanted = !turn.side.is_plain && limits_->wants(Buffer::http_request_body);
  if (!is_wanted || turn.sink.decoded_piece == nullptr) return;
  turn.sink.decoded_piece(turn.sink.self, turn.direction, turn.side.message,
                          {Buffer::http_request_body, bytes}, is_last);
}

void HttpParser::close_buffers(const Turn& turn) noexcept {
  if (turn.side.is_as_sent_open) tell_as_sent(turn, {}, true);
  if (turn.side.is_decoded_open) tell_decoded(turn, {}, true);
}

void HttpParser::end_body(const Turn& turn) noexcept {
  close_buffers(turn);
  end_message(turn);
}

void HttpParser::give_inflate(Side& side) noexcept {
  while (side.inflate != nullptr) side.inflate = HttpInflate::release(side.inflate, *pool_);
}

}  // namespace sluice
