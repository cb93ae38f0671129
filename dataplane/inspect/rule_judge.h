// From candidates to verdicts: does everything that a rule asks for hold, what is remembered of it,
// and what becomes of the packet. Knows nothing of streams or parsers: it is shown buffers. One per
// worker; worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/inspect/app_sink.h"
#include "dataplane/inspect/candidates.h"
#include "dataplane/inspect/chunk_pool.h"
#include "dataplane/inspect/confirm.h"
#include "dataplane/inspect/flow_inspection.h"
#include "dataplane/inspect/live_ruleset.h"
#include "dataplane/inspect/rule_conditions.h"
#include "dataplane/inspect/rule_memory.h"
#include "dataplane/inspect/rule_overlay.h"
#include "dataplane/window.h"

namespace sluice {

/// The bytes that a rule's parts may ask for at this moment.
struct BufferSource {
  BufferView payload;                    ///< of the packet, or the window of the stream
  std::span<const BufferBytes> message;  ///< whole buffers of one message
  BufferBytes streamed;                  ///< the window of a buffer that comes in pieces,
  std::uint64_t streamed_begin = 0;      ///< its place in the buffer,
  bool streamed_is_complete = false;     ///< whether more will come,
  bool streamed_is_decoded = false;      ///< and whether it is told as it was sent, too
};

/// A rule that held.
struct RuleHit {
  std::uint32_t rule = 0;
  RuleStage stage = RuleStage::alert;  ///< in force
  bool is_reported = true;
  bool is_stream = false;
};

/// It lets pass what it held for, whatever other rules say.
[[nodiscard]] inline bool passes(const CompiledRule& rule, const RuleHit& hit) noexcept {
  return hit.stage == RuleStage::enforce && rule.action.kind == RuleActionKind::pass;
}

struct JudgeCounters {
  std::uint64_t candidates = 0;  ///< rules looked at because a pattern hit
  std::uint64_t hits = 0;
  std::uint64_t shadowed = 0;  ///< hits of rules at stage shadow
  std::uint64_t excepted = 0;  ///< rules that held and are off here
  std::uint64_t given_up = 0;  ///< no room for a candidate or hit, or a limit of an evaluation
  std::uint64_t window_exhausted = 0;  ///< evaluations without a byte that they need
};

class RuleJudge {
 public:
  static constexpr std::size_t kHitsMax = 32;

  /// `counts`, by LiveRuleset::count_slots, may be empty: then rules are not counted one by one.
  [[nodiscard]] static Result<std::unique_ptr<RuleJudge>> create(std::uint32_t memory_entries,
                                                                 const SipKey& key,
                                                                 MemoryArena& arena,
                                                                 ChunkPool& pool,
                                                                 std::span<RuleCounts> counts = {});

  /// A packet begins: there are no hits yet. `overlay` is null where nothing stands over the rules,
  /// `flow` where nothing is remembered of one.
  void begin(const LiveRuleset& ruleset, const RuleOverlay* overlay, const RuleSubject& subject,
             FlowInspection* flow) noexcept;

  /// A piece of a stream or body comes, which rules that wait are judged by one after the other;
  /// `scratch` holds nothing that is needed. Until `end_piece`.
  void begin_piece(ScanScratch& scratch) noexcept {
    confirmer_->sieve().open(ruleset_->databases, scratch);
  }
  void end_piece() noexcept { confirmer_->sieve().close(); }

  /// Evaluates what is still open of the candidate: `yes`, the rule held and that is counted, `no`,
  /// or `not_yet`.
  ConfirmOutcome judge(Candidate& candidate, const BufferSource& source, bool is_stream) noexcept;

  [[nodiscard]] std::span<const RuleHit> hits() const noexcept {
    return {hits_.data(), hit_count_};
  }
  /// The packet is refused because this rule held.
  void note_refused(std::uint32_t rule) noexcept { add_to(counts_of(rule).refused, 1); }
  /// The flow was found to carry this.
  void use_service(Service service) noexcept { subject_.service = service; }
  void use_turned(bool is_turned) noexcept { subject_.is_turned = is_turned; }
  [[nodiscard]] const LiveRuleset& ruleset() const noexcept { return *ruleset_; }
  [[nodiscard]] const RuleSubject& subject() const noexcept { return subject_; }
  [[nodiscard]] const JudgeCounters& counters() const noexcept { return counters_; }
  void note_given_up() noexcept {
    ++counters_.given_up;
    has_given_up_ = true;
  }
  /// Something about this packet could not be decided.
  [[nodiscard]] bool has_given_up() const noexcept { return has_given_up_; }

 private:
  RuleJudge(ChunkPool& pool, std::unique_ptr<Confirmer> confirmer,
            std::unique_ptr<RuleMemory> memory, std::span<RuleCounts> counts) noexcept
      : pool_(pool),
        confirmer_(std::move(confirmer)),
        memory_(std::move(memory)),
        counts_(counts) {}

  [[nodiscard]] RuleCounts& counts_of(std::uint32_t rule) noexcept {
    const std::uint32_t slot = ruleset_->count_slots[rule];
    return slot < counts_.size() ? counts_[slot] : uncounted_;
  }
  [[nodiscard]] ConfirmOutcome decide(Candidate& candidate, const BufferSource& source,
                                      bool is_stream) noexcept;
  [[nodiscard]] bool is_excepted(std::uint32_t rule, const BufferSource& source) const noexcept;
  [[nodiscard]] ConfirmOutcome evaluate(Candidate& candidate, std::size_t index,
                                        const BufferSource& source,
                                        TermVariables& variables) noexcept;
  [[nodiscard]] ConfirmOutcome evaluate_window(Candidate& candidate, std::size_t index,
                                               const BufferView& view, bool is_decoded,
                                               TermVariables& variables) noexcept;
  [[nodiscard]] ConfirmOutcome evaluate_any(const RulePart& part, const BufferSource& source,
                                            TermVariables& variables) noexcept;
  [[nodiscard]] bool settle(std::uint32_t rule, const BufferSource& source,
                            const TermVariables& variables, bool is_stream) noexcept;
  void note_hit(const RuleHit& hit) noexcept;
  [[nodiscard]] bool flags_hold(const CompiledRule& rule) noexcept;
  [[nodiscard]] bool counters_hold(const CompiledRule& rule,
                                   const TermVariables& variables) noexcept;
  void leave_flags(const CompiledRule& rule) noexcept;
  void leave_counters(const CompiledRule& rule, const TermVariables& variables) noexcept;
  [[nodiscard]] bool is_flag_set(FlagScope scope, std::uint32_t flag) noexcept;
  void change_flag(const CompiledFlagStep& step, std::uint32_t flag) noexcept;
  [[nodiscard]] std::uint64_t* flow_words(bool makes_them) noexcept;

  ChunkPool& pool_;
  std::unique_ptr<Confirmer> confirmer_;
  std::unique_ptr<RuleMemory> memory_;
  std::span<RuleCounts> counts_;
  RuleCounts uncounted_;
  std::uint32_t looks_to_measure_ = 1;
  const LiveRuleset* ruleset_ = nullptr;  ///< of the packet at hand, as are those below
  const RuleOverlay* overlay_ = nullptr;
  RuleSubject subject_;
  FlowInspection* flow_ = nullptr;
  std::array<RuleHit, kHitsMax> hits_;
  std::uint32_t hit_count_ = 0;
  bool has_given_up_ = false;
  JudgeCounters counters_;
};

/// Bytes of FlowInspection::flags_of_rules for this ruleset; 0 where no rule leaves anything.
[[nodiscard]] std::size_t flow_words_bytes(const Ruleset& rules) noexcept;

}  // namespace sluice
