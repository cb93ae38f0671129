// Sets of sixteen ways: one 32-byte line of tags answers which ways to compare, so that a look-up
// touches one line of tags and, nearly always, one entry. Half full, one set in 250 overflows;
// then, as under a flood of made-up sources, the source that was silent longest makes room. A
// bucket that had time to fill again is as good as none, so that this costs nothing for limits that
// let more than a packet per second pass. Rejected: a separate index with free lists (a third line
// per look-up), leaving new sources unlimited when the table is full (a flood would switch the
// limit off).
#include "dataplane/limit/source_table.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstddef>

namespace sluice {
namespace {

// From bits that do not choose the set; never 0.
std::uint16_t tag_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint16_t>(hash >> 48 | 1);
}

// Bit i: way i has this tag.
std::uint32_t ways_with(const std::array<std::uint16_t, SourceTable::kWays>& tags,
                        std::uint16_t tag) noexcept {
  const auto* halves = reinterpret_cast<const __m128i*>(tags.data());
  const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
  const __m128i low = _mm_cmpeq_epi16(_mm_load_si128(halves), wanted);
  const __m128i high = _mm_cmpeq_epi16(_mm_load_si128(halves + 1), wanted);
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
}

}  // namespace

std::uint64_t source_hash(const SipKey& key, const SourceKey& source) noexcept {
  const bool is_v4 = (source.realm & 0xff) == 4;
  const std::uint64_t hash =
      is_v4 ? siphash13(
                  key, std::array<std::uint64_t, 1>{source.low | std::uint64_t{source.realm} << 32})
            : siphash13(key, std::array<std::uint64_t, 3>{source.high, source.low, source.realm});
  return hash == 0 ? 1 : hash;
}

IpPrefix prefix_of(const SourceKey& source, const CompiledLimits& limits) noexcept {
  IpPrefix prefix;
  if ((source.realm & 0xff) == 4) {
    prefix.address = IpAddress::from_v4(static_cast<std::uint32_t>(source.low));
    prefix.length = static_cast<std::uint8_t>(std::popcount(limits.source_mask_v4));
    return prefix;
  }
  prefix.address.version = 6;
  store(prefix.address.bytes.data(), byte_swap(source.high));
  store(prefix.address.bytes.data() + 8, byte_swap(source.low));
  prefix.length = static_cast<std::uint8_t>(std::popcount(limits.source_mask_v6_high) +
                                            std::popcount(limits.source_mask_v6_low));
  return prefix;
}

Result<SourceTable> SourceTable::create(std::uint32_t capacity, MemoryArena& arena) {
  const std::size_t sets = std::bit_ceil(std::max<std::size_t>((capacity + kWays - 1) / kWays, 1));
  SourceTable table;
  auto tags = arena.allocate_array<Tags>(sets);
  if (!tags) return tl::unexpected<Error>(tags.error());
  auto entries = arena.allocate_array<SourceEntry>(sets * kWays);
  if (!entries) return tl::unexpected<Error>(entries.error());
  table.tags_ = *tags;
  table.entries_ = *entries;
  return table;
}

std::uint32_t SourceTable::guess(std::uint64_t hash) const noexcept {
  const std::size_t set = set_of(hash);
  const std::uint32_t ways = ways_with(tags_[set].of_way, tag_of(hash));
  if (ways == 0) return kNoSlot;
  return static_cast<std::uint32_t>(set * kWays) +
         static_cast<std::uint32_t>(std::countr_zero(ways));
}

SourceTable::Found SourceTable::find_or_create(const SourceKey& key, std::uint64_t hash, TimeNs now,
                                               DurationNs forget_after) noexcept {
  const std::size_t set = set_of(hash);
  const auto first_slot = static_cast<std::uint32_t>(set * kWays);
  const std::uint16_t tag = tag_of(hash);
  for (std::uint32_t left = ways_with(tags_[set].of_way, tag); left != 0; left &= left - 1) {
    const std::uint32_t slot = first_slot + static_cast<std::uint32_t>(std::countr_zero(left));
    if (entries_[slot].is(key)) return {slot, false};
  }
  const Found place = take_place(set, now, forget_after);
  tags_[set].of_way[place.slot % kWays] = tag;
  entries_[place.slot] = {key.high, key.low, key.realm, kNoSlot, hash, now, {}, 0, 0};
  ++size_;
  return place;
}

SourceTable::Found SourceTable::take_place(std::size_t set, TimeNs now,
                                           DurationNs forget_after) noexcept {
  const auto first_slot = static_cast<std::uint32_t>(set * kWays);
  const std::uint32_t free_ways = ways_with(tags_[set].of_way, 0);
  if (free_ways != 0) {
    return {first_slot + static_cast<std::uint32_t>(std::countr_zero(free_ways)), false};
  }
  std::uint32_t oldest = first_slot;
  for (std::uint32_t slot = first_slot + 1; slot < first_slot + kWays; ++slot) {
    if (entries_[slot].stamp < entries_[oldest].stamp) oldest = slot;
  }
  const bool was_idle =
      now >= entries_[oldest].stamp && now - entries_[oldest].stamp >= forget_after;
  release(oldest);
  return {oldest, !was_idle};
}

void SourceTable::release(std::uint32_t slot) noexcept {
  if (entries_[slot].is_free()) return;
  tags_[slot / kWays].of_way[slot % kWays] = 0;
  entries_[slot].realm = 0;
  --size_;
}

}  // namespace sluice
