#include "control/bypasses.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/suggest.h"

namespace sluice {
namespace {

constexpr std::uint16_t kVlanMax = 4094;

bool is_same_traffic(const BypassEntry& a, const BypassEntry& b) noexcept {
  return a.kind == b.kind && a.pair == b.pair && a.vlan == b.vlan && a.prefix == b.prefix;
}

Result<BypassEntry> parse_pair(const std::string& name, std::span<const std::string> pair_names) {
  const auto found = std::ranges::find(pair_names, name);
  if (found != pair_names.end()) {
    BypassEntry entry;
    entry.kind = BypassEntry::Kind::pair;
    entry.pair = static_cast<std::uint8_t>(found - pair_names.begin());
    return entry;
  }
  const std::vector<std::string_view> words(pair_names.begin(), pair_names.end());
  const std::string_view near = nearest_word(name, words);
  return fail(ErrorKind::invalid,
              fmt::format("pair: there is none called '{}': {} would do", name.substr(0, 64),
                          fmt::join(words, ", ")),
              near.empty() ? std::string() : fmt::format("did you mean '{}'?", near));
}

Result<BypassEntry> parse_vlan(const std::string& text) {
  std::uint16_t vlan = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, vlan);
  if (error != std::errc() || stop != end || vlan == 0 || vlan > kVlanMax) {
    return fail(ErrorKind::invalid, fmt::format("vlan: is '{}': a number from 1 to {} would do",
                                                text.substr(0, 64), kVlanMax));
  }
  BypassEntry entry;
  entry.kind = BypassEntry::Kind::vlan;
  entry.vlan = vlan;
  return entry;
}

Result<BypassEntry> parse_prefix(const std::string& text) {
  auto prefix = parse_ip_prefix(text);
  if (!prefix) return with_context("prefix", prefix.error());
  BypassEntry entry;
  entry.kind = BypassEntry::Kind::prefix;
  entry.prefix = *prefix;
  return entry;
}

}  // namespace

Bypasses::Bypasses(std::vector<Bypass> entries, std::uint64_t next_id) noexcept
    : entries_(std::move(entries)), next_id_(next_id) {}

Result<std::uint64_t> Bypasses::add(Bypass bypass) {
  std::erase_if(entries_, [&bypass](const Bypass& other) {
    return is_same_traffic(other.entry, bypass.entry);
  });
  if (entries_.size() >= kBypassesActiveMax) {
    return fail(ErrorKind::limit,
                fmt::format("bypass: {} are in force, the most there can be", entries_.size()),
                "see 'bypass status', and end one with 'bypass off'");
  }
  bypass.entry.id = next_id_++;
  entries_.push_back(std::move(bypass));
  return entries_.back().entry.id;
}

Status Bypasses::remove(std::uint64_t id) {
  const auto removed =
      std::erase_if(entries_, [id](const Bypass& bypass) { return bypass.entry.id == id; });
  if (removed != 0) return {};
  return fail(ErrorKind::not_found, fmt::format("id: no bypass {} is in force", id),
              "see 'bypass status'");
}

std::size_t Bypasses::remove_all() noexcept {
  const std::size_t removed = entries_.size();
  entries_.clear();
  return removed;
}

void Bypasses::expire(TimeNs now) {
  std::erase_if(entries_, [now](const Bypass& bypass) { return bypass.entry.until <= now; });
}

const Bypass* Bypasses::find(std::uint64_t id) const noexcept {
  for (const Bypass& bypass : entries_) {
    if (bypass.entry.id == id) return &bypass;
  }
  return nullptr;
}

void Bypasses::write_to(PolicySettings& settings) const noexcept {
  settings.bypasses = {};
  settings.bypass_count = 0;
  for (const Bypass& bypass : entries_) settings.bypasses[settings.bypass_count++] = bypass.entry;
}

Result<BypassEntry> parse_bypass(const BypassTarget& target,
                                 std::span<const std::string> pair_names) {
  const int given = (target.pair.empty() ? 0 : 1) + (target.vlan.empty() ? 0 : 1) +
                    (target.prefix.empty() ? 0 : 1);
  if (given != 1) {
    return fail(ErrorKind::invalid,
                fmt::format("bypass: {} of pair, vlan and prefix are given: exactly one is needed",
                            given == 0 ? "none" : "several"));
  }
  if (!target.pair.empty()) return parse_pair(target.pair, pair_names);
  return target.vlan.empty() ? parse_prefix(target.prefix) : parse_vlan(target.vlan);
}

std::string describe(const BypassEntry& entry, std::span<const std::string> pair_names) {
  switch (entry.kind) {
    case BypassEntry::Kind::pair:
      if (entry.pair < pair_names.size()) return fmt::format("pair {}", pair_names[entry.pair]);
      return fmt::format("pair {}", entry.pair);
    case BypassEntry::Kind::vlan:
      return fmt::format("vlan {}", entry.vlan);
    case BypassEntry::Kind::prefix:
      break;
  }
  return fmt::format("prefix {}", to_string(entry.prefix));
}

std::vector<std::string> pair_names_of(std::span<const std::string> port_names) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < port_names.size(); i += 2) {
    names.push_back(port_names[i].substr(0, port_names[i].rfind('.')));
  }
  return names;
}

}  // namespace sluice
