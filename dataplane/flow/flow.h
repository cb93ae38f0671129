// The memory of a flow: one hot line that every packet reads, a warm line right behind it, and a
// cold part in its own array. A `Flow*` is valid only within a burst. Owned by one worker.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "base/clock.h"
#include "base/five_tuple.h"
#include "base/verdict.h"

namespace sluice {

/// A connection as its owner has seen it; the transition table is in tcp_state.cc. Records carry
/// these values.
enum class TcpState : std::uint8_t {
  none,          ///< not TCP
  syn_sent,      ///< only in the half-open table
  syn_received,  ///< SYN-ACK seen
  established,
  midstream,  ///< picked up without a handshake: no window or ACK checks
  fin_wait,   ///< one side closed; inside the tracker: the initiator
  closing,    ///< both sides sent FIN
  closed,     ///< both FINs acknowledged
  reset,
  responder_fin,  ///< the responder closed first; recorded and named as fin_wait
  count_,
};
[[nodiscard]] const char* name_of(TcpState state) noexcept;

/// Which idle timeout holds for a flow.
enum class IdleClass : std::uint8_t {
  other,
  tcp_opening,
  tcp_established,
  tcp_closing,
  tcp_closed,
  udp_one_way,
  udp,
  icmp,
  refused,
  count_,
};

enum FlowFlag : std::uint8_t {
  kInitiatorIsLow = 1 << 0,
  kTwoWay = 1 << 1,   ///< both sides have sent: never evicted by a new flow
  kRefused = 1 << 2,  ///< sticky verdict: a tombstone
  kMidstream = 1 << 3,
  kFlowAllowed = 1 << 4,  ///< an allow prefix covers it (as of list_epoch)
  kExempt = 1 << 5,       ///< control protocol
};

inline constexpr std::uint32_t kNoSlot = 0xffffffff;

/// Hot line. Token levels are those of token_bucket.h and share `last_seen` as their stamp.
struct alignas(64) Flow {
  FlowId id;
  TimeNs last_seen;  ///< also the stamp of both token levels
  std::uint64_t packet_tokens;
  std::uint64_t bit_tokens;
  std::array<std::uint32_t, 2> next_sequence;  ///< [to_server, to_client]
  std::uint32_t source_slot;                   ///< in the source table, or kNoSlot
  std::uint32_t stream_slot;                   ///< stream state, or kNoSlot
  std::uint16_t list_epoch;    ///< of the lists that judged it, both ways; 0 = none yet
  std::uint16_t policy_epoch;  ///< low bits of the generation that last judged it
  TcpState tcp_state : 4;
  IdleClass idle_class : 4;
  std::uint8_t application;
  std::uint8_t flags;         ///< FlowFlag
  DropReason refused_reason;  ///< why the flow is refused, or none

  [[nodiscard]] bool has(FlowFlag flag) const noexcept { return (flags & flag) != 0; }
  void set(FlowFlag flag) noexcept { flags = static_cast<std::uint8_t>(flags | flag); }
  void clear(FlowFlag flag) noexcept { flags = static_cast<std::uint8_t>(flags & ~flag); }
};
static_assert(sizeof(Flow) == 64 && std::is_trivially_copyable_v<Flow>);
static_assert(static_cast<unsigned>(TcpState::count_) <= 16);
static_assert(static_cast<unsigned>(IdleClass::count_) <= 16);

/// Warm line; [0] to_server, [1] to_client. A mark of a direction concerns the bytes that travel in
/// it: acknowledged[0] was said by the responder about bytes of the initiator.
struct alignas(64) FlowWarm {
  std::array<std::uint64_t, 2> bytes;  ///< layer-2, without FCS
  std::array<std::uint32_t, 2> packets;
  std::uint32_t list_next;  ///< order of eviction (flow_list.h), kNoSlot at the ends
  std::uint32_t list_previous;
  std::uint32_t dropped_packets;          ///< packets of this flow that were refused
  std::uint32_t interim_due;              ///< when the next interim record is due, in coarse time
  std::uint32_t number_salt;              ///< keyed part of the flow's number
  std::array<std::uint8_t, 2> tcp_flags;  ///< union of the flags seen
  std::uint8_t window_scales;             ///< low nibble: the initiator's; 15 = unknown
  std::uint8_t reserved_;
  std::array<std::uint32_t, 2> acknowledged;
  union {
    std::array<std::uint32_t, 2> window_edge;  ///< right edge of the window ever offered
    std::uint32_t refused_rule;                ///< once kRefused: sequences are watched no more
  };
};
static_assert(sizeof(FlowWarm) == 64 && std::is_trivially_copyable_v<FlowWarm>);

/// Hot and warm lie side by side: one page, and a pair of lines that many cores fetch together.
struct alignas(128) FlowPair {
  Flow hot;
  FlowWarm warm;
};
static_assert(sizeof(FlowPair) == 128 && std::is_standard_layout_v<FlowPair>);

/// Only for a flow that lives in a flow table.
[[nodiscard]] inline FlowWarm& warm_of(Flow& flow) noexcept {
  return reinterpret_cast<FlowPair*>(&flow)->warm;
}
[[nodiscard]] inline const FlowWarm& warm_of(const Flow& flow) noexcept {
  return reinterpret_cast<const FlowPair*>(&flow)->warm;
}

/// Cold part: the first line is written at set-up and read when a record is emitted; the second is
/// valid only once `interims` is not 0, so that short flows never touch it. Its 64 bits continue
/// the 32 of the warm line.
struct alignas(64) FlowCold {
  FlowKey key;
  TimeNs first_seen;
  std::uint32_t first_packet_number;
  std::array<std::uint16_t, 2> vlan;  ///< outermost two tags of the packet that made the flow
  std::uint8_t in_port;               ///< where the first packet came in
  std::uint8_t tunnel_depth : 4;
  std::uint8_t has_icmp_type : 4;  ///< the next two are those of the packet that made the flow
  std::uint8_t icmp_type;
  std::uint8_t icmp_code;
  std::uint32_t interims;                   ///< interim records emitted
  std::array<std::uint64_t, 2> told_bytes;  ///< by interim records, all together
  std::array<std::uint64_t, 2> told_packets;
  std::uint64_t told_dropped;
};
static_assert(sizeof(FlowCold) == 128 && std::is_trivially_copyable_v<FlowCold>);

}  // namespace sluice
