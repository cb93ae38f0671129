// Two questions about every segment. Does it fit: between what its receiver acknowledged and the
// right edge of the window it offered, acknowledging nothing that was not sent (RFC 9293 3.10.7.4;
// van Rooij, "Real Stateful TCP Packet Filtering in IP Filter", 2001)? And what follows: a
// table of states and events that can be read as one.
//
// Marks are the highest numbers that passed, not the contiguous ones: a gap is the reassembly's
// matter. That is why a FIN behind a gap is counted only when its receiver acknowledges it.
// Where half of a connection or its options were not seen, nothing is known of windows and
// everything but a reset fits.
#include "dataplane/flow/tcp_state.h"

#include <array>
#include <cstddef>

namespace sluice {
namespace {

using enum TcpState;
using detail::ahead;
using detail::kWindowSlack;
using detail::later;
using detail::scale_of;

constexpr std::size_t kStates = static_cast<std::size_t>(TcpState::count_);
constexpr std::size_t kEvents = static_cast<std::size_t>(TcpEvent::count_);

// Row: state. Column: initiator sent, responder sent, initiator closed, responder closed, closes
// acknowledged, reset.
constexpr std::array<std::array<TcpState, kEvents>, kStates> kNext{{
    /* none          */ {none, none, none, none, none, none},
    /* syn_sent      */ {syn_sent, syn_sent, syn_sent, syn_sent, syn_sent, reset},
    /* syn_received  */ {established, syn_received, fin_wait, responder_fin, syn_received, reset},
    /* established   */ {established, established, fin_wait, responder_fin, established, reset},
    /* midstream     */ {midstream, midstream, fin_wait, responder_fin, midstream, reset},
    /* fin_wait      */ {fin_wait, fin_wait, fin_wait, closing, fin_wait, reset},
    /* closing       */ {closing, closing, closing, closing, closed, reset},
    /* closed        */ {closed, closed, closed, closed, closed, closed},
    /* reset         */ {reset, reset, reset, reset, reset, reset},
    /* responder_fin */
    {responder_fin, responder_fin, closing, responder_fin, responder_fin, reset},
}};

// A repeated SYN-ACK lies at most this far behind; a new connection's numbers do so once in 2^24.
constexpr std::uint32_t kRecentBytes = 1U << 20;

constexpr unsigned bit_of(TcpState state) { return 1U << static_cast<unsigned>(state); }
constexpr unsigned kBothClosed = bit_of(closing) | bit_of(closed);
constexpr std::array<unsigned, 2> kClosedStates{kBothClosed | bit_of(fin_wait),
                                                kBothClosed | bit_of(responder_fin)};

[[nodiscard]] bool has_closed(TcpState state, unsigned side) noexcept {
  return (kClosedStates[side] & bit_of(state)) != 0;
}

/// A FIN of `side` was seen behind a gap and waits for its acknowledgement.
[[nodiscard]] bool has_pending_fin(const Flow& flow, const FlowWarm& warm, unsigned side) noexcept {
  return (warm.tcp_flags[side] & kFin) != 0 && !has_closed(flow.tcp_state, side);
}

[[nodiscard]] bool is_checked(const FlowWarm& warm) noexcept {
  return warm.window_scales != kScalesUnknown;
}

[[nodiscard]] bool fits(const Flow& flow, const FlowWarm& warm,
                        const TcpSegment& segment) noexcept {
  const unsigned own = segment.direction;
  const unsigned other = own ^ 1;
  const auto receiver_window = static_cast<std::int32_t>(0xffffU << scale_of(warm, other));
  const auto sender_window = static_cast<std::int32_t>(0xffffU << scale_of(warm, own));
  const std::int32_t beyond_edge = ahead(segment.sequence + segment.payload, warm.window_edge[own]);
  const std::int32_t behind = ahead(warm.acknowledged[own], segment.sequence);
  const std::int32_t not_sent = ahead(segment.acknowledgement, flow.next_sequence[other]);
  const std::int32_t old_ack = ahead(warm.acknowledged[other], segment.acknowledgement);
  const bool is_proof = flow.tcp_state == syn_received && own == kToServer;  // of the handshake
  const bool is_inside = (beyond_edge <= kWindowSlack) & (behind <= receiver_window) &
                         (old_ack <= (is_proof ? 0 : sender_window));
  if (not_sent > 0) [[unlikely]] {
    return is_inside && not_sent == 1 && has_pending_fin(flow, warm, other);
  }
  return is_inside;
}

void step(Flow& flow, TcpEvent event) noexcept {
  flow.tcp_state = next_state(flow.tcp_state, event);
}

void close(Flow& flow, unsigned side) noexcept {
  step(flow, side == 0 ? TcpEvent::initiator_closed : TcpEvent::responder_closed);
}

/// Takes what the segment sends. False: data behind its sender's FIN.
[[nodiscard]] bool take_data(Flow& flow, const FlowWarm& warm, const TcpSegment& segment) noexcept {
  std::uint32_t& next = flow.next_sequence[segment.direction];
  const std::uint32_t end = segment.sequence + segment.payload;
  const std::uint32_t expected = next;
  const std::int32_t news = ahead(end, expected);
  const bool closed_before = has_closed(flow.tcp_state, segment.direction);
  if ((news > 0) & closed_before) [[unlikely]]
    return false;
  next = news > 0 ? end : expected;
  if ((segment.flags & kFin) == 0 || news < 0 || closed_before) [[likely]]
    return true;
  if (ahead(segment.sequence, expected) <= 0 || !is_checked(warm)) {
    ++next;
    close(flow, segment.direction);
  }
  return true;
}

void take_acknowledgement(Flow& flow, FlowWarm& warm, const TcpSegment& segment) noexcept {
  const unsigned own = segment.direction;
  const unsigned other = own ^ 1;
  const std::uint32_t number = segment.acknowledgement;
  if (ahead(number, flow.next_sequence[other]) > 0) [[unlikely]] {
    if (has_pending_fin(flow, warm, other)) close(flow, other);
    flow.next_sequence[other] = number;
  }
  const std::uint32_t edge = number + (std::uint32_t{segment.window} << scale_of(warm, own));
  warm.acknowledged[other] = later(number, warm.acknowledged[other]);
  warm.window_edge[other] = later(edge, warm.window_edge[other]);
}

[[nodiscard]] bool are_closes_acknowledged(const Flow& flow, const FlowWarm& warm) noexcept {
  return flow.tcp_state == closing && warm.acknowledged == flow.next_sequence;
}

// RFC 5961 3.2: exactly the next byte that the receiver expects. That is what it acknowledged
// last, or the end of what passed since.
[[nodiscard]] bool take_reset(Flow& flow, FlowWarm& warm, const TcpSegment& segment) noexcept {
  const unsigned own = segment.direction;
  if (segment.sequence != flow.next_sequence[own] && segment.sequence != warm.acknowledged[own]) {
    return false;
  }
  warm.tcp_flags[own] |= segment.flags;
  step(flow, TcpEvent::reset);
  return true;
}

}  // namespace

const char* name_of(TcpState state) noexcept {
  switch (state) {
    case none:
      return "none";
    case syn_sent:
      return "syn_sent";
    case syn_received:
      return "syn_received";
    case established:
      return "established";
    case midstream:
      return "midstream";
    case fin_wait:
    case responder_fin:
      return "fin_wait";
    case closing:
      return "closing";
    case closed:
      return "closed";
    case reset:
      return "reset";
    case TcpState::count_:
      break;
  }
  return "unknown";
}

TcpState next_state(TcpState state, TcpEvent event) noexcept {
  return kNext[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

std::uint8_t window_scale_of(const Packet& syn) noexcept {
  constexpr std::uint32_t kFixedHeader = 20;
  constexpr std::uint8_t kEnd = 0, kNoOperation = 1, kWindowScale = 3;
  std::uint32_t at = syn.l4_offset + kFixedHeader;
  const std::uint32_t end = syn.payload_offset;
  if (end > syn.bytes_at_hand) return kScaleUnknown;
  while (at < end) {
    const std::uint8_t kind = syn.bytes[at];
    if (kind == kEnd) break;
    if (kind == kNoOperation) {
      ++at;
      continue;
    }
    if (end - at < 2) break;
    const std::uint8_t length = syn.bytes[at + 1];
    if (length < 2 || length > end - at) break;
    if (kind == kWindowScale && length == 3) {
      const std::uint8_t scale = syn.bytes[at + 2];
      return scale <= 14 ? scale : 14;  // RFC 7323 2.3
    }
    at += length;
  }
  return kScaleNotOffered;
}

std::uint8_t agreed_scales(std::uint8_t initiator, std::uint8_t responder) noexcept {
  if (initiator == kScaleUnknown || responder == kScaleUnknown) return kScalesUnknown;
  if (initiator == kScaleNotOffered || responder == kScaleNotOffered) return 0;
  return static_cast<std::uint8_t>(initiator | responder << 4);
}

void open_by_syn_ack(Flow& flow, FlowWarm& warm, const TcpSegment& syn_ack,
                     std::uint8_t scales) noexcept {
  const unsigned own = syn_ack.direction;
  const unsigned other = own ^ 1;
  const std::uint32_t first = syn_ack.sequence + 1;
  flow.next_sequence[own] = first + syn_ack.payload;
  flow.next_sequence[other] = syn_ack.acknowledgement;
  warm.acknowledged[own] = first;
  warm.acknowledged[other] = syn_ack.acknowledgement;
  warm.window_edge[own] = first + 0xffff;  // the SYN's own window is not kept; it is not scaled
  warm.window_edge[other] = syn_ack.acknowledgement + syn_ack.window;
  warm.window_scales = scales;
  flow.tcp_state = syn_received;
}

void open_by_segment(Flow& flow, FlowWarm& warm, const TcpSegment& segment,
                     TcpState state) noexcept {
  const unsigned own = segment.direction;
  const unsigned other = own ^ 1;
  flow.next_sequence[own] = segment.sequence;
  flow.next_sequence[other] = segment.acknowledgement;
  warm.acknowledged[own] = segment.sequence;
  warm.acknowledged[other] = segment.acknowledgement;
  warm.window_edge = warm.acknowledged;
  warm.window_scales = kScalesUnknown;
  flow.tcp_state = state;
}

bool is_repeated_syn_ack(const Flow& flow, const TcpSegment& syn_ack) noexcept {
  if (flow.tcp_state == closed || flow.tcp_state == reset) return false;
  const unsigned own = syn_ack.direction;
  return flow.next_sequence[own] - (syn_ack.sequence + 1) < kRecentBytes &&
         flow.next_sequence[own ^ 1] - syn_ack.acknowledgement < kRecentBytes;
}

bool is_repeated_syn(const Flow& flow, const TcpSegment& syn) noexcept {
  return flow.tcp_state == syn_received && syn.direction == kToServer &&
         flow.next_sequence[kToServer] - (syn.sequence + 1) <= syn.payload;
}

bool advance(Flow& flow, FlowWarm& warm, const TcpSegment& segment) noexcept {
  if ((segment.flags & kRst) != 0) [[unlikely]]
    return take_reset(flow, warm, segment);
  if ((segment.flags & kAck) == 0) [[unlikely]]
    return false;  // RFC 9293 3.10.7.4, fifth
  if (is_checked(warm) && !fits(flow, warm, segment)) [[unlikely]]
    return false;
  if (!take_data(flow, warm, segment)) [[unlikely]]
    return false;
  take_acknowledgement(flow, warm, segment);
  warm.tcp_flags[segment.direction] |= segment.flags;
  static_assert(static_cast<unsigned>(TcpEvent::initiator_sent) == kToServer &&
                static_cast<unsigned>(TcpEvent::responder_sent) == kToClient);
  step(flow, static_cast<TcpEvent>(segment.direction));
  if (are_closes_acknowledged(flow, warm)) step(flow, TcpEvent::closes_acknowledged);
  return true;
}

bool is_plausible_quote(const Flow& flow, const FlowWarm& warm, std::uint32_t sequence,
                        unsigned direction) noexcept {
  if (!is_checked(warm)) return true;
  const auto window = static_cast<std::int32_t>(0xffffU << scale_of(warm, direction ^ 1));
  return ahead(sequence, flow.next_sequence[direction]) <= 0 &&
         ahead(warm.acknowledged[direction], sequence) <= window;
}

}  // namespace sluice
