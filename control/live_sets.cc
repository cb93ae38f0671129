#include "control/live_sets.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "config/set_entry.h"

namespace sluice {
namespace {

constexpr std::size_t kShownBytesMax = 64;

[[nodiscard]] auto key_of(const LiveSetEntry& entry) noexcept {
  return std::tie(entry.set, entry.entry);
}

[[nodiscard]] bool is_before(const LiveSetEntry& a, const LiveSetEntry& b) noexcept {
  return key_of(a) < key_of(b);
}

[[nodiscard]] bool is_same_entry(const LiveSetEntry& a, const LiveSetEntry& b) noexcept {
  return key_of(a) == key_of(b);
}

[[nodiscard]] bool has_ended(const LiveSetEntry& entry, TimeNs now) noexcept {
  return entry.until != 0 && entry.until <= now;
}

}  // namespace

std::string idle_set_text(const IdleSetEntries& idle) {
  return fmt::format("{} {} added to the set '{}' find{} nothing: {}", idle.entries,
                     idle.entries == 1 ? "entry" : "entries", idle.set,
                     idle.entries == 1 ? "s" : "",
                     idle.is_configured ? "the set is of another kind now"
                                        : "the set is not in the configuration");
}

LiveSets::LiveSets(std::vector<LiveSetEntry> entries) : entries_(std::move(entries)) {
  std::ranges::sort(entries_, is_before);
}

Status LiveSets::add(const SetSummary& set, std::vector<LiveSetEntry> entries, TimeNs now) {
  std::vector<LiveSetEntry> all = std::move(entries);
  for (const LiveSetEntry& entry : entries_) {
    if (!has_ended(entry, now)) all.push_back(entry);
  }
  // The new ones stand before the old ones of the same name.
  std::ranges::stable_sort(all, is_before);
  const auto repeated = std::ranges::unique(all, is_same_entry);
  all.erase(repeated.begin(), repeated.end());
  const auto live =
      static_cast<std::uint64_t>(std::ranges::count(all, set.set.name, &LiveSetEntry::set));
  if (live + set.file_entries > set.capacity) {
    return fail(ErrorKind::limit,
                fmt::format("sets: '{}' would have {} entries, {} of them from its file, above its "
                            "capacity of {}",
                            set.set.name, live + set.file_entries, set.file_entries, set.capacity),
                "remove some, or raise the capacity and reload");
  }
  if (all.size() > kLiveSetEntriesMax) {
    return fail(ErrorKind::limit,
                fmt::format("sets: {} entries would be added live, above the most of {} for all "
                            "sets together",
                            all.size(), kLiveSetEntriesMax),
                "write what is to stay into the set's file, reload, and remove it here");
  }
  entries_ = std::move(all);
  return {};
}

Status LiveSets::remove(const std::string& set, std::span<const std::string> entries) {
  std::vector<LiveSetEntry> all = entries_;
  for (const std::string& entry : entries) {
    const auto removed = std::erase_if(
        all, [&](const LiveSetEntry& one) { return one.set == set && one.entry == entry; });
    if (removed != 0) continue;
    return fail(
        ErrorKind::not_found,
        fmt::format("sets: '{}' was not added to '{}'", entry.substr(0, kShownBytesMax), set),
        "an entry of the set's file is taken out there, and a reload follows");
  }
  entries_ = std::move(all);
  return {};
}

std::uint64_t LiveSets::expire(TimeNs now) {
  return std::erase_if(entries_,
                       [now](const LiveSetEntry& entry) { return has_ended(entry, now); });
}

std::span<const LiveSetEntry> LiveSets::entries_of(const std::string& set) const noexcept {
  const auto same = std::ranges::equal_range(entries_, set, {}, &LiveSetEntry::set);
  return {same.begin(), same.end()};
}

std::vector<SetContents> LiveSets::contents(std::span<const SetSummary> sets) const {
  std::vector<SetContents> all;
  for (const SetSummary& summary : sets) {
    SetContents contents{summary.set, {}};
    for (const LiveSetEntry& entry : entries_of(summary.set.name)) {
      auto key = set_key(summary.set, entry.entry);
      if (key) contents.entries.push_back({std::move(*key), entry.until});
    }
    if (!contents.entries.empty()) all.push_back(std::move(contents));
  }
  return all;
}

std::vector<IdleSetEntries> LiveSets::idle(std::span<const SetSummary> sets) const {
  std::vector<IdleSetEntries> all;
  const auto name_of_set = [](const SetSummary& one) -> const std::string& { return one.set.name; };
  for (const LiveSetEntry& entry : entries_) {
    const auto set = std::ranges::find(sets, entry.set, name_of_set);
    const bool is_configured = set != sets.end();
    if (is_configured && set_key(set->set, entry.entry)) continue;
    if (all.empty() || all.back().set != entry.set) all.push_back({entry.set, 0, is_configured});
    ++all.back().entries;
  }
  return all;
}

}  // namespace sluice
