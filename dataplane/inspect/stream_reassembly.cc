// The first copy of a byte is the one that counts, wherever it is: scanned and kept, or waiting
// behind a gap. A receiver may prefer the other copy, so one that differs never gets there while it
// could still be taken. Receivers differ in that preference; equal bytes leave them no choice.
//
// Bytes behind a gap are forwarded before they are scanned. Nothing is lost by that: the receiver's
// application gets none of them before the gap is closed, and the packet that closes it is judged
// by all that it makes readable. Refusing that one packet withholds everything behind it.
//
// A gap that the receiver acknowledged is one that only the gateway has: it was down, was bypassed,
// or the capture has holes. Inspection goes on behind it.
//
// Where a stream was met midway, see stream_midway.cc.
#include "dataplane/inspect/stream_reassembly.h"

#include <algorithm>
#include <new>

#include "base/check.h"
#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/stream_turn.h"

namespace sluice {

using detail::ahead;

namespace {

/// What nearly all segments are: the next bytes, where nothing waits and nothing ends.
[[nodiscard]] bool is_plainly_next(const StreamDirection& own,
                                   const StreamSegment& segment) noexcept {
  return segment.sequence == own.scanned_to && own.waiting == nullptr &&
         (segment.flags & (kSyn | kFin)) == 0 && !own.has(kStreamFin) &&
         segment.payload.size() <= kAppendBytesMax;
}

}  // namespace

StreamReassembly::StreamReassembly(ChunkPool& pool, const StreamLimits& limits) noexcept
    : pool_(&pool),
      kept_(pool, limits.kept_bytes),
      waiting_(pool, limits.reorder_bytes),
      limits_(limits) {}

void StreamReassembly::obey(const StreamLimits& limits) noexcept {
  limits_ = limits;
  kept_.limit_to(limits.kept_bytes);
  waiting_.limit_to(limits.reorder_bytes);
}

std::uint32_t StreamReassembly::open(const StreamOpening& opening) noexcept {
  void* memory = pool_->take(sizeof(TcpStream));
  if (memory == nullptr) {
    ++counters_.state_limit;
    return kNoSlot;
  }
  auto* stream = new (memory) TcpStream{};
  stream->has_timestamps = opening.has_timestamps;
  for (unsigned direction = 0; direction < 2; ++direction) {
    StreamDirection& own = stream->directions[direction];
    SLUICE_CHECK(opening.window_bytes[direction] <= kWindowBytesMax, "rules are compiled so");
    own.window_bytes = opening.window_bytes[direction];
    if (!opening.is_known[direction]) continue;
    begin_at(own, opening.next_sequence[direction]);
    own.set(kStreamAnswered);
  }
  ++counters_.streams;
  return pool_->slot_of(memory);
}

void StreamReassembly::close(std::uint32_t slot) noexcept {
  TcpStream& stream = at(slot);
  for (StreamDirection& own : stream.directions) {
    kept_.release_all(own.kept);
    waiting_.release_all(own.waiting);
  }
  --counters_.streams;
  pool_->give(&stream, sizeof(TcpStream));
}

void StreamReassembly::ignore(std::uint32_t slot, unsigned direction) noexcept {
  StreamDirection& own = at(slot).directions[direction];
  own.set(kStreamIgnored);
  kept_.release_all(own.kept);
  waiting_.release_all(own.waiting);
}

Judgement StreamReassembly::take_segment(std::uint32_t slot, const StreamSegment& segment,
                                         Mode mode, const StreamSink& sink) noexcept {
  // RFC 9293 3.10.7.4: a reset brings no bytes, and without ACK a segment is dropped.
  const unsigned kind = segment.flags & (kRst | kAck | kSyn);
  if ((kind & kRst) != 0 || kind == 0) [[unlikely]]
    return {};
  TcpStream& stream = at(slot);
  StreamDirection& own = stream.directions[segment.direction];
  Turn turn{segment, sink, mode, segment.direction, {}};
  if (!own.has(kStreamOpen)) [[unlikely]] {
    if ((kind & kSyn) != 0) return turn.judgement;  // met midway: a SYN is no part of it
    begin_at(own, segment.sequence);
    own.set(kStreamUnproven);
    const bool is_believed =
        !is_from_the_senders_side(stream.directions[segment.direction ^ 1U], segment);
    if (!is_believed) own.clear(kStreamClaimed);
  }
  if (stream.has_timestamps && is_outdated(own, segment)) [[unlikely]] {
    find(turn, SegmentFinding::old_timestamp);
    return turn.judgement;
  }
  StreamDirection& other = stream.directions[segment.direction ^ 1U];
  own.sides |= segment.side;
  const bool is_forged = is_from_the_senders_side(other, segment);
  if (is_forged && own.sides != segment.side && !segment.payload.empty()) [[unlikely]] {
    find(turn, SegmentFinding::conflicting_retransmission);
    return turn.judgement;
  }
  if ((kind & kAck) != 0 && !is_forged) [[likely]] {
    turn.direction = segment.direction ^ 1U;
    take_acknowledgement(turn, other, segment.acknowledgement);
    turn.direction = segment.direction;
  }
  if (stream.has_timestamps) note_timestamp(own, segment);
  const bool brings_something = !segment.payload.empty() || (segment.flags & kFin) != 0;
  if (!brings_something || own.has(kStreamIgnored) || turn.is_over()) return turn.judgement;
  if (is_plainly_next(own, segment)) [[likely]] {
    if (own.has(kStreamUnproven) && is_too_much(turn, own)) [[unlikely]]
      return turn.judgement;
    tell(turn, own, segment.payload);
  } else {
    take_bytes(turn, own);
  }
  return turn.judgement;
}

void StreamReassembly::take_bytes(Turn& turn, StreamDirection& own) noexcept {
  const StreamSegment& segment = turn.segment;
  std::uint32_t sequence = segment.sequence;
  if ((segment.flags & kSyn) != 0 && ++sequence != first_sequence(own)) [[unlikely]]
    return;
  std::span<const std::uint8_t> payload = segment.payload;
  const std::uint32_t end = sequence + static_cast<std::uint32_t>(payload.size());
  if (own.has(kStreamUnproven) && !meets(turn, own, payload, sequence)) [[unlikely]]
    return;
  const bool may_end = (segment.flags & kFin) != 0 || own.has(kStreamFin);
  if (may_end && !fits_fin(turn, own, sequence, payload)) [[unlikely]]
    return;
  const std::int32_t old = ahead(own.scanned_to, sequence);
  if (old > 0) [[unlikely]] {
    const auto count = std::min(payload.size(), static_cast<std::size_t>(old));
    if (!is_same_again(turn, own, sequence, payload.first(count))) return;
    payload = payload.subspan(count);
    sequence += static_cast<std::uint32_t>(count);
  }
  if (!payload.empty()) {
    const bool is_conflict =
        own.waiting != nullptr && ReorderStore::is_conflicting(own.waiting, sequence, payload);
    if (is_conflict) [[unlikely]] {
      find(turn, SegmentFinding::conflicting_retransmission);
      if (turn.mode == Mode::enforce) return;
    }
    if (old >= 0) {
      read_on(turn, own, payload);
    } else if (!wait(turn, own, sequence, payload)) {
      return;
    }
  }
  if (!may_end || turn.is_over()) [[likely]]
    return;
  note_fin(own, segment.flags, end);
  end_if_complete(turn, own);
}

/// Nothing stands behind a FIN, so what claims to is another copy of the stream. False: refused for
/// that; in monitor mode the payload is cut instead.
bool StreamReassembly::fits_fin(Turn& turn, const StreamDirection& own, std::uint32_t sequence,
                                std::span<const std::uint8_t>& payload) noexcept {
  const std::uint32_t end = sequence + static_cast<std::uint32_t>(payload.size());
  const std::int32_t behind = own.has(kStreamFin) ? ahead(end, own.fin_sequence) : 0;
  if (behind <= 0 && !cuts_waiting(own, turn.segment.flags, end)) [[likely]]
    return true;
  find(turn, SegmentFinding::conflicting_retransmission);
  if (turn.mode == Mode::enforce) return false;
  const auto cut = static_cast<std::size_t>(std::max(behind, 0));
  payload = payload.first(payload.size() - std::min(payload.size(), cut));
  return true;
}

/// Compares bytes that were scanned before with their first copy, as far as the receiver may still
/// take them. False: refused.
bool StreamReassembly::is_same_again(Turn& turn, const StreamDirection& own, std::uint32_t sequence,
                                     std::span<const std::uint8_t> old) noexcept {
  const std::int32_t taken = ahead(own.acknowledged_to, sequence);
  if (taken > 0) {
    const auto count = std::min(old.size(), static_cast<std::size_t>(taken));
    old = old.subspan(count);
    sequence += static_cast<std::uint32_t>(count);
  }
  switch (KeptStore::compare(own.kept, sequence, old)) {
    case KeptMatch::same:
      return true;
    case KeptMatch::unknown:
      find(turn, SegmentFinding::unverifiable_retransmission);
      return true;
    case KeptMatch::different:
      find(turn, SegmentFinding::conflicting_retransmission);
      break;
  }
  return turn.mode == Mode::monitor;
}

/// Keeps a copy of bytes behind a gap. False: they count for nothing.
bool StreamReassembly::wait(Turn& turn, StreamDirection& own, std::uint32_t sequence,
                            std::span<const std::uint8_t> payload) noexcept {
  const std::uint32_t end = sequence + static_cast<std::uint32_t>(payload.size());
  if (ahead(end, own.scanned_to) > kReceiverWindowMax) return false;
  if (waiting_.insert(own.waiting, sequence, payload, limits_.reorder_bytes_per_direction))
      [[likely]] {
    return true;
  }
  find(turn, SegmentFinding::reorder_limit);
  if (turn.mode == Mode::enforce) return false;
  // It goes on all the same, so waiting for what is in front of it makes no sense.
  skip_to(turn, own, sequence);
  const auto told = std::min<std::size_t>(payload.size(), own.scanned_to - sequence);
  read_on(turn, own, payload.subspan(told));
  return true;
}

/// Tells new bytes that stand at `scanned_to`, with the copies that waited for them. Where both
/// exist, the copy was first.
void StreamReassembly::read_on(Turn& turn, StreamDirection& own,
                               std::span<const std::uint8_t> payload) noexcept {
  while (!payload.empty() && !turn.is_over()) {
    std::size_t count = std::min<std::size_t>(payload.size(), kAppendBytesMax);
    if (const ReorderPiece* piece = ReorderStore::first(own.waiting); piece != nullptr) {
      count = std::min<std::size_t>(count, piece->sequence - own.scanned_to);
    }
    if (count == 0) {
      count = std::min<std::size_t>(payload.size(), read_waiting(turn, own));
    } else {
      tell(turn, own, payload.first(count));
    }
    payload = payload.subspan(count);
  }
  read_joined(turn, own);
}

/// Tells the copy that stands at `scanned_to` and returns its length.
std::uint32_t StreamReassembly::read_waiting(Turn& turn, StreamDirection& own) noexcept {
  const ReorderPiece& piece = *ReorderStore::first(own.waiting);
  const std::uint32_t count = piece.bytes;
  tell(turn, own, piece.view());
  waiting_.remove_first(own.waiting);
  return count;
}

/// Tells the copies that no gap parts from `scanned_to`.
void StreamReassembly::read_joined(Turn& turn, StreamDirection& own) noexcept {
  while (own.waiting != nullptr && !turn.is_over() &&
         ReorderStore::first(own.waiting)->sequence == own.scanned_to) {
    (void)read_waiting(turn, own);
  }
}

void StreamReassembly::tell(Turn& turn, StreamDirection& own,
                            std::span<const std::uint8_t> bytes) noexcept {
  const std::uint8_t* copy = kept_.append(own.kept, need_of(own), bytes);
  const std::uint64_t begin = own.scanned_bytes;
  own.scanned_to += static_cast<std::uint32_t>(bytes.size());
  own.scanned_bytes += bytes.size();
  std::span<const std::uint8_t> window = bytes;
  if (copy != nullptr) [[likely]] {
    const auto before = static_cast<std::size_t>(copy - own.kept.newest->data());
    const std::size_t back = std::min<std::size_t>(before, own.window_bytes);
    bytes = {copy, bytes.size()};
    window = {copy - back, back + bytes.size()};
  }
  if (!turn.sink.bytes(turn.sink.self, {turn.direction, begin, bytes, window})) [[unlikely]] {
    turn.judgement.is_refused = true;
  }
}

/// Gives up waiting for what stands before `sequence` and no copy has.
void StreamReassembly::skip_to(Turn& turn, StreamDirection& own, std::uint32_t sequence) noexcept {
  read_joined(turn, own);
  while (ahead(sequence, own.scanned_to) > 0 && !turn.is_over()) {
    const ReorderPiece* piece = ReorderStore::first(own.waiting);
    const bool has_copy = piece != nullptr && ahead(piece->sequence, sequence) < 0;
    const std::uint32_t bytes = (has_copy ? piece->sequence : sequence) - own.scanned_to;
    kept_.release_all(own.kept);
    own.scanned_to += bytes;
    own.scanned_bytes += bytes;
    ++counters_.stream_gap;
    counters_.stream_gap_bytes += bytes;
    turn.judgement.has_gap = true;
    turn.sink.gap(turn.sink.self, turn.direction, bytes);
    read_joined(turn, own);
  }
}

void StreamReassembly::end_if_complete(Turn& turn, StreamDirection& own) noexcept {
  if (!own.has(kStreamFin) || own.has(kStreamEnded) || own.scanned_to != own.fin_sequence) return;
  own.set(kStreamEnded);
  turn.sink.ended(turn.sink.self, turn.direction);
}

/// `own` is the direction that is acknowledged.
void StreamReassembly::take_acknowledgement(Turn& turn, StreamDirection& own,
                                            std::uint32_t number) noexcept {
  const bool is_met_midway = !own.has(kStreamOpen) || own.has(kStreamUnproven);
  if (is_met_midway && !proves(own, number)) [[unlikely]]
    return;
  own.set(kStreamAnswered);
  if (ahead(number, own.acknowledged_to) <= 0 || ahead(number, own.forwarded_max) > 0) return;
  if (ahead(number, own.forwarded_to) > 0) [[unlikely]]
    note_left(own, own.forwarded_to, number);
  if (own.has(kStreamFin) && number == own.fin_sequence + 1) --number;
  if (own.has(kStreamIgnored)) [[unlikely]] {
    own.acknowledged_to = number;
    return;
  }
  if (ahead(number, own.scanned_to) > 0) [[unlikely]] {
    skip_to(turn, own, number);
    if (!turn.is_over()) end_if_complete(turn, own);
  }
  own.acknowledged_to = number;
  kept_.release_acknowledged(own.kept, need_of(own));
}

void StreamReassembly::note_forwarded(std::uint32_t slot, const StreamSegment& segment,
                                      std::uint32_t payload_bytes) noexcept {
  StreamDirection& own = at(slot).directions[segment.direction];
  const unsigned kind = segment.flags & (kRst | kAck | kSyn);
  if ((kind & kRst) != 0 || kind == 0 || !own.has(kStreamOpen)) [[unlikely]]
    return;
  std::uint32_t begin = segment.sequence;
  if ((kind & kSyn) != 0 && ++begin != first_sequence(own)) [[unlikely]]
    return;
  note_left(own, begin, begin + payload_bytes + ((segment.flags & kFin) != 0 ? 1 : 0));
}

StreamReassembly::Window StreamReassembly::window(std::uint32_t slot,
                                                  unsigned direction) const noexcept {
  const StreamDirection& own = stream(slot).directions[direction];
  const KeptChunk* chunk = own.kept.newest;
  if (chunk == nullptr) return {own.scanned_bytes, {}};
  const std::uint32_t bytes = std::min<std::uint32_t>(chunk->bytes, own.window_bytes);
  return {own.scanned_bytes - bytes, {chunk->data() + (chunk->bytes - bytes), bytes}};
}

/// While nothing was acknowledged ever, perhaps nothing will be: the other direction may take
/// another path.
KeptNeed StreamReassembly::need_of(const StreamDirection& own) const noexcept {
  const bool is_answered = own.acknowledged_to != first_sequence(own);
  return {own.scanned_to, own.acknowledged_to, own.window_bytes,
          is_answered ? limits_.kept_bytes_per_direction : limits_.kept_bytes_unanswered};
}

/// A conflict says more than that something else could not be verified.
void StreamReassembly::find(Turn& turn, SegmentFinding finding) noexcept {
  switch (finding) {
    case SegmentFinding::conflicting_retransmission:
      ++counters_.conflicting_retransmission;
      break;
    case SegmentFinding::unverifiable_retransmission:
      ++counters_.unverifiable_retransmission;
      break;
    case SegmentFinding::reorder_limit:
      ++counters_.reorder_limit;
      break;
    case SegmentFinding::old_timestamp:
      ++counters_.old_timestamp;
      break;
    case SegmentFinding::none:
    case SegmentFinding::count_:
      return;
  }
  if (turn.judgement.finding == SegmentFinding::conflicting_retransmission) return;
  turn.judgement.finding = finding;
}

StreamCounters StreamReassembly::counters() const noexcept {
  StreamCounters counters = counters_;
  counters.kept_bytes = kept_.chunk_bytes();
  counters.reorder_bytes = waiting_.chunk_bytes();
  counters.kept_shortage = kept_.shortages();
  return counters;
}

}  // namespace sluice
