// Events of station 8: alerts with the text of their rule and the bytes they were found in.
#include <algorithm>

#include "control/store/eve_format.h"
#include "control/store/eve_words.h"

namespace sluice {
namespace {

struct ExcerptView {
  Buffer buffer;
  std::string_view bytes;
};

/// The record comes from the wire process: counts out of range show less, never more.
template <class Each>
void for_each_excerpt(const InspectRecord& record, Each&& each) noexcept {
  std::size_t at = 0;
  const std::size_t count = std::min<std::size_t>(record.excerpt_count, kExcerptsMax);
  for (std::size_t i = 0; i < count; ++i) {
    const Excerpt& excerpt = record.excerpts[i];
    if (excerpt.bytes > record.bytes.size() - at || excerpt.buffer >= Buffer::count_) return;
    const char* first = reinterpret_cast<const char*>(record.bytes.data()) + at;
    each(ExcerptView{excerpt.buffer, {first, excerpt.bytes}});
    at += excerpt.bytes;
  }
}

/// Suricata's keys of the object http.
struct MemberRow {
  Buffer buffer;
  std::string_view key;
};
constexpr MemberRow kHttpMembers[] = {
    {Buffer::http_host, "hostname"},
    {Buffer::http_uri_raw, "url"},
    {Buffer::http_user_agent, "http_user_agent"},
    {Buffer::http_referer, "http_refer"},
    {Buffer::http_method, "http_method"},
    {Buffer::http_content_type, "http_content_type"},
};

void http_object(JsonWriter& json, const InspectRecord& record) noexcept {
  bool is_open = false;
  for_each_excerpt(record, [&](const ExcerptView& excerpt) {
    const auto* const row =
        std::find_if(std::begin(kHttpMembers), std::end(kHttpMembers),
                     [&](const MemberRow& one) { return one.buffer == excerpt.buffer; });
    if (row == std::end(kHttpMembers)) return;
    if (!is_open) json.open_object("http");
    is_open = true;
    json.text(row->key, excerpt.bytes);
  });
  if (is_open) json.close_object();
}

void payload(JsonWriter& json, const InspectRecord& record) noexcept {
  for_each_excerpt(record, [&](const ExcerptView& excerpt) {
    if (excerpt.buffer != Buffer::payload || excerpt.bytes.empty()) return;
    json.base64("payload", excerpt.bytes);
    json.text("payload_printable", excerpt.bytes);
  });
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

[[nodiscard]] std::string_view stage_word(std::uint8_t stage) noexcept {
  constexpr std::string_view kWords[] = {"shadow", "alert", "enforce"};
  return stage < std::size(kWords) ? kWords[stage] : "unknown";
}

[[nodiscard]] CommunityTuple tuple_of(const InspectRecord& record) noexcept {
  CommunityTuple tuple{record.source,           record.destination, record.source_port,
                       record.destination_port, record.protocol,    record.ip_version};
  if (record.protocol != 1 && record.protocol != 58) return tuple;
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

std::size_t EveFormatter::inspection(const InspectRecord& record, std::span<char> into) noexcept {
  if (record.kind != InspectKind::alert) return 0;
  JsonWriter json(into);
  const CommunityTuple tuple = tuple_of(record);
  open_event(json, {record.now, "alert", record.flow_number, record.packet_number, record.in_port,
                    record.vlan});
  endpoints(json, tuple);
  if (record.protocol == 1 || record.protocol == 58) {
    json.number("icmp_type", record.icmp_type);
    json.number("icmp_code", record.icmp_code);
  }
  json.word("community_id", community_.of(tuple));
  alert_object(json, record,
               rules_ == nullptr ? nullptr : rules_->find(record.gid, record.rule_id));
  if (record.service == Service::http) json.word("app_proto", "http");
  json.word("direction", record.direction == 0 ? "to_server" : "to_client");
  inspect_flow(json, record);
  http_object(json, record);
  payload(json, record);
  json.open_object("verdict");
  json.word("action", record.is_refused != 0 && record.is_enforced != 0 ? "drop" : "pass");
  json.close_object();
  json.open_object("sluice");
  common_extras(json, record.generation, record.worker,
                record.is_enforced != 0 ? Mode::enforce : Mode::monitor);
  json.word("stage", stage_word(record.stage));
  json.close_object();
  json.close_object();
  json.end_line();
  return json.size();
}

}  // namespace sluice
