// TCP streams in the wire: tells the sink every byte of a connection once and in order, as its
// receiver will read them, while the segments themselves are forwarded as they come. One per
// worker; everything is called from that worker's thread, allocates nothing and takes a bounded
// number of steps per segment.
//
// Three marks per direction part old bytes from new ones. Below `acknowledged_to` the receiver has
// its bytes and takes no others. From there to `scanned_to` a byte must be equal to the kept first
// copy. From `scanned_to` on bytes are new. `forwarded_to` moves only when a packet left, and an
// acknowledgement of what did not leave is not believed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/verdict.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/kept_bytes.h"
#include "dataplane/inspect/reorder.h"
#include "dataplane/inspect/tcp_stream.h"

namespace sluice {

/// Budgets in bytes of chunks. Together with the streams themselves they may be more than the pool
/// has; what comes first is limited first.
struct StreamLimits {
  std::size_t kept_bytes = 0;     ///< of the worker
  std::size_t reorder_bytes = 0;  ///< of the worker
  std::uint32_t kept_bytes_per_direction = 1024 * 1024;
  std::uint32_t reorder_bytes_per_direction = 256 * 1024;
  /// Instead of kept_bytes_per_direction while nothing was acknowledged: with asymmetric paths it
  /// never will be.
  std::uint32_t kept_bytes_unanswered = 128 * 1024;
};

struct StreamCounters {
  std::uint64_t streams = 0;        ///< gauge
  std::uint64_t kept_bytes = 0;     ///< gauge
  std::uint64_t reorder_bytes = 0;  ///< gauge
  std::uint64_t state_limit = 0;    ///< streams that found no memory
  std::uint64_t conflicting_retransmission = 0;
  std::uint64_t unverifiable_retransmission = 0;
  std::uint64_t reorder_limit = 0;
  std::uint64_t old_timestamp = 0;
  std::uint64_t kept_shortage = 0;  ///< unacknowledged bytes were let go for want of memory
  std::uint64_t stream_gap = 0;
  std::uint64_t stream_gap_bytes = 0;
};

class StreamReassembly {
 public:
  /// The pool outlives the reassembly.
  StreamReassembly(ChunkPool& pool, const StreamLimits& limits) noexcept;
  StreamReassembly(const StreamReassembly&) = delete;
  StreamReassembly& operator=(const StreamReassembly&) = delete;

  /// Other limits from now on; what is above them is not taken back.
  void obey(const StreamLimits& limits) noexcept;

  /// The slot of a new stream, or kNoSlot where memory lacks: then the flow goes on without
  /// reassembly, by the exception policy of its caller.
  [[nodiscard]] std::uint32_t open(const StreamOpening& opening) noexcept;
  void close(std::uint32_t slot) noexcept;

  /// Judges a segment and tells the sink what becomes readable by it, in both directions: an
  /// acknowledgement can end the waiting for bytes that nobody saw. In monitor mode the judgement
  /// is the same, but whatever it says the segment goes its way, and first copies are what counts.
  /// Once a judgement refused the stream, in enforce mode no more segments of it come.
  [[nodiscard]] Judgement take_segment(std::uint32_t slot, const StreamSegment& segment, Mode mode,
                                       const StreamSink& sink) noexcept;

  /// The packet of a segment that was judged did leave. `payload_bytes` by its headers.
  void note_forwarded(std::uint32_t slot, const StreamSegment& segment,
                      std::uint32_t payload_bytes) noexcept;

  /// No byte of this direction is inspected or compared any more, and its memory is free.
  void ignore(std::uint32_t slot, unsigned direction) noexcept;

  /// The last window_bytes that the sink was told, where they are still kept; until the next call.
  struct Window {
    std::uint64_t begin;  ///< place of bytes[0] in the stream
    std::span<const std::uint8_t> bytes;
  };
  [[nodiscard]] Window window(std::uint32_t slot, unsigned direction) const noexcept;

  [[nodiscard]] const TcpStream& stream(std::uint32_t slot) const noexcept {
    return *static_cast<const TcpStream*>(pool_->at(slot));
  }
  [[nodiscard]] StreamCounters counters() const noexcept;

 private:
  struct Turn;  // stream_turn.h

  [[nodiscard]] KeptNeed need_of(const StreamDirection& own) const noexcept;
  void take_acknowledgement(Turn& turn, StreamDirection& own, std::uint32_t number) noexcept;
  void take_bytes(Turn& turn, StreamDirection& own) noexcept;
  [[nodiscard]] bool fits_fin(Turn& turn, const StreamDirection& own, std::uint32_t sequence,
                              std::span<const std::uint8_t>& payload) noexcept;
  [[nodiscard]] bool is_same_again(Turn& turn, const StreamDirection& own, std::uint32_t sequence,
                                   std::span<const std::uint8_t> old) noexcept;
  [[nodiscard]] bool wait(Turn& turn, StreamDirection& own, std::uint32_t sequence,
                          std::span<const std::uint8_t> payload) noexcept;
  void read_on(Turn& turn, StreamDirection& own, std::span<const std::uint8_t> payload) noexcept;
  [[nodiscard]] std::uint32_t read_waiting(Turn& turn, StreamDirection& own) noexcept;
  void read_joined(Turn& turn, StreamDirection& own) noexcept;
  void tell(Turn& turn, StreamDirection& own, std::span<const std::uint8_t> bytes) noexcept;
  void skip_to(Turn& turn, StreamDirection& own, std::uint32_t sequence) noexcept;
  void end_if_complete(Turn& turn, StreamDirection& own) noexcept;

  // stream_midway.cc: directions whose beginning nobody saw
  [[nodiscard]] static bool proves(StreamDirection& own, std::uint32_t number) noexcept;
  [[nodiscard]] bool is_too_much(Turn& turn, const StreamDirection& own) noexcept;
  [[nodiscard]] bool meets(Turn& turn, StreamDirection& own, std::span<const std::uint8_t>& payload,
                           std::uint32_t& sequence) noexcept;
  void begin_as_agreed(Turn& turn, StreamDirection& own) noexcept;
  void rewind(Turn& turn, StreamDirection& own, std::uint32_t sequence) noexcept;
  void begin_anew(Turn& turn, StreamDirection& own, std::uint32_t sequence) noexcept;
  [[nodiscard]] ReorderList* set_aside(StreamDirection& own) noexcept;

  void find(Turn& turn, SegmentFinding finding) noexcept;

  [[nodiscard]] TcpStream& at(std::uint32_t slot) noexcept {
    return *static_cast<TcpStream*>(pool_->at(slot));
  }

  ChunkPool* pool_;
  KeptStore kept_;
  ReorderStore waiting_;
  StreamLimits limits_;
  StreamCounters counters_;
};

}  // namespace sluice
