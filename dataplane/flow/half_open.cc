// Two places of four entries for each hash; a new SYN takes a free one of the eight, else the
// oldest. Nothing has to be unlinked and nothing moves: a SYN of a flood costs two pairs of
// neighbouring lines, prefetched for the whole burst. Under a flood an entry lives about as long as
// the flood needs to fill the table once.
//
// A SYN that dies on its way, or a reset that does, tells nothing of what the receiver has. So a
// SYN does not take the place of another one, and a reset ends none: both wait for the SYN-ACK. Who
// sends more SYNs than are kept gets no answer through (FlowTracker::note_stray_answer), but when
// the SYN that is answered is sent again.
//
// Rejected: a ring with a chained index, which evicts in exact order but reads four unrelated lines
// per SYN and needs 4 bytes more per entry.
#include "dataplane/flow/half_open.h"

#include <algorithm>

#include "dataplane/flow/tcp_state.h"

namespace sluice {
namespace {

constexpr unsigned kLastAfterShift = 24;  // units of 2^24 ns: 17 ms; 16 bits reach 18 minutes
constexpr std::uint32_t kBytesMax = (1U << 24) - 1;
constexpr std::uint32_t kPacketsMax = 255;

[[nodiscard]] bool is_free(const HalfOpen& entry) noexcept { return entry.packets == 0; }

[[nodiscard]] bool is_of(const HalfOpen& entry, std::uint64_t hash, bool source_is_low) noexcept {
  return entry.hash == hash && !is_free(entry) && (entry.source_is_low != 0) == source_is_low;
}

[[nodiscard]] TimeNs last_syn(const HalfOpen& entry) noexcept {
  return entry.first_seen + (TimeNs{entry.last_after} << kLastAfterShift);
}

[[nodiscard]] bool is_expired(const HalfOpen& entry, TimeNs now, DurationNs timeout) noexcept {
  return now >= last_syn(entry) + timeout;
}

/// Nothing has answered it.
[[nodiscard]] bool is_waiting(const HalfOpen& entry) noexcept {
  return !is_free(entry) && entry.is_reset == 0;
}

/// What stands first has to make room first: the free ones, those that were reset, the oldest.
[[nodiscard]] TimeNs age_of(const HalfOpen& entry) noexcept {
  if (is_free(entry)) return 0;
  return entry.is_reset != 0 ? 1 : last_syn(entry);
}

// With data on the SYN (Fast Open, RFC 7413) any part of it may have been taken.
[[nodiscard]] bool follows(const HalfOpen& syn, std::uint32_t number) noexcept {
  const std::uint32_t behind_syn = number - (syn.sequence + 1);
  return behind_syn == 0 || (syn.has_data != 0 && behind_syn <= 0xffff);
}

void count(HalfOpen& entry, const Packet& syn) noexcept {
  entry.bytes = std::min(entry.bytes + std::min(syn.wire_bytes, kBytesMax), kBytesMax) & kBytesMax;
  entry.packets = std::min<std::uint32_t>(entry.packets + syn.frames, kPacketsMax) & kPacketsMax;
}

void fill(HalfOpen& entry, const Packet& syn) noexcept {
  const std::uint8_t scale = window_scale_of(syn);
  entry = {};
  entry.hash = syn.hash;
  entry.first_seen = syn.now;
  entry.sequence = syn.tcp_sequence;
  entry.packet_number = syn.packet_number;
  entry.in_port = syn.in_port & 0x1f;
  entry.is_scale_known = scale != kScaleUnknown;
  entry.window_scale = scale & 0xf;
  entry.source_is_low = syn.has(kSourceIsLow);
  entry.has_data = syn.payload_bytes != 0;
  count(entry, syn);
}

void repeat(HalfOpen& entry, const Packet& syn) noexcept {
  const DurationNs age = syn.now > entry.first_seen ? syn.now - entry.first_seen : 0;
  entry.last_after =
      static_cast<std::uint16_t>(std::min<DurationNs>(age >> kLastAfterShift, 0xffff));
  count(entry, syn);
}

}  // namespace

Result<HalfOpenTable> HalfOpenTable::create(std::uint32_t entries, MemoryArena& arena) {
  HalfOpenTable table;
  auto places = arena.allocate_array<Place>(std::max<std::uint32_t>(entries / kWays, 2));
  if (!places) return with_context("half-open table", places.error());
  table.places_ = *places;
  return table;
}

HalfOpenTable::Places HalfOpenTable::places_of(std::uint64_t hash) const noexcept {
  const std::uint64_t count = places_.size();
  return {static_cast<std::uint32_t>(((hash & 0xffffffff) * count) >> 32),
          static_cast<std::uint32_t>(((hash >> 32) * count) >> 32)};
}

void HalfOpenTable::prefetch(std::uint64_t hash) const noexcept {
  for (const std::uint32_t place : places_of(hash)) {
    const auto* line = reinterpret_cast<const char*>(&places_[place]);
    __builtin_prefetch(line);
    __builtin_prefetch(line + 64);
  }
}

HalfOpen* HalfOpenTable::find(const Packet& packet, bool source_is_low, std::uint32_t number,
                              DurationNs timeout) noexcept {
  HalfOpen* found = nullptr;
  for (const std::uint32_t place : places_of(packet.hash)) {
    for (HalfOpen& entry : places_[place].entries) {
      if (!is_of(entry, packet.hash, source_is_low)) continue;
      if (!follows(entry, number) || is_expired(entry, packet.now, timeout)) continue;
      if (number == entry.sequence + 1) return &entry;
      found = &entry;
    }
  }
  return found;
}

bool HalfOpenTable::has_displaced(const Packet& packet, bool source_is_low,
                                  DurationNs timeout) const noexcept {
  for (const std::uint32_t place : places_of(packet.hash)) {
    for (const HalfOpen& entry : places_[place].entries) {
      const bool is_own = is_of(entry, packet.hash, source_is_low);
      if (is_own && entry.has_displaced != 0 && !is_expired(entry, packet.now, timeout))
        return true;
    }
  }
  return false;
}

// One pass over the eight: the entry of the same SYN if there is one; else, where the direction has
// as many as it may, its oldest; else the oldest of all, where a free one is older than any.
HalfOpen& HalfOpenTable::entry_for(const Packet& syn) noexcept {
  const Places places = places_of(syn.hash);
  HalfOpen* oldest = places_[places[0]].entries.data();
  HalfOpen* oldest_own = nullptr;
  std::uint32_t own = 0;
  for (const std::uint32_t place : places) {
    for (HalfOpen& entry : places_[place].entries) {
      if (age_of(entry) < age_of(*oldest)) oldest = &entry;
      if (!is_of(entry, syn.hash, syn.has(kSourceIsLow))) [[likely]]
        continue;
      if (entry.sequence == syn.tcp_sequence) return entry;
      ++own;
      if (oldest_own == nullptr || age_of(entry) < age_of(*oldest_own)) oldest_own = &entry;
    }
  }
  return own < kSynsMax ? *oldest : *oldest_own;
}

bool HalfOpenTable::note(const Packet& syn, DurationNs timeout) noexcept {
  HalfOpen& entry = entry_for(syn);
  const bool is_live = is_waiting(entry) && !is_expired(entry, syn.now, timeout);
  const bool is_own = is_of(entry, syn.hash, syn.has(kSourceIsLow));
  if (is_live && is_own && entry.sequence == syn.tcp_sequence) {
    repeat(entry, syn);
    return false;
  }
  const bool displaces =
      is_own && entry.sequence != syn.tcp_sequence && !is_expired(entry, syn.now, timeout);
  const bool is_evicted = is_live && !is_own;
  counters_.active += is_waiting(entry) ? 0 : 1;
  counters_.evicted += is_evicted ? 1 : 0;
  counters_.expired += is_waiting(entry) && !is_evicted ? 1 : 0;
  ++counters_.created;
  fill(entry, syn);
  if (displaces) [[unlikely]]
    note_displaced(syn);
  return is_evicted;
}

// Each of them says so, because any can become a flow.
void HalfOpenTable::note_displaced(const Packet& syn) noexcept {
  for (const std::uint32_t place : places_of(syn.hash)) {
    for (HalfOpen& entry : places_[place].entries) {
      if (is_of(entry, syn.hash, syn.has(kSourceIsLow))) entry.has_displaced = 1;
    }
  }
}

void HalfOpenTable::complete(HalfOpen& entry) noexcept {
  ++counters_.completed;
  counters_.active -= is_waiting(entry) ? 1 : 0;
  entry.packets = 0;
}

void HalfOpenTable::refuse(HalfOpen& entry) noexcept {
  if (entry.is_reset != 0) return;
  ++counters_.refused;
  --counters_.active;
  entry.is_reset = 1;
}

void HalfOpenTable::sweep(TimeNs now, DurationNs timeout, std::uint32_t budget) noexcept {
  if (counters_.active == 0) return;
  const auto entries = static_cast<std::uint32_t>(places_.size() * kWays);
  for (std::uint32_t i = 0; i < std::min(budget, entries); i += kWays) {
    if (hand_ >= places_.size()) hand_ = 0;
    for (HalfOpen& entry : places_[hand_].entries) {
      if (is_free(entry) || !is_expired(entry, now, timeout)) continue;
      counters_.expired += is_waiting(entry) ? 1 : 0;
      counters_.active -= is_waiting(entry) ? 1 : 0;
      entry.packets = 0;
    }
    if (++hand_ < places_.size()) __builtin_prefetch(&places_[hand_]);
  }
}

}  // namespace sluice
