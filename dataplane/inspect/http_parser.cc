#include "dataplane/inspect/http_parser.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/http_blank.h"
#include "dataplane/inspect/http_buffers.h"

namespace sluice {
namespace {

constexpr std::size_t kFirstHeadRoom = 2048;

bool starts_response(ByteSpan bytes) noexcept {
  constexpr std::string_view kVersion = "HTTP/";
  return bytes.size() >= kVersion.size() &&
         std::memcmp(bytes.data(), kVersion.data(), kVersion.size()) == 0;
}

bool may_start_request(std::uint8_t byte) noexcept { return byte > ' ' && byte < 0x7f; }

/// "PRI * HTTP/2.0": what follows is HTTP/2.
bool is_http2_preface(const HttpHead& head) noexcept {
  const ByteSpan method = head.word(0);
  return method.size() == 3 && std::memcmp(method.data(), "PRI", 3) == 0;
}

std::size_t line_ends_at_front(ByteSpan bytes) noexcept {
  std::size_t count = 0;
  while (count < bytes.size() && (bytes[count] == '\r' || bytes[count] == '\n')) ++count;
  return count;
}

std::size_t blanks_at_front(ByteSpan bytes) noexcept {
  const auto first = std::ranges::find_if_not(bytes, is_before_request);
  return static_cast<std::size_t>(first - bytes.begin());
}

}  // namespace

void HttpParser::push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  const Turn turn{side, sink, direction};
  if (!limits_->keep_heads && side.step == Step::body) give_head(side);
  while (!bytes.empty() && side.step != Step::left) {
    const std::size_t count =
        side.step == Step::head ? read_head(turn, bytes) : read_body(turn, bytes);
    bytes = bytes.subspan(count);
  }
}

void HttpParser::gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept {
  Side& side = sides_[direction];
  const Turn turn{side, sink, direction};
  if (side.step == Step::left) return;
  if (side.step == Step::body) {
    close_buffers(turn);
    if (side.framing == HttpFraming::until_close) return;
    if (side.framing == HttpFraming::length && bytes <= side.left) {
      side.left -= bytes;
      if (side.left == 0) end_message(turn);
      return;
    }
    if (side.framing == HttpFraming::chunked && side.chunks.skip(bytes)) return;
  }
  leave(turn);
}

void HttpParser::end(unsigned direction, const AppSink& sink) noexcept {
  const Turn turn{sides_[direction], sink, direction};
  if (turn.side.step == Step::head && turn.side.head_bytes > 0) take_cut_head(turn);
  if (turn.side.step != Step::left) leave(turn);
}

void HttpParser::release() noexcept {
  for (Side& side : sides_) {
    give_inflate(side);
    give_head(side);
    side.step = Step::left;
  }
}

void HttpParser::tell(const Turn& turn, AppAnomaly anomaly) noexcept {
  turn.sink.anomaly(turn.sink.self, turn.direction, anomaly);
}

std::size_t HttpParser::read_head(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  const bool is_request = turn.direction == kToServer;
  if (side.head_bytes > 0) return gather_head(turn, bytes);
  const std::size_t skipped = is_request ? blanks_at_front(bytes) : line_ends_at_front(bytes);
  if (skipped > 0) return skipped;
  if (!is_request && !starts_response(bytes)) [[unlikely]] {
    const HttpPrelude prelude = prelude_of(bytes);
    if (prelude.before == HttpPrelude::Before::unknown) return gather_head(turn, bytes);
    if (prelude.before == HttpPrelude::Before::body) begin_headless_body(turn);
    if (prelude.bytes > 0) tell(turn, AppAnomaly::http_bad_response_line);
    if (prelude.bytes > 0 || side.step == Step::body) return prelude.bytes;
  }
  if (is_request && !may_start_request(bytes.front())) {
    tell(turn, AppAnomaly::http_bad_request_line);
    leave(turn);
    return bytes.size();
  }
  const ByteSpan within = bytes.first(std::min<std::size_t>(bytes.size(), limits_->head_bytes));
  const HttpHeadEnd end = is_request ? HttpHeadEnd::of_simple_request : HttpHeadEnd::of_response;
  const std::size_t count = head_bytes(within, 0, end);
  if (count == 0) return gather_head(turn, bytes);
  const ByteSpan head = bytes.first(count);
  if (!is_request || ends_with_empty_line(head)) {
    take_head(turn, head, bytes.size() - count);
  } else if (append_to_head(side, head)) {
    tell_simple_request(turn, {side.head, count});
  } else {
    tell(turn, AppAnomaly::state_limit);
    leave(turn);
  }
  return count;
}

std::size_t HttpParser::gather_head(const Turn& turn, ByteSpan bytes) noexcept {
  Side& side = turn.side;
  const std::size_t before = side.head_bytes;
  const std::size_t count = std::min<std::size_t>(bytes.size(), limits_->head_bytes - before);
  if (!append_to_head(side, bytes.first(count))) {
    tell(turn, AppAnomaly::state_limit);
    leave(turn);
    return bytes.size();
  }
  const bool is_request = turn.direction == kToServer;
  if (!is_request && !starts_response({side.head, side.head_bytes})) [[unlikely]] {
    if (const auto taken = read_prelude(turn, before)) return *taken;
  }
  if (side.is_line_told) {
    if (const auto taken = read_behind_line(turn, before)) return *taken;
  }
  const ByteSpan gathered{side.head, side.head_bytes};
  HttpHeadEnd end = is_request ? HttpHeadEnd::of_request : HttpHeadEnd::of_response;
  if (is_request && !side.has_first_line) end = HttpHeadEnd::of_simple_request;
  const std::size_t head = head_bytes(gathered, before, end);
  side.has_first_line |= std::memchr(bytes.data(), '\n', count) != nullptr;
  if (head > 0 && end == HttpHeadEnd::of_simple_request &&
      !ends_with_empty_line(gathered.first(head))) {
    side.head_bytes = static_cast<std::uint32_t>(head);
    tell_simple_request(turn, gathered.first(head));
    return head - before;
  }
  if (head > 0) {
    take_head(turn, gathered.first(head), bytes.size() - (head - before));
    return head - before;
  }
  if (side.head_bytes < limits_->head_bytes) return count;
  tell(turn, AppAnomaly::http_head_too_long);
  side.leaves_at_end = true;
  take_head(turn, gathered, 0);
  return bytes.size();
}

/// No more will come of the head that was gathered. Without a whole first line it is none.
void HttpParser::take_cut_head(const Turn& turn) noexcept {
  Side& side = turn.side;
  const ByteSpan gathered{side.head, side.head_bytes};
  if (turn.direction == kToClient && prelude_of(gathered).before != HttpPrelude::Before::response) {
    begin_headless_body(turn);
    return take_body(turn, gathered);
  }
  if (side.is_line_told && header_likeness(behind_line(side)) != Likeness::yes) {
    return end_simple_request(turn);
  }
  if (std::ranges::find(gathered, '\n') == gathered.end()) return;
  side.leaves_at_end = true;
  take_head(turn, gathered, 0);
}

// The line stands in the head that is gathered. Its spans are kept elsewhere: the head may grow.
void HttpParser::tell_simple_request(const Turn& turn, ByteSpan line) noexcept {
  Side& side = turn.side;
  side.is_line_told = true;
  side.has_first_line = true;
  HttpHead head;
  head.read(line, true);
  static_cast<void>(note_request(turn, head));
  tell_anomalies(turn, head.anomalies());
  if (tell_buffers(turn, head, true)) return;
  tell(turn, AppAnomaly::state_limit);
  leave(turn);
}

/// As its line told, without headers. The next request begins behind it.
void HttpParser::end_simple_request(const Turn& turn) noexcept {
  turn.sink.message_ends(turn.sink.self, turn.direction, turn.side.message++);
  turn.side.is_line_told = false;
  turn.side.has_first_line = false;
  turn.side.room.release(*pool_);
}

ByteSpan HttpParser::behind_line(const Side& side) const noexcept {
  const ByteSpan gathered{side.head, side.head_bytes};
  return gathered.subspan(find_byte(gathered, 0, '\n') + 1);
}

/// Behind a line without a version; the first `before` bytes were gathered before. None where
/// headers follow it, else how many of the bytes behind are done with.
std::optional<std::size_t> HttpParser::read_behind_line(const Turn& turn,
                                                        std::size_t before) noexcept {
  Side& side = turn.side;
  const ByteSpan behind = behind_line(side);
  const Likeness likeness = header_likeness(behind);
  if (likeness == Likeness::yes) return std::nullopt;
  const bool is_full = side.head_bytes == limits_->head_bytes;
  if (likeness == Likeness::need_more && !is_full) return side.head_bytes - before;
  const std::size_t kept = behind.size() - (side.head_bytes - before);
  std::memmove(side.head, behind.data(), kept);
  side.head_bytes = static_cast<std::uint32_t>(kept);
  end_simple_request(turn);
  if (kept == 0) give_head(side);
  return 0;
}

/// What was gathered does not begin with a status line, or not yet. Says how many of the bytes
/// behind the first `before` are done with; none where the head begins at the front.
std::optional<std::size_t> HttpParser::read_prelude(const Turn& turn, std::size_t before) noexcept {
  Side& side = turn.side;
  const ByteSpan gathered{side.head, side.head_bytes};
  const HttpPrelude prelude = prelude_of(gathered);
  if (prelude.before == HttpPrelude::Before::unknown) return gathered.size() - before;
  if (prelude.before == HttpPrelude::Before::body) {
    begin_headless_body(turn);
    take_body(turn, gathered);
    side.head_bytes = 0;
    return gathered.size() - before;
  }
  if (prelude.bytes == 0) return std::nullopt;
  tell(turn, AppAnomaly::http_bad_response_line);
  const std::size_t kept = before > prelude.bytes ? before - prelude.bytes : 0;
  std::memmove(side.head, side.head + prelude.bytes, kept);
  side.head_bytes = static_cast<std::uint32_t>(kept);
  return prelude.bytes + kept - before;
}

bool HttpParser::append_to_head(Side& side, ByteSpan bytes) noexcept {
  const std::size_t needed = side.head_bytes + bytes.size();
  if (needed > side.head_room) {
    const std::size_t room =
        std::min(kChunkBytesMax, std::max(kFirstHeadRoom, std::bit_ceil(needed)));
    auto* chunk = static_cast<std::uint8_t*>(pool_->take(room));
    if (chunk == nullptr) return false;
    if (side.head != nullptr) {
      std::memcpy(chunk, side.head, side.head_bytes);
      pool_->give(side.head, side.head_room);
    }
    side.head = chunk;
    side.head_room = static_cast<std::uint32_t>(room);
  }
  std::memcpy(side.head + side.head_bytes, bytes.data(), bytes.size());
  side.head_bytes = static_cast<std::uint32_t>(needed);
  return true;
}

/// What a server of HTTP before 1.0 sends, and what a client may take for it: all is body.
void HttpParser::begin_headless_body(const Turn& turn) noexcept {
  tell(turn, AppAnomaly::http_bad_response_line);
  (void)next_request_kind(false);
  begin_body(turn, {HttpFraming::until_close, {}, 0});
}

void HttpParser::take_head(const Turn& turn, ByteSpan bytes, std::size_t bytes_behind) noexcept {
  HttpHead head;
  head.read(bytes, turn.direction == kToServer);
  Side& side = turn.side;
  std::uint32_t anomalies_told = 0;
  HttpBody body;
  if (side.is_line_told) {
    HttpHead line;
    line.read(bytes.first(find_byte(bytes, 0, '\n') + 1), true);
    anomalies_told = line.anomalies();
    body = body_of_request(head);
  } else {
    body = turn.direction == kToServer ? note_request(turn, head) : note_response(turn, head);
  }
  const bool ends_in_push = body.framing == HttpFraming::no_body ||
                            (body.framing == HttpFraming::length && body.length <= bytes_behind);
  tell_anomalies(turn, head.anomalies() & ~anomalies_told);
  if (!tell_buffers(turn, head, !ends_in_push)) {
    tell(turn, AppAnomaly::state_limit);
    side.leaves_at_end = true;
    end_message(turn);
  } else if (body.framing == HttpFraming::no_body || side.leaves_at_end) {
    end_message(turn);
  } else {
    begin_body(turn, body);
  }
}

void HttpParser::tell_anomalies(const Turn& turn, std::uint32_t bits) noexcept {
  for (; bits != 0; bits &= bits - 1) tell(turn, static_cast<AppAnomaly>(std::countr_zero(bits)));
}

HttpBody HttpParser::note_request(const Turn& turn, HttpHead& head) noexcept {
  if (is_http2_preface(head)) turn.side.leaves_at_end = true;
  push_request_kind(turn, kind_of(head.word(0)));
  return body_of_request(head);
}

HttpBody HttpParser::note_response(const Turn& turn, HttpHead& head) noexcept {
  const std::uint32_t status = status_of(head);
  turn.side.is_interim = status / 100 == 1 && status != 101;
  const HttpRequestKind kind = next_request_kind(turn.side.is_interim);
  const bool is_tunnel = kind == HttpRequestKind::connect && status / 100 == 2;
  is_other_protocol_ = status == 101 || is_tunnel;
  turn.side.leaves_at_end |= is_other_protocol_;
  return body_of_response(head, kind, status);
}

bool HttpParser::tell_buffers(const Turn& turn, HttpHead& head, bool outlasts_push) noexcept {
  Side& side = turn.side;
  bool has_room = true;
  if (outlasts_push && limits_->keep_heads && (side.head == nullptr || side.is_line_told)) {
    std::uint8_t* kept = side.room.take(*pool_, head.bytes().size());
    has_room = kept != nullptr;
    if (has_room) {
      std::memcpy(kept, head.bytes().data(), head.bytes().size());
      head.move_to(kept);
    }
  }
  HttpBuffers buffers(*limits_, *pool_, side.room);
  if (turn.direction == kToServer) {
    buffers.add_request(head);
  } else {
    buffers.add_response(head);
  }
  turn.sink.buffers(turn.sink.self, turn.direction, side.message, buffers.all());
  return has_room && !buffers.is_short_of_room();
}

void HttpParser::end_message(const Turn& turn) noexcept {
  Side& side = turn.side;
  turn.sink.message_ends(turn.sink.self, turn.direction, side.message);
  give_inflate(side);
  give_head(side);
  side.step = Step::head;
  if (!side.is_interim) ++side.message;
  side.is_interim = false;
  if (!side.leaves_at_end) return;
  side.step = Step::left;
  Side& requests = sides_[kToServer];
  if (is_other_protocol_ && requests.step != Step::left) {
    leave({requests, turn.sink, kToServer});
  }
}

void HttpParser::leave(const Turn& turn) noexcept {
  Side& side = turn.side;
  if (side.step == Step::body || side.is_line_told) {
    close_buffers(turn);
    turn.sink.message_ends(turn.sink.self, turn.direction, side.message);
  }
  give_inflate(side);
  give_head(side);
  side.step = Step::left;
}

void HttpParser::give_head(Side& side) noexcept {
  if (side.head != nullptr) pool_->give(side.head, side.head_room);
  side.head = nullptr;
  side.head_bytes = 0;
  side.head_room = 0;
  side.has_first_line = false;
  side.is_line_told = false;
  side.room.release(*pool_);
}

void HttpParser::push_request_kind(const Turn& turn, HttpRequestKind kind) noexcept {
  if (in_flight_ < kHttpRequestsInFlight) {
    kinds_ |= static_cast<std::uint64_t>(kind) << (2 * in_flight_);
  } else if (!has_told_in_flight_) {
    has_told_in_flight_ = true;
    tell(turn, AppAnomaly::http_unanswered_requests);
  }
  if (in_flight_ < UINT32_MAX) ++in_flight_;
}

/// Of the request that the next response answers; an interim response answers none.
HttpRequestKind HttpParser::next_request_kind(bool is_interim) noexcept {
  const auto kind = static_cast<HttpRequestKind>(kinds_ & 3);
  if (is_interim || in_flight_ == 0) return kind;
  --in_flight_;
  kinds_ >>= 2;
  return kind;
}

}  // namespace sluice
