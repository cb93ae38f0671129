// Handlers of what changes the configuration in force, and of what looks at it.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/suggest.h"
#include "base/units.h"
#include "control/command_handlers.h"
#include "control/observe/wire_view.h"
#include "control/protocol.h"
#include "control/reload.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::size_t kChangesShownMax = 150;
constexpr DurationNs kBypassDurationMin = kNsPerSecond;

/// The reload, or an answer that there is none.
Reload* reload_of(Services& services, const Reply& reply) {
  if (services.reload == nullptr) reply(fail(ErrorKind::unavailable, "reload: not running"));
  return services.reload;
}

json time_or_null(std::optional<TimeNs> when) { return when ? json(time_text(*when)) : json(); }

double seconds_left(TimeNs until, TimeNs now) {
  return until > now ? static_cast<double>(until - now) / static_cast<double>(kNsPerSecond) : 0.0;
}

/// An answer as JSON, by `convert`; errors as they are.
template <class T, class Convert>
Answer<T> answering(Reply reply, Convert convert) {
  return [reply = std::move(reply), convert = std::move(convert)](Result<T> result) {
    if (!result) return reply(tl::unexpected<Error>(result.error()));
    reply(convert(*result));
  };
}

/// A reply names at most so many, and how many more there are.
json changes_json(const std::vector<OptionChange>& changes) {
  json items = json::array();
  for (const OptionChange& change : changes) {
    if (items.size() == kChangesShownMax) break;
    items.push_back({{"path", change.path},
                     {"from", change.from.empty() ? json() : json(change.from)},
                     {"to", change.to.empty() ? json() : json(change.to)},
                     {"needs_restart", change.needs_restart}});
  }
  return items;
}

json diff_json(const DiffAnswer& diff) {
  json result{{"errors", diff.errors}, {"changed", changes_json(diff.changed)}};
  if (diff.errors != 0) result["findings"] = diff.findings;
  if (diff.changed.size() > kChangesShownMax) {
    result["more"] = diff.changed.size() - kChangesShownMax;
  }
  result["lists"] = nullptr;
  if (diff.has_lists) {
    result["lists"] = {{"added", diff.lists.added},
                       {"removed", diff.lists.removed},
                       {"added_examples", diff.lists.added_examples},
                       {"removed_examples", diff.lists.removed_examples}};
  }
  return result;
}

json reload_json(const ReloadAnswer& answer) {
  json result{{"generation", answer.generation},
              {"changed", answer.changed},
              {"needs_restart", answer.needs_restart},
              {"confirm_by_at", time_or_null(answer.confirm_by)}};
  if (answer.has_reset_mode) result["notice"] = "the mode is the file's again";
  result["idle_sets"] = json::array();
  for (const IdleSetEntries& idle : answer.idle_sets) {
    result["idle_sets"].push_back(idle_set_text(idle));
  }
  return result;
}

json entry_json(const ConfigEntry& entry, bool is_in_force) {
  return {{"id", entry.id},
          {"loaded_at", time_text(entry.loaded_at)},
          {"by", entry.by},
          {"digest", entry.digest.digest},
          {"in_force", is_in_force},
          {"changed", entry.changed},
          {"can_be_restored", entry.can_be_restored}};
}

json bypass_json(const Bypass& bypass, const Reload& reload, TimeNs now) {
  return {{"id", bypass.entry.id},
          {"what", describe(bypass.entry, reload.pair_names())},
          {"until", time_text(bypass.entry.until)},
          {"seconds_left", seconds_left(bypass.entry.until, now)},
          {"owner", bypass.owner},
          {"reason", bypass.reason},
          {"created_at", time_text(bypass.created)}};
}

Result<Mode> parse_mode(const std::string& word) {
  for (const Mode mode : {Mode::monitor, Mode::enforce}) {
    if (word == name_of(mode)) return mode;
  }
  constexpr std::string_view kWords[] = {"monitor", "enforce"};
  const std::string_view near = nearest_word(word, kWords);
  return fail(ErrorKind::invalid,
              fmt::format("mode: is '{}': monitor or enforce would do", word.substr(0, 64)),
              near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

Result<Bypass> parse_bypass_request(const Reload& reload, const Caller& caller, const json& args,
                                    TimeNs now) {
  BypassTarget target;
  target.pair = args.value("pair", "");
  target.prefix = args.value("prefix", "");
  if (args.contains("vlan")) target.vlan = args["vlan"].dump();
  Bypass bypass;
  auto entry = parse_bypass(target, reload.pair_names());
  if (!entry) return tl::unexpected<Error>(entry.error());
  bypass.entry = *entry;
  const auto duration = parse_duration(args.value("for", ""));
  if (!duration) return with_context("for", duration.error());
  if (*duration < kBypassDurationMin || *duration > kBypassDurationMax) {
    return fail(
        ErrorKind::invalid,
        fmt::format("for: is {}: {} to {} would do", print_duration(*duration),
                    print_duration(kBypassDurationMin), print_duration(kBypassDurationMax)));
  }
  bypass.reason = args.value("reason", "");
  if (bypass.reason.size() > kReasonBytesMax) {
    return fail(ErrorKind::invalid, fmt::format("reason: is {} bytes long, above the largest of {}",
                                                bypass.reason.size(), kReasonBytesMax));
  }
  bypass.entry.until = now + *duration;
  bypass.created = now;
  bypass.owner = caller.user;
  return bypass;
}

Result<Reload::BypassChange> parse_end_of_bypass(const json& args) {
  const bool is_all = args.value("all", false);
  if (is_all == args.contains("id")) {
    return fail(ErrorKind::invalid, "bypass.off: exactly one of id and all is needed");
  }
  if (is_all)
    return [](Bypasses& bypasses) { return Result<std::uint64_t>(bypasses.remove_all()); };
  return [id = args["id"].get<std::uint64_t>()](Bypasses& bypasses) -> Result<std::uint64_t> {
    if (auto removed = bypasses.remove(id); !removed) return tl::unexpected(removed.error());
    return 1;
  };
}

}  // namespace

void check_configuration(Services& services, const Caller&, const json&, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  reload->check(answering<CheckAnswer>(std::move(reply), [](const CheckAnswer& answer) {
    return json{{"ok", answer.errors == 0},
                {"errors", answer.errors},
                {"warnings", answer.warnings},
                {"findings", answer.findings}};
  }));
}

void show_difference(Services& services, const Caller&, const json&, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload != nullptr) reload->diff(answering<DiffAnswer>(std::move(reply), diff_json));
}

void reload_configuration(Services& services, const Caller& caller, const json& args, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  std::optional<DurationNs> within;
  if (args.contains("confirm_within")) {
    auto parsed = parse_duration(args.value("confirm_within", ""));
    if (!parsed) return reply(with_context("confirm_within", parsed.error()));
    within = *parsed;
  }
  reload->reload(caller, within, answering<ReloadAnswer>(std::move(reply), reload_json));
}

void confirm_configuration(Services& services, const Caller&, const json&, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  reload->confirm(answering<std::uint64_t>(std::move(reply), [](std::uint64_t generation) {
    return json{{"generation", generation}};
  }));
}

void revert_configuration(Services& services, const Caller&, const json& args, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  std::optional<std::uint64_t> id;
  if (args.contains("to")) id = args["to"].get<std::uint64_t>();
  reload->revert(id, answering<RevertAnswer>(std::move(reply), [](const RevertAnswer& answer) {
                   return json{{"generation", answer.generation},
                               {"restored", answer.restored},
                               {"notice",
                                "the configuration file was not written: 'diff' shows what a "
                                "reload would change"}};
                 }));
}

void list_configurations(Services& services, const Caller&, const json&, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  json items = json::array();
  for (const ConfigEntry& entry : reload->history().entries()) {
    items.push_back(entry_json(entry, &entry == reload->in_force()));
  }
  std::reverse(items.begin(), items.end());
  reply(json{{"items", std::move(items)}});
}

void set_mode(Services& services, const Caller& caller, const json& args, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  const auto mode = parse_mode(args.value("mode", ""));
  if (!mode) return reply(tl::unexpected<Error>(mode.error()));
  const auto convert = [mode = *mode](std::uint64_t generation) {
    return json{{"mode", name_of(mode)}, {"generation", generation}};
  };
  reload->set_mode(caller, *mode, answering<std::uint64_t>(std::move(reply), convert));
}

void start_bypass(Services& services, const Caller& caller, const json& args, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  auto bypass = parse_bypass_request(*reload, caller, args, services.clock->now());
  if (!bypass) return reply(tl::unexpected<Error>(bypass.error()));
  const auto convert = [entry = bypass->entry, reload](const BypassAnswer& answer) {
    return json{{"id", answer.value},
                {"what", describe(entry, reload->pair_names())},
                {"until", time_text(entry.until)},
                {"generation", answer.generation}};
  };
  reload->change_bypasses([bypass = *bypass](Bypasses& bypasses) { return bypasses.add(bypass); },
                          answering<BypassAnswer>(std::move(reply), convert));
}

void end_bypass(Services& services, const Caller&, const json& args, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  auto change = parse_end_of_bypass(args);
  if (!change) return reply(tl::unexpected<Error>(change.error()));
  const auto convert = [](const BypassAnswer& answer) {
    return json{{"removed", answer.value}, {"generation", answer.generation}};
  };
  reload->change_bypasses(std::move(*change), answering<BypassAnswer>(std::move(reply), convert));
}

void show_bypasses(Services& services, const Caller&, const json&, Reply reply) {
  Reload* reload = reload_of(services, reply);
  if (reload == nullptr) return;
  json items = json::array();
  for (const Bypass& bypass : reload->bypasses().entries()) {
    items.push_back(bypass_json(bypass, *reload, services.clock->now()));
  }
  json result{{"items", std::move(items)}, {"packets", nullptr}, {"bytes", nullptr}};
  if (services.view != nullptr) {
    const WorkerCounters& total = services.view->look().total;
    result["packets"] = total.bypassed;
    result["bytes"] = total.bypassed_bytes;
  }
  reply(std::move(result));
}

}  // namespace sluice
