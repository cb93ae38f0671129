// A direction whose handshake was not seen begins with the first segment that comes, and that may
// be any: a copy that dies on the way, or the later half of what is hidden. What its sender says of
// its place is proven once its receiver acknowledges bytes that were seen to leave.
//
// Until then nothing passes that could not be put in order afterwards. Bytes in order are told at
// once. Those that stand before the first ones are told with all that followed them, which is kept
// meanwhile. Those behind a gap are refused, since only their sender says that there is one; they
// come again. What the receiver says first, that it has everything up to a number, holds from the
// moment on when its sender sends the byte of that number: one of them alone is not believed, as
// either may lie. No connection that was open before the gateway was is cut by that: what is
// refused comes again, and sender and receiver agree when it does.
#include <algorithm>

#include "dataplane/flow/tcp_state.h"
#include "dataplane/inspect/stream_turn.h"

namespace sluice {

using detail::ahead;

namespace {

/// What is told again at most. An honest sender begins with what is missing first.
constexpr std::uint32_t kRewoundBytesMax = 128 * 1024;
constexpr std::uint8_t kRewindsMax = 4;
/// Where nothing is heard of the receiver, its packets may take another way: a sender that goes on
/// with what is refused is believed then.
constexpr std::uint8_t kStraysMax = 8;

/// How far `sequence` stands before the first byte that was told; 0 or less: it does not.
[[nodiscard]] std::int64_t before_first(const StreamDirection& own,
                                        std::uint32_t sequence) noexcept {
  const auto back = std::int64_t{ahead(own.scanned_to, sequence)};
  return back <= 0 ? back : back - static_cast<std::int64_t>(own.scanned_bytes);
}

[[nodiscard]] bool covers(std::uint32_t sequence, std::size_t bytes,
                          std::uint32_t number) noexcept {
  const std::int32_t place = ahead(number, sequence);
  return place >= 0 && static_cast<std::size_t>(place) < bytes;
}

}  // namespace

/// Takes the receiver's word. True: sender and receiver agree, the direction is like any other.
bool StreamReassembly::proves(StreamDirection& own, std::uint32_t number) noexcept {
  own.claimed_to = number;
  own.set(kStreamClaimed);
  if (!own.has(kStreamOpen) || before_first(own, number) > 0) return false;
  if (ahead(number, own.forwarded_max) > 0) return false;
  own.clear(kStreamUnproven);
  return true;
}

/// Finds the place of a segment of an unproven direction. False: it is refused, or nothing of it
/// counts.
bool StreamReassembly::meets(Turn& turn, StreamDirection& own,
                             std::span<const std::uint8_t>& payload,
                             std::uint32_t& sequence) noexcept {
  const std::uint32_t claimed = own.claimed_to;
  if (own.has(kStreamClaimed) && covers(sequence, payload.size(), claimed)) {
    payload = payload.subspan(claimed - sequence);
    sequence = claimed;
    begin_as_agreed(turn, own);
    return true;
  }
  const std::int64_t before = before_first(own, sequence);
  if (before > 0) {
    const std::uint32_t end = sequence + static_cast<std::uint32_t>(payload.size());
    const bool is_delivered = own.has(kStreamClaimed) && ahead(claimed, end) >= 0;
    if (is_delivered || payload.empty()) return false;
    if (before <= kReceiverWindowMax && own.rewinds < kRewindsMax) {
      ++own.rewinds;
      rewind(turn, own, sequence);
      return true;
    }
  } else if (payload.empty() || ahead(sequence, own.scanned_to) <= 0) {
    return payload.empty() || !is_too_much(turn, own);
  }
  if (!own.has(kStreamClaimed) && ++own.strays > kStraysMax) {
    own.strays = 0;
    begin_anew(turn, own, sequence);
    return true;
  }
  find(turn, SegmentFinding::reorder_limit);
  if (turn.mode == Mode::enforce) return false;
  if (before <= 0) skip_to(turn, own, sequence);
  return true;
}

/// The receiver waits for bytes before the first that were told, and those would be too many to
/// tell again: no more of them pass before it has what it waits for.
bool StreamReassembly::is_too_much(Turn& turn, const StreamDirection& own) noexcept {
  if (!own.has(kStreamClaimed) || own.scanned_bytes <= kRewoundBytesMax) return false;
  if (before_first(own, own.claimed_to) <= 0) return false;
  find(turn, SegmentFinding::reorder_limit);
  return turn.mode == Mode::enforce;
}

/// The sender sends the byte that the receiver expects: from there on both are believed.
void StreamReassembly::begin_as_agreed(Turn& turn, StreamDirection& own) noexcept {
  const std::uint32_t number = own.claimed_to;
  if (before_first(own, number) > 0) rewind(turn, own, number);
  if (ahead(number, own.scanned_to) > 0) skip_to(turn, own, number);
  own.acknowledged_to = number;
  own.forwarded_to = detail::later(own.forwarded_to, number);
  own.forwarded_max = detail::later(own.forwarded_max, number);
  own.clear(kStreamUnproven);
  own.set(kStreamAnswered);
}

/// The direction begins at `sequence` from now on, and what was told of it waits for its turn.
void StreamReassembly::rewind(Turn& turn, StreamDirection& own, std::uint32_t sequence) noexcept {
  // No receiver has room for what is too far apart.
  if (before_first(own, sequence) > kReceiverWindowMax) return begin_anew(turn, own, sequence);
  const std::uint32_t first = first_sequence(own);
  const std::uint32_t left = own.forwarded_max;
  ReorderList* waiting = set_aside(own);
  own.waiting = nullptr;
  begin_anew(turn, own, sequence);
  own.waiting = waiting;
  if (left != first) note_left(own, first, left);
}

/// Nothing that was told of the direction counts any more.
void StreamReassembly::begin_anew(Turn& turn, StreamDirection& own,
                                  std::uint32_t sequence) noexcept {
  kept_.release_all(own.kept);
  waiting_.release_all(own.waiting);
  begin_at(own, sequence);
  own.scanned_bytes = 0;
  own.clear(kStreamEnded);
  own.clear(kStreamIsland);
  turn.sink.restarted(turn.sink.self, turn.direction);
}

/// Copies what was told to where copies wait, and returns all of those. Where it is too much, or
/// not kept any more, it was told by itself, and is a gap from now on that its receiver will
/// acknowledge.
ReorderList* StreamReassembly::set_aside(StreamDirection& own) noexcept {
  std::uint32_t at = first_sequence(own);
  bool has_room = own.scanned_bytes <= kRewoundBytesMax;
  for (const KeptChunk* chunk = own.kept.oldest; chunk != nullptr && has_room;
       chunk = chunk->next) {
    if (ahead(chunk->sequence, at) > 0) break;
    const std::size_t known = std::min<std::size_t>(chunk->bytes, at - chunk->sequence);
    const std::span<const std::uint8_t> bytes{chunk->data() + known, chunk->bytes - known};
    has_room = waiting_.insert(own.waiting, at, bytes, limits_.reorder_bytes_per_direction);
    at += static_cast<std::uint32_t>(bytes.size());
  }
  if (has_room && at == own.scanned_to) return own.waiting;
  while (own.waiting != nullptr &&
         ahead(own.scanned_to, ReorderStore::first(own.waiting)->sequence) > 0) {
    waiting_.remove_first(own.waiting);
  }
  return own.waiting;
}

}  // namespace sluice
