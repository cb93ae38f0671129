// TCP as seen from the wire: which segments fit their flow, and what they make of its state. Knows
// nothing of tables or policies. Called by the flow tracker for every TCP packet of a flow; worker
// only.
#pragma once

#include <cstdint>

#include "dataplane/flow/flow.h"
#include "dataplane/packet.h"

namespace sluice {

inline constexpr unsigned kToServer = 0;
inline constexpr unsigned kToClient = 1;

/// RFC 7323 2.2; besides the values 0 to 14.
inline constexpr std::uint8_t kScaleNotOffered = 0x0f;
inline constexpr std::uint8_t kScaleUnknown = 0x1f;   ///< the options were not captured
inline constexpr std::uint8_t kScalesUnknown = 0xff;  ///< as FlowWarm::window_scales

enum class TcpEvent : std::uint8_t {
  initiator_sent,  ///< a segment without SYN, FIN or RST that fits
  responder_sent,
  initiator_closed,  ///< its FIN, in order, for the first time
  responder_closed,
  closes_acknowledged,  ///< both FINs
  reset,                ///< at exactly the expected sequence
  count_,
};

/// What is to become of `state`; every pair has an answer.
[[nodiscard]] TcpState next_state(TcpState state, TcpEvent event) noexcept;

/// What sequence tracking needs of a packet.
struct TcpSegment {
  std::uint32_t sequence;
  std::uint32_t acknowledgement;
  std::uint32_t payload;
  std::uint16_t window;
  std::uint8_t flags;
  std::uint8_t direction;  ///< kToServer or kToClient
};
[[nodiscard]] inline TcpSegment segment_of(const Packet& packet, unsigned direction) noexcept {
  return {packet.tcp_sequence, packet.tcp_acknowledgement, packet.payload_bytes,
          packet.tcp_window,   packet.tcp_flags,           static_cast<std::uint8_t>(direction)};
}

/// Window scale that a SYN offers; one of the constants above where it is not a number from 0
/// to 14.
[[nodiscard]] std::uint8_t window_scale_of(const Packet& syn) noexcept;

/// As FlowWarm::window_scales, from what both SYNs offered: scaling holds only if both did.
[[nodiscard]] std::uint8_t agreed_scales(std::uint8_t initiator, std::uint8_t responder) noexcept;

/// Marks of a flow that begins with `syn_ack` in answer to a SYN of the initiator. State becomes
/// syn_received.
void open_by_syn_ack(Flow& flow, FlowWarm& warm, const TcpSegment& syn_ack,
                     std::uint8_t scales) noexcept;

/// Marks of a flow whose other direction has not been seen; the segment has neither SYN nor RST.
/// No checks for such a flow. `state` is established or midstream.
void open_by_segment(Flow& flow, FlowWarm& warm, const TcpSegment& segment,
                     TcpState state) noexcept;

/// True if `syn_ack` repeats the one that opened this flow.
[[nodiscard]] bool is_repeated_syn_ack(const Flow& flow, const TcpSegment& syn_ack) noexcept;
/// True if `syn` repeats the one that opened this flow, which is not established yet.
[[nodiscard]] bool is_repeated_syn(const Flow& flow, const TcpSegment& syn) noexcept;

/// Judges a segment without SYN of a known flow; where it fits, advances marks and state. False: it
/// is out of state and nothing was changed.
[[nodiscard]] bool advance(Flow& flow, FlowWarm& warm, const TcpSegment& segment) noexcept;

/// The same for what nearly all segments are: an acknowledgement, with data or without, of an
/// established connection whose windows are known. False: nothing was changed, `advance` must look.
[[nodiscard]] inline bool advance_plainly(Flow& flow, FlowWarm& warm,
                                          const TcpSegment& segment) noexcept;

/// True if an ICMP error that quotes `sequence` of bytes in `direction` may be about this flow
/// (RFC 5927 4.1).
[[nodiscard]] bool is_plausible_quote(const Flow& flow, const FlowWarm& warm,
                                      std::uint32_t sequence, unsigned direction) noexcept;

namespace detail {

// Zero-window probes carry one byte too many, and a FIN may follow a full window.
inline constexpr std::int32_t kWindowSlack = 2;

/// Serial numbers (RFC 1982): how far `a` is ahead of `b`.
[[nodiscard]] inline std::int32_t ahead(std::uint32_t a, std::uint32_t b) noexcept {
  return static_cast<std::int32_t>(a - b);
}

[[nodiscard]] inline std::uint32_t later(std::uint32_t a, std::uint32_t b) noexcept {
  return ahead(a, b) > 0 ? a : b;
}

[[nodiscard]] inline unsigned scale_of(const FlowWarm& warm, unsigned side) noexcept {
  return (unsigned{warm.window_scales} >> (4 * side)) & 0xfU;
}

}  // namespace detail

inline bool advance_plainly(Flow& flow, FlowWarm& warm, const TcpSegment& segment) noexcept {
  using namespace detail;
  if ((segment.flags & (kFin | kSyn | kRst | kAck)) != kAck) return false;
  if (flow.tcp_state != TcpState::established || warm.window_scales == kScalesUnknown) return false;
  const unsigned own = segment.direction;
  const unsigned other = own ^ 1;
  const unsigned own_scale = scale_of(warm, own);
  const std::uint32_t number = segment.acknowledgement;
  const std::uint32_t end = segment.sequence + segment.payload;
  const std::uint32_t edge = number + (std::uint32_t{segment.window} << own_scale);
  const auto receiver_window = static_cast<std::int32_t>(0xffffU << scale_of(warm, other));
  const auto sender_window = static_cast<std::int32_t>(0xffffU << own_scale);
  const std::int32_t beyond_edge = ahead(end, warm.window_edge[own]);
  const std::int32_t behind = ahead(warm.acknowledged[own], segment.sequence);
  const std::int32_t old_ack = ahead(warm.acknowledged[other], number);
  const std::int32_t not_sent = ahead(number, flow.next_sequence[other]);
  const bool is_inside = (beyond_edge <= kWindowSlack) & (behind <= receiver_window) &
                         (old_ack <= sender_window) & (not_sent <= 0);
  if (!is_inside) return false;
  flow.next_sequence[own] = later(end, flow.next_sequence[own]);
  warm.acknowledged[other] = later(number, warm.acknowledged[other]);
  warm.window_edge[other] = later(edge, warm.window_edge[other]);
  warm.tcp_flags[own] |= segment.flags;
  return true;
}

}  // namespace sluice
