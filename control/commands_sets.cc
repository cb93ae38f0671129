// Handlers of sets: what they hold, and entries that operators add for a time.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/suggest.h"
#include "base/units.h"
#include "config/set_entry.h"
#include "control/command_handlers.h"
#include "control/protocol.h"
#include "control/reload.h"

namespace sluice {
namespace {

using nlohmann::json;

constexpr std::size_t kNameShownMax = 64;
constexpr DurationNs kSetEntryForMin = kNsPerSecond;
constexpr DurationNs kSetEntryForMax = 366ULL * 86'400 * kNsPerSecond;
/// Looked at for one answer: some tenths of a millisecond.
constexpr std::size_t kEntriesLookedAtMax = 2'000;

tl::unexpected<Error> not_known() {
  return fail(ErrorKind::unavailable, "sets: what is in force is not known",
              "a reload of a valid file puts an end to that");
}

Result<const SetSummary*> find_set(std::span<const SetSummary> sets, const std::string& name) {
  std::vector<std::string_view> names;
  for (const SetSummary& one : sets) {
    if (one.set.name == name) return &one;
    names.push_back(one.set.name);
  }
  const std::string_view near = nearest_word(name, names);
  return fail(ErrorKind::not_found,
              fmt::format("sets: none has the name '{}'", name.substr(0, kNameShownMax)),
              near.empty() ? "see 'sets list'" : fmt::format("did you mean '{}'?", near));
}

Result<std::vector<std::string>> texts_in(const json& args) {
  return args.value("entries", std::vector<std::string>());
}

/// As the set writes them, each once.
Result<std::vector<std::string>> entries_in(const json& args, const NamedSet& set) {
  std::vector<std::string> entries;
  for (const json& text : args.value("entries", json::array())) {
    const auto key = set_key(set, text.get_ref<const std::string&>());
    if (!key) return with_context("entries", key.error());
    entries.push_back(set_entry_text(set.kind, *key));
  }
  if (entries.empty()) return fail(ErrorKind::invalid, "entries: none: one or more");
  std::ranges::sort(entries);
  const auto repeated = std::ranges::unique(entries);
  entries.erase(repeated.begin(), repeated.end());
  return entries;
}

/// 0 = without an end.
Result<DurationNs> duration_in(const json& args) {
  if (!args.contains("for")) return DurationNs{0};
  const auto duration = parse_duration(args["for"].get_ref<const std::string&>());
  if (!duration) return with_context("for", duration.error());
  if (*duration >= kSetEntryForMin && *duration <= kSetEntryForMax) return *duration;
  return fail(ErrorKind::invalid,
              fmt::format("for: is {}: {} to {} would do", print_duration(*duration),
                          print_duration(kSetEntryForMin), print_duration(kSetEntryForMax)));
}

json set_json(const SetSummary& summary, std::size_t live, std::uint64_t idle) {
  return {{"name", summary.set.name},
          {"kind", name_of(summary.set.kind)},
          {"nocase", summary.set.nocase},
          {"file", summary.file},
          {"file_entries", summary.file_entries},
          {"live_entries", live},
          {"idle_entries", idle},
          {"capacity", summary.capacity},
          {"configured", true}};
}

/// A set that left the configuration.
json set_json(const IdleSetEntries& idle) {
  return {{"name", idle.set},   {"kind", json()},
          {"nocase", false},    {"file", ""},
          {"file_entries", 0},  {"live_entries", idle.entries},
          {"capacity", 0},      {"idle_entries", idle.entries},
          {"configured", false}};
}

std::uint64_t idle_in(std::span<const IdleSetEntries> idle, const std::string& set) {
  const auto found = std::ranges::find(idle, set, &IdleSetEntries::set);
  return found == idle.end() ? 0 : found->entries;
}

json entry_json(const LiveSetEntry& entry, TimeNs now) {
  const double left =
      entry.until > now ? static_cast<double>(entry.until - now) / static_cast<double>(kNsPerSecond)
                        : 0.0;
  return {{"entry", entry.entry},
          {"until", entry.until == 0 ? json() : json(time_text(entry.until))},
          {"seconds_left", entry.until == 0 ? json() : json(left)},
          {"owner", entry.owner},
          {"added_at", time_text(entry.added)}};
}

struct AddRequest {
  std::string set;
  json args;
  DurationNs lasts = 0;
  std::string owner;
  TimeNs now = 0;
};

Result<std::uint64_t> apply(const AddRequest& request, LiveSets& live,
                            std::span<const SetSummary> sets) {
  const auto set = find_set(sets, request.set);
  if (!set) return tl::unexpected<Error>(set.error());
  auto entries = entries_in(request.args, (*set)->set);
  if (!entries) return tl::unexpected<Error>(entries.error());
  std::vector<LiveSetEntry> added;
  for (std::string& entry : *entries) {
    added.push_back({.set = request.set,
                     .entry = std::move(entry),
                     .until = request.lasts == 0 ? 0 : request.now + request.lasts,
                     .added = request.now,
                     .owner = request.owner});
  }
  const std::uint64_t count = added.size();
  if (auto done = live.add(**set, std::move(added), request.now); !done) {
    return tl::unexpected<Error>(done.error());
  }
  return count;
}

}  // namespace

void list_sets(Services& services, const Caller&, const json&, Reply reply) {
  const ConfigEntry* entry = services.reload == nullptr ? nullptr : services.reload->in_force();
  if (entry == nullptr) return reply(not_known());
  const LiveSets& live = services.reload->live_sets();
  const auto idle = live.idle(entry->digest.sets);
  json items = json::array();
  for (const SetSummary& summary : entry->digest.sets) {
    const std::string& name = summary.set.name;
    items.push_back(set_json(summary, live.entries_of(name).size(), idle_in(idle, name)));
  }
  for (const IdleSetEntries& one : idle) {
    if (!one.is_configured) items.push_back(set_json(one));
  }
  reply(json{{"items", std::move(items)}, {"next", json()}});
}

void show_set(Services& services, const Caller&, const json& args, Reply reply) {
  const ConfigEntry* entry = services.reload == nullptr ? nullptr : services.reload->in_force();
  if (entry == nullptr) return reply(not_known());
  const std::string name = args.value("set", "");
  const auto set = find_set(entry->digest.sets, name);
  const auto all = services.reload->live_sets().entries_of(name);
  if (!set && all.empty()) return reply(tl::unexpected<Error>(set.error()));
  const auto idle = services.reload->live_sets().idle(entry->digest.sets);
  const std::string like = args.value("like", "");
  const std::size_t most =
      std::clamp<std::uint64_t>(args.value("limit", kRowsPerPage), 1, kRowsPerPage);
  std::size_t place = std::min<std::uint64_t>(args.value("cursor", 0ULL), all.size());
  const std::size_t end = std::min(place + kEntriesLookedAtMax, all.size());
  json items = json::array();
  for (; place < end && items.size() < most; ++place) {
    if (all[place].entry.find(like) == std::string::npos) continue;
    items.push_back(entry_json(all[place], services.clock->now()));
  }
  json result = set ? set_json(**set, all.size(), idle_in(idle, name))
                    : set_json(IdleSetEntries{name, all.size(), false});
  result["items"] = std::move(items);
  result["next"] = place < all.size() ? json(place) : json();
  reply(std::move(result));
}

void add_to_set(Services& services, const Caller& caller, const json& args, Reply reply) {
  if (services.reload == nullptr) return reply(not_known());
  const auto lasts = duration_in(args);
  if (!lasts) return reply(tl::unexpected<Error>(lasts.error()));
  AddRequest request{.set = args.value("set", ""),
                     .args = args,
                     .lasts = *lasts,
                     .owner = caller.user,
                     .now = services.clock->now()};
  const TimeNs until = *lasts == 0 ? 0 : request.now + *lasts;
  services.reload->change_sets(
      [request = std::move(request)](LiveSets& live, std::span<const SetSummary> sets) {
        return apply(request, live, sets);
      },
      [until, set = args.value("set", ""),
       reply = std::move(reply)](const Result<SetAnswer>& answer) {
        if (!answer) return reply(tl::unexpected<Error>(answer.error()));
        reply(json{{"set", set},
                   {"added", answer->value},
                   {"until", until == 0 ? json() : json(time_text(until))},
                   {"generation", answer->generation}});
      });
}

void remove_from_set(Services& services, const Caller&, const json& args, Reply reply) {
  if (services.reload == nullptr) return reply(not_known());
  services.reload->change_sets(
      [args](LiveSets& live, std::span<const SetSummary> sets) -> Result<std::uint64_t> {
        const std::string name = args.value("set", "");
        const auto set = find_set(sets, name);
        // A set that left the configuration has its entries still.
        if (!set && live.entries_of(name).empty()) return tl::unexpected<Error>(set.error());
        const auto entries = set ? entries_in(args, (*set)->set) : texts_in(args);
        if (!entries) return tl::unexpected<Error>(entries.error());
        if (auto done = live.remove(name, *entries); !done) {
          return tl::unexpected<Error>(done.error());
        }
        return entries->size();
      },
      [set = args.value("set", ""), reply = std::move(reply)](const Result<SetAnswer>& answer) {
        if (!answer) return reply(tl::unexpected<Error>(answer.error()));
        reply(json{{"set", set}, {"removed", answer->value}, {"generation", answer->generation}});
      });
}

}  // namespace sluice
