#include "dataplane/inspect/rule_judge.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <rte_cycles.h>

#include "base/endian.h"

namespace sluice {
namespace {

constexpr std::size_t kBitsPerWord = 64;

[[nodiscard]] std::size_t flag_words(const Ruleset& rules) noexcept {
  return (rules.flag_counts[static_cast<std::size_t>(FlagScope::flow)] + kBitsPerWord - 1) /
         kBitsPerWord;
}

/// The header of layer 4, options included, as far as it is at hand.
[[nodiscard]] std::span<const std::uint8_t> l4_header(const Packet& packet) noexcept {
  if (packet.l4_offset == 0 || packet.payload_offset < packet.l4_offset) return {};
  const std::size_t end = std::min<std::size_t>(packet.payload_offset, packet.bytes_at_hand);
  return {packet.bytes + packet.l4_offset, end - std::min<std::size_t>(packet.l4_offset, end)};
}

[[nodiscard]] std::span<const std::uint8_t> ip_bytes(const Packet& packet,
                                                     std::size_t most) noexcept {
  const std::size_t at_hand = packet.bytes_at_hand - packet.l3_offset;
  return {packet.l3(), std::min({most, at_hand, std::size_t{packet.l3_bytes}})};
}

/// Buffers that every packet has; none where this one does not.
[[nodiscard]] std::span<const std::uint8_t> header_buffer(Buffer buffer,
                                                          const Packet& packet) noexcept {
  switch (buffer) {
    case Buffer::packet:
      return ip_bytes(packet, packet.l3_bytes);
    case Buffer::ip_header:
      return ip_bytes(packet, packet.l4_offset - packet.l3_offset);
    case Buffer::tcp_header:
      return packet.protocol == 6 ? l4_header(packet) : std::span<const std::uint8_t>{};
    case Buffer::udp_header:
      return packet.protocol == 17 ? l4_header(packet) : std::span<const std::uint8_t>{};
    case Buffer::icmp_header:
      return has_icmp_header(packet) ? l4_header(packet) : std::span<const std::uint8_t>{};
    default:
      return {};
  }
}

[[nodiscard]] bool is_header_buffer(Buffer buffer) noexcept {
  return buffer == Buffer::packet || buffer == Buffer::ip_header || buffer == Buffer::tcp_header ||
         buffer == Buffer::udp_header || buffer == Buffer::icmp_header;
}

[[nodiscard]] bool compares(Comparison comparison, std::int64_t value,
                            std::int64_t operand) noexcept {
  switch (comparison) {
    case Comparison::equal:
      return value == operand;
    case Comparison::not_equal:
      return value != operand;
    case Comparison::less:
      return value < operand;
    case Comparison::greater:
      return value > operand;
    case Comparison::less_or_equal:
      return value <= operand;
    case Comparison::greater_or_equal:
      return value >= operand;
    default:
      return false;
  }
}

[[nodiscard]] bool acts(const CompiledRule& rule, const RuleHit& hit) noexcept {
  return hit.stage == RuleStage::enforce && rule.action.kind != RuleActionKind::alert &&
         rule.action.kind != RuleActionKind::limit;
}

[[nodiscard]] std::int64_t value_of(const StepNumber& number,
                                    const TermVariables& variables) noexcept {
  if (number.slot >= kRuleSlots) return number.value;
  return static_cast<std::int64_t>(variables.values[number.slot]);
}

/// A mail has many recipients and files, told one by one. A rule about nothing else becomes a
/// candidate with each of them.
[[nodiscard]] bool may_come_again(const CompiledRule& rule, Buffer buffer,
                                  Service service) noexcept {
  if (rule.parts.size() < 2) return false;
  return buffer == Buffer::smtp_rcpt_to ||
         (buffer == Buffer::file_data && service == Service::smtp);
}

}  // namespace

std::size_t flow_words_bytes(const Ruleset& rules) noexcept {
  return (flag_words(rules) + rules.counter_count) * sizeof(std::uint64_t);
}

Result<std::unique_ptr<RuleJudge>> RuleJudge::create(std::uint32_t memory_entries,
                                                     const SipKey& key, MemoryArena& arena,
                                                     ChunkPool& pool,
                                                     std::span<RuleCounts> counts) {
  auto confirmer = Confirmer::create({});
  if (!confirmer) return tl::unexpected<Error>(confirmer.error());
  auto memory = RuleMemory::create(memory_entries, key, arena);
  if (!memory) return tl::unexpected<Error>(memory.error());
  return std::unique_ptr<RuleJudge>(
      new RuleJudge(pool, std::move(*confirmer), std::move(*memory), counts));
}

void RuleJudge::begin(const LiveRuleset& ruleset, const RuleOverlay* overlay,
                      const RuleSubject& subject, FlowInspection* flow) noexcept {
  ruleset_ = &ruleset;
  overlay_ = overlay;
  subject_ = subject;
  flow_ = flow;
  hit_count_ = 0;
  has_given_up_ = false;
  confirmer_->use_sets(subject.sets, subject.packet->now);
}

// A buffer may be there several times in a message (the names of a DNS query): one that holds is
// enough. One that is not there may still come.
ConfirmOutcome RuleJudge::evaluate_any(const RulePart& part, const BufferSource& source,
                                       TermVariables& variables) noexcept {
  const PartProgram& program = ruleset_->rules.programs[part.program];
  ConfirmOutcome outcome = ConfirmOutcome::not_yet;
  for (const BufferBytes& buffer : source.message) {
    if (buffer.buffer != part.buffer) continue;
    const ConfirmOutcome one = confirmer_->evaluate(program, {buffer.bytes, 0, true}, variables);
    if (one == ConfirmOutcome::yes) return one;
    if (outcome != ConfirmOutcome::limit) outcome = one;
  }
  return outcome;
}

// One part at a time is awaited: the first that can be.
ConfirmOutcome RuleJudge::evaluate_window(Candidate& candidate, std::size_t index,
                                          const BufferView& view, bool is_decoded,
                                          TermVariables& variables) noexcept {
  const RulePart& part = ruleset_->rules.rules[candidate.rule].parts[index];
  const PartProgram& program = ruleset_->rules.programs[part.program];
  Awaited& awaited = candidate.awaited;
  const bool is_own = awaited.part == index && awaited.is_decoded == is_decoded;
  if (awaited.is_set != 0 && !is_own) {
    Awaited not_kept;
    return confirmer_->evaluate(program, view, variables, not_kept);
  }
  const ConfirmOutcome outcome = confirmer_->evaluate(program, view, variables, awaited);
  awaited.part = index % kRulePartsMax;
  awaited.is_decoded = is_decoded;
  return outcome;
}

ConfirmOutcome RuleJudge::evaluate(Candidate& candidate, std::size_t index,
                                   const BufferSource& source, TermVariables& variables) noexcept {
  const RulePart& part = ruleset_->rules.rules[candidate.rule].parts[index];
  const PartProgram& program = ruleset_->rules.programs[part.program];
  if (part.buffer == Buffer::payload) {
    return evaluate_window(candidate, index, source.payload, false, variables);
  }
  if (is_header_buffer(part.buffer)) {
    const auto bytes = header_buffer(part.buffer, *subject_.packet);
    return confirmer_->evaluate(program, {bytes, 0, true}, variables);
  }
  if (part.buffer == source.streamed.buffer) {
    const BufferView view{source.streamed.bytes, source.streamed_begin,
                          source.streamed_is_complete};
    return evaluate_window(candidate, index, view, source.streamed_is_decoded, variables);
  }
  return evaluate_any(part, source, variables);
}

// One look in many is measured, so that counting stays cheap.
ConfirmOutcome RuleJudge::judge(Candidate& candidate, const BufferSource& source,
                                bool is_stream) noexcept {
  RuleCounts& counts = counts_of(candidate.rule);
  ++counters_.candidates;
  add_to(counts.candidates, 1);
  if (--looks_to_measure_ != 0) [[likely]]
    return decide(candidate, source, is_stream);
  looks_to_measure_ = kLooksPerMeasure;
  const std::uint64_t begun = rte_rdtsc();
  const ConfirmOutcome outcome = decide(candidate, source, is_stream);
  add_to(counts.cost_cycles, rte_rdtsc() - begun);
  add_to(counts.cost_looks, 1);
  return outcome;
}

ConfirmOutcome RuleJudge::decide(Candidate& candidate, const BufferSource& source,
                                 bool is_stream) noexcept {
  const CompiledRule& rule = ruleset_->rules.rules[candidate.rule];
  if (!conditions_hold(ruleset_->rules, rule, subject_)) {
    const bool waits = is_stream && waits_for_service(ruleset_->rules, rule, subject_);
    return waits ? ConfirmOutcome::not_yet : ConfirmOutcome::no;
  }
  TermVariables variables;
  bool waits = false;
  for (std::size_t i = 0; i < rule.parts.size(); ++i) {
    if ((candidate.parts_held >> i & 1) != 0) continue;
    switch (evaluate(candidate, i, source, variables)) {
      case ConfirmOutcome::yes:
        candidate.parts_held |= 1U << i;
        break;
      case ConfirmOutcome::no:
        if (!may_come_again(rule, rule.parts[i].buffer, subject_.service))
          return ConfirmOutcome::no;
        waits = true;
        break;
      case ConfirmOutcome::not_yet:
        waits = true;
        break;
      case ConfirmOutcome::limit:
        if (confirmer_->limit_hit() == ConfirmLimit::window) {
          ++counters_.window_exhausted;
        } else {
          note_given_up();
        }
        if (!confirmer_->could_still_hold()) return ConfirmOutcome::no;
        waits = true;
        break;
    }
  }
  if (waits) return ConfirmOutcome::not_yet;
  const bool has_held = settle(candidate.rule, source, variables, is_stream);
  return has_held ? ConfirmOutcome::yes : ConfirmOutcome::no;
}

// A URI that is not at hand is none that was excepted.
bool RuleJudge::is_excepted(std::uint32_t index, const BufferSource& source) const noexcept {
  if (overlay_ == nullptr || !overlay_->has_exceptions()) return false;
  const PacketEnds ends = ends_of(*subject_.packet);
  ExceptionScene scene;
  scene.source = ends.source;
  scene.destination = ends.destination;
  scene.now = subject_.packet->now;
  for (const BufferBytes& buffer : source.message) {
    if (buffer.buffer != Buffer::http_uri) continue;
    scene.uri = buffer.bytes;
    scene.has_uri = true;
  }
  return overlay_->is_excepted(index, ruleset_->rules.rules[index].class_number, scene);
}

// A rule that is off here leaves nothing behind. True: it held, whether or not that is told.
bool RuleJudge::settle(std::uint32_t index, const BufferSource& source,
                       const TermVariables& variables, bool is_stream) noexcept {
  const CompiledRule& rule = ruleset_->rules.rules[index];
  for (const RuleHit& hit : hits()) {
    if (hit.rule == index) return true;
  }
  if (!flags_hold(rule) || !counters_hold(rule, variables)) return false;
  if (is_excepted(index, source)) {
    ++counters_.excepted;
    add_to(counts_of(index).excepted, 1);
    return true;
  }
  RuleHit hit{.rule = index,
              .stage = overlay_ == nullptr ? rule.stage : overlay_->stage_of(index),
              .is_reported = !rule.is_silent,
              .is_stream = is_stream};
  if (rule.threshold) {
    switch (memory_->count_match(*rule.threshold, rule.id, *subject_.packet)) {
      case ThresholdAnswer::report:
        break;
      case ThresholdAnswer::silent:
        hit.is_reported = false;
        break;
      case ThresholdAnswer::none:
        return true;
    }
  }
  leave_flags(rule);
  leave_counters(rule, variables);
  note_hit(hit);
  return true;
}

void RuleJudge::note_hit(const RuleHit& hit) noexcept {
  ++counters_.hits;
  add_to(counts_of(hit.rule).hits, 1);
  if (hit.stage == RuleStage::shadow) ++counters_.shadowed;
  if (hit_count_ < kHitsMax) {
    hits_[hit_count_++] = hit;
    return;
  }
  note_given_up();
  if (!acts(ruleset_->rules.rules[hit.rule], hit)) return;
  for (RuleHit& other : hits_) {  // reports give way to what decides
    if (acts(ruleset_->rules.rules[other.rule], other)) continue;
    other = hit;
    return;
  }
}

std::uint64_t* RuleJudge::flow_words(bool makes_them) noexcept {
  if (flow_ == nullptr) return nullptr;
  if (flow_->flags_of_rules == nullptr && makes_them) {
    const std::size_t bytes = flow_words_bytes(ruleset_->rules);
    flow_->flags_of_rules = static_cast<std::uint64_t*>(pool_.take(bytes));
    if (flow_->flags_of_rules == nullptr) {
      note_given_up();
    } else {
      std::memset(flow_->flags_of_rules, 0, bytes);
    }
  }
  return flow_->flags_of_rules;
}

bool RuleJudge::is_flag_set(FlagScope scope, std::uint32_t flag) noexcept {
  if (scope != FlagScope::flow) return memory_->is_set(scope, flag, *subject_.packet);
  const std::uint64_t* words = flow_words(false);
  return words != nullptr && (words[flag / kBitsPerWord] >> flag % kBitsPerWord & 1) != 0;
}

void RuleJudge::change_flag(const CompiledFlagStep& step, std::uint32_t flag) noexcept {
  const bool sets = step.operation == FlagOperation::set ||
                    (step.operation == FlagOperation::toggle && !is_flag_set(step.scope, flag));
  if (step.scope != FlagScope::flow) {
    if (sets) return memory_->set(step.scope, flag, *subject_.packet, step.expire);
    return memory_->unset(step.scope, flag, *subject_.packet);
  }
  std::uint64_t* words = flow_words(sets);
  if (words == nullptr) return;
  const std::uint64_t bit = std::uint64_t{1} << flag % kBitsPerWord;
  words[flag / kBitsPerWord] =
      sets ? words[flag / kBitsPerWord] | bit : words[flag / kBitsPerWord] & ~bit;
}

// Several names: any of them has to be set, or none.
bool RuleJudge::flags_hold(const CompiledRule& rule) noexcept {
  return std::all_of(rule.flags.begin(), rule.flags.end(), [this](const CompiledFlagStep& step) {
    if (step.operation != FlagOperation::is_set && step.operation != FlagOperation::is_not_set) {
      return true;
    }
    const bool any = std::any_of(step.flags.begin(), step.flags.end(),
                                 [&](std::uint32_t flag) { return is_flag_set(step.scope, flag); });
    return any == (step.operation == FlagOperation::is_set);
  });
}

void RuleJudge::leave_flags(const CompiledRule& rule) noexcept {
  for (const CompiledFlagStep& step : rule.flags) {
    if (step.operation == FlagOperation::is_set || step.operation == FlagOperation::is_not_set) {
      continue;
    }
    for (const std::uint32_t flag : step.flags) change_flag(step, flag);
  }
}

// A counter that no rule has set yet is 0 and not set: its word is 0, else one more than its value.
bool RuleJudge::counters_hold(const CompiledRule& rule, const TermVariables& variables) noexcept {
  if (rule.counters.empty()) return true;
  const std::uint64_t* words = flow_words(false);
  const std::size_t first = flag_words(ruleset_->rules);
  return std::all_of(
      rule.counters.begin(), rule.counters.end(), [&](const CompiledCounterStep& step) {
        const std::uint64_t word = words != nullptr ? words[first + step.counter] : 0;
        if (step.operation == CounterOperation::is_set) return word != 0;
        if (step.operation == CounterOperation::is_not_set) return word == 0;
        if (step.operation != CounterOperation::compare) return true;
        return word != 0 && compares(step.comparison, static_cast<std::int64_t>(word - 1),
                                     value_of(step.operand, variables));
      });
}

void RuleJudge::leave_counters(const CompiledRule& rule, const TermVariables& variables) noexcept {
  const std::size_t first = flag_words(ruleset_->rules);
  for (const CompiledCounterStep& step : rule.counters) {
    if (step.operation != CounterOperation::set && step.operation != CounterOperation::add &&
        step.operation != CounterOperation::subtract) {
      continue;
    }
    std::uint64_t* words = flow_words(true);
    if (words == nullptr) return;
    std::uint64_t& word = words[first + step.counter];
    const auto value = static_cast<std::int64_t>(word != 0 ? word - 1 : 0);
    const std::int64_t operand = value_of(step.operand, variables);
    const std::int64_t next = step.operation == CounterOperation::set   ? operand
                              : step.operation == CounterOperation::add ? value + operand
                                                                        : value - operand;
    constexpr std::int64_t kMost = 0xffffffff;  // Suricata's variables have 32 bits
    word = static_cast<std::uint64_t>(std::clamp<std::int64_t>(next, 0, kMost)) + 1;
  }
}

}  // namespace sluice
