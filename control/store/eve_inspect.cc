// Events of station 8: alerts with the text of their rule and the bytes they were found in,
// transactions of applications, anomalies.
#include <array>

#include "control/store/eve_application.h"
#include "control/store/eve_format.h"
#include "control/store/eve_words.h"
#include "control/store/redact.h"
#include "dataplane/inspect/app_sink.h"

namespace sluice {
namespace {

void payload(JsonWriter& json, const InspectRecord& record,
             const RecordExcerpts& excerpts) noexcept {
  if (const ExcerptView* found = excerpts.find(Buffer::payload); found != nullptr) {
    std::array<char, kExcerptBytesMax> shown;
    const std::span text(shown.data(), found->bytes.copy(shown.data(), shown.size()));
    redact_payload(text);
    if (!text.empty()) {
      json.base64("payload", {text.data(), text.size()});
      json.text("payload_printable", {text.data(), text.size()});
    }
  }
  json.number("stream", record.is_stream != 0 ? 1 : 0);
}

void alert_object(JsonWriter& json, const InspectRecord& record,
                  const RuleEventText* text) noexcept {
  const bool is_blocked = record.is_refused != 0 && record.is_enforced != 0;
  json.open_object("alert");
  json.word("action", is_blocked ? "blocked" : "allowed");
  json.number("gid", record.gid);
  json.number("signature_id", record.rule_id);
  json.number("rev", record.rev);
  json.word("signature", text != nullptr ? std::string_view(text->signature) : "");
  json.word("category", text != nullptr ? std::string_view(text->category) : "");
  json.number("severity", text != nullptr ? text->severity : 3U);
  if (text != nullptr && !text->metadata.empty()) json.raw_object("metadata", text->metadata);
  json.close_object();
}

void prefixed_word(JsonWriter& json, std::string_view key, std::string_view prefix,
                   std::string_view word) noexcept {
  std::array<char, 96> text;
  const std::size_t front = prefix.copy(text.data(), text.size());
  const std::size_t rest = word.copy(text.data() + front, text.size() - front);
  json.word(key, {text.data(), front + rest});
}

void anomaly_object(JsonWriter& json, const InspectRecord& record) noexcept {
  json.open_object("anomaly");
  switch (record.anomaly_layer) {
    case AnomalyLayer::decode:
      json.word("type", "decode");
      prefixed_word(json, "event", "decoder.",
                    reason_word(static_cast<DropReason>(record.anomaly)));
      break;
    case AnomalyLayer::stream:
      json.word("type", "stream");
      prefixed_word(json, "event", "stream.", stream_anomaly_word(record.anomaly));
      break;
    case AnomalyLayer::application: {
      const std::string_view application = app_proto_word(record.service);
      json.word("app_proto", application.empty() ? std::string_view("unknown") : application);
      json.word("type", "applayer");
      json.word("event", record.anomaly < static_cast<std::uint8_t>(AppAnomaly::count_)
                             ? name_of(static_cast<AppAnomaly>(record.anomaly))
                             : std::string_view("unknown"));
      json.word("layer", "proto_parser");
      break;
    }
  }
  json.close_object();
}

[[nodiscard]] bool is_icmp(std::uint8_t protocol) noexcept {
  return protocol == 1 || protocol == 58;
}

[[nodiscard]] std::string_view stage_word(std::uint8_t stage) noexcept {
  constexpr std::string_view kWords[] = {"shadow", "alert", "enforce"};
  return stage < std::size(kWords) ? kWords[stage] : "unknown";
}

[[nodiscard]] std::string_view verdict_word(const InspectRecord& record) noexcept {
  if (record.is_refused == 0 || record.is_enforced == 0) return "pass";
  const bool is_rejected = record.action == static_cast<std::uint8_t>(RuleActionKind::reject);
  return is_rejected ? "reject" : "drop";
}

[[nodiscard]] CommunityTuple tuple_of(const InspectRecord& record) noexcept {
  CommunityTuple tuple{record.source,           record.destination, record.source_port,
                       record.destination_port, record.protocol,    record.ip_version};
  if (!is_icmp(record.protocol)) return tuple;
  tuple.source_port = record.icmp_type;
  tuple.destination_port = record.icmp_code;
  return tuple;
}

}  // namespace

void EveFormatter::inspect_flow(JsonWriter& json, const InspectRecord& record) noexcept {
  if (record.flow_number == 0) return;
  json.open_object("flow");
  json.number("pkts_toserver", record.flow_packets[0]);
  json.number("pkts_toclient", record.flow_packets[1]);
  json.number("bytes_toserver", record.flow_bytes[0]);
  json.number("bytes_toclient", record.flow_bytes[1]);
  time(json, "start", record.flow_started);
  json.close_object();
}

void EveFormatter::open_inspection(JsonWriter& json, const InspectRecord& record,
                                   std::string_view event_type) noexcept {
  const CommunityTuple tuple = tuple_of(record);
  open_event(json, {record.now, event_type, record.flow_number, record.packet_number,
                    record.in_port, record.vlan});
  if (record.ip_version == 0) return;
  endpoints(json, tuple);
  if (is_icmp(record.protocol)) {
    json.number("icmp_type", record.icmp_type);
    json.number("icmp_code", record.icmp_code);
  }
  json.word("community_id", community_.of(tuple));
}

void EveFormatter::inspect_extras(JsonWriter& json, const InspectRecord& record) noexcept {
  json.open_object("sluice");
  common_extras(json, record.generation, record.worker,
                record.is_enforced != 0 ? Mode::enforce : Mode::monitor);
  if (record.kind == InspectKind::alert) json.word("stage", stage_word(record.stage));
  json.close_object();
}

void EveFormatter::alert(JsonWriter& json, const InspectRecord& record) noexcept {
  const RecordExcerpts excerpts(record);
  open_inspection(json, record, "alert");
  alert_object(json, record,
               rules_ == nullptr ? nullptr : rules_->find(record.gid, record.rule_id));
  const std::string_view application = app_proto_word(record.service);
  if (!application.empty()) json.word("app_proto", application);
  json.word("direction", record.direction == 0 ? "to_server" : "to_client");
  inspect_flow(json, record);
  application_object(json, record, excerpts);
  payload(json, record, excerpts);
  json.open_object("verdict");
  json.word("action", verdict_word(record));
  json.close_object();
}

void EveFormatter::transaction(JsonWriter& json, const InspectRecord& record,
                               std::string_view event_type) noexcept {
  open_inspection(json, record, event_type);
  if (record.service != Service::dns) json.number("tx_id", record.message);
  application_object(json, record, RecordExcerpts(record));
}

void EveFormatter::anomaly(JsonWriter& json, const InspectRecord& record) noexcept {
  open_inspection(json, record, "anomaly");
  if (record.flow_number != 0) {
    json.word("direction", record.direction == 0 ? "to_server" : "to_client");
  }
  anomaly_object(json, record);
}

std::size_t EveFormatter::inspection(const InspectRecord& record, std::span<char> into) noexcept {
  JsonWriter json(into);
  const std::string_view event_type = event_type_of(record);
  if (event_type.empty()) return 0;
  switch (record.kind) {
    case InspectKind::alert:
      alert(json, record);
      break;
    case InspectKind::transaction:
      transaction(json, record, event_type);
      break;
    case InspectKind::anomaly:
      anomaly(json, record);
      break;
  }
  inspect_extras(json, record);
  json.close_object();
  json.end_line();
  return json.size();
}

}  // namespace sluice
