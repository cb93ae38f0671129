#include "dataplane/inspect/anomaly_report.h"

#include <bit>

#include "dataplane/inspect/inspect_report.h"

namespace sluice {
namespace {

static_assert(kDropReasonCount <= 64 && static_cast<std::size_t>(AppAnomaly::count_) <= 64);

/// The reasons that tell of a packet which no honest host sends. A choice of the configuration, or
/// a limit of sluice's own, is none.
[[nodiscard]] bool is_decode_anomaly(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::truncated_header:
    case DropReason::bad_ip_header:
    case DropReason::bad_ip_length:
    case DropReason::bad_ip_checksum:
    case DropReason::bad_extension_header:
    case DropReason::too_many_headers:
    case DropReason::tunnel_too_deep:
    case DropReason::bad_tunnel_header:
    case DropReason::bad_l4_header:
    case DropReason::bad_l4_checksum:
    case DropReason::bad_tcp_flags:
    case DropReason::bad_fragment:
    case DropReason::fragment_overlap:
      return true;
    default:
      return false;
  }
}

[[nodiscard]] StreamAnomaly stream_anomaly_of(DropReason reason) noexcept {
  switch (reason) {
    case DropReason::conflicting_retransmission:
      return StreamAnomaly::conflicting_retransmission;
    case DropReason::unverifiable_retransmission:
      return StreamAnomaly::unverifiable_retransmission;
    case DropReason::reorder_limit:
      return StreamAnomaly::reorder_limit;
    case DropReason::old_timestamp:
      return StreamAnomaly::old_timestamp;
    case DropReason::data_on_syn:
      return StreamAnomaly::data_on_syn;
    case DropReason::urgent_data:
      return StreamAnomaly::urgent_data;
    case DropReason::tcp_out_of_state:
      return StreamAnomaly::out_of_state;
    default:
      return StreamAnomaly::none;
  }
}

}  // namespace

void AnomalyReport::packet(const Packet& packet, DropReason reason,
                           const PolicySettings& settings) noexcept {
  if (!settings.anomaly_records) return;
  const RuleSubject subject{.packet = &packet, .flow = packet.flow};
  if (is_decode_anomaly(reason)) {
    return tell(subject, {AnomalyLayer::decode, static_cast<std::uint8_t>(reason)}, settings);
  }
  const StreamAnomaly anomaly = stream_anomaly_of(reason);
  if (anomaly != StreamAnomaly::none) stream(subject, anomaly, settings);
}

void AnomalyReport::stream(const RuleSubject& subject, StreamAnomaly anomaly,
                           const PolicySettings& settings) noexcept {
  tell(subject, {AnomalyLayer::stream, static_cast<std::uint8_t>(anomaly)}, settings);
}

void AnomalyReport::application(const RuleSubject& subject, AppAnomaly anomaly,
                                const PolicySettings& settings) noexcept {
  tell(subject, {AnomalyLayer::application, static_cast<std::uint8_t>(anomaly)}, settings);
}

// Twice as many in a second add as many to those that are told as a first few: a flood of a million
// makes five hundred. Which of them, nobody can tell in advance.
bool AnomalyReport::is_chosen(Kind kind, TimeNs now) noexcept {
  const std::size_t index = static_cast<std::size_t>(kind.layer) * kKinds + kind.anomaly % kKinds;
  Second& second = seconds_[index];
  const std::uint64_t at = now / kNsPerSecond;
  if (second.second != at) second = {at, 0};
  const std::uint32_t before = second.count++;
  if (before < kToldPerSecond) return true;
  const auto bits = std::bit_width(before / kToldPerSecond);
  const std::uint64_t hash =
      siphash13(key_, std::array<std::uint64_t, 3>{index, at, std::uint64_t{before}});
  return (hash & ((std::uint64_t{1} << bits) - 1)) == 0;
}

void AnomalyReport::tell(const RuleSubject& subject, Kind kind,
                         const PolicySettings& settings) noexcept {
  if (!settings.anomaly_records) return;
  ++counters_.anomalies;
  if (window_ == nullptr) return;
  if (!is_chosen(kind, subject.packet->now)) {
    ++counters_.capacity[static_cast<std::size_t>(CapacityEvent::anomaly_limit)];
    return;
  }
  InspectRecord record = inspect_record(subject);
  record.kind = InspectKind::anomaly;
  record.anomaly_layer = kind.layer;
  record.anomaly = kind.anomaly;
  record.generation = static_cast<std::uint16_t>(settings.generation);
  record.is_enforced = settings.mode == Mode::enforce ? 1 : 0;
  record.is_stream = kind.layer == AnomalyLayer::decode ? 0 : 1;
  record.worker = worker_;
  if (!window_->inspections.try_push(record)) ++counters_.anomalies_lost;
}

}  // namespace sluice
