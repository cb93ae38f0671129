#include "dataplane/inspect/inspector.h"

#include <algorithm>
#include <new>

#include <rte_mbuf.h>

#include "dataplane/flow/flow_tracker.h"
#include "dataplane/overload.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17;
/// So many packets before its turn the payload of a packet is asked for.
constexpr std::ptrdiff_t kPayloadsAhead = 4;
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

/// Another connection of QUIC may begin in a flow that is encrypted: its header says so.
[[nodiscard]] bool begins_quic(const Packet& packet, const FlowInspection& inspection) noexcept {
  if (inspection.service != Service::quic || packet.payload_bytes == 0) return false;
  constexpr std::uint8_t kLongHeader = 0x80;
  const bool is_at_hand = packet.payload_offset < packet.bytes_at_hand;
  return is_at_hand && (packet.bytes[packet.payload_offset] & kLongHeader) != 0;
}

/// Something is remembered of the flow: then `stream_slot` is in the pool.
[[nodiscard]] bool is_remembered(const Packet& packet) noexcept {
  return packet.flow != nullptr && packet.flow->stream_slot < kEndedSlot;
}

[[nodiscard]] bool is_left(const Packet& packet, const FlowInspection& inspection) noexcept {
  if (inspection.has(kInspectionPassed)) return true;
  return inspection.has(kInspectionEnded) && !begins_quic(packet, inspection);
}

/// Bytes of its stream are still read.
[[nodiscard]] bool is_followed(const Packet& packet, const ChunkPool& pool) noexcept {
  if (!is_remembered(packet)) return false;
  const void* inspection = pool.at(packet.flow->stream_slot);
  return static_cast<const FlowInspection*>(inspection)->tcp_slot != kNoSlot;
}

/// Where the NIC has verified the sum, nobody has read it yet. What another station holds has no
/// mbuf here any more.
void ask_for_payload(const Packet& packet, const ChunkPool& pool) noexcept {
  constexpr std::size_t kLine = 64;
  if (packet.mbuf == nullptr) [[unlikely]]
    return;
  const std::uint64_t sum = packet.mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (sum != RTE_MBUF_F_RX_L4_CKSUM_GOOD || !is_followed(packet, pool)) return;
  for (std::size_t at = packet.payload_offset; at < packet.bytes_at_hand; at += kLine) {
    __builtin_prefetch(packet.bytes + at);
  }
}

/// Datagrams tell each for itself. Of a stream, a side that did not show what it is shows no more.
[[nodiscard]] Service service_told(const Packet& packet,
                                   const FlowInspection* inspection) noexcept {
  const Service service = inspection != nullptr ? inspection->service : Service::any;
  if (service != Service::any) return service;
  const bool is_told =
      packet.protocol != kTcp ||
      (inspection != nullptr && inspection->detect_from[direction_of(packet)] == kUndetectable);
  return is_told ? Service::unknown : Service::any;
}

[[nodiscard]] bool is_elephant(const Packet& packet) noexcept {
  const FlowWarm& warm = warm_of(*packet.flow);
  return warm.bytes[0] + warm.bytes[1] > kElephantBytes;
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
  auto workspace = AppWorkspace::create(*inspector->pool_);
  if (!workspace) return tl::unexpected<Error>(workspace.error());
  inspector->workspace_ = std::move(*workspace);
  inspector->transactions_ =
      std::make_unique<TransactionReport>(setup.worker, setup.window, *inspector->pool_);
  auto limiter = RuleLimiter::create({.key = setup.key, .meters = setup.meters}, *setup.arena);
  if (!limiter) return tl::unexpected<Error>(limiter.error());
  inspector->limiter_ = std::move(*limiter);
  auto no_rules = make_live({}, {}, 0, nullptr);
  if (!no_rules) return tl::unexpected<Error>(no_rules.error());
  inspector->no_rules_ = std::move(*no_rules);
  inspector->linear_.resize(kPayloadBytesMax);
  return inspector;
}

void Inspector::begin(Burst& burst, const PolicySettings& settings, const LiveRuleset* ruleset,
                      const RuleOverlay* overlay) noexcept {
  burst_ = &burst;
  settings_ = &settings;
  only_tells_ = ruleset == nullptr && !settings.has_rules && settings.transaction_records != 0;
  ruleset_ = only_tells_ ? no_rules_.get() : ruleset;
  overlay_ = overlay;
  if (ruleset_ == nullptr) return forget_unruled(burst);
  scratch_ = only_tells_ ? nullptr : ruleset_->scratches[setup_.worker].get();
  if (ruleset_->epoch != epoch_ || settings.generation != generation_) [[unlikely]]
    obey_settings();
  for (const Packet& packet : burst.all()) {
    if (is_remembered(packet)) __builtin_prefetch(pool_->at(packet.flow->stream_slot));
  }
}

void Inspector::inspect(std::span<Packet> packets) noexcept {
  rejections_.places = 0;
  if (ruleset_ == nullptr) return;
  const Packet* const end = burst_->packets.data() + burst_->count;
  for (Packet& packet : packets) {
    if (end - &packet > kPayloadsAhead) ask_for_payload(*(&packet + kPayloadsAhead), *pool_);
    if (is_inspectable(packet)) inspect_packet(packet);
  }
}

void Inspector::obey_settings() noexcept {
  epoch_ = ruleset_->epoch;
  generation_ = settings_->generation;
  transactions_->obey(*settings_);
  wanted_buffers_ = ruleset_->wanted_buffers | transactions_->wanted_buffers();
  if (overlay_ != nullptr && overlay_->wants_uri()) wanted_buffers_ |= bit_of(Buffer::http_uri);
  wanted_services_ = services_of(wanted_buffers_) | transactions_->services();
  known_services_ = wanted_services_ | ruleset_->asked_services;
  workspace_->want(wanted_buffers_);
  workspace_->http.request_body_bytes = settings_->inspect.request_body;
  workspace_->mail.part_bytes_max = settings_->inspect.request_body;
  workspace_->http.response_body_bytes = settings_->inspect.response_body;
  streams_->obey(stream_limits(pool_->capacity(), settings_->inspect));
}

// Where nothing is inspected no stream goes on: were rules to come back, it would have missed
// bytes.
void Inspector::forget_unruled(Burst& burst) noexcept {
  for (const Packet& packet : burst.all()) {
    if (packet.flow != nullptr && packet.flow->stream_slot != kNoSlot) forget(*packet.flow);
  }
}

void Inspector::inspect_packet(Packet& packet) noexcept {
  if (packet.has(kIcmpError)) [[unlikely]] {
    follow_quoted_flow(packet);
  } else if (packet.flow != nullptr && packet.flow->stream_slot == kEndedSlot) {
    return;
  }
  FlowInspection* inspection = inspection_of(packet);
  if (!packet.is_undecided()) [[unlikely]]
    return;
  if (inspection != nullptr && inspection->has(kInspectionRefused)) {
    return follow_refusal(packet, *inspection);
  }
  if (inspection == nullptr && packet.flow != nullptr && packet.flow->has(kRefused)) [[unlikely]]
    return packet.drop(DropReason::flow_refused);
  if (inspection != nullptr && is_left(packet, *inspection)) return;
  if (inspection != nullptr && is_shed(packet, *inspection)) [[unlikely]]
    return;
  RuleSubject subject{.packet = &packet, .flow = packet.flow, .sets = sets_};
  subject.service = service_told(packet, inspection);
  if (inspection != nullptr) {
    subject.stream_bytes = stream_bytes_of(*inspection);
    subject.set_memo = &inspection->set_memo;
  }
  // What no receiver takes leaves nothing on the flow: whoever knows its ports can send it.
  FlowInspection* const marked = packet.verdict.is_out_of_state ? nullptr : inspection;
  judge_->begin(*ruleset_, overlay_, subject, marked);
  report_.begin();
  is_over_limit_ = false;
  charged_ = 0;
  const std::span<const std::uint8_t> payload = payload_of(packet);
  const bool is_own = !packet.has(kIcmpError);
  if (packet.protocol == kUdp && is_own) inspect_datagram(packet, inspection, payload);
  scan_packet(packet, payload);
  if (packet.protocol == kTcp && is_own) inspect_tcp(packet, inspection, payload);
  settle(packet, marked, payload);
  if ((is_over_limit_ || judge_->has_given_up()) && packet.is_undecided()) [[unlikely]]
    obey_match_limit(packet);
  if (packet.verdict.is_out_of_state) packet.verdict.refuses_flow = false;
  if (packet.verdict.refuses_flow && inspection != nullptr) {
    inspection->set(kInspectionRefused);
    inspection->refused_rule = packet.verdict.rule_id;
  }
  if (inspection == nullptr || packet.protocol != kTcp) return;
  if (inspection->has(kInspectionEnded)) return forget_ended(packet, *inspection);
  note_forwarded(packet, *inspection);
}

std::array<std::uint64_t, 2> Inspector::stream_bytes_of(
    const FlowInspection& inspection) const noexcept {
  if (inspection.tcp_slot == kNoSlot) return {};
  const auto& directions = streams_->stream(inspection.tcp_slot).directions;
  return {directions[0].scanned_bytes, directions[1].scanned_bytes};
}

// Only as long as work is shed: then its stream begins anew, midway.
bool Inspector::is_shed(const Packet& packet, FlowInspection& inspection) noexcept {
  if (shed_level_ < kShedDepth) [[likely]] {
    inspection.clear(kInspectionShed);
    return false;
  }
  if (inspection.has(kInspectionShed)) return true;
  if (shed_level_ < kShedElephants || !is_elephant(packet)) return false;
  ++shed_flows_;
  leave_flow(inspection, kInspectionShed);
  return true;
}

// Nothing of it is looked at any more: a pass rule's word holds until other rules come into force.
void Inspector::leave_flow(FlowInspection& inspection, InspectionFlag why) noexcept {
  inspection.set(why);
  for (StreamScan& scan : inspection.scans) close_scan(scan);
  close_application(inspection);
  transactions_->flow_ends(inspection.transactions);
  if (inspection.tcp_slot != kNoSlot) streams_->close(inspection.tcp_slot);
  inspection.tcp_slot = kNoSlot;
  if (why == kInspectionEnded) return;
  inspection.service = Service::any;  // told anew when it is looked at again
  inspection.detect_from = {};
}

// Bytes that no stream could put in order are not let through beside it: whether their receiver
// takes them is anybody's guess.
void Inspector::inspect_tcp(Packet& packet, FlowInspection* inspection,
                            std::span<const std::uint8_t> payload) noexcept {
  constexpr unsigned kKinds = unsigned{kSyn} | kAck;
  if (only_tells_) {
    if (inspection != nullptr && !packet.verdict.is_out_of_state) {
      inspect_segment(packet, *inspection, payload);
    }
    return;
  }
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

// An error of ICMP goes the way of the flow that it quotes.
void Inspector::follow_quoted_flow(Packet& packet) noexcept {
  if (!is_remembered(packet)) return;
  const auto* quoted = static_cast<const FlowInspection*>(pool_->at(packet.flow->stream_slot));
  if (!quoted->has(kInspectionRefused)) return;
  packet.drop(DropReason::flow_refused);
  packet.verdict.rule_id = quoted->refused_rule;
}

FlowInspection* Inspector::inspection_of(Packet& packet) noexcept {
  if (packet.flow == nullptr || packet.has(kIcmpError)) return nullptr;
  if (packet.flow->stream_slot == kNoSlot) {
    const bool is_kept = packet.protocol == kTcp || flow_words_bytes(ruleset_->rules) != 0;
    return is_kept && !sheds(packet) ? open(packet) : nullptr;
  }
  auto* inspection = static_cast<FlowInspection*>(pool_->at(packet.flow->stream_slot));
  if (inspection->ruleset_epoch != ruleset_->epoch) restart(*inspection);
  return inspection;
}

bool Inspector::sheds(const Packet& packet) noexcept {
  if (shed_level_ < kShedStreams) [[likely]]
    return false;
  if (packet.has(kNewFlow)) ++shed_flows_;
  return true;
}

FlowInspection* Inspector::open(Packet& packet) noexcept {
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

// What was refused stays so: that is remembered.
void Inspector::forget_ended(Packet& packet, FlowInspection& inspection) noexcept {
  if (inspection.has(kInspectionRefused)) return;
  close(&inspection);
  packet.flow->stream_slot = kEndedSlot;
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
  transactions_->flow_ends(inspection->transactions);
  if (inspection->flags_of_rules != nullptr) pool_->give(inspection->flags_of_rules);
  if (inspection->tcp_slot != kNoSlot) streams_->close(inspection->tcp_slot);
  pool_->give(inspection, sizeof *inspection);
}

void Inspector::forget(Flow& flow) noexcept {
  if (flow.stream_slot == kNoSlot) return;
  if (flow.stream_slot != kEndedSlot) {
    close(static_cast<FlowInspection*>(pool_->at(flow.stream_slot)));
  }
  flow.stream_slot = kNoSlot;
}

void Inspector::forget_refused(const Burst& burst) noexcept {
  if (ruleset_ == nullptr) return;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    if (packet.flow != nullptr && packet.flow->has(kRefused)) forget(*packet.flow);
  }
}

void Inspector::add_to(WorkerCounters& counters) const noexcept {
  const StreamCounters streams = streams_->counters();
  const JudgeCounters& judged = judge_->counters();
  const auto capacity = [&counters](CapacityEvent event) -> std::uint64_t& {
    return counters.capacity[static_cast<std::size_t>(event)];
  };
  counters.alerts = report_.alerts();
  counters.alerts_lost = report_.lost();
  counters.transactions = transactions_->transactions();
  counters.transactions_lost = transactions_->lost();
  counters.rule_candidates = judged.candidates;
  counters.rule_hits = judged.hits;
  counters.rules_shadowed = judged.shadowed;
  counters.rules_excepted = judged.excepted;
  counters.window_exhausted = judged.window_exhausted;
  counters.inspected_bytes = scanned_bytes_;
  counters.inspected_flows = streams.streams;
  counters.inspection_memory = pool_->counters().bytes_in_use;
  counters.stream_gap_bytes = streams.stream_gap_bytes;
  capacity(CapacityEvent::inspection_memory) = pool_->counters().refusals;
  capacity(CapacityEvent::kept_bytes_full) = streams.kept_shortage;
  capacity(CapacityEvent::reorder_limit) = streams.reorder_limit;
  counters.flows_shed = shed_flows_;
  capacity(CapacityEvent::meter_table_full) += limiter_->evictions();
  capacity(CapacityEvent::match_limit) = judged.given_up + over_limit_;
}

}  // namespace sluice
