#include "dataplane/limit/rate_limiter.h"

#include <algorithm>
#include <bit>

#include "dataplane/flow/flow.h"
#include "dataplane/shared_meters.h"
#include "dataplane/window.h"

namespace sluice {
namespace {

// A source that is silent so long gives back what it leased; half a lease is gone by then anyway.
constexpr DurationNs kLeaseIdle = 10 * kNsPerMs;
// A source that is silent so long, and whose buckets are full, is forgotten.
constexpr DurationNs kForgetAfter = 10 * kNsPerSecond;
// An empty shared bucket is asked again at least so often: the limit may have been raised.
constexpr DurationNs kAskAgain = 100 * kNsPerMs;

// Anybody can send from or to the port of BGP: a TCP session is exempt once both sides have spoken.
bool is_exempt(const Packet& packet, const CompiledLimits& limits) noexcept {
  if ((packet.flags & limits.exempt_flags) == 0) [[likely]]
    return false;
  if (packet.has(kMustPass) || packet.tcp_flags == 0) return true;
  return packet.flow != nullptr && packet.flow->has(kTwoWay);
}

// Who is the initiator of a connection that was met midway its ports tell, which anybody can write.
bool is_unproven(const Flow& flow) noexcept { return flow.has(kMidstream) && !flow.has(kTwoWay); }

// The flow's own source, or a packet that speaks for itself.
bool charges_source(const Packet& packet, const CompiledLimits& limits) noexcept {
  if (!packet.is_undecided() || packet.ip_version == 0 || is_exempt(packet, limits)) return false;
  return packet.flow == nullptr || (packet.flags & (kInitiator | kIcmpError)) != 0 ||
         is_unproven(*packet.flow);
}

// An ICMP error stands in the flow that it quotes, but its source is another one. A slot is the
// initiator's.
bool keeps_slot(const Packet& packet) noexcept {
  return packet.flow != nullptr && packet.has(kInitiator) && !packet.has(kIcmpError);
}

DurationNs elapsed_since(TimeNs then, TimeNs now) noexcept { return now > then ? now - then : 0; }

std::uint32_t pause_until(TimeNs retry_at, TimeNs now) noexcept {
  static_assert(kAskAgain <= ~std::uint32_t{0});
  return static_cast<std::uint32_t>(std::min(elapsed_since(now, retry_at), kAskAgain));
}

}  // namespace

Result<std::unique_ptr<RateLimiter>> RateLimiter::create(const LimiterSetup& setup,
                                                         MemoryArena& arena) {
  std::unique_ptr<RateLimiter> limiter(new RateLimiter);
  auto sources = SourceTable::create(setup.sources, arena);
  if (!sources) return with_context("source table", sources.error());
  limiter->sources_ = *sources;
  limiter->meters_ = setup.meters;
  limiter->key_ = setup.key;
  return limiter;
}

void RateLimiter::prefetch(const Burst& burst) const noexcept {
  if (!source_limit_.is_set()) return;
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    if (packet.is_undecided() && packet.flow != nullptr) {
      sources_.prefetch_slot(packet.flow->source_slot);
    }
  }
}

// Which lines will be needed besides those that `prefetch` asked for: first their tags.
void RateLimiter::look_ahead(const Burst& burst, const CompiledLimits& limits,
                             Sources& sources) const noexcept {
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    const Packet& packet = burst.packets[i];
    if (!charges_source(packet, limits)) continue;
    sources.wanted |= 1U << i;
    if (keeps_slot(packet) && packet.flow->source_slot != kNoSlot) continue;
    sources.unknown |= 1U << i;
    sources.hashes[i] = source_hash(key_, source_of(packet, limits));
    sources_.prefetch(sources.hashes[i]);
  }
  for (std::uint32_t left = sources.unknown; left != 0; left &= left - 1) {
    const auto i = static_cast<std::uint32_t>(std::countr_zero(left));
    sources_.prefetch_slot(sources_.guess(sources.hashes[i]));
  }
}

inline SourceEntry& RateLimiter::entry_of(const Packet& packet, const CompiledLimits& limits,
                                          const std::uint64_t* known_hash) noexcept {
  const SourceKey key = source_of(packet, limits);
  const bool keeps = keeps_slot(packet);
  if (keeps && sources_.holds(packet.flow->source_slot, key)) [[likely]] {
    return sources_.at(packet.flow->source_slot);
  }
  const std::uint64_t hash = known_hash != nullptr ? *known_hash : source_hash(key_, key);
  const SourceTable::Found found =
      sources_.find_or_create(key, hash, packet.now, source_limit_.full_after());
  counters_.source_table_full += found.evicted ? 1 : 0;
  if (keeps) packet.flow->source_slot = found.slot;
  return sources_.at(found.slot);
}

template <bool kCountsBits>
inline bool RateLimiter::take(SourceEntry& entry, const TokenPair& cost, TimeNs now) noexcept {
  if (meters_ != nullptr) return take_leased(entry, cost, now);
  const TokenPair level =
      refilled<kCountsBits>(source_limit_, entry.level, elapsed_since(entry.stamp, now));
  const bool passes = conforms<kCountsBits>(source_limit_, level, cost);
  entry.level = passes ? charged<kCountsBits>(source_limit_, level, cost) : level;
  entry.stamp = std::max(entry.stamp, now);
  return passes;
}

void RateLimiter::limit(Burst& burst, const CompiledLimits& limits) noexcept {
  if (!limits.is_set()) return;
  source_limit_ = limits.source;
  Sources sources;
  if (limits.source.is_set()) look_ahead(burst, limits, sources);
  if (limits.counts_bits()) {
    judge<true>(burst, limits, sources);
  } else {
    judge<false>(burst, limits, sources);
  }
}

// Most configurations count packets or bits, not both: what no limit counts is not computed.
template <bool kCountsBits>
void RateLimiter::judge(Burst& burst, const CompiledLimits& limits,
                        const Sources& sources) noexcept {
  const bool limits_flows = limits.flow.is_set();
  for (std::uint32_t i = 0; i < burst.count; ++i) {
    Packet& packet = burst.packets[i];
    Flow* flow = limits_flows ? packet.flow : nullptr;
    TokenPair level;
    if (flow != nullptr) {
      level = refilled<kCountsBits>(limits.flow, {flow->packet_tokens, flow->bit_tokens},
                                    packet.since_previous);
      flow->packet_tokens = level.packets;
      flow->bit_tokens = level.bits;
    }
    if (!packet.is_undecided() || is_exempt(packet, limits)) continue;
    if (packet.has(kIcmpError)) flow = nullptr;
    const TokenPair cost = cost_of(packet.frames, packet.wire_bytes);
    if (flow != nullptr && !conforms<kCountsBits>(limits.flow, level, cost)) [[unlikely]] {
      packet.drop(DropReason::flow_rate_exceeded);
      continue;
    }
    if ((sources.wanted >> i & 1) != 0) {
      const bool hash_is_known = (sources.unknown >> i & 1) != 0;
      SourceEntry& entry = entry_of(packet, limits, hash_is_known ? &sources.hashes[i] : nullptr);
      if (!take<kCountsBits>(entry, cost, packet.now)) [[unlikely]] {
        entry.note_refused(packet.frames);
        packet.drop(DropReason::source_rate_exceeded);
        continue;
      }
    }
    if (flow == nullptr) continue;
    level = charged<kCountsBits>(limits.flow, level, cost);
    flow->packet_tokens = level.packets;
    flow->bit_tokens = level.bits;
  }
}

void RateLimiter::find_meter(SourceEntry& entry, TimeNs now) noexcept {
  if (meters_->holds(entry.meter, entry.hash)) [[likely]]
    return;
  const SharedMeters::Found found = meters_->find_or_create(entry.hash, source_limit_, now);
  counters_.meter_table_full += found.evicted ? 1 : 0;
  entry.meter = found.slot;
}

bool RateLimiter::take_leased(SourceEntry& entry, const TokenPair& cost, TimeNs now) noexcept {
  const DurationNs idle = elapsed_since(entry.stamp, now);
  entry.stamp = std::max(entry.stamp, now);
  entry.refused_ns -= static_cast<std::uint32_t>(std::min<DurationNs>(entry.refused_ns, idle));
  if (meters_->is_exact()) {
    find_meter(entry, now);
    return meters_->try_take(entry.meter, source_limit_, cost, now);
  }
  // The shared bucket had time to fill: what is still in hand would come on top of a burst.
  if (idle >= source_limit_.full_after()) entry.level = {};
  if (!lease_more(entry, cost, now)) return false;
  if (source_limit_.packets.is_set()) entry.level.packets -= cost.packets;
  if (source_limit_.bits.is_set()) entry.level.bits -= cost.bits;
  return true;
}

// After it, if true, there is enough in hand for `cost`. What one bucket granted stays in hand when
// the other has nothing.
bool RateLimiter::lease_more(SourceEntry& entry, const TokenPair& cost, TimeNs now) noexcept {
  const RatePair& limit = source_limit_;
  const bool lacks_packets = limit.packets.is_set() && entry.level.packets < cost.packets;
  const bool lacks_bits = limit.bits.is_set() && entry.level.bits < cost.bits;
  if (!lacks_packets && !lacks_bits) [[likely]]
    return true;
  if (entry.refused_ns != 0) return false;
  find_meter(entry, now);
  if (lacks_packets) {
    const Lease lease =
        meters_->lease_packets(entry.meter, limit.packets, cost.packets - entry.level.packets, now);
    entry.level.packets += lease.granted;
    entry.refused_ns = pause_until(lease.retry_at, entry.stamp);
    if (lease.granted == 0) return false;
  }
  if (lacks_bits) {
    const Lease lease =
        meters_->lease_bits(entry.meter, limit.bits, cost.bits - entry.level.bits, now);
    entry.level.bits += lease.granted;
    entry.refused_ns = pause_until(lease.retry_at, entry.stamp);
    if (lease.granted == 0) return false;
  }
  return true;
}

void RateLimiter::return_lease(SourceEntry& entry, TimeNs now) noexcept {
  if (entry.level.packets == 0 && entry.level.bits == 0) return;
  if (meters_->holds(entry.meter, entry.hash)) {
    meters_->give_back(entry.meter, source_limit_, entry.level, now);
  }
  entry.level = {};
}

void RateLimiter::expire(TimeNs now, std::uint32_t slots) noexcept {
  if (sources_.size() == 0) return;
  const bool leases = meters_ != nullptr && !meters_->is_exact();
  const DurationNs forget_after = std::max(source_limit_.full_after(), kForgetAfter);
  for (std::uint32_t left = std::min(slots, sources_.capacity()); left != 0; --left) {
    const std::uint32_t slot = hand_;
    hand_ = hand_ + 1 == sources_.capacity() ? 0 : hand_ + 1;
    SourceEntry& entry = sources_.at(slot);
    if (entry.is_free()) continue;
    const DurationNs idle = elapsed_since(entry.stamp, now);
    if (leases && idle >= kLeaseIdle) return_lease(entry, now);
    if (idle >= forget_after) sources_.release(slot);
  }
}

TokenPair RateLimiter::left_of(const SourceEntry& entry, TimeNs now) const noexcept {
  if (meters_ == nullptr) {
    const TokenPair level = refilled(source_limit_, entry.level, elapsed_since(entry.stamp, now));
    return left_in(source_limit_, level);
  }
  TokenPair left = meters_->holds(entry.meter, entry.hash)
                       ? meters_->left_in(entry.meter, source_limit_, now)
                       : left_in(source_limit_, {});
  left.packets += entry.level.packets;
  left.bits += entry.level.bits;
  return left;
}

void RateLimiter::add_to(WorkerCounters& counters) const noexcept {
  counters.capacity[static_cast<std::size_t>(CapacityEvent::source_table_full)] =
      counters_.source_table_full;
  counters.capacity[static_cast<std::size_t>(CapacityEvent::meter_table_full)] =
      counters_.meter_table_full;
}

}  // namespace sluice
