#include "dataplane/inspect/inspect_report.h"

#include <algorithm>
#include <cstring>

#include "dataplane/flow/flow_record.h"

namespace sluice {
namespace {

constexpr std::size_t kPayloadExcerpt = 512;
constexpr std::size_t kBufferExcerpt = 192;

void fill_addresses(InspectRecord& record, const Packet& packet) noexcept {
  if (packet.ip_version == 4) {
    std::memcpy(record.source.data(), packet.l3() + 12, 4);
    std::memcpy(record.destination.data(), packet.l3() + 16, 4);
  } else if (packet.ip_version == 6) {
    std::memcpy(record.source.data(), packet.l3() + 8, 16);
    std::memcpy(record.destination.data(), packet.l3() + 24, 16);
  }
}

[[nodiscard]] bool is_shown(Buffer buffer) noexcept {
  switch (buffer) {
    case Buffer::http_method:
    case Buffer::http_uri_raw:
    case Buffer::http_host:
    case Buffer::http_user_agent:
    case Buffer::http_referer:
    case Buffer::http_content_type:
    case Buffer::http_stat_code:
      return true;
    default:
      return false;
  }
}

/// Who does not prove to see a connection blocks nobody by it.
[[nodiscard]] RuleActionKind action_told(const CompiledRule& rule, const Packet& packet) noexcept {
  const bool is_unproven = packet.verdict.is_out_of_state;
  const bool blocks = rule.action.kind == RuleActionKind::block;
  return is_unproven && blocks ? RuleActionKind::drop : rule.action.kind;
}

[[nodiscard]] std::size_t bytes_used(const InspectRecord& record) noexcept {
  std::size_t used = 0;
  for (std::size_t i = 0; i < record.excerpt_count; ++i) used += record.excerpts[i].bytes;
  return used;
}

}  // namespace

bool add_excerpt(InspectRecord& record, Buffer buffer, std::span<const std::uint8_t> bytes,
                 std::size_t bytes_max) noexcept {
  const std::size_t used = bytes_used(record);
  const std::size_t room = std::min(bytes_max, record.bytes.size() - used);
  if (record.excerpt_count == kExcerptsMax || room == 0) return false;
  const std::size_t size = std::min(bytes.size(), room);
  if (size != 0) std::memcpy(record.bytes.data() + used, bytes.data(), size);
  record.excerpts[record.excerpt_count++] = {
      .buffer = buffer, .is_cut = size < bytes.size(), .bytes = static_cast<std::uint16_t>(size)};
  return true;
}

InspectRecord inspect_record(const RuleSubject& subject) noexcept {
  const Packet& packet = *subject.packet;
  InspectRecord record{};
  record.now = packet.now;
  record.packet_number = packet.packet_number;
  record.source_port = packet.source_port;
  record.destination_port = packet.destination_port;
  record.ip_version = packet.ip_version;
  record.protocol = packet.protocol;
  record.in_port = packet.in_port;
  record.direction = static_cast<std::uint8_t>(direction_of(subject));
  record.service = subject.service;
  record.icmp_type = packet.icmp_type;
  if (has_icmp_header(packet)) record.icmp_code = icmp_code(packet);
  for (std::size_t i = 0; i < record.vlan.size() && i < packet.vlan_count; ++i) {
    record.vlan[i] = packet.vlan[i];
  }
  fill_addresses(record, packet);
  if (subject.flow != nullptr) record.flow_number = flow_number_of(*subject.flow);
  return record;
}

void InspectReport::keep_excerpts(std::span<const BufferBytes> message) noexcept {
  kept_.excerpt_count = 0;
  for (const BufferBytes& buffer : message) {
    if (is_shown(buffer.buffer)) {
      static_cast<void>(add_excerpt(kept_, buffer.buffer, buffer.bytes, kBufferExcerpt));
    }
  }
}

void InspectReport::alert(const InspectScene& scene, const CompiledRule& rule, const RuleHit& hit,
                          bool is_refused, const PolicySettings& settings) noexcept {
  ++alerts_;
  if (window_ == nullptr) return;
  InspectRecord record = inspect_record(scene.subject);
  record.flow_started = scene.flow.started;
  record.flow_bytes = scene.flow.bytes;
  record.flow_packets = scene.flow.packets;
  record.kind = InspectKind::alert;
  record.rule_id = rule.id;
  record.gid = rule.gid;
  record.rev = rule.rev;
  record.generation = static_cast<std::uint16_t>(settings.generation);
  record.stage = static_cast<std::uint8_t>(hit.stage);
  record.action = static_cast<std::uint8_t>(action_told(rule, *scene.subject.packet));
  record.is_refused = is_refused ? 1 : 0;
  record.is_enforced = settings.mode == Mode::enforce ? 1 : 0;
  record.is_stream = hit.is_stream ? 1 : 0;
  record.worker = worker_;
  static_cast<void>(add_excerpt(record, Buffer::payload, scene.payload, kPayloadExcerpt));
  std::size_t at = 0;
  for (std::size_t i = 0; i < kept_.excerpt_count; at += kept_.excerpts[i++].bytes) {
    const Excerpt& excerpt = kept_.excerpts[i];
    if (!add_excerpt(record, excerpt.buffer, {kept_.bytes.data() + at, excerpt.bytes},
                     excerpt.bytes)) {
      break;
    }
  }
  if (!window_->inspections.try_push(record)) ++lost_;
}

}  // namespace sluice
