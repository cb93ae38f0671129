// Fixed-size records that workers hand to the control side over lossy lanes. Part of the door: no
// DPDK here. A record is complete in itself; text is made from it by the recorder.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "base/clock.h"
#include "base/five_tuple.h"
#include "base/verdict.h"
#include "rules/buffers.h"
#include "rules/service.h"

namespace sluice {

enum class FlowEnd : std::uint8_t {
  none,
  timeout,
  closed,
  evicted,
  refused,
  shutdown,
  expired_at_lookup
};
[[nodiscard]] const char* name_of(FlowEnd end) noexcept;

/// Lane 0. At the end of a flow, with what it was in whole, and at intervals (`is_interim`), with
/// what came since the interval before.
struct FlowRecord {
  TimeNs emitted;  ///< the event's timestamp: time of the last packet
  TimeNs first_seen;
  TimeNs last_seen;
  std::uint64_t flow_number;  ///< below 2^53: keyed hash of key and first_seen
  FlowKey key;
  std::array<std::uint64_t, 2> bytes;  ///< [to_server, to_client]
  std::array<std::uint64_t, 2> packets;
  std::uint64_t dropped_packets;
  std::uint32_t rule_id;
  std::uint32_t packet_number;  ///< capture place of the first packet; 0 in the wire
  std::array<std::uint16_t, 2> vlan;
  std::uint16_t generation;
  std::uint8_t initiator_is_low;
  std::uint8_t is_interim;
  std::uint8_t tcp_state;
  std::array<std::uint8_t, 2> tcp_flags;
  std::uint8_t in_port;
  FlowEnd end;
  DropReason refused_reason;
  std::uint8_t worker;
  std::uint8_t is_midstream;
  std::uint8_t has_icmp_type;  ///< the next two are those of the flow's first packet
  std::uint8_t icmp_type;
  std::uint8_t icmp_code;
  std::uint8_t is_two_way;  ///< both sides have sent, in this interval or before
  std::array<std::uint8_t, 48> reserved_;
};
static_assert(sizeof(FlowRecord) == 192 && std::is_trivially_copyable_v<FlowRecord>);

/// Lane 2. A refused packet (or one that would be, in monitor mode), sampled by keyed hash.
struct DropRecord {
  TimeNs now;
  std::uint64_t flow_number;            ///< 0 where there is no flow
  std::array<std::uint8_t, 16> source;  ///< IPv4 in the first four bytes
  std::array<std::uint8_t, 16> destination;
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint32_t wire_bytes;
  std::uint32_t rule_id;
  std::uint32_t packet_number;
  std::uint32_t tcp_sequence;
  std::uint32_t tcp_acknowledgement;
  std::array<std::uint16_t, 2> vlan;
  std::uint16_t ip_bytes;
  std::uint16_t ip_id;
  std::uint16_t tcp_window;
  std::uint16_t frames;
  std::uint16_t generation;
  std::uint8_t ip_version;  ///< 0: not IP
  std::uint8_t protocol;
  std::uint8_t tcp_flags;
  std::uint8_t ttl;
  std::uint8_t tos;
  std::uint8_t in_port;
  std::uint8_t direction;  ///< 0 to_server, 1 to_client
  std::uint8_t icmp_type;
  std::uint8_t icmp_code;
  DropReason reason;
  std::uint8_t is_enforced;  ///< 0: monitor mode, the packet was forwarded
  std::uint8_t worker;
  std::uint16_t l4_bytes;  ///< layer 4 with its header; 0: not known
  std::array<std::uint8_t, 28> reserved_;
};
static_assert(sizeof(DropRecord) == 128 && std::is_trivially_copyable_v<DropRecord>);

enum class InspectKind : std::uint8_t {
  alert,        ///< a rule held
  transaction,  ///< a message of an application that sluice understands
  anomaly,      ///< something about a stream or message that no honest host sends
};

/// Who found it, which says what InspectRecord::anomaly counts.
enum class AnomalyLayer : std::uint8_t {
  decode,       ///< DropReason
  stream,       ///< StreamAnomaly
  application,  ///< AppAnomaly
};

/// What no receiver can be trusted to read as sluice does, in the bytes of a TCP connection.
enum class StreamAnomaly : std::uint8_t {
  none,
  conflicting_retransmission,
  unverifiable_retransmission,
  reorder_limit,
  old_timestamp,
  data_on_syn,
  urgent_data,
  out_of_state,
  gap,  ///< bytes that the receiver has and nobody saw
  count_,
};

inline constexpr std::size_t kExcerptsMax = 14;
inline constexpr std::size_t kExcerptBytesMax = 1344;

/// The beginning of a buffer; the bytes of all excerpts stand one behind the other.
struct Excerpt {
  Buffer buffer = Buffer::payload;
  std::uint8_t is_cut : 1 = 0;        ///< the buffer goes on
  std::uint8_t is_to_client : 1 = 0;  ///< of the server's message
  std::uint16_t bytes = 0;
};
static_assert(sizeof(Excerpt) == 4);

/// Lane 1. What station 8 found, and what the decoder could not read. Text of rules is not in it:
/// whoever shows the record knows the ruleset of its generation. A transaction is told from its
/// client's side, whose packet ever completed it.
struct InspectRecord {
  TimeNs now;
  std::uint64_t flow_number;  ///< 0 where there is no flow
  TimeNs flow_started;
  std::array<std::uint64_t, 2> flow_bytes;  ///< so far, [to_server, to_client]
  std::array<std::uint64_t, 2> flow_packets;
  std::array<std::uint8_t, 16> source;  ///< of the packet; IPv4 in the first four bytes
  std::array<std::uint8_t, 16> destination;
  std::uint32_t rule_id;  ///< kind alert
  std::uint32_t gid;
  std::uint32_t rev;
  std::uint32_t packet_number;
  std::uint32_t message;  ///< of its direction, from 0
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::array<std::uint16_t, 2> vlan;
  std::uint16_t generation;
  InspectKind kind;
  std::uint8_t ip_version;
  std::uint8_t protocol;
  std::uint8_t in_port;
  std::uint8_t direction;  ///< 0 to_server, 1 to_client
  Service service;
  std::uint8_t stage;        ///< RuleStage
  std::uint8_t action;       ///< RuleActionKind
  std::uint8_t is_refused;   ///< the packet was refused for it
  std::uint8_t is_enforced;  ///< 0: monitor mode
  std::uint8_t is_stream;    ///< found in bytes put in order, not in one packet
  std::uint8_t anomaly;      ///< kind anomaly: what AnomalyLayer says
  std::uint8_t worker;
  std::uint8_t excerpt_count;
  std::uint8_t icmp_type;
  std::uint8_t icmp_code;
  AnomalyLayer anomaly_layer;
  std::uint8_t reserved_;
  std::array<Excerpt, kExcerptsMax> excerpts;
  std::array<std::uint8_t, kExcerptBytesMax> bytes;
};
static_assert(sizeof(InspectRecord) == 1536 && std::is_trivially_copyable_v<InspectRecord>);

}  // namespace sluice
