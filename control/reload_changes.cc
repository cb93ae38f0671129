// The changes themselves, each a request that joins the queue and the steps that it takes there.
#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/units.h"
#include "control/reload.h"

namespace sluice {

namespace {

constexpr std::size_t kLinesLoggedMax = 40;

void answer_all(const std::vector<Answer<ReloadAnswer>>& answers,
                const Result<ReloadAnswer>& result) {
  for (const auto& answer : answers) answer(result);
}

tl::unexpected<Error> left_out() {
  return fail(ErrorKind::internal, "configuration: the child that read it left out its lists");
}

/// The same files with other rules in them.
void note_other_rules(const ConfigDigest& from, const ConfigDigest& to,
                      std::vector<OptionChange>& changes) {
  if (from.rules_digest == to.rules_digest || from.rules_digest.empty() ||
      to.rules_digest.empty()) {
    return;
  }
  constexpr std::size_t kDigitsShown = 12;
  const auto shown = [](const std::string& digest) {
    return fmt::format("ruleset {}", digest.substr(0, kDigitsShown));
  };
  changes.push_back({"rules", shown(from.rules_digest), shown(to.rules_digest), false});
}

}  // namespace

void Reload::log_findings(std::string_view text) {
  for (std::size_t i = 0; i < kLinesLoggedMax && !text.empty(); ++i) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    log(LogLevel::error, fmt::format("reload: {}", text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

template <class T>
void Reload::enqueue_or_refuse(Job job, const Answer<T>& answer) {
  if (auto queued = enqueue(std::move(job)); !queued) {
    answer(tl::unexpected<Error>(queued.error()));
  }
}

ConfigChildRequest Reload::request_for_file(Purpose purpose) const {
  ConfigChildRequest request;
  request.config_path = setup_.config_path;
  const ConfigEntry* entry = in_force();
  if (entry != nullptr && entry->can_be_restored) request.compare = history_.parts_path(entry->id);
  if (purpose != Purpose::look) request.stage = history_.staging_path();
  request.publishes = purpose == Purpose::publish;
  if (request.publishes && entry != nullptr) request.known_lists = entry->digest.lists_digest;
  return request;
}

Result<Reload::Target> Reload::target_in_force() const {
  const ConfigEntry* entry = in_force();
  if (entry == nullptr) {
    return fail(ErrorKind::unavailable, "reload: what is in force is not known",
                "a reload of a valid file puts an end to that");
  }
  return Target{.settings = entry->digest.settings,
                .lists = {},
                .mode = state_.mode,
                .bypasses = state_.bypasses,
                .stages = state_.stages,
                .exceptions = entry->digest.exceptions,
                .live_sets = state_.sets,
                .sets = entry->digest.sets};
}

/// Of an older configuration, read and checked by the child.
void Reload::restore_lists(std::uint64_t id, std::function<void(Result<OwnedFd>)> done) {
  ConfigChildRequest request;
  request.restore = history_.parts_path(id);
  request.publishes = true;
  setup_.read(request, [this, id, done = std::move(done)](Result<ConfigRead> read) {
    if (!read) return done(tl::unexpected<Error>(read.error()));
    const ConfigEntry* entry = history_.find(id);
    if (entry == nullptr || read->digest.lists_digest != entry->digest.lists_digest) {
      return done(fail(ErrorKind::invalid,
                       fmt::format("{}: is not what was stored", history_.parts_path(id))));
    }
    if (!read->lists.is_open()) return done(left_out());
    done(std::move(read->lists));
  });
}

// --- reload -------------------------------------------------------------------------------------

void Reload::reload(const Caller& caller, std::optional<DurationNs> confirm_within,
                    Answer<ReloadAnswer> answer) {
  ReloadRequest request{caller.user, confirm_within, std::make_shared<ReloadWaiters>()};
  if (auto able = can_reload(request); !able) return answer(tl::unexpected<Error>(able.error()));
  // One that has not begun reads the file later than now: its outcome is everybody's.
  if (!confirm_within && !jobs_.empty() && jobs_.back().joinable &&
      jobs_.back().joinable->size() < kChangesWaitingMax) {
    return jobs_.back().joinable->push_back(std::move(answer));
  }
  request.waiters->push_back(answer);
  const auto joinable = confirm_within ? nullptr : request.waiters;
  enqueue_or_refuse({.run = [this, request] { run_reload(request); }, .joinable = joinable},
                    answer);
}

void Reload::reload_for_signal() {
  Caller caller;
  caller.user = "SIGHUP";
  reload(caller, std::nullopt, [](Result<ReloadAnswer> result) {
    if (result) {
      return log(LogLevel::notice, fmt::format("reload: generation {} is in force, {} changed",
                                               result->generation, result->changed));
    }
    log(LogLevel::error, "reload: the configuration in force stays");
    log_findings(result.error().message);
  });
}

Status Reload::can_reload(const ReloadRequest& request) const {
  if (state_.confirm) {
    return fail(ErrorKind::unavailable,
                fmt::format("reload: configuration {} by {} waits for its confirmation",
                            state_.in_force, state_.confirm->by),
                "confirm or revert it first");
  }
  const std::optional<DurationNs>& within = request.confirm_within;
  if (within && (*within < kConfirmWithinMin || *within > kConfirmWithinMax)) {
    return fail(ErrorKind::invalid,
                fmt::format("confirm_within: is {}: {} to {} would do", print_duration(*within),
                            print_duration(kConfirmWithinMin), print_duration(kConfirmWithinMax)));
  }
  return {};
}

void Reload::run_reload(const ReloadRequest& request) {
  if (auto able = can_reload(request); !able) {
    finish();
    return answer_all(*request.waiters, tl::unexpected<Error>(able.error()));
  }
  const ConfigEntry* entry = in_force();
  if (request.confirm_within && (entry == nullptr || !entry->can_be_restored)) {
    return end_reload(request,
                      fail(ErrorKind::unavailable,
                           "reload: the configuration in force is not in the history, so there "
                           "would be no way back",
                           "see that the state directory can be written, then reload without "
                           "confirmation"));
  }
  setup_.read(request_for_file(Purpose::publish), [this, request](Result<ConfigRead> read) {
    if (!read) return end_reload(request, tl::unexpected<Error>(read.error()));
    take_read(request, std::move(*read));
  });
}

void Reload::take_read(const ReloadRequest& request, ConfigRead read) {
  if (read.digest.errors != 0) return end_invalid(request, read.digest.findings);
  if (!lacks_rules(read.digest)) return publish_read(request, std::move(read), nullptr);
  const auto held = std::make_shared<ConfigRead>(std::move(read));
  compile(setup_.config_path, held->digest.rules_digest,
          [this, request, held](const Result<std::shared_ptr<RulesRead>>& rules) {
            take_rules(request, held, rules);
          });
}

void Reload::end_invalid(const ReloadRequest& request, const std::string& findings) {
  ++facts_.invalid;
  note("invalid");
  finish();
  answer_all(*request.waiters,
             fail(ErrorKind::invalid, findings, "the configuration in force stays as it is"));
}

void Reload::take_rules(const ReloadRequest& request, const std::shared_ptr<ConfigRead>& read,
                        const Result<std::shared_ptr<RulesRead>>& rules) {
  if (!rules) return end_reload(request, tl::unexpected<Error>(rules.error()));
  const RulesRead& compiled = **rules;
  if (compiled.answer.errors != 0) return end_invalid(request, compiled.answer.findings);
  if (!compiled.ruleset.is_open()) {
    return end_reload(
        request, fail(ErrorKind::internal, "rules: the child that compiled them left them out"));
  }
  publish_read(request, std::move(*read), *rules);
}

void Reload::publish_read(const ReloadRequest& request, ConfigRead read,
                          std::shared_ptr<RulesRead> rules) {
  Target target;
  const ConfigEntry* entry = in_force();
  target.settings = read.digest.settings;
  target.exceptions = read.digest.exceptions;
  target.bypasses = state_.bypasses;
  target.stages = state_.stages;
  target.live_sets = state_.sets;
  target.sets = read.digest.sets;
  const bool keeps_lists =
      entry != nullptr && entry->digest.lists_digest == read.digest.lists_digest;
  if (keeps_lists == read.lists.is_open()) {
    return end_reload(request, left_out());
  }
  target.lists = std::move(read.lists);
  target.rules = std::move(rules);
  target.rules_digest = read.digest.rules_digest;
  const auto outcome = std::make_shared<ReloadAnswer>();
  publish(
      std::move(target),
      [this, request, outcome, digest = std::move(read.digest)](std::uint64_t generation) {
        *outcome = adopt_read(request, digest, generation);
      },
      [this, request, outcome](Result<std::uint64_t> result) {
        if (!result) return end_reload(request, tl::unexpected<Error>(result.error()));
        end_reload(request, *outcome);
      });
}

/// The same configuration once more is no new entry: it would push out one that can be needed.
ReloadAnswer Reload::adopt_read(const ReloadRequest& request, ConfigDigest digest,
                                std::uint64_t generation) {
  ReloadAnswer answer;
  answer.generation = generation;
  answer.has_reset_mode = state_.mode.has_value();
  const ConfigEntry* before = in_force();
  const std::uint64_t previous = state_.in_force;
  const std::uint64_t earlier = state_.previous;
  if (before == nullptr || before->digest.digest != digest.digest) {
    const auto changes =
        changes_between(before ? before->digest.options : digest.options, digest.options);
    answer.changed = changes.size() + digest.lists.added + digest.lists.removed;
    const bool has_other_rules = before && before->digest.rules_digest != digest.rules_digest;
    if (has_other_rules) ++answer.changed;
    for (const OptionChange& change : changes) {
      if (change.needs_restart) answer.needs_restart.push_back(change.path);
    }
    if (digest.settings.has_rules && !can_inspect())
      answer.needs_restart.emplace_back("rules.files");
    ConfigEntry entry;
    entry.loaded_at = clock_.now();
    entry.by = request.by;
    entry.changed = answer.changed;
    entry.digest = std::move(digest);
    const std::uint64_t needed[] = {previous, state_.started};
    state_.in_force = history_.add(std::move(entry), needed);
    state_.previous = previous;
  }
  if (const ConfigEntry* entry = in_force()) {
    answer.idle_sets = state_.sets.idle(entry->digest.sets);
  }
  if (request.confirm_within) {
    answer.confirm_by = clock_.now() + *request.confirm_within;
    state_.confirm = {*answer.confirm_by, previous, earlier, request.by, state_.mode};
  }
  state_.mode.reset();
  return answer;
}

void Reload::end_reload(const ReloadRequest& request, const Result<ReloadAnswer>& result) {
  finish();
  ++(result ? facts_.succeeded : facts_.failed);
  note(result ? "succeeded" : "failed");
  answer_all(*request.waiters, result);
  if (result && setup_.reloaded && in_force() != nullptr) setup_.reloaded(*in_force());
}

// --- confirm and revert -------------------------------------------------------------------------

void Reload::confirm(Answer<std::uint64_t> answer) {
  enqueue_or_refuse({.run = [this, answer] { run_confirm(answer); }, .kind = JobKind::way_out},
                    answer);
}

void Reload::run_confirm(const Answer<std::uint64_t>& answer) {
  finish();
  if (!state_.confirm) {
    return answer(fail(ErrorKind::not_found, "confirm: no configuration waits for a confirmation",
                       "it was confirmed or taken back already: see 'status'"));
  }
  state_.confirm.reset();
  save();
  answer(keeper_.generation());
}

void Reload::revert(std::optional<std::uint64_t> id, Answer<RevertAnswer> answer) {
  RevertRequest request{id, answer};
  enqueue_or_refuse({.run = [this, request] { run_revert(request); }, .kind = JobKind::way_out},
                    answer);
}

Result<std::uint64_t> Reload::revert_target(const RevertRequest& request) const {
  std::uint64_t id = request.id.value_or(0);
  if (!request.id) id = state_.confirm ? state_.confirm->previous : state_.previous;
  const ConfigEntry* entry = history_.find(id);
  if (entry == nullptr) {
    return fail(ErrorKind::not_found,
                request.id ? fmt::format("to: configuration {} is not in the history", id)
                           : "revert: the history has no configuration before the one in force",
                "see 'configs list'");
  }
  if (!entry->can_be_restored) {
    return fail(ErrorKind::unavailable,
                fmt::format("to: the parts of configuration {} were not stored", id));
  }
  return id;
}

void Reload::run_revert(const RevertRequest& request) {
  const auto id = revert_target(request);
  if (!id) return end_revert(request, tl::unexpected<Error>(id.error()));
  const ConfigEntry* now = in_force();
  const std::string& lists = history_.find(*id)->digest.lists_digest;
  if (now != nullptr && now->digest.lists_digest == lists) {
    return restore_rules(request, *id, {});
  }
  restore_lists(*id, [this, request, id = *id](Result<OwnedFd> restored) {
    if (!restored) return end_revert(request, tl::unexpected<Error>(restored.error()));
    restore_rules(request, id, std::move(*restored));
  });
}

void Reload::restore_rules(const RevertRequest& request, std::uint64_t id, OwnedFd lists) {
  const ConfigDigest& digest = history_.find(id)->digest;
  if (!lacks_rules(digest)) return publish_entry(request, id, std::move(lists), nullptr);
  const auto held = std::make_shared<OwnedFd>(std::move(lists));
  compile(config_path_of(id), digest.rules_digest,
          [this, request, id, held](const Result<std::shared_ptr<RulesRead>>& rules) {
            if (!rules) return end_revert(request, tl::unexpected<Error>(rules.error()));
            const RulesAnswer& answer = (*rules)->answer;
            if (answer.errors != 0 || !(*rules)->ruleset.is_open()) {
              return end_revert(request, fail(ErrorKind::invalid, answer.findings));
            }
            publish_entry(request, id, std::move(*held), *rules);
          });
}

/// What comes back after a missing confirmation has the mode that an operator had set before.
void Reload::publish_entry(const RevertRequest& request, std::uint64_t id, OwnedFd lists,
                           std::shared_ptr<RulesRead> rules) {
  Target target;
  target.rules = std::move(rules);
  target.rules_digest = history_.find(id)->digest.rules_digest;
  target.settings = history_.find(id)->digest.settings;
  target.exceptions = history_.find(id)->digest.exceptions;
  target.bypasses = state_.bypasses;
  target.stages = state_.stages;
  target.live_sets = state_.sets;
  target.sets = history_.find(id)->digest.sets;
  target.lists = std::move(lists);
  if (state_.confirm && state_.confirm->previous == id) target.mode = state_.confirm->mode_before;
  const auto adopt = [this, id, mode = target.mode](std::uint64_t) {
    const bool takes_back = state_.confirm && state_.confirm->previous == id;
    state_.previous = takes_back ? state_.confirm->earlier : state_.in_force;
    state_.in_force = id;
    state_.mode = mode;
    state_.confirm.reset();
    ++facts_.reverted;
  };
  publish(std::move(target), adopt, [this, request, id](Result<std::uint64_t> result) {
    if (!result) return end_revert(request, tl::unexpected<Error>(result.error()));
    end_revert(request, RevertAnswer{*result, id});
  });
}

void Reload::end_revert(const RevertRequest& request, Result<RevertAnswer> result) {
  finish();
  request.answer(std::move(result));
}

// --- mode, bypasses, stages and sets ------------------------------------------------------------

void Reload::set_mode(const Caller& caller, Mode mode, Answer<std::uint64_t> answer) {
  enqueue_or_refuse({.run = [this, by = caller.user, mode, answer] { run_mode(by, mode, answer); },
                     .is_mode = true},
                    answer);
}

void Reload::run_mode(const std::string& by, Mode mode, const Answer<std::uint64_t>& answer) {
  auto target = target_in_force();
  if (!target) {
    finish();
    return answer(tl::unexpected<Error>(target.error()));
  }
  target->mode.reset();
  if (target->settings.mode != mode) target->mode = ModeOverride{mode, by};
  const auto adopt = [this, set = target->mode](std::uint64_t) { state_.mode = set; };
  publish(std::move(*target), adopt, answer);
}

void Reload::change_bypasses(BypassChange change, Answer<BypassAnswer> answer) {
  const auto on_target = [change = std::move(change)](Target& target) {
    return change(target.bypasses);
  };
  enqueue_or_refuse({.run = [this, on_target, answer] { run_change(on_target, answer); },
                     .kind = JobKind::bypass},
                    answer);
}

void Reload::change_stages(StageChange change, Answer<StageAnswer> answer) {
  const auto on_target = [change = std::move(change)](Target& target) {
    return change(target.stages);
  };
  enqueue_or_refuse({.run = [this, on_target, answer] { run_change(on_target, answer); },
                     .kind = JobKind::bypass},
                    answer);
}

void Reload::change_sets(SetChange change, Answer<SetAnswer> answer) {
  const auto on_target = [change = std::move(change)](Target& target) {
    return change(target.live_sets, target.sets);
  };
  const auto counted = [this, answer = std::move(answer)](Result<SetAnswer> result) {
    if (result) ++facts_.set_changes;
    answer(std::move(result));
  };
  enqueue_or_refuse<SetAnswer>(
      {.run = [this, on_target, counted] { run_change(on_target, counted); },
       .kind = JobKind::bypass},
      counted);
}

void Reload::run_change(const TargetChange& change, const Answer<BypassAnswer>& answer) {
  auto target = target_in_force();
  Result<std::uint64_t> value = 0;
  if (target) {
    value = change(*target);
  } else {
    value = tl::unexpected<Error>(target.error());
  }
  if (!value) {
    finish();
    return answer(tl::unexpected<Error>(value.error()));
  }
  const auto adopt = [this, bypasses = target->bypasses, stages = target->stages,
                      sets = target->live_sets](std::uint64_t) {
    state_.bypasses = bypasses;
    state_.stages = stages;
    state_.sets = sets;
  };
  publish(std::move(*target), adopt, [answer, value = *value](Result<std::uint64_t> result) {
    if (!result) return answer(tl::unexpected<Error>(result.error()));
    answer(BypassAnswer{*result, value});
  });
}

// --- looking ------------------------------------------------------------------------------------

void Reload::check(Answer<CheckAnswer> answer) {
  const auto run = [this, answer] {
    setup_.read(request_for_file(Purpose::look), [this, answer](Result<ConfigRead> read) {
      finish();
      if (!read) return answer(tl::unexpected<Error>(read.error()));
      answer(CheckAnswer{read->digest.errors, read->digest.warnings, read->digest.findings});
    });
  };
  enqueue_or_refuse({.run = run, .kind = JobKind::look}, answer);
}

void Reload::diff(Answer<DiffAnswer> answer) {
  enqueue_or_refuse({.run = [this, answer] { run_diff(answer); }, .kind = JobKind::look}, answer);
}

void Reload::run_diff(const Answer<DiffAnswer>& answer) {
  if (auto known = target_in_force(); !known) {
    finish();
    return answer(tl::unexpected<Error>(known.error()));
  }
  setup_.read(request_for_file(Purpose::look), [this, answer](Result<ConfigRead> read) {
    finish();
    if (!read) return answer(tl::unexpected<Error>(read.error()));
    DiffAnswer difference;
    difference.errors = read->digest.errors;
    if (difference.errors != 0) {
      difference.findings = read->digest.findings;
    } else {
      difference.changed = changes_between(in_force()->digest.options, read->digest.options);
      note_other_rules(in_force()->digest, read->digest, difference.changed);
      difference.has_lists = read->digest.has_list_difference;
      difference.lists = read->digest.lists;
    }
    answer(std::move(difference));
  });
}

}  // namespace sluice
