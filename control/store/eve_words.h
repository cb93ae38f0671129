// The words of events: Suricata's where it has one, sluice's own beside them. A value that no table
// names (the wire process cannot have meant it) is "unknown". Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/verdict.h"
#include "dataplane/events.h"

namespace sluice {

using ProtocolText = std::array<char, 3>;

/// "TCP", "UDP", "ICMP", "IPv6-ICMP", "SCTP", or the number in `digits`.
[[nodiscard]] std::string_view protocol_word(std::uint8_t number, ProtocolText& digits) noexcept;

[[nodiscard]] std::string_view reason_word(DropReason reason) noexcept;
[[nodiscard]] std::string_view station_word(DropReason reason) noexcept;

/// Suricata's words by the value of FlowRecord::tcp_state (a TcpState): for the session, and for
/// the flow that carries it.
struct TcpStateRow {
  std::string_view session;
  std::string_view flow;
};
[[nodiscard]] TcpStateRow tcp_state_row(std::uint8_t state) noexcept;

/// "alert", "anomaly", or the service of a transaction; empty where there is no such event.
[[nodiscard]] std::string_view event_type_of(const InspectRecord& record) noexcept;
/// Suricata's name of an application; empty where it is not known.
[[nodiscard]] std::string_view app_proto_word(Service service) noexcept;
[[nodiscard]] std::string_view stream_anomaly_word(std::uint8_t anomaly) noexcept;

/// "new", "established" or "closed".
[[nodiscard]] std::string_view flow_state_word(const FlowRecord& record) noexcept;
/// Suricata's words for why a flow ended.
[[nodiscard]] std::string_view flow_reason_word(FlowEnd end) noexcept;
/// Who finds an idle flow first, the sweeper or the next packet, depends on the number of workers;
/// the event does not tell.
[[nodiscard]] std::string_view flow_end_word(FlowEnd end) noexcept;

}  // namespace sluice
