// What the wire knows of the two directions of an inspected TCP connection, and the words in which
// segments come in and judgements go out. The state lives in a chunk of the worker's pool and is
// named by Flow::stream_slot. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/clock.h"
#include "dataplane/inspect/kept_bytes.h"
#include "dataplane/inspect/reorder.h"
#include "dataplane/packet.h"

namespace sluice {

enum StreamFlag : std::uint16_t {
  kStreamOpen = 1 << 0,      ///< its first sequence number is known
  kStreamIgnored = 1 << 1,   ///< inspected no more
  kStreamAnswered = 1 << 2,  ///< an acknowledgement of it was seen, or its SYN: PAWS can be judged
  kStreamStamped = 1 << 3,   ///< `timestamp` is set
  kStreamFin = 1 << 4,       ///< `fin_sequence` is set
  kStreamEnded = 1 << 5,     ///< all bytes up to the FIN were scanned
  kStreamIsland = 1 << 6,    ///< `island_from` and `island_to` are set
  kStreamUnproven = 1 << 7,  ///< met midway: nobody but its sender has said where it stands
  kStreamClaimed = 1 << 8,   ///< `claimed_to` is set
};

/// The bytes that travel in one direction. Marks are sequence numbers of the next byte.
struct StreamDirection {
  std::uint64_t scanned_bytes;  ///< place of `scanned_to` in the stream, gaps counted
  KeptBytes kept;               ///< ends at `scanned_to`
  ReorderList* waiting;         ///< out-of-order copies, all behind `scanned_to`
  std::uint32_t scanned_to;
  std::uint32_t forwarded_to;   ///< every byte before it left
  std::uint32_t forwarded_max;  ///< no byte from here on left
  std::uint32_t island_from;    ///< bytes that left behind a gap
  std::uint32_t island_to;
  std::uint32_t acknowledged_to;    ///< at most `scanned_to`
  std::uint32_t fin_sequence;       ///< where the FIN stands
  std::uint32_t timestamp;          ///< RFC 7323's TS.Recent, as the receiver must know it
  std::uint32_t timestamp_seconds;  ///< when it was set
  std::uint32_t claimed_to;         ///< while unproven: what its receiver says to expect
  std::uint16_t window_bytes;
  std::uint16_t flags;   ///< StreamFlag
  std::uint8_t sides;    ///< StreamSegment::side of all its segments
  std::uint8_t rewinds;  ///< while unproven: how often bytes before the first ones turned up,
  std::uint8_t strays;   ///< and how often some were refused whose place nobody else knows

  [[nodiscard]] bool has(StreamFlag flag) const noexcept { return (flags & flag) != 0; }
  void set(StreamFlag flag) noexcept { flags = static_cast<std::uint16_t>(flags | flag); }
  void clear(StreamFlag flag) noexcept { flags = static_cast<std::uint16_t>(flags & ~flag); }
};

struct TcpStream {
  std::array<StreamDirection, 2> directions;  ///< [to_server, to_client]
  bool has_timestamps;
};
static_assert(sizeof(TcpStream) <= 192 && std::is_trivially_copyable_v<TcpStream>);

/// RFC 7323 2.3: no receiver takes what is further on.
inline constexpr std::int32_t kReceiverWindowMax = 1 << 30;

[[nodiscard]] inline std::uint32_t first_sequence(const StreamDirection& own) noexcept {
  return own.scanned_to - static_cast<std::uint32_t>(own.scanned_bytes);
}
void begin_at(StreamDirection& own, std::uint32_t sequence) noexcept;
/// Bytes from `begin` to `end` were forwarded. Of those behind a gap one run is remembered.
void note_left(StreamDirection& own, std::uint32_t begin, std::uint32_t end) noexcept;
/// True if a FIN at `end` would leave waiting copies behind it.
[[nodiscard]] bool cuts_waiting(const StreamDirection& own, unsigned flags,
                                std::uint32_t end) noexcept;
/// Remembers the first FIN that stands where bytes can end.
void note_fin(StreamDirection& own, unsigned flags, std::uint32_t end) noexcept;

/// How a stream begins. Where a number is not known, its direction begins with its first segment.
struct StreamOpening {
  std::array<std::uint32_t, 2> next_sequence{};  ///< as in Flow, when the flow was made
  std::array<bool, 2> is_known{};                ///< from a handshake
  /// How far back rules of the flow's groups look; 0 = not at all, at most kWindowBytesMax.
  std::array<std::uint16_t, 2> window_bytes{};
  /// Both SYNs offered timestamps: the SYN-ACK carried them, or no handshake was seen.
  bool has_timestamps = false;
};

/// One TCP segment that fits its flow. A packet whose payload does not stand in one piece comes as
/// several, SYN on the first of them and FIN on the last.
struct StreamSegment {
  TimeNs now = 0;
  std::span<const std::uint8_t> payload;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t timestamp = 0;
  bool has_timestamp = false;
  std::uint8_t flags = 0;
  std::uint8_t direction = 0;  ///< kToServer or kToClient
  std::uint8_t side = 0;       ///< a bit for the side of the wire that it came from; 0: not known
};
/// As far as the packet's bytes are at hand.
[[nodiscard]] StreamSegment stream_segment_of(const Packet& packet, unsigned direction) noexcept;

/// True if a segment that acknowledges `acknowledged` comes from the side where all of that does:
/// who sends there may have written it in the receiver's name.
[[nodiscard]] inline bool is_from_the_senders_side(const StreamDirection& acknowledged,
                                                   const StreamSegment& segment) noexcept {
  return segment.side != 0 && acknowledged.sides == segment.side;
}

/// PAWS: the receiver discards the segment for its timestamp.
[[nodiscard]] bool is_outdated(const StreamDirection& own, const StreamSegment& segment) noexcept;
void note_timestamp(StreamDirection& own, const StreamSegment& segment) noexcept;

/// The next in-order bytes of a direction, 1 to kAppendBytesMax of them. Spans hold until the sink
/// returns.
struct StreamPiece {
  unsigned direction;
  std::uint64_t begin;  ///< place of bytes[0] in the stream
  std::span<const std::uint8_t> bytes;
  /// Ends with `bytes` and reaches up to window_bytes further back; less at the start of a stream,
  /// behind a gap and when memory is short.
  std::span<const std::uint8_t> window;
};

/// Who is told the bytes, each once and in order. `self` is the receiver.
struct StreamSink {
  void* self = nullptr;
  /// False: the stream is refused. Nothing more comes of this segment then, but in monitor mode.
  bool (*bytes)(void* self, const StreamPiece& piece) noexcept = nullptr;
  /// The next `bytes` of the stream were never seen and are not going to be.
  void (*gap)(void* self, unsigned direction, std::uint64_t bytes) noexcept = nullptr;
  /// Bytes turned up that stand before the first ones: the direction is told anew, from there on.
  void (*restarted)(void* self, unsigned direction) noexcept = nullptr;
  /// The direction was closed by its sender, and all its bytes have come.
  void (*ended)(void* self, unsigned direction) noexcept = nullptr;
};

/// What is wrong with a segment. The caller turns it into a verdict: it refuses the packet, but
/// where an exception policy says otherwise.
enum class SegmentFinding : std::uint8_t {
  none,
  conflicting_retransmission,   ///< differs from a first copy, or goes on behind the FIN
  unverifiable_retransmission,  ///< the first copy is not kept any more: exception policy
  reorder_limit,                ///< no copy can wait until its turn comes: exception policy
  old_timestamp,                ///< RFC 7323 5: its receiver discards it (PAWS)
  count_,
};

struct Judgement {
  SegmentFinding finding = SegmentFinding::none;
  bool is_refused = false;  ///< the sink refused the stream at this segment
  bool has_gap = false;     ///< bytes were skipped that the receiver has and nobody inspected
};

}  // namespace sluice
