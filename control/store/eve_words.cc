#include "control/store/eve_words.h"

#include <charconv>
#include <cstddef>
#include <iterator>

namespace sluice {
namespace {

constexpr TcpStateRow kTcpStates[] = {
    {"none", "new"},                 // none
    {"syn_sent", "new"},             // syn_sent
    {"syn_recv", "new"},             // syn_received
    {"established", "established"},  // established
    {"established", "established"},  // midstream
    {"fin_wait1", "established"},    // fin_wait
    {"closing", "established"},      // closing
    {"closed", "closed"},            // closed
    {"closed", "closed"},            // reset
    {"fin_wait1", "established"},    // responder_fin, which records give as fin_wait
};
constexpr std::string_view kStreamAnomalies[] = {"none",
                                                 "conflicting_retransmission",
                                                 "unverifiable_retransmission",
                                                 "reorder_limit",
                                                 "old_timestamp",
                                                 "data_on_syn",
                                                 "urgent_data",
                                                 "out_of_state",
                                                 "gap"};
static_assert(std::size(kStreamAnomalies) == static_cast<std::size_t>(StreamAnomaly::count_));
constexpr TcpStateRow kUnknownTcpState{"unknown", "established"};

}  // namespace

std::string_view protocol_word(std::uint8_t number, ProtocolText& digits) noexcept {
  switch (number) {
    case 1:
      return "ICMP";
    case 6:
      return "TCP";
    case 17:
      return "UDP";
    case 58:
      return "IPv6-ICMP";
    case 132:
      return "SCTP";
    default:
      break;
  }
  const char* end =
      std::to_chars(digits.data(), digits.data() + digits.size(), unsigned{number}).ptr;
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

std::string_view reason_word(DropReason reason) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  return index < kDropReasonCount ? drop_reason_table()[index].name : "unknown";
}

std::string_view station_word(DropReason reason) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  return index < kDropReasonCount ? drop_reason_table()[index].station : "unknown";
}

TcpStateRow tcp_state_row(std::uint8_t state) noexcept {
  return state < std::size(kTcpStates) ? kTcpStates[state] : kUnknownTcpState;
}

std::string_view app_proto_word(Service service) noexcept {
  if (service == Service::any || service == Service::unknown || service >= Service::count_) {
    return {};
  }
  return name_of(service);
}

std::string_view event_type_of(const InspectRecord& record) noexcept {
  if (record.kind == InspectKind::alert) return "alert";
  if (record.kind == InspectKind::anomaly) return "anomaly";
  if (record.kind != InspectKind::transaction) return {};
  switch (record.service) {
    case Service::http:
    case Service::dns:
    case Service::tls:
    case Service::ssh:
    case Service::smtp:
    case Service::ftp:
    case Service::quic:
      return name_of(record.service);
    default:
      return {};
  }
}

std::string_view stream_anomaly_word(std::uint8_t anomaly) noexcept {
  return anomaly < std::size(kStreamAnomalies) ? kStreamAnomalies[anomaly] : "unknown";
}

std::string_view flow_state_word(const FlowRecord& record) noexcept {
  if (record.key.protocol == 6) return tcp_state_row(record.tcp_state).flow;
  return record.is_two_way != 0 ? "established" : "new";
}

std::string_view flow_reason_word(FlowEnd end) noexcept {
  switch (end) {
    case FlowEnd::timeout:
    case FlowEnd::closed:
    case FlowEnd::expired_at_lookup:
      return "timeout";
    case FlowEnd::evicted:
    case FlowEnd::refused:
      return "forced";
    case FlowEnd::shutdown:
      return "shutdown";
    case FlowEnd::none:
      break;
  }
  return "unknown";
}

std::string_view flow_end_word(FlowEnd end) noexcept {
  switch (end) {
    case FlowEnd::timeout:
    case FlowEnd::expired_at_lookup:
      return "timeout";
    case FlowEnd::closed:
      return "closed";
    case FlowEnd::evicted:
      return "evicted";
    case FlowEnd::refused:
      return "refused";
    case FlowEnd::shutdown:
      return "shutdown";
    case FlowEnd::none:
      break;
  }
  return "unknown";
}

}  // namespace sluice
