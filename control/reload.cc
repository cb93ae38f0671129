#include "control/reload.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "control/observe/control_facts.h"

namespace sluice {
namespace {

constexpr DurationNs kRetryInterval = kNsPerSecond;
constexpr DurationNs kReasonsInterval = kNsPerSecond;

/// Tables are sized at start: a policy goes on saying what they were sized for. Where nothing was
/// to be inspected there is no memory to do it with.
void keep_sizes(PolicySettings& settings, const PolicySettings& started) noexcept {
  settings.fragments.datagrams = started.fragments.datagrams;
  settings.flows.capacity = started.flows.capacity;
  settings.flows.half_open = started.flows.half_open;
  settings.limits.sources = started.limits.sources;
  settings.has_rules = settings.has_rules && has_inspection_memory(started);
}

}  // namespace

Reload::Reload(ReloadSetup setup, KeeperLink& keeper, const Clock& clock)
    : setup_(std::move(setup)),
      keeper_(keeper),
      clock_(clock),
      history_(setup_.state_dir),
      store_(setup_.state_dir) {}

// --- start --------------------------------------------------------------------------------------

void Reload::start() {
  history_.load();
  auto state = store_.load();
  if (!state && state.error().kind != ErrorKind::not_found) {
    log(LogLevel::warning,
        fmt::format("reload: {}: starting from the file", state.error().message));
  }
  if (state) {
    if (state->wire_started == setup_.wire_started && history_.find(state->in_force) != nullptr) {
      return resume(std::move(*state));
    }
    warn_of_ended_bypasses(*state);
  }
  StageOverrides stages = state ? std::move(state->stages) : StageOverrides();
  LiveSets sets = state ? std::move(state->sets) : LiveSets();
  state_ = {};
  state_.stages = std::move(stages);
  state_.sets = std::move(sets);
  state_.wire_started = setup_.wire_started;
  jobs_.push_back({.run = [this] { read_start(); }});
}

/// The control process was restarted and the wire process was not.
void Reload::resume(RuntimeState state) {
  state_ = std::move(state);
  if (state_.confirm && history_.find(state_.confirm->previous) == nullptr) {
    log(LogLevel::error, "reload: the configuration to go back to is lost: the one in force stays");
    state_.confirm.reset();
  }
  tell_applied();
}

void Reload::warn_of_ended_bypasses(const RuntimeState& state) const {
  if (state.wire_started == setup_.wire_started) return;
  for (const Bypass& bypass : state.bypasses.entries()) {
    log(LogLevel::notice,
        fmt::format("bypass {} ({}, by {}) ended with the restart of the wire process",
                    bypass.entry.id, describe(bypass.entry, setup_.pair_names), bypass.owner));
  }
}

void Reload::read_start() {
  setup_.read(request_for_file(Purpose::store), [this](Result<ConfigRead> read) {
    finish();
    take_start(std::move(read));
  });
}

// The wire process read the same file a moment ago. Where it has taken other policies since, ours
// is the second start beside it and what was in force is lost.
void Reload::take_start(Result<ConfigRead> read) {
  if (!read || read->digest.errors != 0) {
    log(LogLevel::error,
        fmt::format("reload: what is in force is not known until the next reload: {}",
                    read ? "the file is not valid" : read.error().message));
    return read ? log_findings(read->digest.findings) : void();
  }
  if (keeper_.generation() > 1) {
    log(LogLevel::warning, "reload: what is in force was lost: taken to be what the file says");
  }
  const auto entries = history_.entries();
  const bool is_newest = !entries.empty() && entries.back().can_be_restored &&
                         entries.back().digest.digest == read->digest.digest;
  if (is_newest) {
    state_.in_force = entries.back().id;
  } else {
    ConfigEntry entry;
    entry.loaded_at = clock_.now();
    entry.by = "start";
    entry.digest = std::move(read->digest);
    state_.in_force = history_.add(std::move(entry), {});
  }
  state_.started = state_.in_force;
  save();
  tell_applied();
}

// --- the queue ----------------------------------------------------------------------------------

std::size_t Reload::waiting_max(JobKind kind) noexcept {
  switch (kind) {
    case JobKind::way_out:
      return kWaysOutWaitingMax;
    case JobKind::change:
      break;
    case JobKind::bypass:
      return kBypassChangesWaitingMax;
    case JobKind::look:
      return kLooksWaitingMax;
  }
  return kChangesWaitingMax;
}

Status Reload::enqueue(Job job) {
  const auto waiting = static_cast<std::size_t>(std::ranges::count(jobs_, job.kind, &Job::kind));
  if (waiting >= waiting_max(job.kind)) {
    return fail(ErrorKind::limit, fmt::format("reload: {} requests wait already", waiting),
                "try again later");
  }
  jobs_.push_back(std::move(job));
  return {};
}

void Reload::turn(TimeNs now) {
  const std::size_t bypasses = state_.bypasses.entries().size();
  state_.bypasses.expire(now);
  const bool have_ended = state_.sets.expire(now) != 0;
  if (state_.bypasses.entries().size() != bypasses || have_ended) save();
  look_for_restart_reasons(now);
  if (is_busy_ || !keeper_.is_greeted()) return;
  if (state_.is_changing) {
    if (now >= retry_at_) put_back();
    return;
  }
  if (!is_compiling_) take_back_unconfirmed(now);
  if (is_busy_) return;
  if (jobs_.empty()) return load_rules(now);
  // The first of those that nothing goes before.
  const auto next = std::ranges::min_element(jobs_, {}, [this](const Job& waiting) {
    const JobKind kind = waiting.kind == JobKind::bypass ? JobKind::change : waiting.kind;
    return std::pair(!may_run(waiting), kind);
  });
  if (!may_run(*next)) return;
  is_busy_ = true;
  const Job job = std::move(*next);
  jobs_.erase(next);
  job.run();
}

/// A publication was cut short, by our own end or by silence: nobody knows whether it was taken, so
/// what was in force before is published once more.
void Reload::put_back() {
  is_busy_ = true;
  auto target = target_in_force();
  if (!target) return end_put_back(0);  // it was not known before either
  if (!in_force()->can_be_restored) {
    log(LogLevel::warning, "reload: the lists in force cannot be restored and stay as they are");
    return publish(std::move(*target), {}, [this](const auto& result) { end_put_back(result); });
  }
  restore_lists(state_.in_force, [this](Result<OwnedFd> lists) {
    if (!lists) return end_put_back(tl::unexpected<Error>(lists.error()));
    Target restored = *target_in_force();
    restored.lists = std::move(*lists);
    publish(std::move(restored), {}, [this](const auto& result) { end_put_back(result); });
  });
}

void Reload::end_put_back(const Result<std::uint64_t>& result) {
  finish();
  retry_at_ = clock_.now() + kRetryInterval;
  state_.is_changing = !result.has_value();
  save();
  if (result) {
    is_way_back_closed_ = false;
    return log(LogLevel::notice, "reload: a change was cut short and is taken back");
  }
  if (std::exchange(is_way_back_closed_, true)) return;
  log(LogLevel::error, fmt::format("reload: a change was cut short and cannot be taken back yet: "
                                   "{}",
                                   result.error().message));
}

void Reload::take_back_unconfirmed(TimeNs now) {
  if (!state_.confirm || now < state_.confirm->deadline || now < retry_at_) return;
  is_busy_ = true;
  RevertRequest request;
  request.id = state_.confirm->previous;
  request.answer = [this](Result<RevertAnswer> result) {
    retry_at_ = clock_.now() + kRetryInterval;
    const bool failed_before = std::exchange(is_way_back_closed_, !result.has_value());
    if (result) {
      return log(LogLevel::warning,
                 fmt::format("reload: nobody confirmed: configuration {} is in force again",
                             result->restored));
    }
    if (failed_before) return;
    log(LogLevel::error, fmt::format("reload: nobody confirmed, and the way back is closed: {}",
                                     result.error().message));
  };
  run_revert(request);
}

// --- publication --------------------------------------------------------------------------------

/// An answer that says no leaves what was; silence leaves it open (see put_back). The state is on
/// file before anybody hears of it.
void Reload::publish(Target target, Adopt adopt, KeeperLink::Published published) {
  PolicySettings settings = target.settings;
  if (const ConfigEntry* started = history_.find(state_.started)) {
    keep_sizes(settings, started->digest.settings);
  }
  if (target.mode) settings.mode = target.mode->mode;
  target.bypasses.write_to(settings);
  auto rules = rules_to_send(target);
  if (!rules) {
    finish();
    return published(tl::unexpected<Error>(rules.error()));
  }
  state_.is_changing = true;
  save();
  RuleOverrides overrides{target.stages.list(), std::move(target.exceptions)};
  keeper_.publish(
      settings, std::move(target.lists), std::move(*rules),
      [this, adopt = std::move(adopt), sent = target.rules, of = target.rules_digest,
       published = std::move(published)](Result<std::uint64_t> result) {
        finish();
        if (result && sent != nullptr) adopt_rules(*sent, of);
        state_.is_changing = !result && result.error().kind == ErrorKind::unavailable;
        if (result && adopt) adopt(*result);
        save();
        if (result) tell_applied();
        published(std::move(result));
      },
      std::move(overrides), target.live_sets.contents(target.sets));
}

void Reload::save() {
  const auto saved = store_.save(state_);
  if (saved.has_value() == is_unsaved_) {
    if (saved) log(LogLevel::notice, "reload: the state can be written again");
    if (!saved) log(LogLevel::error, fmt::format("reload: {}", saved.error().message));
  }
  is_unsaved_ = !saved.has_value();
}

void Reload::tell_applied() {
  const ConfigEntry* entry = in_force();
  if (entry == nullptr) return;
  if (setup_.applied) setup_.applied(entry->digest.live, mode());
  tell_idle_sets(*entry);
}

/// Nothing that an operator added goes or comes back unsaid.
void Reload::tell_idle_sets(const ConfigEntry& entry) {
  auto idle = state_.sets.idle(entry.digest.sets);
  for (const IdleSetEntries& one : idle) {
    if (std::ranges::find(idle_sets_, one) == idle_sets_.end()) {
      log(LogLevel::warning, "reload: " + idle_set_text(one));
    }
  }
  for (const IdleSetEntries& one : idle_sets_) {
    const auto left = state_.sets.entries_of(one.set).size();
    if (left == 0 || std::ranges::find(idle, one.set, &IdleSetEntries::set) != idle.end()) continue;
    log(LogLevel::notice,
        fmt::format("reload: the {} entries that were added to the set '{}' are in force again",
                    left, one.set));
  }
  idle_sets_ = std::move(idle);
}

void Reload::note(const char* result) {
  facts_.last_result = result;
  facts_.last_at = clock_.now();
}

// --- what is in force ---------------------------------------------------------------------------

const ConfigEntry* Reload::in_force() const noexcept { return history_.find(state_.in_force); }

Mode Reload::mode() const noexcept {
  if (state_.mode) return state_.mode->mode;
  const ConfigEntry* entry = in_force();
  return entry != nullptr ? entry->digest.settings.mode : Mode::enforce;
}

void Reload::look_for_restart_reasons(TimeNs now) {
  if (now < reasons_due_) return;
  reasons_due_ = now + kReasonsInterval;
  restart_reasons_.clear();
  const ConfigEntry* started = history_.find(state_.started);
  const ConfigEntry* entry = in_force();
  if (entry != nullptr && entry->digest.settings.has_rules && !can_inspect()) {
    restart_reasons_.emplace_back(
        "rules.files: started without rules, events of applications and inspect.memory, so there "
        "is "
        "no memory to inspect with");
  }
  if (started != nullptr && entry != nullptr && started != entry) {
    for (const OptionChange& change :
         changes_between(started->digest.options, entry->digest.options)) {
      if (!change.needs_restart) continue;
      restart_reasons_.push_back(fmt::format("{}: started with {}, now {}", change.path,
                                             change.from.empty() ? "none" : change.from,
                                             change.to.empty() ? "none" : change.to));
    }
  }
  if (is_program_replaced()) {
    restart_reasons_.emplace_back("program: the installed file is another one");
  }
}

void describe(const Reload& reload, ControlFacts& facts) {
  facts.generation = reload.generation();
  facts.mode = reload.mode();
  facts.bypasses = reload.bypasses().entries().size();
  const ReloadFacts& reloads = reload.facts();
  facts.reloads = {
      .ok = reloads.succeeded,
      .invalid = reloads.invalid,
      .failed = reloads.failed,
      .last_at = reloads.last_at,
      .has_last_failed = !reloads.last_result.empty() && reloads.last_result != "succeeded"};
  facts.set_changes = reloads.set_changes;
  facts.config.path = reload.config_path();
  facts.config.confirm_by = reload.pending() ? reload.pending()->deadline : 0;
  facts.config.mode_set_by = reload.mode_override() ? reload.mode_override()->by : "";
  facts.config.restart_pending = reload.restart_reasons();
  const ConfigEntry* entry = reload.in_force();
  if (entry == nullptr) return;
  facts.config.digest = entry->digest.digest;
  facts.config.loaded_at = entry->loaded_at;
  facts.config.mode_in_file = entry->digest.settings.mode;
  facts.limits = entry->digest.settings.limits;
  facts.sets.clear();
  for (const SetSummary& summary : entry->digest.sets) {
    facts.sets.push_back({summary.set.name, summary.file_entries,
                          reload.live_sets().entries_of(summary.set.name).size()});
  }
  facts.rules = {.is_configured = entry->digest.settings.has_rules && reload.can_inspect(),
                 .is_compiling = reload.is_compiling(),
                 .error = reloads.rules_error,
                 .stages_set = reload.stages().entries().size(),
                 .exceptions = entry->digest.exceptions.size()};
}

}  // namespace sluice
