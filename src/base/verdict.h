// What becomes of a packet and why. The table of drop reasons below is the only one: counters,
// metric labels, event fields, CLI rows and the reference page are read from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace sluice {

enum class Action : std::uint8_t {
  undecided,  ///< still on its journey
  pass,       ///< forwarded to the peer port
  drop,       ///< refused, freed
  reject,     ///< refused, and the sender is told (RST or ICMP)
  held,       ///< owned by the defragmenter until its datagram is complete
};

enum class Mode : std::uint8_t { monitor, enforce };

/// What happens when a limit of sluice itself is hit.
enum class ExceptionPolicy : std::uint8_t { pass, drop_packet, drop_flow };

enum class DropReason : std::uint8_t {
  none,
  // decode
  truncated_header,
  bad_ip_header,
  bad_ip_length,
  bad_ip_checksum,
  bad_extension_header,
  too_many_headers,
  tunnel_too_deep,
  bad_tunnel_header,
  bad_l4_header,
  bad_l4_checksum,
  bad_tcp_flags,
  non_ip_refused,
  control_frame_refused,
  // hand off
  handoff_full,
  // defragment
  bad_fragment,
  fragment_overlap,
  fragment_limit,
  fragment_timeout,
  // filter
  denied_prefix,
  blocked_source,
  blocked_flow,
  // track flow
  flow_table_full,
  tcp_out_of_state,
  midstream_refused,
  flow_refused,
  // limit rate
  flow_rate_exceeded,
  source_rate_exceeded,
  // inspect
  signature_match,
  rule_rate_exceeded,
  conflicting_retransmission,
  unverifiable_retransmission,
  reorder_limit,
  old_timestamp,
  data_on_syn,
  urgent_data,
  not_ready,
  inspection_limit,
  // forward
  frame_too_big,
  tx_queue_full,
  count_,
};
inline constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::count_);

struct DropReasonRow {
  DropReason reason;
  std::string_view name;     ///< counter, label, event field, CLI row
  std::string_view station;  ///< the station that refuses with it
  std::string_view meaning;  ///< one sentence for the reference page and for explain
};

/// Row i describes the reason with value i.
[[nodiscard]] const std::array<DropReasonRow, kDropReasonCount>& drop_reason_table() noexcept;
[[nodiscard]] std::string_view name_of(DropReason reason) noexcept;
[[nodiscard]] std::string_view name_of(Action action) noexcept;
[[nodiscard]] std::string_view name_of(Mode mode) noexcept;
[[nodiscard]] std::string_view name_of(ExceptionPolicy policy) noexcept;

struct Verdict {
  Action action = Action::undecided;
  DropReason reason = DropReason::none;
  /// Monitor mode: what would have refused the packet. Enforce mode: none.
  DropReason would_drop = DropReason::none;
  /// The refused verdict also holds for the rest of the flow.
  bool refuses_flow : 1 = false;
  /// Of TCP: out of the state of its flow, so that its receiver will not take its bytes.
  bool is_out_of_state : 1 = false;
  std::uint32_t rule_id = 0;
};
static_assert(sizeof(Verdict) == 8 && std::is_trivially_copyable_v<Verdict>);

/// Limits of sluice itself that were hit; each has a counter and an exception policy. A replay in
/// which one of these moved need not be identical with another number of workers.
enum class CapacityEvent : std::uint8_t {
  flow_table_full,
  flow_evicted,
  half_open_full,
  source_table_full,
  meter_table_full,
  fragment_limit,
  handoff_full,
  tx_queue_full,
  inspection_memory,
  kept_bytes_full,
  reorder_limit,
  match_limit,
  anomaly_limit,
  reply_limit,
  count_,
};
inline constexpr std::size_t kCapacityEventCount = static_cast<std::size_t>(CapacityEvent::count_);
[[nodiscard]] std::string_view name_of(CapacityEvent event) noexcept;

}  // namespace sluice
