// The part of the inspector that acts: what becomes of a packet for the rules that held, for limits
// that were hit, and what its stream is told of that.
#include "dataplane/flow/flow_tracker.h"
#include "dataplane/inspect/inspector.h"

namespace sluice {
namespace {

constexpr std::uint8_t kTcp = 6;

/// What it asks for may be otherwise with the next packet: it speaks of this one alone.
[[nodiscard]] bool is_about_packet(const CompiledRule& rule, const RuleHit& hit) noexcept {
  return !hit.is_stream && (rule.state == FlowState::not_established || !rule.headers.empty());
}

/// The action is one that refuses whatever it holds for.
[[nodiscard]] bool acts(const CompiledRule& rule, const RuleHit& hit) noexcept {
  const RuleActionKind kind = rule.action.kind;
  return hit.stage == RuleStage::enforce && kind != RuleActionKind::alert &&
         kind != RuleActionKind::pass && kind != RuleActionKind::limit;
}

[[nodiscard]] bool is_refused_by_rule(const Packet& packet) noexcept {
  return packet.verdict.reason == DropReason::signature_match ||
         packet.verdict.reason == DropReason::rule_rate_exceeded;
}

}  // namespace

void Inspector::obey(Packet& packet, ExceptionPolicy policy, DropReason reason) noexcept {
  if (policy == ExceptionPolicy::pass || only_tells_) {
    if (setup_.anomalies != nullptr) setup_.anomalies->packet(packet, reason, *settings_);
    return;
  }
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

// A pass rule beats all others, for the flow or for this packet; of those that refuse, the first
// gives its id to the verdict.
void Inspector::settle(Packet& packet, FlowInspection* inspection,
                       std::span<const std::uint8_t> payload) noexcept {
  if (judge_->hits().empty()) [[likely]]
    return;
  const bool is_refused = must_refuse();
  const auto& rules = ruleset_->rules.rules;
  bool is_passed = false;
  bool passes_flow = false;
  for (const RuleHit& hit : judge_->hits()) {
    const CompiledRule& rule = rules[hit.rule];
    if (!passes(rule, hit)) continue;
    is_passed = true;
    passes_flow |= !is_about_packet(rule, hit);
    if (!rule.reports_pass || !hit.is_reported) continue;
    report_.alert({judge_->subject(), totals_at(packet), payload}, rule, hit, false, *settings_);
  }
  if (passes_flow && inspection != nullptr) leave_flow(*inspection, kInspectionPassed);
  if (is_passed) return;
  for (const RuleHit& hit : judge_->hits()) {
    const CompiledRule& rule = rules[hit.rule];
    const bool refuses = acts(rule, hit) || (!is_refused && is_in_excess(rule, hit, packet));
    if (refuses && !is_refused_by_rule(packet)) refuse(packet, inspection, rule, hit);
    if (hit.stage == RuleStage::shadow || !hit.is_reported) continue;
    report_.alert({judge_->subject(), totals_at(packet), payload}, rule, hit, refuses, *settings_);
  }
}

// Bytes of a stream are scanned once: what is in excess there would pass when it is sent again. A
// packet that a rule looks at by itself is looked at again.
void Inspector::refuse(Packet& packet, const FlowInspection* inspection, const CompiledRule& rule,
                       const RuleHit& hit) noexcept {
  const bool is_limit = rule.action.kind == RuleActionKind::limit;
  packet.drop(is_limit ? DropReason::rule_rate_exceeded : DropReason::signature_match);
  packet.verdict.rule_id = rule.id;
  packet.verdict.refuses_flow = packet.protocol == kTcp && (hit.is_stream || !is_limit);
  judge_->note_refused(hit.rule);
  const bool may_answer = rule.action.kind == RuleActionKind::reject;
  if (may_answer && !packet.verdict.is_out_of_state) note_rejected(packet, inspection);
}

void Inspector::note_rejected(Packet& packet, const FlowInspection* inspection) noexcept {
  packet.verdict.action = Action::reject;
  const auto place = static_cast<std::size_t>(&packet - burst_->packets.data());
  rejections_.places |= 1U << place;
  ResetMarks& marks = rejections_.marks[place] = {};
  if (inspection == nullptr || inspection->tcp_slot == kNoSlot) return;
  const TcpStream& stream = streams_->stream(inspection->tcp_slot);
  for (unsigned direction = 0; direction < 2; ++direction) {
    const StreamDirection& own = stream.directions[direction];
    const bool has_left_whole = own.has(kStreamFin) && own.forwarded_to == own.fin_sequence;
    marks.expected[direction] = own.forwarded_to + (has_left_whole ? 1 : 0);
    marks.is_known[direction] = own.has(kStreamOpen);
  }
}

// Of several rules with one limit the packet is charged once.
bool Inspector::is_in_excess(const CompiledRule& rule, const RuleHit& hit,
                             const Packet& packet) noexcept {
  const std::uint32_t limit = rule.action.limit;
  const bool is_limit =
      hit.stage == RuleStage::enforce && rule.action.kind == RuleActionKind::limit;
  if (!is_limit || limit >= rule_limits_.size() || limit >= 64) return false;
  const std::uint64_t bit = std::uint64_t{1} << limit;
  if ((charged_ & bit) == 0) {
    charged_ |= bit;
    excess_ &= ~bit;
    if (!limiter_->try_take(rule_limits_[limit], *limits_, packet)) excess_ |= bit;
  }
  return (excess_ & bit) != 0;
}

// What goes on from here does leave, but for a frame that its port has no room for. Of that one its
// receiver acknowledges nothing, so that its mark moves too soon and harms nobody.
void Inspector::note_forwarded(const Packet& packet, const FlowInspection& inspection) noexcept {
  if (inspection.tcp_slot == kNoSlot || packet.verdict.is_out_of_state) return;
  if (!packet.is_undecided() && settings_->mode == Mode::enforce) return;
  streams_->note_forwarded(inspection.tcp_slot, segment_, packet.payload_bytes);
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

}  // namespace sluice
