#include "base/verdict.h"

namespace sluice {
namespace {

using enum DropReason;

constexpr std::array<DropReasonRow, kDropReasonCount> kDropReasons{{
    {none, "none", "none", "the packet was not refused"},

    {truncated_header, "truncated_header", "decode",
     "the frame ends inside a header that an earlier header announced"},
    {bad_ip_header, "bad_ip_header", "decode",
     "the IP version or the IPv4 header length contradicts the frame, or an IPv4 option overruns "
     "the header"},
    {bad_ip_length, "bad_ip_length", "decode",
     "the IP length field is shorter than the header or longer than the frame"},
    {bad_ip_checksum, "bad_ip_checksum", "decode", "the IPv4 header checksum is wrong"},
    {bad_extension_header, "bad_extension_header", "decode",
     "an IPv6 extension header has an impossible length, order or place"},
    {too_many_headers, "too_many_headers", "decode",
     "more VLAN tags, MPLS labels or IPv6 extension headers than sluice reads"},
    {tunnel_too_deep, "tunnel_too_deep", "decode",
     "more tunnels inside each other than decode.tunnel_depth allows"},
    {bad_tunnel_header, "bad_tunnel_header", "decode",
     "a GRE, VXLAN, Geneve, GTP-U or PPPoE header is malformed"},
    {bad_l4_header, "bad_l4_header", "decode",
     "the TCP, UDP, ICMP or SCTP header has an impossible length or a port of zero where none may "
     "be"},
    {bad_l4_checksum, "bad_l4_checksum", "decode",
     "the checksum of the TCP, UDP, ICMP or SCTP packet is wrong"},
    {bad_tcp_flags, "bad_tcp_flags", "decode",
     "a combination of TCP flags that no host sends, such as SYN with FIN or none at all"},
    {non_ip_refused, "non_ip_refused", "decode",
     "a frame that is not IP, and decode.non_ip is drop"},
    {control_frame_refused, "control_frame_refused", "decode",
     "a link-local control frame, and decode.control_frames is drop"},

    {handoff_full, "handoff_full", "hand off",
     "the ring to the worker that owns the flow was full"},

    {bad_fragment, "bad_fragment", "defragment",
     "a fragment with an impossible offset or length, or a first fragment without all headers "
     "(RFC 7112)"},
    {fragment_overlap, "fragment_overlap", "defragment",
     "the fragment overlaps another of its datagram, which is then refused whole (RFC 5722)"},
    {fragment_limit, "fragment_limit", "defragment",
     "no room to hold the fragment: too many datagrams, fragments or bytes are held"},
    {fragment_timeout, "fragment_timeout", "defragment",
     "the datagram was not complete within fragments.timeout"},

    {denied_prefix, "denied_prefix", "filter",
     "a deny prefix covers the source or destination and no allow prefix does"},
    {blocked_source, "blocked_source", "filter",
     "a block that has not run out covers the source, and no allow prefix does"},
    {blocked_flow, "blocked_flow", "filter",
     "a block that has not run out names the five-tuple, and no allow prefix covers it"},

    {flow_table_full, "flow_table_full", "track flow",
     "no slot for a new flow, and flows.table_full refuses"},
    {tcp_out_of_state, "tcp_out_of_state", "track flow",
     "the TCP packet does not fit the state of its flow, and flows.out_of_state refuses"},
    {midstream_refused, "midstream_refused", "track flow",
     "a TCP packet of a flow whose handshake was not seen, and flows.midstream refuses"},
    {flow_refused, "flow_refused", "track flow",
     "an earlier packet of the flow was refused together with the rest of the flow"},

    {flow_rate_exceeded, "flow_rate_exceeded", "limit rate",
     "the packet is in excess of limits.flow"},
    {source_rate_exceeded, "source_rate_exceeded", "limit rate",
     "the packet is in excess of limits.source"},

    {signature_match, "signature_match", "inspect",
     "a rule at stage enforce held for the packet, or for the stream that it completes"},
    {rule_rate_exceeded, "rule_rate_exceeded", "inspect",
     "a rule with a limit held, and the packet is in excess of that one of rule_limits"},
    {conflicting_retransmission, "conflicting_retransmission", "inspect",
     "bytes of a TCP stream were sent again and differ from those that were sent first, or follow "
     "the end of the stream"},
    {unverifiable_retransmission, "unverifiable_retransmission", "inspect",
     "bytes of a TCP stream were sent again, the first ones are not at hand any more, and "
     "inspect.unverifiable refuses"},
    {reorder_limit, "reorder_limit", "inspect",
     "a TCP segment came before the bytes in front of it, and there was no room for it to wait, or "
     "nobody has shown yet where a stream met midway stands"},
    {old_timestamp, "old_timestamp", "inspect",
     "the timestamp of a TCP segment is older than what its receiver takes (RFC 7323)"},
    {data_on_syn, "data_on_syn", "inspect",
     "a SYN that brings data, which could not be put in order with what follows"},
    {urgent_data, "urgent_data", "inspect",
     "a TCP segment has an urgent pointer, so that its receiver may take a byte out of the stream, "
     "and inspect.urgent refuses"},
    {not_ready, "not_ready", "inspect",
     "the first ruleset is not in force yet, and rules.until_ready is drop"},
    {inspection_limit, "inspection_limit", "inspect",
     "a bound of inspection was reached, and the option that is named for it refuses"},

    {frame_too_big, "frame_too_big", "forward",
     "the frame is larger than the port it would leave by can send"},
    {tx_queue_full, "tx_queue_full", "forward",
     "the port it would leave by did not take the packet"},
}};

consteval bool rows_stand_at_their_value() {
  for (std::size_t i = 0; i < kDropReasons.size(); ++i) {
    const DropReasonRow& row = kDropReasons[i];
    if (static_cast<std::size_t>(row.reason) != i) return false;
    if (row.name.empty() || row.station.empty() || row.meaning.empty()) return false;
  }
  return true;
}
static_assert(rows_stand_at_their_value(), "row i must describe the reason with value i");

}  // namespace

const std::array<DropReasonRow, kDropReasonCount>& drop_reason_table() noexcept {
  return kDropReasons;
}

std::string_view name_of(DropReason reason) noexcept {
  const auto row = static_cast<std::size_t>(reason);
  return row < kDropReasonCount ? kDropReasons[row].name : std::string_view("unknown");
}

std::string_view name_of(Action action) noexcept {
  switch (action) {
    case Action::undecided:
      return "undecided";
    case Action::pass:
      return "pass";
    case Action::drop:
      return "drop";
    case Action::reject:
      return "reject";
    case Action::held:
      return "held";
  }
  return "unknown";
}

std::string_view name_of(Mode mode) noexcept {
  switch (mode) {
    case Mode::monitor:
      return "monitor";
    case Mode::enforce:
      return "enforce";
  }
  return "unknown";
}

std::string_view name_of(ExceptionPolicy policy) noexcept {
  switch (policy) {
    case ExceptionPolicy::pass:
      return "pass";
    case ExceptionPolicy::drop_packet:
      return "drop_packet";
    case ExceptionPolicy::drop_flow:
      return "drop_flow";
  }
  return "unknown";
}

std::string_view name_of(CapacityEvent event) noexcept {
  switch (event) {
    case CapacityEvent::flow_table_full:
      return "flow_table_full";
    case CapacityEvent::flow_evicted:
      return "flow_evicted";
    case CapacityEvent::half_open_full:
      return "half_open_full";
    case CapacityEvent::source_table_full:
      return "source_table_full";
    case CapacityEvent::meter_table_full:
      return "meter_table_full";
    case CapacityEvent::fragment_limit:
      return "fragment_limit";
    case CapacityEvent::handoff_full:
      return "handoff_full";
    case CapacityEvent::tx_queue_full:
      return "tx_queue_full";
    case CapacityEvent::inspection_memory:
      return "inspection_memory";
    case CapacityEvent::kept_bytes_full:
      return "kept_bytes_full";
    case CapacityEvent::reorder_limit:
      return "reorder_limit";
    case CapacityEvent::match_limit:
      return "match_limit";
    case CapacityEvent::anomaly_limit:
      return "anomaly_limit";
    case CapacityEvent::reply_limit:
      return "reply_limit";
    case CapacityEvent::count_:
      break;
  }
  return "unknown";
}

}  // namespace sluice
