#include "dataplane/inspect/tcp_stream.h"

#include <algorithm>

#include "base/endian.h"
#include "dataplane/flow/tcp_state.h"

namespace sluice {
namespace {

using detail::ahead;
using detail::later;

constexpr std::uint32_t kFixedHeader = 20;
constexpr std::uint8_t kEnd = 0, kNoOperation = 1, kTimestamps = 8, kTimestampsBytes = 10;
constexpr std::uint32_t kUsualOptions = 0x0101080a;  // RFC 7323 appendix A

constexpr std::uint32_t kTimestampSeconds = 24 * 24 * 3600;  // RFC 7323 5.5: then it is invalid
constexpr std::int32_t kTimestampSlack = 1;                  // a tick, as Linux has it

[[nodiscard]] std::uint32_t seconds_of(TimeNs now) noexcept {
  return static_cast<std::uint32_t>(now / kNsPerSecond);
}

// Of several runs the first is remembered; behind it `forwarded_to` catches up by the next
// acknowledgement.
void note_island(StreamDirection& own, std::uint32_t from, std::uint32_t to) noexcept {
  const bool is_apart = ahead(from, own.island_to) > 0 || ahead(own.island_from, to) > 0;
  if (!own.has(kStreamIsland) || (is_apart && ahead(own.island_from, from) > 0)) {
    own.island_from = from;
    own.island_to = to;
    own.set(kStreamIsland);
  } else if (!is_apart) {
    own.island_from = ahead(own.island_from, from) > 0 ? from : own.island_from;
    own.island_to = later(own.island_to, to);
  }
}

/// Where the timestamps option stands in the options, or null.
[[nodiscard]] const std::uint8_t* timestamps_in(std::span<const std::uint8_t> options) noexcept {
  while (options.size() >= kTimestampsBytes) {
    const std::uint8_t kind = options[0];
    if (kind == kEnd) return nullptr;
    if (kind == kNoOperation) {
      options = options.subspan(1);
      continue;
    }
    const std::uint8_t length = options[1];
    if (length < 2 || length > options.size()) return nullptr;
    if (kind == kTimestamps && length == kTimestampsBytes) return options.data();
    options = options.subspan(length);
  }
  return nullptr;
}

}  // namespace

void begin_at(StreamDirection& own, std::uint32_t sequence) noexcept {
  own.scanned_to = own.forwarded_to = own.forwarded_max = own.acknowledged_to = sequence;
  own.set(kStreamOpen);
}

void note_left(StreamDirection& own, std::uint32_t begin, std::uint32_t end) noexcept {
  const std::int32_t news = ahead(end, own.forwarded_to);
  if (news <= 0 || news > kReceiverWindowMax) return;
  own.forwarded_max = later(own.forwarded_max, end);
  if (ahead(begin, own.forwarded_to) > 0) [[unlikely]]
    return note_island(own, begin, end);
  own.forwarded_to = end;
  if (!own.has(kStreamIsland) || ahead(own.island_from, end) > 0) [[likely]]
    return;
  own.forwarded_to = later(end, own.island_to);
  own.clear(kStreamIsland);
}

bool cuts_waiting(const StreamDirection& own, unsigned flags, std::uint32_t end) noexcept {
  if ((flags & kFin) == 0 || own.has(kStreamFin) || own.waiting == nullptr) return false;
  return ahead(end, own.scanned_to) >= 0 && ahead(ReorderStore::last(own.waiting)->end(), end) > 0;
}

// A FIN before bytes that came already is nothing new to its receiver.
void note_fin(StreamDirection& own, unsigned flags, std::uint32_t end) noexcept {
  if ((flags & kFin) == 0 || own.has(kStreamFin) || ahead(end, own.scanned_to) < 0) return;
  if (cuts_waiting(own, flags, end)) return;
  own.fin_sequence = end;
  own.set(kStreamFin);
}

// RFC 7323 5.3 R1, for segments that bring something. Those without payload reach the application
// with nothing, and receivers exempt them because they overtake each other.
bool is_outdated(const StreamDirection& own, const StreamSegment& segment) noexcept {
  if (!segment.has_timestamp || !own.has(kStreamStamped)) return false;
  if (ahead(own.timestamp, segment.timestamp) <= kTimestampSlack) [[likely]]
    return false;
  const auto bytes = static_cast<std::uint32_t>(segment.payload.size());
  if (ahead(segment.sequence + bytes, own.acknowledged_to) <= 0) return false;
  return seconds_of(segment.now) - own.timestamp_seconds < kTimestampSeconds;
}

// RFC 7323 4.3: only from a segment that begins at or before what was acknowledged last. What the
// receiver acknowledged can only be further on than what was seen of it.
void note_timestamp(StreamDirection& own, const StreamSegment& segment) noexcept {
  if (!segment.has_timestamp || !own.has(kStreamAnswered)) return;
  if (ahead(segment.sequence, own.acknowledged_to) > 0) return;
  if (own.has(kStreamStamped) && ahead(own.timestamp, segment.timestamp) > 0) return;
  own.timestamp = segment.timestamp;
  own.timestamp_seconds = seconds_of(segment.now);
  own.set(kStreamStamped);
}

StreamSegment stream_segment_of(const Packet& packet, unsigned direction) noexcept {
  StreamSegment segment;
  segment.now = packet.now;
  segment.sequence = packet.tcp_sequence;
  segment.acknowledgement = packet.tcp_acknowledgement;
  segment.flags = packet.tcp_flags;
  segment.direction = static_cast<std::uint8_t>(direction);
  segment.side = static_cast<std::uint8_t>(1U << (packet.in_port & 1U));
  const std::uint32_t hand = packet.bytes_at_hand;
  const std::uint32_t begin = std::min<std::uint32_t>(packet.payload_offset, hand);
  segment.payload = {packet.bytes + begin,
                     std::min<std::uint32_t>(packet.payload_bytes, hand - begin)};
  const std::uint32_t options = packet.l4_offset + kFixedHeader;
  if (options + 2 + kTimestampsBytes > begin) return segment;
  const std::uint8_t* found = load_be32(packet.bytes + options) == kUsualOptions
                                  ? packet.bytes + options + 2
                                  : timestamps_in({packet.bytes + options, begin - options});
  segment.has_timestamp = found != nullptr;
  if (found != nullptr) segment.timestamp = load_be32(found + 2);
  return segment;
}

}  // namespace sluice
