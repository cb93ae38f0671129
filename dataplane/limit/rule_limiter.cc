#include "dataplane/limit/rule_limiter.h"

#include <algorithm>
#include <string_view>

#include "dataplane/limit/source_table.h"
#include "dataplane/shared_meters.h"

namespace sluice {
namespace {

/// What a bucket belongs to: a limit, and a flow or a source.
struct KeyBytes {
  std::array<char, kRuleLimitNameMax + 1> name;
  std::uint64_t high;
  std::uint64_t low;
  std::uint64_t kind;  ///< LimitedEnd, and a source's realm above it
};
static_assert(sizeof(KeyBytes) == 48);

[[nodiscard]] DurationNs elapsed_since(TimeNs then, TimeNs now) noexcept {
  return now > then ? now - then : 0;
}

}  // namespace

Result<std::vector<RuleLimit>> compile_rule_limits(const PolicySettings& settings,
                                                   std::span<const std::string> names) {
  std::vector<RuleLimit> limits(names.size());
  const auto known = std::span(settings.rule_limits).first(settings.rule_limit_count);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto entry = std::ranges::find_if(known, [&](const RuleLimitEntry& one) {
      return std::string_view(one.name.data()) == names[i];
    });
    if (entry == known.end()) continue;
    LimitsConfig one;
    one.flow = entry->limit;
    const auto compiled = compile_limits(one, settings.decode);
    if (!compiled) return with_context("rule_limits", compiled.error());
    limits[i] = {entry->name, entry->per, compiled->flow};
  }
  return limits;
}

Result<std::unique_ptr<RuleLimiter>> RuleLimiter::create(const RuleLimiterSetup& setup,
                                                         MemoryArena& arena) {
  auto entries = arena.allocate_array<Entry>(setup.entries);
  if (!entries) return tl::unexpected<Error>(entries.error());
  return std::unique_ptr<RuleLimiter>(new RuleLimiter(*entries, setup));
}

std::uint64_t RuleLimiter::key_of(const RuleLimit& limit, const CompiledLimits& limits,
                                  const Packet& packet) const noexcept {
  KeyBytes bytes{limit.name, 0, packet.hash, static_cast<std::uint64_t>(limit.per)};
  if (limit.per == LimitedEnd::source) {
    const SourceKey source = source_of(packet, limits);
    bytes.high = source.high;
    bytes.low = source.low;
    bytes.kind |= std::uint64_t{source.realm} << 8;
  }
  const std::uint64_t hash = siphash<1, 3>(key_, &bytes, sizeof bytes);
  return hash != 0 ? hash : 1;
}

// Where the set is full, the bucket that was idle longest makes room: most likely it is full again,
// and nothing is lost.
RuleLimiter::Entry& RuleLimiter::entry_of(std::uint64_t key, const RatePair& rate,
                                          TimeNs now) noexcept {
  Entry* set = &entries_[key & (entries_.size() - 1) & ~(kWays - 1)];
  Entry* place = set;
  for (Entry* entry = set; entry != set + kWays; ++entry) {
    if (entry->key == key) return *entry;
    if (entry->key == 0 || entry->stamp < place->stamp) place = entry;
    if (place->key == 0) break;
  }
  if (place->key != 0 && elapsed_since(place->stamp, now) < rate.full_after()) ++evictions_;
  *place = {key, now, {}};
  return *place;
}

bool RuleLimiter::try_take(const RuleLimit& limit, const CompiledLimits& limits,
                           const Packet& packet) noexcept {
  if (!limit.rate.is_set() || packet.ip_version == 0) return true;
  const TokenPair cost = cost_of(packet.frames, packet.wire_bytes);
  const std::uint64_t key = key_of(limit, limits, packet);
  const bool is_shared = meters_ != nullptr && limit.per == LimitedEnd::source;
  if (is_shared && meters_->is_exact()) {
    const SharedMeters::Found meter = meters_->find_or_create(key, limit.rate, packet.now);
    evictions_ += meter.evicted ? 1 : 0;
    return meters_->try_take(meter.slot, limit.rate, cost, packet.now);
  }
  Entry& entry = entry_of(key, limit.rate, packet.now);
  if (is_shared) return take_leased(entry, limit.rate, cost, packet.now);
  const TokenPair level = refilled(limit.rate, entry.level, elapsed_since(entry.stamp, packet.now));
  const bool passes = conforms(limit.rate, level, cost);
  entry.level = passes ? charged(limit.rate, level, cost) : level;
  entry.stamp = std::max(entry.stamp, packet.now);
  return passes;
}

// What one bucket granted stays in hand when the other has nothing.
bool RuleLimiter::take_leased(Entry& entry, const RatePair& rate, const TokenPair& cost,
                              TimeNs now) noexcept {
  // The shared bucket had time to fill: what is still in hand would come on top of a burst.
  if (elapsed_since(entry.stamp, now) >= rate.full_after()) entry.level = {};
  entry.stamp = std::max(entry.stamp, now);
  const bool lacks_packets = rate.packets.is_set() && entry.level.packets < cost.packets;
  const bool lacks_bits = rate.bits.is_set() && entry.level.bits < cost.bits;
  if (lacks_packets || lacks_bits) {
    const SharedMeters::Found meter = meters_->find_or_create(entry.key, rate, now);
    evictions_ += meter.evicted ? 1 : 0;
    if (lacks_packets) {
      entry.level.packets +=
          meters_->lease_packets(meter.slot, rate.packets, cost.packets - entry.level.packets, now)
              .granted;
      if (entry.level.packets < cost.packets) return false;
    }
    if (lacks_bits) {
      entry.level.bits +=
          meters_->lease_bits(meter.slot, rate.bits, cost.bits - entry.level.bits, now).granted;
      if (entry.level.bits < cost.bits) return false;
    }
  }
  if (rate.packets.is_set()) entry.level.packets -= cost.packets;
  if (rate.bits.is_set()) entry.level.bits -= cost.bits;
  return true;
}

}  // namespace sluice
