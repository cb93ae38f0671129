#include "dataplane/inspect/rule_memory.h"

#include <algorithm>
#include <cstring>

namespace sluice {
namespace {

constexpr DurationNs kFlagLasts = 30 * kNsPerSecond;  // where a rule names no time
// Topics of the keys; what they count stands in the low half.
constexpr std::uint64_t kThresholdTopic = 1ULL << 32;
constexpr std::uint64_t kFlagTopic = 2ULL << 32;

/// The addresses as the packet has them; of a pair, the smaller first.
struct KeyBytes {
  std::array<std::uint8_t, 16> first{};
  std::array<std::uint8_t, 16> second{};
  std::uint64_t topic = 0;
};
static_assert(sizeof(KeyBytes) == 40);

void copy_address(const Packet& packet, bool is_source, std::array<std::uint8_t, 16>& into) {
  if (packet.ip_version == 4) {
    std::memcpy(into.data(), packet.l3() + (is_source ? 12 : 16), 4);
  } else if (packet.ip_version == 6) {
    std::memcpy(into.data(), packet.l3() + (is_source ? 8 : 24), 16);
  }
}

}  // namespace

Result<std::unique_ptr<RuleMemory>> RuleMemory::create(std::uint32_t entries, const SipKey& key,
                                                       MemoryArena& arena) {
  auto memory = arena.allocate_array<Entry>(entries);
  if (!memory) return tl::unexpected<Error>(memory.error());
  return std::unique_ptr<RuleMemory>(new RuleMemory(*memory, key));
}

std::uint64_t RuleMemory::key_of(std::uint64_t topic, const Packet& packet, bool with_source,
                                 bool with_destination) const noexcept {
  KeyBytes bytes;
  bytes.topic = topic | std::uint64_t{packet.ip_version} << 60;
  if (with_source) copy_address(packet, true, bytes.first);
  if (with_destination) copy_address(packet, false, bytes.second);
  if (with_source && with_destination && bytes.second < bytes.first) {
    std::swap(bytes.first, bytes.second);
  }
  const std::uint64_t hash = siphash<1, 3>(key_, &bytes, sizeof bytes);
  return hash != 0 ? hash : 1;
}

std::uint64_t RuleMemory::threshold_key(const Threshold& threshold, std::uint32_t rule,
                                        const Packet& packet) const noexcept {
  const std::uint64_t topic = kThresholdTopic | rule;
  switch (threshold.track) {
    case ThresholdTrack::source:
      return key_of(topic, packet, true, false);
    case ThresholdTrack::destination:
      return key_of(topic, packet, false, true);
    case ThresholdTrack::pair:
      return key_of(topic, packet, true, true);
    case ThresholdTrack::rule:
      return key_of(topic, packet, false, false);
    case ThresholdTrack::flow: {
      const std::uint64_t hash = packet.hash ^ key_of(topic, packet, false, false);
      return hash != 0 ? hash : 1;
    }
  }
  return 1;
}

std::uint64_t RuleMemory::flag_key(FlagScope scope, std::uint32_t flag,
                                   const Packet& packet) const noexcept {
  const std::uint64_t topic = kFlagTopic | static_cast<std::uint64_t>(scope) << 24 | flag;
  return key_of(topic, packet, scope != FlagScope::destination, scope != FlagScope::source);
}

RuleMemory::Entry* RuleMemory::find(std::uint64_t key, TimeNs now) noexcept {
  Entry* set = &entries_[key & (entries_.size() - 1) & ~(kWays - 1)];
  for (std::size_t way = 0; way < kWays; ++way) {
    if (set[way].key == key && now < set[way].ends) return &set[way];
  }
  return nullptr;
}

RuleMemory::Entry& RuleMemory::find_or_make(std::uint64_t key, TimeNs now,
                                            DurationNs lasts) noexcept {
  if (Entry* entry = find(key, now); entry != nullptr) return *entry;
  Entry* set = &entries_[key & (entries_.size() - 1) & ~(kWays - 1)];
  Entry* place = std::min_element(set, set + kWays,
                                  [](const Entry& a, const Entry& b) { return a.ends < b.ends; });
  if (place->ends > now) ++evictions_;
  *place = {key, now + lasts, 0, 0, 0};
  return *place;
}

// A window begins with the first match and is as long as the rule says; the next match behind it
// begins another. Kind rate slides no window either, as Suricata's detection_filter does not.
ThresholdAnswer RuleMemory::count_match(const Threshold& threshold, std::uint32_t rule,
                                        const Packet& packet) noexcept {
  const DurationNs window = std::max<DurationNs>(threshold.window, 1);
  Entry& entry = find_or_make(threshold_key(threshold, rule, packet), packet.now, window);
  ++entry.count;
  switch (threshold.kind) {
    case ThresholdKind::limit:
      return entry.count <= threshold.count ? ThresholdAnswer::report : ThresholdAnswer::silent;
    case ThresholdKind::threshold:
      if (entry.count < threshold.count) return ThresholdAnswer::silent;
      entry.count = 0;
      return ThresholdAnswer::report;
    case ThresholdKind::both:
      return entry.count == threshold.count ? ThresholdAnswer::report : ThresholdAnswer::silent;
    case ThresholdKind::rate:
      return entry.count > threshold.count ? ThresholdAnswer::report : ThresholdAnswer::none;
  }
  return ThresholdAnswer::report;
}

bool RuleMemory::is_set(FlagScope scope, std::uint32_t flag, const Packet& packet) noexcept {
  return find(flag_key(scope, flag, packet), packet.now) != nullptr;
}

void RuleMemory::set(FlagScope scope, std::uint32_t flag, const Packet& packet,
                     DurationNs expire) noexcept {
  const DurationNs lasts = expire != 0 ? expire : kFlagLasts;
  find_or_make(flag_key(scope, flag, packet), packet.now, lasts).ends = packet.now + lasts;
}

void RuleMemory::unset(FlagScope scope, std::uint32_t flag, const Packet& packet) noexcept {
  Entry* entry = find(flag_key(scope, flag, packet), packet.now);
  if (entry != nullptr) *entry = {};
}

}  // namespace sluice
