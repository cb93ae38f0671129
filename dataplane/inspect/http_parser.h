// HTTP/1 in both directions of a flow: pushed bytes as they come in order, tells the buffers of
// each head at once and the bodies in pieces. Pipelining, chunks, gzip and deflate, bodies until
// the connection closes. Worker thread only.
//
// Nothing is copied where a head lies whole within a push and its message ends there too. A head
// over several pushes is gathered in a chunk of the pool that grows; a body is never gathered. An
// interim response (1xx) is a message with the number of the final one, each with its own
// message_ends. A request line without a version is told at once, as its server may answer it;
// where headers follow, the message is told once more with them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/http_framing.h"
#include "dataplane/inspect/http_inflate.h"
#include "dataplane/inspect/http_limits.h"
#include "dataplane/inspect/http_room.h"

namespace sluice {

class HttpParser {
 public:
  /// Pool and limits outlive the parser; `release` comes before its end.
  HttpParser(ChunkPool& pool, const HttpLimits& limits) noexcept : pool_(&pool), limits_(&limits) {}
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  void push(unsigned direction, ByteSpan bytes, const AppSink& sink) noexcept;
  /// So many bytes will never come. A body goes on uninspected where it is clear how far it goes;
  /// else the direction is left alone.
  void gap(unsigned direction, std::uint64_t bytes, const AppSink& sink) noexcept;
  /// FIN: what goes on until the connection closes ends.
  void end(unsigned direction, const AppSink& sink) noexcept;
  /// Gives all memory back; nothing may be pushed after.
  void release() noexcept;

  /// The body under way stands in the stream as it is told: not chunked and not compressed.
  [[nodiscard]] bool has_plain_body(unsigned direction) const noexcept {
    const Side& side = sides_[direction];
    return side.step == Step::body && side.framing != HttpFraming::chunked &&
           side.inflate == nullptr;
  }
  [[nodiscard]] bool has_unfinished_head(unsigned direction) const noexcept {
    return sides_[direction].step == Step::head && sides_[direction].head_bytes > 0;
  }
  /// Nothing more will be read in this direction.
  [[nodiscard]] bool has_left(unsigned direction) const noexcept {
    return sides_[direction].step == Step::left;
  }

 private:
  enum class Step : std::uint8_t { head, body, left };
  struct Side {
    std::uint8_t* head = nullptr;  ///< what has come of a head, if not all at once
    std::uint32_t head_bytes = 0;
    std::uint32_t head_room = 0;
    HttpInflate* inflate = nullptr;  ///< of the coding that was applied last
    HttpRoom room;
    HttpChunks chunks;       ///< of a body that is chunked
    std::uint64_t left = 0;  ///< of a body with a length
    std::uint32_t message = 0;
    std::uint32_t as_sent_bytes = 0;  ///< told of http.request_body
    std::uint32_t decoded_bytes = 0;  ///< told of file.data and the like
    bool is_as_sent_open = false;
    bool is_decoded_open = false;
    bool is_plain = false;  ///< the body is not coded, whatever its head says
    Step step = Step::head;
    HttpFraming framing = HttpFraming::no_body;
    bool has_first_line = false;  ///< of the head that is gathered
    bool is_line_told = false;    ///< of a request without a version, which the head begins with
    bool is_interim = false;
    bool has_told_chunk = false;   ///< of this body that it is oddly chunked
    bool has_told_coding = false;  ///< of this body that it is oddly coded
    bool leaves_at_end = false;    ///< what follows the message is not HTTP/1
  };
  /// What a call works on.
  struct Turn {
    Side& side;
    const AppSink& sink;
    unsigned direction;
  };

  // Heads (http_parser.cc); each takes bytes from the front and says how many.
  [[nodiscard]] std::size_t read_head(const Turn& turn, ByteSpan bytes) noexcept;
  [[nodiscard]] std::size_t gather_head(const Turn& turn, ByteSpan bytes) noexcept;
  void take_cut_head(const Turn& turn) noexcept;
  void tell_simple_request(const Turn& turn, ByteSpan line) noexcept;
  [[nodiscard]] std::optional<std::size_t> read_behind_line(const Turn& turn,
                                                            std::size_t before) noexcept;
  void end_simple_request(const Turn& turn) noexcept;
  [[nodiscard]] ByteSpan behind_line(const Side& side) const noexcept;
  [[nodiscard]] std::optional<std::size_t> read_prelude(const Turn& turn,
                                                        std::size_t before) noexcept;
  [[nodiscard]] bool append_to_head(Side& side, ByteSpan bytes) noexcept;
  void begin_headless_body(const Turn& turn) noexcept;
  void take_head(const Turn& turn, ByteSpan head, std::size_t bytes_behind) noexcept;
  [[nodiscard]] HttpBody note_request(const Turn& turn, HttpHead& head) noexcept;
  [[nodiscard]] HttpBody note_response(const Turn& turn, HttpHead& head) noexcept;
  /// False where the pool had no room for all that is to be kept.
  [[nodiscard]] bool tell_buffers(const Turn& turn, HttpHead& head, bool outlasts_push) noexcept;
  void end_message(const Turn& turn) noexcept;
  void leave(const Turn& turn) noexcept;
  void give_head(Side& side) noexcept;
  void push_request_kind(const Turn& turn, HttpRequestKind kind) noexcept;
  [[nodiscard]] HttpRequestKind next_request_kind(bool is_interim) noexcept;
  static void tell(const Turn& turn, AppAnomaly anomaly) noexcept;
  static void tell_anomalies(const Turn& turn, std::uint32_t bits) noexcept;

  // Bodies (http_body.cc).
  void begin_body(const Turn& turn, const HttpBody& body) noexcept;
  [[nodiscard]] std::size_t read_body(const Turn& turn, ByteSpan bytes) noexcept;
  [[nodiscard]] std::size_t read_chunks(const Turn& turn, ByteSpan bytes) noexcept;
  void take_body(const Turn& turn, ByteSpan bytes) noexcept;
  void open_codings(const Turn& turn, const HttpCodings& codings) noexcept;
  void decode(const Turn& turn, HttpInflate*& layer, ByteSpan bytes) noexcept;
  [[nodiscard]] std::size_t wanted_of(const Turn& turn, HttpInflate& layer) const noexcept;
  void tell_odd_coding(const Turn& turn) noexcept;
  [[nodiscard]] std::uint64_t room_left(const Side& side) const noexcept;
  void tell_made(const Turn& turn, ByteSpan bytes) noexcept;
  void end_bomb(const Turn& turn) noexcept;
  void drop_coding(HttpInflate*& layer) noexcept;
  void tell_as_sent(const Turn& turn, ByteSpan bytes, bool is_last) noexcept;
  void tell_decoded(const Turn& turn, ByteSpan bytes, bool is_last) noexcept;
  void tell_decoded_request(const Turn& turn, ByteSpan bytes, bool is_last) noexcept;
  void close_buffers(const Turn& turn) noexcept;
  void end_body(const Turn& turn) noexcept;
  [[nodiscard]] std::uint32_t depth_of(unsigned direction) const noexcept;
  void give_inflate(Side& side) noexcept;

  ChunkPool* pool_;
  const HttpLimits* limits_;
  std::array<Side, 2> sides_;
  std::uint64_t kinds_ = 0;      ///< two bits a request without an answer, the oldest lowest
  std::uint32_t in_flight_ = 0;  ///< such requests, with those whose kind is not remembered
  bool has_told_in_flight_ = false;
  bool is_other_protocol_ = false;  ///< a tunnel, or 101, begins behind the response
};
static_assert(sizeof(HttpParser) <= 192);

}  // namespace sluice
