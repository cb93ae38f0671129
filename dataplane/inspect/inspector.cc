#include "dataplane/inspect/inspector.h"

#include <algorithm>
#include <new>

#include <rte_mbuf.h>

#include "dataplane/flow/flow_tracker.h"
#include "dataplane/inspect/flow_application.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::size_t kPayloadBytesMax = 64 * 1024;

/// Shares of the pool; what streams and parsers take besides finds the rest.
[[nodiscard]] StreamLimits stream_limits(std::size_t pool_bytes, const InspectConfig& config) {
  StreamLimits limits;
  limits.kept_bytes = pool_bytes / 2;
  limits.reorder_bytes = pool_bytes / 4;
  limits.reorder_bytes_per_direction = config.reorder_bytes;
  return limits;
}

[[nodiscard]] bool is_inspectable(const Packet& packet) noexcept {
  constexpr std::uint16_t kKinds = kIsIp | kIsFragment;
  return packet.is_undecided() && (packet.flags & kKinds) == kIsIp;
}

/// The action is one that refuses.
[[nodiscard]] bool acts(const CompiledRule& rule, const RuleHit& hit) noexcept {
  return hit.stage == RuleStage::enforce && rule.action.kind != RuleActionKind::alert &&
         rule.action.kind != RuleActionKind::pass;
}

[[nodiscard]] bool passes(const CompiledRule& rule, const RuleHit& hit) noexcept {
  return hit.stage == RuleStage::enforce && rule.action.kind == RuleActionKind::pass;
}

}  // namespace

Inspector::Inspector(const InspectorSetup& setup) noexcept
    : setup_(setup), report_(setup.worker, setup.window) {}

Inspector::~Inspector() = default;

Result<std::unique_ptr<Inspector>> Inspector::create(const InspectorSetup& setup) {
  auto inspector = std::unique_ptr<Inspector>(new Inspector(setup));
  auto pool = ChunkPool::create(setup.memory_bytes, *setup.arena);
  if (!pool) return tl::unexpected<Error>(pool.error());
  inspector->pool_ = std::move(*pool);
  inspector->streams_ = std::make_unique<StreamReassembly>(
      *inspector->pool_, stream_limits(inspector->pool_->capacity(), InspectConfig{}));
  auto judge = RuleJudge::create(setup.memory_entries, setup.key, *setup.arena, *inspector->pool_,
                                 setup.rule_counts);
  if (!judge) return tl::unexpected<Error>(judge.error());
  inspector->judge_ = std::move(*judge);
  inspector->linear_.resize(kPayloadBytesMax);
  return inspector;
}

void Inspector::inspect(Burst& burst, const PolicySettings& settings, const LiveRuleset* ruleset,
                        const RuleOverlay* overlay) noexcept {
  burst_ = &burst;
  settings_ = &settings;
  ruleset_ = ruleset;
  overlay_ = overlay;
  if (ruleset == nullptr) return forget_unruled(burst);
  scratch_ = ruleset->scratches[setup_.worker].get();
  if (ruleset->epoch != epoch_ || settings.generation != generation_) [[unlikely]]
    obey_settings();
  for (const Packet& packet : burst.all()) {
    if (packet.flow != nullptr && packet.flow->stream_slot != kNoSlot) {
      __builtin_prefetch(pool_->at(packet.flow->stream_slot));
    }
  }
  for (Packet& packet : burst.all()) {
    if (is_inspectable(packet)) inspect_packet(packet);
  }
}

void Inspector::obey_settings() noexcept {
  epoch_ = ruleset_->epoch;
  generation_ = settings_->generation;
  http_limits_.wanted = ruleset_->wanted_buffers;
  if (overlay_ != nullptr && overlay_->wants_uri()) {
    http_limits_.wanted |= std::uint64_t{1} << static_cast<unsigned>(Buffer::http_uri);
  }
  http_limits_.request_body_bytes = settings_->inspect.request_body;
  http_limits_.response_body_bytes = settings_->inspect.response_body;
  streams_->obey(stream_limits(pool_->capacity(), settings_->inspect));
}

// Without rules no stream goes on: were rules to come back, it would have missed bytes.
void Inspector::forget_unruled(Burst& burst) noexcept {
  for (const Packet& packet : burst.all()) {
    if (packet.flow != nullptr && packet.flow->stream_slot != kNoSlot) forget(*packet.flow);
  }
}

void Inspector::inspect_packet(Packet& packet) noexcept {
  FlowInspection* inspection = inspection_of(packet);
  if (!packet.is_undecided()) [[unlikely]]
    return;
  if (inspection != nullptr && inspection->has(kInspectionRefused)) {
    return follow_refusal(packet, *inspection);
  }
  if (inspection != nullptr && inspection->has(kInspectionPassed)) return;
  RuleSubject subject{.packet = &packet, .flow = packet.flow};
  if (inspection != nullptr) {
    subject.service = inspection->service;
    if (inspection->tcp_slot != kNoSlot) {
      const TcpStream& stream = streams_->stream(inspection->tcp_slot);
      subject.stream_bytes = {stream.directions[0].scanned_bytes,
                              stream.directions[1].scanned_bytes};
    }
  }
  judge_->begin(*ruleset_, overlay_, subject, inspection);
  report_.begin();
  is_over_limit_ = false;
  const std::span<const std::uint8_t> payload = payload_of(packet);
  scan_packet(packet, payload);
  if (packet.protocol == kTcp && !packet.has(kIcmpError)) {
    inspect_tcp(packet, inspection, payload);
  }
  settle(packet, inspection, payload);
  if ((is_over_limit_ || judge_->has_given_up()) && packet.is_undecided()) [[unlikely]]
    obey_match_limit(packet);
  if (packet.verdict.refuses_flow && inspection != nullptr) {
    inspection->set(kInspectionRefused);
    inspection->refused_rule = packet.verdict.rule_id;
  }
  if (inspection != nullptr && packet.protocol == kTcp) note_forwarded(packet, *inspection);
}

// Nothing of it is looked at until other rules come into force.
void Inspector::pass_flow(FlowInspection& inspection) noexcept {
  inspection.set(kInspectionPassed);
  for (StreamScan& scan : inspection.scans) close_scan(scan);
  close_application(inspection);
  if (inspection.tcp_slot != kNoSlot) streams_->close(inspection.tcp_slot);
  inspection.tcp_slot = kNoSlot;
}

// Bytes that no stream could put in order are not let through beside it: whether their receiver
// takes them is anybody's guess.
void Inspector::inspect_tcp(Packet& packet, FlowInspection* inspection,
                            std::span<const std::uint8_t> payload) noexcept {
  constexpr unsigned kKinds = unsigned{kSyn} | kAck;
  if ((packet.tcp_flags & kUrg) != 0)
    obey(packet, settings_->inspect.urgent, DropReason::urgent_data);
  if (!packet.is_undecided() && settings_->mode == Mode::enforce) return;
  if (!payload.empty() && (packet.tcp_flags & kKinds) == kSyn) {
    packet.drop(DropReason::data_on_syn);
  } else if (!payload.empty() && packet.verdict.is_out_of_state) {
    packet.drop(DropReason::tcp_out_of_state);
  } else if (inspection != nullptr && !packet.verdict.is_out_of_state) {
    inspect_segment(packet, *inspection, payload);
  }
}

// Of a stream, bytes that were scanned are not scanned again: its next copy would pass.
void Inspector::obey_match_limit(Packet& packet) noexcept {
  ExceptionPolicy policy = settings_->inspect.match_limit;
  if (policy == ExceptionPolicy::drop_packet && packet.protocol == kTcp) {
    policy = ExceptionPolicy::drop_flow;
  }
  obey(packet, policy, DropReason::inspection_limit);
}

// The tracker knew of no refusal yet when it counted this packet: a flow's counts end with the
// packet that was refused, however packets fall into bursts.
void Inspector::follow_refusal(Packet& packet, const FlowInspection& inspection) noexcept {
  packet.drop(DropReason::flow_refused);
  packet.verdict.rule_id = inspection.refused_rule;
  FlowWarm& warm = warm_of(*packet.flow);
  const unsigned direction = direction_of(packet);
  warm.bytes[direction] -= packet.wire_bytes;
  warm.packets[direction] -= packet.frames;
}

// A payload of several segments is put in one piece; what the capture lacks stays unseen.
std::span<const std::uint8_t> Inspector::payload_of(const Packet& packet) noexcept {
  if (packet.payload_offset == 0 || packet.payload_bytes == 0) return {};
  const std::size_t at_hand = packet.bytes_at_hand > packet.payload_offset
                                  ? packet.bytes_at_hand - packet.payload_offset
                                  : 0;
  if (at_hand >= packet.payload_bytes) {
    return {packet.bytes + packet.payload_offset, packet.payload_bytes};
  }
  const bool is_in_segments = packet.frames == 1 && packet.mbuf->nb_segs > 1;
  const std::size_t held = is_in_segments ? packet.mbuf->pkt_len : packet.bytes_at_hand;
  if (!is_in_segments || held <= packet.payload_offset) {
    return {packet.bytes + packet.payload_offset, at_hand};
  }
  const auto bytes = static_cast<std::uint32_t>(
      std::min<std::size_t>(packet.payload_bytes, held - packet.payload_offset));
  const void* read = rte_pktmbuf_read(packet.mbuf, packet.payload_offset, bytes, linear_.data());
  if (read == nullptr) return {packet.bytes + packet.payload_offset, at_hand};
  return {static_cast<const std::uint8_t*>(read), bytes};
}

FlowInspection* Inspector::inspection_of(Packet& packet) noexcept {
  if (packet.flow == nullptr || packet.has(kIcmpError)) return nullptr;
  if (packet.flow->stream_slot == kNoSlot) return open(packet);
  auto* inspection = static_cast<FlowInspection*>(pool_->at(packet.flow->stream_slot));
  if (inspection->ruleset_epoch != ruleset_->epoch) restart(*inspection);
  return inspection;
}

FlowInspection* Inspector::open(Packet& packet) noexcept {
  const bool leaves_flags = flow_words_bytes(ruleset_->rules) != 0;
  if (packet.protocol != kTcp && !leaves_flags) return nullptr;
  void* chunk = pool_->take(sizeof(FlowInspection));
  if (chunk == nullptr) {
    obey(packet, settings_->inspect.no_memory, DropReason::inspection_limit);
    return nullptr;
  }
  auto* inspection = new (chunk) FlowInspection;
  inspection->server_port = server_port_of(packet);
  packet.flow->stream_slot = pool_->slot_of(inspection);
  restart(*inspection);
  return inspection;
}

// Numbers of groups, flags and counters are those of one ruleset.
void Inspector::restart(FlowInspection& inspection) noexcept {
  for (unsigned direction = 0; direction < 2; ++direction) {
    StreamScan& scan = inspection.scans[direction];
    close_scan(scan);
    scan.group = ruleset_->rules.map.stream_group(direction, inspection.server_port);
  }
  if (inspection.application != nullptr) {
    for (MessageScan& message : inspection.application->messages) end_message(message);
  }
  if (inspection.flags_of_rules != nullptr) pool_->give(inspection.flags_of_rules);
  inspection.flags_of_rules = nullptr;
  inspection.clear(kInspectionPassed);
  inspection.ruleset_epoch = ruleset_->epoch;
}

void Inspector::close(FlowInspection* inspection) noexcept {
  for (StreamScan& scan : inspection->scans) close_scan(scan);
  close_application(*inspection);
  if (inspection->flags_of_rules != nullptr) pool_->give(inspection->flags_of_rules);
  if (inspection->tcp_slot != kNoSlot) streams_->close(inspection->tcp_slot);
  pool_->give(inspection, sizeof *inspection);
}

void Inspector::forget(Flow& flow) noexcept {
  if (flow.stream_slot == kNoSlot) return;
  close(static_cast<FlowInspection*>(pool_->at(flow.stream_slot)));
  flow.stream_slot = kNoSlot;
}

void Inspector::obey(Packet& packet, ExceptionPolicy policy, DropReason reason) noexcept {
  if (policy == ExceptionPolicy::pass) return;
  packet.drop(reason);
  packet.verdict.refuses_flow = policy == ExceptionPolicy::drop_flow;
}

bool Inspector::must_refuse() const noexcept {
  bool refuses = false;
  for (const RuleHit& hit : judge_->hits()) {
    const CompiledRule& rule = ruleset_->rules.rules[hit.rule];
    if (passes(rule, hit)) return false;
    refuses = refuses || acts(rule, hit);
  }
  return refuses;
}

// A pass rule beats all others; of those that refuse, the first gives its id to the verdict.
void Inspector::settle(Packet& packet, FlowInspection* inspection,
                       std::span<const std::uint8_t> payload) noexcept {
  if (judge_->hits().empty()) [[likely]]
    return;
  const bool refuses = must_refuse();
  const auto& rules = ruleset_->rules.rules;
  for (const RuleHit& hit : judge_->hits()) {
    if (!passes(rules[hit.rule], hit)) continue;
    if (inspection != nullptr) pass_flow(*inspection);
    return;
  }
  for (const RuleHit& hit : judge_->hits()) {
    const CompiledRule& rule = rules[hit.rule];
    const bool is_first =
        refuses && acts(rule, hit) && packet.verdict.reason != DropReason::signature_match;
    if (is_first) {
      packet.drop(DropReason::signature_match);
      packet.verdict.rule_id = rule.id;
      packet.verdict.refuses_flow = packet.protocol == kTcp;
      judge_->note_refused(hit.rule);
    }
    if (hit.stage == RuleStage::shadow || !hit.is_reported) continue;
    report_.alert({judge_->subject(), totals_at(packet), payload}, rule, hit, acts(rule, hit),
                  *settings_);
  }
}

// What goes on from here does leave, but for a frame that its port has no room for. Of that one its
// receiver acknowledges nothing, so that its mark moves too soon and harms nobody.
void Inspector::note_forwarded(const Packet& packet, const FlowInspection& inspection) noexcept {
  if (inspection.tcp_slot == kNoSlot || packet.verdict.is_out_of_state) return;
  if (!packet.is_undecided() && settings_->mode == Mode::enforce) return;
  streams_->note_forwarded(inspection.tcp_slot, segment_, packet.payload_bytes);
}

void Inspector::forget_refused(const Burst& burst) noexcept {
  if (ruleset_ == nullptr) return;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    if (packet.flow != nullptr && packet.flow->has(kRefused)) forget(*packet.flow);
  }
}

// The tracker has counted the whole burst already; a record tells the flow as of its packet.
FlowTotals Inspector::totals_at(const Packet& packet) const noexcept {
  FlowTotals totals;
  if (packet.flow == nullptr) return totals;
  const FlowWarm& warm = warm_of(*packet.flow);
  totals.bytes = warm.bytes;
  totals.packets = {warm.packets[0], warm.packets[1]};
  totals.started = setup_.tracker->table().cold_of(*packet.flow).first_seen;
  for (const Packet* later = &packet + 1; later < burst_->packets.data() + burst_->count; ++later) {
    if (later->flow != packet.flow || later->has(kIcmpError)) continue;
    if (later->verdict.reason == DropReason::flow_refused) continue;
    const unsigned direction = direction_of(*later);
    totals.bytes[direction] -= later->wire_bytes;
    totals.packets[direction] -= later->frames;
  }
  return totals;
}

void Inspector::add_to(WorkerCounters& counters) const noexcept {
  const StreamCounters streams = streams_->counters();
  const JudgeCounters& judged = judge_->counters();
  const auto capacity = [&counters](CapacityEvent event) -> std::uint64_t& {
    return counters.capacity[static_cast<std::size_t>(event)];
  };
  counters.alerts = report_.alerts();
  counters.alerts_lost = report_.lost();
  counters.rule_candidates = judged.candidates;
  counters.rule_hits = judged.hits;
  counters.rules_shadowed = judged.shadowed;
  counters.rules_excepted = judged.excepted;
  counters.inspected_bytes = scanned_bytes_;
  counters.inspected_flows = streams.streams;
  counters.inspection_memory = pool_->counters().bytes_in_use;
  counters.stream_gap_bytes = streams.stream_gap_bytes;
  capacity(CapacityEvent::inspection_memory) = pool_->counters().refusals;
  capacity(CapacityEvent::kept_bytes_full) = streams.kept_shortage;
  capacity(CapacityEvent::reorder_limit) = streams.reorder_limit;
  capacity(CapacityEvent::match_limit) = judged.given_up + over_limit_;
}

}  // namespace sluice
