// Problem: the packets of one source meet several workers; each alone sees a part of its rate, and
// a shared counter touched by every packet would move its cache line at every packet.
//
// Way: the generic cell rate algorithm (ITU-T I.371): a bucket is one number, the time at which it
// will be full again. Taking tokens moves it on by tokens / rate, and is allowed while it stays
// within the time of a burst from now. One number is one compare-and-swap: no lock, no torn state.
// Workers lease for many packets at once: min(burst / 4W, half a percent of a second), at least one
// packet. All leases together are a quarter of the burst, so that a worker that sits on its lease
// distorts the rate by no more than that, once; what is idle goes back. A refused worker is told
// when a lease will be there, and refuses by its own clock until then.
//
// An idle meter (full bucket) equals a fresh one, so that a slot is handed to another source
// without touching the numbers. Two races remain, both bounded by one lease: a worker that checked
// the slot just before it changed hands charges the new owner; and a meter found idle may be
// charged while it changes hands. Both need a source that was idle at that very moment.
//
// Unit: 1/1024 ns, modulo 2^64 (208 days). A time further ahead than a burst (and the largest
// packet) can be is a leftover from before the last wrap, or of a larger limit, and counts as an
// empty bucket. Rounding is to the disadvantage of the source, less than 1/1024 ns per lease.
//
// Rejected: a level and a stamp in one 16-byte compare-and-swap (needs a library call in portable
// code); a share of the rate per worker (wrong under skew); one worker as the owner of a meter (a
// message per packet).
#include "dataplane/shared_meters.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace sluice {
namespace {

constexpr unsigned kUnitShift = 10;                                       // 1/1024 ns
constexpr DurationNs kLongestNs = ~std::uint64_t{0} >> (kUnitShift + 2);  // 52 days
constexpr DurationNs kNsPerLease = kNsPerSecond / 200;

__extension__ using Wide = unsigned __int128;

std::uint64_t units_of(DurationNs ns) noexcept { return ns << kUnitShift; }

/// How long `scaled` tokens take to come: rounded up.
std::uint64_t units_for(std::uint64_t scaled, const TokenRate& limit) noexcept {
  const Wide units = ((static_cast<Wide>(scaled) << kUnitShift) + limit.rate - 1) / limit.rate;
  return units > units_of(kLongestNs) ? units_of(kLongestNs) : static_cast<std::uint64_t>(units);
}

/// Scaled tokens that come in `units`: rounded down.
std::uint64_t tokens_in(std::uint64_t units, const TokenRate& limit) noexcept {
  const Wide tokens = static_cast<Wide>(units) * limit.rate >> kUnitShift;
  return tokens > limit.burst ? limit.burst : static_cast<std::uint64_t>(tokens);
}

/// How far ahead of now the bucket will be full: 0 = it is.
std::uint64_t units_ahead(std::uint64_t full_at, const TokenRate& limit, TimeNs now) noexcept {
  if (full_at == 0) return 0;
  const auto ahead = static_cast<std::int64_t>(full_at - units_of(now));
  if (ahead <= 0) return 0;
  const std::uint64_t most = units_of(std::min(limit.full_after, kLongestNs));
  return std::min(static_cast<std::uint64_t>(ahead), most);
}

}  // namespace

Result<std::unique_ptr<SharedMeters>> SharedMeters::create(const MeterOptions& options,
                                                           MemoryArena& arena) {
  std::unique_ptr<SharedMeters> shared(new SharedMeters(options));
  auto meters =
      arena.allocate_array<Meter>(std::bit_ceil(std::max<std::size_t>(options.meters, kWays)));
  if (!meters) return tl::unexpected<Error>(meters.error());
  shared->meters_ = *meters;
  return shared;
}

std::uint64_t SharedMeters::lease_size(const TokenRate& limit) const noexcept {
  return std::min(limit.burst / (4 * std::max(options_.workers, 1U)), limit.rate * kNsPerLease);
}

bool SharedMeters::holds(std::uint32_t slot, std::uint64_t source) const noexcept {
  return slot < meters_.size() && meters_[slot].source.load(std::memory_order_relaxed) == source;
}

bool SharedMeters::is_idle(const Meter& meter, const RatePair& limit, TimeNs now) const noexcept {
  if (is_exact()) {
    const TimeNs stamp = meter.stamp.load(std::memory_order_relaxed);
    return now >= stamp && now - stamp >= limit.full_after();
  }
  const std::uint64_t packets = meter.packets.load(std::memory_order_relaxed);
  const std::uint64_t bits = meter.bits.load(std::memory_order_relaxed);
  return (!limit.packets.is_set() || units_ahead(packets, limit.packets, now) == 0) &&
         (!limit.bits.is_set() || units_ahead(bits, limit.bits, now) == 0);
}

// A free meter, else an idle one, else the one whose last lease is longest ago.
std::size_t SharedMeters::victim_in(std::size_t first, const RatePair& limit,
                                    TimeNs now) const noexcept {
  std::size_t oldest = first;
  for (std::size_t i = first; i < first + kWays; ++i) {
    const Meter& meter = meters_[i];
    if (meter.source.load(std::memory_order_relaxed) == 0 || is_idle(meter, limit, now)) return i;
    if (meter.stamp.load(std::memory_order_relaxed) <
        meters_[oldest].stamp.load(std::memory_order_relaxed)) {
      oldest = i;
    }
  }
  return oldest;
}

// Two workers may claim different meters for one source at once. Each looks again after its claim
// (in one total order, so that at least one of them sees the other's): the lower place stays.
std::size_t SharedMeters::settle(std::size_t first, std::size_t claimed,
                                 std::uint64_t source) noexcept {
  std::size_t kept = claimed;
  for (std::size_t i = first; i < first + kWays; ++i) {
    if (i == kept || meters_[i].source.load(std::memory_order_seq_cst) != source) continue;
    const std::size_t loser = std::max(i, kept);
    kept = std::min(i, kept);
    std::uint64_t expected = source;
    meters_[loser].source.compare_exchange_strong(expected, 0, std::memory_order_seq_cst);
  }
  return kept;
}

SharedMeters::Found SharedMeters::find_or_create(std::uint64_t source, const RatePair& limit,
                                                 TimeNs now) noexcept {
  const std::size_t first = (source >> 32) & (meters_.size() - 1) & ~(kWays - 1);
  while (true) {
    for (std::size_t i = first; i < first + kWays; ++i) {
      if (meters_[i].source.load(std::memory_order_seq_cst) == source) {
        return {static_cast<std::uint32_t>(i), false};
      }
    }
    const std::size_t victim = victim_in(first, limit, now);
    Meter& meter = meters_[victim];
    std::uint64_t owner = meter.source.load(std::memory_order_seq_cst);
    const bool evicts = owner != 0 && !is_idle(meter, limit, now);
    if (!meter.source.compare_exchange_strong(owner, source, std::memory_order_seq_cst)) continue;
    if (owner == 0 || evicts || is_exact()) {
      meter.packets.store(0, std::memory_order_relaxed);
      meter.bits.store(0, std::memory_order_relaxed);
    }
    meter.stamp.store(now, std::memory_order_relaxed);
    return {static_cast<std::uint32_t>(settle(first, victim, source)), evicts};
  }
}

Lease SharedMeters::lease(std::atomic<std::uint64_t>& full_at, const TokenRate& limit,
                          std::uint64_t need, TimeNs now) noexcept {
  const std::uint64_t whole = units_for(limit.burst, limit);
  const std::uint64_t want = std::max(need, lease_size(limit));
  std::uint64_t seen = full_at.load(std::memory_order_relaxed);
  while (true) {
    const std::uint64_t ahead = units_ahead(seen, limit, now);
    const std::uint64_t there = ahead >= whole ? 0 : tokens_in(whole - ahead, limit);
    const bool is_enough = need > limit.burst ? ahead == 0 : need <= there;
    if (!is_enough) {
      const std::uint64_t room = std::min(whole, units_for(std::min(want, limit.burst), limit));
      const std::uint64_t wait = ahead + room > whole ? ahead + room - whole : 0;
      return {0, now + ((wait + units_of(1) - 1) >> kUnitShift)};
    }
    const std::uint64_t granted = need > limit.burst ? need : std::min(want, there);
    const std::uint64_t next = units_of(now) + ahead + units_for(granted, limit);
    if (full_at.compare_exchange_weak(seen, next + (next == 0 ? 1 : 0),
                                      std::memory_order_relaxed)) {
      return {granted, 0};
    }
  }
}

void SharedMeters::give_back(std::uint32_t slot, const RatePair& limit, const TokenPair& unused,
                             TimeNs now) noexcept {
  const auto return_to = [now](std::atomic<std::uint64_t>& full_at, const TokenRate& rate,
                               std::uint64_t tokens) {
    if (!rate.is_set() || tokens == 0) return;
    const std::uint64_t units = units_for(tokens, rate) - 1;
    std::uint64_t seen = full_at.load(std::memory_order_relaxed);
    while (true) {
      const std::uint64_t ahead = units_ahead(seen, rate, now);
      if (ahead == 0) return;
      const std::uint64_t next = units_of(now) + ahead - std::min(ahead, units);
      if (full_at.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return;
    }
  };
  return_to(meters_[slot].packets, limit.packets, unused.packets);
  return_to(meters_[slot].bits, limit.bits, unused.bits);
}

TokenPair SharedMeters::left_in(std::uint32_t slot, const RatePair& limit,
                                TimeNs now) const noexcept {
  const Meter& meter = meters_[slot];
  const TokenPair seen{meter.packets.load(std::memory_order_relaxed),
                       meter.bits.load(std::memory_order_relaxed)};
  if (is_exact()) {
    const TimeNs stamp = meter.stamp.load(std::memory_order_relaxed);
    return sluice::left_in(limit, refilled(limit, seen, now > stamp ? now - stamp : 0));
  }
  const auto left = [now](const TokenRate& rate, std::uint64_t full_at) -> std::uint64_t {
    if (!rate.is_set()) return 0;
    const std::uint64_t whole = units_for(rate.burst, rate);
    const std::uint64_t ahead = units_ahead(full_at, rate, now);
    return ahead >= whole ? 0 : std::min(tokens_in(whole - ahead, rate), rate.burst);
  };
  return {left(limit.packets, seen.packets), left(limit.bits, seen.bits)};
}

bool SharedMeters::try_take(std::uint32_t slot, const RatePair& limit, const TokenPair& cost,
                            TimeNs now) noexcept {
  Meter& meter = meters_[slot];
  const TimeNs stamp = meter.stamp.load(std::memory_order_relaxed);
  const DurationNs elapsed = now > stamp ? now - stamp : 0;
  TokenPair level{meter.packets.load(std::memory_order_relaxed),
                  meter.bits.load(std::memory_order_relaxed)};
  level = refilled(limit, level, elapsed);
  const bool passes = conforms(limit, level, cost);
  if (passes) level = charged(limit, level, cost);
  meter.packets.store(level.packets, std::memory_order_relaxed);
  meter.bits.store(level.bits, std::memory_order_relaxed);
  meter.stamp.store(std::max(stamp, now), std::memory_order_relaxed);
  return passes;
}

}  // namespace sluice
