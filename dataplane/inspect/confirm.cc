// The terms of a part are tried one after the other. A content or an expression that later terms
// count from is a *choice*: it is remembered where it was tried last, and when a term that depends
// on it fails it is tried from the next place. A term that depends on nothing fails for good. This
// visits every combination of places that could matter, without recursion, and each try is paid for
// from a budget: crafted text can make the number of combinations explode.
//
// Rejected: working from the match positions of the prefilter alone. It saves the search for what
// it found, but terms without a pattern in the prefilter, and those are most, need the bytes
// anyway.
#include "dataplane/inspect/confirm.h"

#include <algorithm>

#include "dataplane/inspect/confirm_evaluation.h"

namespace sluice {

bool Evaluation::pay(std::uint64_t steps) noexcept {
  if (tools_.steps < steps) {
    limit_ = ConfirmLimit::steps;
    return false;
  }
  tools_.steps -= static_cast<std::uint32_t>(steps);
  return true;
}

bool Evaluation::fail_for_more() noexcept {
  doubts_.more_bytes |= bytes().is_open;
  doubts_.is_endless |= bytes().is_open;
  return false;
}

bool Evaluation::fail_for_lost() noexcept {
  doubts_.lost_bytes = true;
  return false;
}

bool Evaluation::try_step(const PartStep& step) noexcept {
  const Doubts before = doubts_;
  const bool is_first_try = from_ == kFirstTry;
  doubts_ = {};
  saw_needle_ = false;
  const bool is_held = std::visit([this](const auto& kind) { return holds(kind); }, step.kind);
  // A step that fails whatever was chosen before settles the matter: only its own doubts count.
  if (is_held || step.is_dependent || !is_first_try) doubts_ |= before;
  return is_held;
}

void Evaluation::note_failure(std::size_t index) noexcept {
  if (index > deepest_) is_needle_there_ = false;
  if (index >= deepest_) is_needle_there_ |= saw_needle_;
  deepest_ = std::max(deepest_, index);
}

// What can end for want of bytes within bounds is looked at anew, so that it ends.
Awaited Evaluation::awaited() const noexcept {
  if (!doubts_.is_endless || is_needle_there_) return {};
  const PartStep& step = program_.steps[deepest_];
  if (!step.is_gate) return {};
  const auto size = static_cast<std::int64_t>(needle_of(step).bytes.size);
  Awaited out;
  out.search_from(static_cast<std::uint64_t>(std::max(whole_.begin, whole_.end() - size + 1)));
  out.step = deepest_ % kPartSteps;
  out.is_set = 1;
  return out;
}

std::size_t Evaluation::choose_again() noexcept {
  const Choice& choice = choices_[--choice_count_];
  at_ = choice.at;
  from_ = choice.next;
  is_decoded_ = choice.is_decoded;
  return choice.step;
}

ConfirmOutcome Evaluation::run() noexcept {
  std::size_t index = 0;
  while (index < program_.steps.size()) {
    const PartStep& step = program_.steps[index];
    const std::int64_t counted_from = at_;
    const bool was_decoded = is_decoded_;
    if (pay(1) && try_step(step)) {
      if (step.is_choice) choices_[choice_count_++] = {counted_from, next_, index, was_decoded};
      from_ = kFirstTry;
      ++index;
      continue;
    }
    note_failure(index);
    if (limit_ != ConfirmLimit::none || !step.is_dependent || choice_count_ == 0) {
      return outcome(false);
    }
    index = choose_again();
  }
  return outcome(true);
}

ConfirmOutcome Evaluation::outcome(bool is_match) noexcept {
  if (is_match) return ConfirmOutcome::yes;
  if (limit_ == ConfirmLimit::none && doubts_.lost_bytes) limit_ = ConfirmLimit::window;
  if (limit_ == ConfirmLimit::none && is_decoding_cut_) limit_ = ConfirmLimit::room;
  if (limit_ != ConfirmLimit::none) return ConfirmOutcome::limit;
  return doubts_.more_bytes ? ConfirmOutcome::not_yet : ConfirmOutcome::no;
}

Result<std::unique_ptr<Confirmer>> Confirmer::create(const ConfirmSettings& settings) {
  auto matcher = RegexMatcher::create(settings.regex);
  if (!matcher) return tl::unexpected(std::move(matcher.error()));
  return std::unique_ptr<Confirmer>(new Confirmer(settings, std::move(*matcher)));
}

ConfirmOutcome Confirmer::ended_by(ConfirmLimit limit) noexcept {
  limit_hit_ = limit;
  return ConfirmOutcome::limit;
}

/// Moves on to where the bytes at hand end if what is awaited is not among them.
bool Confirmer::has_come(const PartProgram& program, const BufferView& view,
                         Awaited& awaited) noexcept {
  const Needle& needle = needle_of(program.steps[awaited.step]);
  const std::uint64_t end = view.begin + view.bytes.size();
  const std::uint64_t from = std::max<std::uint64_t>(awaited.from, view.begin);
  if (end < from + needle.bytes.size) return false;
  const ByteSpan fresh = view.bytes.subspan(from - view.begin);
  if (find_needle(fresh, bytes_of(program, needle), needle.nocase) != kNotFound) return true;
  awaited.search_from(end - needle.bytes.size + 1);
  return false;
}

ConfirmOutcome Confirmer::evaluate(const PartProgram& program, const BufferView& view,
                                   TermVariables& variables, Awaited& awaited) noexcept {
  if (awaited.is_set != 0 && !has_come(program, view, awaited)) {
    if (view.is_complete) awaited = {};
    return without_match(view);
  }
  awaited = {};
  if (sieve_.concerns(program) && !may_hold(program, view.bytes)) return without_match(view);
  const ConfirmOutcome outcome = evaluate(program, view, variables);
  if (outcome == ConfirmOutcome::not_yet) awaited = awaited_;
  return outcome;
}

ConfirmOutcome Confirmer::without_match(const BufferView& view) noexcept {
  limit_hit_ = ConfirmLimit::none;
  could_still_hold_ = !view.is_complete;
  return view.is_complete ? ConfirmOutcome::no : ConfirmOutcome::not_yet;
}

bool Confirmer::may_hold(const PartProgram& program, ByteSpan window) noexcept {
  const auto [database, pattern] = program.sieve;
  if (const auto* known = sieve_.earlier_look(database, window)) return known->holds(pattern);
  const auto bytes = program.transforms.empty() ? window : transform_.apply(program, window);
  return !bytes || sieve_.look(database, window, *bytes).holds(pattern);
}

ConfirmOutcome Confirmer::evaluate(const PartProgram& program, const BufferView& view,
                                   TermVariables& variables) noexcept {
  limit_hit_ = ConfirmLimit::none;
  could_still_hold_ = false;
  awaited_ = {};
  PlacedBytes bytes{view.bytes, static_cast<std::int64_t>(std::min(view.begin, kPlacesMax)),
                    !view.is_complete, program.buffer == Buffer::payload};
  if (!program.transforms.empty()) {
    const bool needs_all =
        std::ranges::any_of(program.transforms, is_hash, &TransformRef::transform);
    if (needs_all && view.begin > 0) return ended_by(ConfirmLimit::window);
    if (needs_all && !view.is_complete) return ConfirmOutcome::not_yet;
    const auto changed = transform_.apply(program, view.bytes);
    if (!changed) return ended_by(ConfirmLimit::room);
    bytes.bytes = *changed;
  }
  Evaluation evaluation(program, bytes, variables,
                        {matcher_, transform_, settings_.steps, sets_, now_});
  const ConfirmOutcome outcome = evaluation.run();
  limit_hit_ = evaluation.limit();
  could_still_hold_ = evaluation.could_still_hold();
  awaited_ = evaluation.awaited();
  return outcome;
}

}  // namespace sluice
