// Rules: compiled in a child before what needs them is published, and put into force after a start
// and wherever the wire process does not obey what is configured. While a child compiles, changes
// of the configuration wait; bypasses and looks do not.
#include <utility>

#include <fcntl.h>

#include <fmt/format.h>

#include "base/log.h"
#include "control/reload.h"
#include "control/ruleset_build.h"

namespace sluice {
namespace {

/// Between two tries to put rules into force that did not come into force.
constexpr DurationNs kRulesInterval = 60 * kNsPerSecond;

OwnedFd duplicate(const OwnedFd& fd) {
  return OwnedFd(fd.is_open() ? fcntl(fd.fd(), F_DUPFD_CLOEXEC, 0) : -1);
}

}  // namespace

/// As memory_plan.cc has it.
bool has_inspection_memory(const PolicySettings& started) noexcept {
  return started.has_rules || started.transaction_records != 0 || started.inspect.memory_bytes != 0;
}

bool Reload::can_inspect() const noexcept {
  const ConfigEntry* started = history_.find(state_.started);
  return started == nullptr || has_inspection_memory(started->digest.settings);
}

bool Reload::may_run(const Job& job) const noexcept {
  if (!is_compiling_) return true;
  return job.kind == JobKind::bypass || job.kind == JobKind::look || (is_loading_ && job.is_mode);
}

bool Reload::has_wire(const std::string& rules_digest) const {
  return setup_.ruleset_in_force && text_of(setup_.ruleset_in_force()) == rules_digest;
}

/// A child is needed before this can be in force, with the texts of its rules.
bool Reload::lacks_rules(const ConfigDigest& digest) const {
  if (!setup_.compile || digest.rules_digest.empty() || !can_inspect()) return false;
  return !has_wire(digest.rules_digest) || texts_digest_ != digest.rules_digest;
}

/// What the child reads where the cache does not have the rules.
std::string Reload::config_path_of(std::uint64_t id) const {
  const ConfigEntry* entry = history_.find(id);
  return entry != nullptr && entry->can_be_restored ? history_.text_path(id) : setup_.config_path;
}

/// Not open where the wire process has them, or where there are none to send.
Result<OwnedFd> Reload::rules_to_send(const Target& target) const {
  if (target.rules == nullptr || has_wire(target.rules_digest)) return OwnedFd();
  OwnedFd copy = duplicate(target.rules->ruleset);
  if (copy.is_open()) return copy;
  return fail(ErrorKind::io, "rules: no descriptor for the compiled ruleset");
}

/// Ends the turn of the job that asks; `done` has one of its own.
void Reload::compile(const std::string& config_path, const std::string& rules_digest,
                     RulesDone done) {
  is_compiling_ = true;
  finish();
  const RulesRequest request{config_path, ruleset_cache_in(setup_.state_dir), rules_digest};
  setup_.compile(request, [this, done = std::move(done)](Result<RulesRead> read) {
    is_compiling_ = false;
    is_loading_ = false;
    Result<std::shared_ptr<RulesRead>> held = nullptr;
    if (read) {
      held = std::make_shared<RulesRead>(std::move(*read));
    } else {
      held = tl::unexpected<Error>(read.error());
    }
    jobs_.push_front({.run = [done, held] { done(held); }, .kind = JobKind::way_out});
  });
}

/// Nobody asked: the wire process was started a moment ago, or this process was, or a change was
/// cut short.
void Reload::load_rules(TimeNs now) {
  const ConfigEntry* entry = in_force();
  if (is_compiling_ || now < rules_due_ || entry == nullptr || !lacks_rules(entry->digest)) return;
  rules_due_ = now + kRulesInterval;
  is_loading_ = true;
  compile(
      config_path_of(entry->id), entry->digest.rules_digest,
      [this, digest = entry->digest.rules_digest](const auto& read) { end_load(digest, read); });
}

/// Rules that cannot be compiled are left out and told: the others come into force.
void Reload::end_load(const std::string& rules_digest,
                      const Result<std::shared_ptr<RulesRead>>& read) {
  const ConfigEntry* entry = in_force();
  if (entry == nullptr || entry->digest.rules_digest != rules_digest) {
    rules_due_ = 0;
    return finish();
  }
  if (!read) {
    finish();
    return note_rules_error(read.error().message);
  }
  RulesRead& rules = **read;
  if (!rules.ruleset.is_open()) {
    finish();
    return note_rules_error(rules.answer.findings);
  }
  const std::string error = rules.answer.errors == 0
                                ? std::string()
                                : fmt::format("{} rules cannot be compiled:\n{}",
                                              rules.answer.errors, rules.answer.findings);
  if (has_wire(rules_digest)) {
    finish();
    adopt_rules(rules, rules_digest);
    return note_rules_error(error);
  }
  Target target = *target_in_force();
  target.rules = *read;
  target.rules_digest = rules_digest;
  publish(std::move(target), {}, [this, error, held = *read](const Result<std::uint64_t>& result) {
    note_rules_error(result ? error : result.error().message);
    if (!result) return;
    log(LogLevel::notice, fmt::format("rules: {} rules are in force, {}", held->answer.rules,
                                      held->answer.is_cached ? "from the cache" : "compiled"));
  });
}

/// Their texts come into use.
void Reload::adopt_rules(RulesRead& rules, const std::string& rules_digest) {
  texts_digest_ = rules_digest;
  facts_.rules_error.clear();
  if (setup_.use_rules) setup_.use_rules(std::move(rules.ruleset), std::move(rules.texts));
}

void Reload::note_rules_error(std::string error) {
  if (!error.empty() && error != facts_.rules_error) {
    log(LogLevel::error, fmt::format("rules: {}", error));
  }
  facts_.rules_error = std::move(error);
}

}  // namespace sluice
