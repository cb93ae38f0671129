// Where the flows of one worker live: a small index of tags in front of hot, warm and cold memory,
// all of it taken at start and never grown. Knows nothing of packets or protocols. Everything but
// `create` is called from the owning worker only.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include <immintrin.h>

#include "base/result.h"
#include "base/siphash.h"
#include "dataplane/flow/flow.h"
#include "dataplane/memory_arena.h"

namespace sluice {

inline constexpr std::uint32_t kBucketSlots = 10;
/// Index entries that a look-up compares at most, whatever the keys: two buckets.
inline constexpr std::uint32_t kProbeMax = 2 * kBucketSlots;
/// Flows per bucket when the table is full. Ten fit; the rest keeps look-ups in one bucket.
inline constexpr std::uint32_t kFlowsPerBucket = 8;

struct alignas(64) FlowBucket {
  std::array<std::uint16_t, kBucketSlots> tags;  ///< 0 = free
  std::uint16_t overflow;   ///< flows that belong here but stand in their other bucket
  std::uint16_t strangers;  ///< bit i: entry i stands here because its own bucket was full
  std::array<std::uint32_t, kBucketSlots> slots;
};
static_assert(sizeof(FlowBucket) == 64);

namespace detail {

[[nodiscard]] inline std::uint16_t tag_of(std::uint64_t hash) noexcept {
  const auto low = static_cast<std::uint16_t>(hash);
  return low == 0 ? 1 : low;
}

/// Two bits per entry whose tag is `tag`: bits 2i and 2i+1.
[[nodiscard]] inline std::uint32_t matches(const FlowBucket& bucket, std::uint16_t tag) noexcept {
  const __m256i line = _mm256_load_si256(reinterpret_cast<const __m256i*>(&bucket));
  const __m256i equal = _mm256_cmpeq_epi16(line, _mm256_set1_epi16(static_cast<short>(tag)));
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(equal)) & ((1U << (2 * kBucketSlots)) - 1);
}
[[nodiscard]] inline unsigned first_entry(std::uint32_t pairs) noexcept {
  return static_cast<unsigned>(std::countr_zero(pairs)) / 2;
}
[[nodiscard]] inline std::uint32_t without_first(std::uint32_t pairs) noexcept {
  pairs &= pairs - 1;
  return pairs & (pairs - 1);
}

}  // namespace detail

class FlowTable {
 public:
  FlowTable() = default;

  /// `capacity` flows, at most 2^31; memory is the arena's, which must outlive the table. `key` is
  /// the one under which `table_hash` makes the hashes given to the other functions.
  [[nodiscard]] static Result<FlowTable> create(std::uint32_t capacity, const SipKey& key,
                                                MemoryArena& arena);

  // A look-up in three passes over a burst: prefetch, guess, confirm. Lines are asked for into the
  // second-level cache: a burst's worth of requests for the first level waits for its few miss
  // buffers, and with them the whole core (100 cycles a packet where tables lie in memory).

  void prefetch(std::uint64_t hash) const noexcept {
    __builtin_prefetch(&buckets_[home_of(hash)], 0, 2);
  }

  /// The slot that most likely holds the flow, its lines already on their way; kNoSlot: absent, or
  /// in its other bucket, which `find` will look at.
  [[nodiscard]] std::uint32_t guess(std::uint64_t hash) const noexcept;

  /// The flow, or null. Compares at most `kProbeMax` entries.
  [[nodiscard]] Flow* find(std::uint64_t hash, const FlowId& id) noexcept;

  /// A slot for a flow that `find` did not find; its id is set, the rest is what was there before.
  /// Null when all slots are taken, or, rarely and only near full, no index entry can be freed.
  [[nodiscard]] Flow* insert(std::uint64_t hash, const FlowId& id) noexcept;
  void erase(Flow& flow) noexcept;

  [[nodiscard]] FlowPair& at(std::uint32_t slot) noexcept { return pairs_[slot]; }
  [[nodiscard]] FlowCold& cold_of(const Flow& flow) noexcept { return cold_[slot_of(flow)]; }
  [[nodiscard]] std::uint32_t slot_of(const Flow& flow) const noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<const FlowPair*>(&flow) - pairs_.data());
  }
  [[nodiscard]] bool is_free(std::uint32_t slot) const noexcept {
    return pairs_[slot].hot.id.hi == 0;  // the lowest byte of an id is 4 or 6
  }
  void prefetch_slot(std::uint32_t slot) const noexcept {
    __builtin_prefetch(&pairs_[slot].hot, 0, 2);
    __builtin_prefetch(&pairs_[slot].warm, 0, 2);
  }

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  /// Slots at and above this one were never used: sweeps stop here.
  [[nodiscard]] std::uint32_t used_slots() const noexcept { return fresh_; }
  /// Index entries whose tag fits `hash`: what `find` may have to compare. For tests.
  [[nodiscard]] std::uint32_t probe_entries(std::uint64_t hash) const noexcept;

 private:
  [[nodiscard]] std::uint32_t home_of(std::uint64_t hash) const noexcept {
    return static_cast<std::uint32_t>(((hash >> 32) * bucket_count_) >> 32);
  }
  [[nodiscard]] std::uint32_t other_of(std::uint32_t bucket, std::uint16_t tag) const noexcept;
  [[nodiscard]] Flow* match(const FlowBucket& bucket, std::uint16_t tag, const FlowId& id) noexcept;
  [[nodiscard]] bool file(std::uint64_t hash, std::uint32_t slot) noexcept;
  [[nodiscard]] bool put(std::uint32_t bucket, std::uint16_t tag, std::uint32_t slot,
                         bool is_stranger) noexcept;
  [[nodiscard]] bool move_away(std::uint32_t bucket, unsigned entry) noexcept;
  [[nodiscard]] bool move_any_away(std::uint32_t bucket) noexcept;
  [[nodiscard]] bool make_room(std::uint32_t bucket) noexcept;
  [[nodiscard]] bool unfile(std::uint32_t bucket, std::uint16_t tag, std::uint32_t slot) noexcept;
  [[nodiscard]] std::uint32_t take_slot() noexcept;
  void give_back(std::uint32_t slot) noexcept;

  std::span<FlowBucket> buckets_;
  std::span<FlowPair> pairs_;
  std::span<FlowCold> cold_;
  SipKey key_;
  std::uint32_t bucket_count_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t fresh_ = 0;            ///< first slot that was never used
  std::uint32_t free_head_ = kNoSlot;  ///< slots that were used; chained through `source_slot`
};

inline std::uint32_t FlowTable::other_of(std::uint32_t bucket, std::uint16_t tag) const noexcept {
  const std::uint32_t spread = tag * 0x9e3779b1U;
  const auto sum = static_cast<std::uint32_t>((std::uint64_t{spread} * bucket_count_) >> 32);
  return sum >= bucket ? sum - bucket : sum + bucket_count_ - bucket;
}

inline std::uint32_t FlowTable::guess(std::uint64_t hash) const noexcept {
  const FlowBucket& home = buckets_[home_of(hash)];
  const std::uint16_t tag = detail::tag_of(hash);
  const std::uint32_t found = detail::matches(home, tag);
  if (found != 0) [[likely]] {
    const std::uint32_t slot = home.slots[detail::first_entry(found)];
    prefetch_slot(slot);
    return slot;
  }
  if (home.overflow != 0) __builtin_prefetch(&buckets_[other_of(home_of(hash), tag)], 0, 2);
  return kNoSlot;
}

inline Flow* FlowTable::match(const FlowBucket& bucket, std::uint16_t tag,
                              const FlowId& id) noexcept {
  for (std::uint32_t left = detail::matches(bucket, tag); left != 0;
       left = detail::without_first(left)) {
    Flow& flow = pairs_[bucket.slots[detail::first_entry(left)]].hot;
    if (flow.id == id) return &flow;
  }
  return nullptr;
}

inline Flow* FlowTable::find(std::uint64_t hash, const FlowId& id) noexcept {
  const std::uint32_t home = home_of(hash);
  const std::uint16_t tag = detail::tag_of(hash);
  Flow* flow = match(buckets_[home], tag, id);
  if (flow != nullptr || buckets_[home].overflow == 0) [[likely]]
    return flow;
  return match(buckets_[other_of(home, tag)], tag, id);
}

}  // namespace sluice
