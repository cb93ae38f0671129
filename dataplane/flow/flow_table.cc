// Problem: find one of a million flows for every packet, where nearly all time is memory latency,
// the sender chooses the keys, and memory per flow is promised.
//
// Way: the index holds 16-bit tags and slot numbers, ten to a cache line; flows never move. A flow
// has two buckets: its home, by the upper half of its keyed hash, and another that follows from
// home and tag alone (partial-key cuckoo hashing: Fan, Andersen, Kaminsky, Mitzenmacher, "Cuckoo
// Filter", CoNEXT 2014), so that an index entry can be moved without reading its flow. Instead of
// the usual exclusive or, other(b) = f(tag) - b modulo the number of buckets, which is its own
// inverse for any number of buckets, not only powers of two. A flow stands at home if it can. The
// home bucket counts those that could not, and where that count is 0 a miss reads one line only
// (after Le Scouarnec, "Cuckoo++ Hash Tables", ANCS 2018).
//
// Bounds: a look-up compares at most 20 tags, with two AVX2 instructions a bucket. An insertion
// moves at most two entries and looks at most at 20 + 20 * 10 buckets; it can fail above 98 % load.
// `create` makes 8 flows a full bucket on average: 80 % load, where it does not fail.
//
// Rejected: open addressing in the flow array itself (a miss reads a chain of 64-byte lines, and
// deletion moves flows under the feet of a burst); chaining (probes without a bound); storing the
// hash in the flow (8 bytes that the hot line does not have; it is made again at erase instead).
#include "dataplane/flow/flow_table.h"

#include <bit>

#include "base/check.h"

namespace sluice {
namespace {

constexpr std::uint32_t kSpareBuckets = 4;  // a tiny table is less evenly filled

}  // namespace

Result<FlowTable> FlowTable::create(std::uint32_t capacity, const SipKey& key, MemoryArena& arena) {
  if (capacity == 0 || capacity > 1U << 31) {
    return fail(ErrorKind::invalid, "flow table: capacity must be between 1 and 2^31 flows");
  }
  FlowTable table;
  table.key_ = key;
  table.capacity_ = capacity;
  table.bucket_count_ = (capacity - 1) / kFlowsPerBucket + 1 + kSpareBuckets;
  auto buckets = arena.allocate_array<FlowBucket>(table.bucket_count_);
  if (!buckets) return with_context("flow index", buckets.error());
  auto pairs = arena.allocate_array<FlowPair>(capacity);
  if (!pairs) return with_context("flow table", pairs.error());
  auto cold = arena.allocate_array<FlowCold>(capacity);
  if (!cold) return with_context("cold flow table", cold.error());
  table.buckets_ = *buckets;
  table.pairs_ = *pairs;
  table.cold_ = *cold;
  return table;
}

std::uint32_t FlowTable::probe_entries(std::uint64_t hash) const noexcept {
  const std::uint32_t home = home_of(hash);
  const std::uint16_t tag = detail::tag_of(hash);
  int bits = std::popcount(detail::matches(buckets_[home], tag));
  if (buckets_[home].overflow != 0) {
    bits += std::popcount(detail::matches(buckets_[other_of(home, tag)], tag));
  }
  return static_cast<std::uint32_t>(bits) / 2;
}

Flow* FlowTable::insert(std::uint64_t hash, const FlowId& id) noexcept {
  const std::uint32_t slot = take_slot();
  if (slot == kNoSlot) return nullptr;
  if (!file(hash, slot)) {
    give_back(slot);
    return nullptr;
  }
  Flow& flow = pairs_[slot].hot;
  flow.id = id;
  ++size_;
  return &flow;
}

void FlowTable::erase(Flow& flow) noexcept {
  const std::uint64_t hash = table_hash(key_, flow.id);
  const std::uint32_t home = home_of(hash);
  const std::uint16_t tag = detail::tag_of(hash);
  const std::uint32_t slot = slot_of(flow);
  if (!unfile(home, tag, slot)) {
    const bool was_found = unfile(other_of(home, tag), tag, slot);
    SLUICE_CHECK(was_found, "every flow has an index entry in one of its two buckets");
    --buckets_[home].overflow;
  }
  give_back(slot);
  --size_;
}

bool FlowTable::file(std::uint64_t hash, std::uint32_t slot) noexcept {
  const std::uint32_t home = home_of(hash);
  const std::uint16_t tag = detail::tag_of(hash);
  if (put(home, tag, slot, false)) [[likely]]
    return true;
  const std::uint32_t other = other_of(home, tag);
  if (!put(other, tag, slot, true)) {
    if (make_room(home)) return put(home, tag, slot, false);
    if (!make_room(other) || !put(other, tag, slot, true)) return false;
  }
  ++buckets_[home].overflow;
  return true;
}

bool FlowTable::put(std::uint32_t bucket, std::uint16_t tag, std::uint32_t slot,
                    bool is_stranger) noexcept {
  FlowBucket& into = buckets_[bucket];
  const std::uint32_t free = detail::matches(into, 0);
  if (free == 0) return false;
  const unsigned entry = detail::first_entry(free);
  into.tags[entry] = tag;
  into.slots[entry] = slot;
  if (is_stranger) into.strangers = static_cast<std::uint16_t>(into.strangers | 1U << entry);
  return true;
}

// Moves entry `entry` of a bucket to its other bucket, if that has room.
bool FlowTable::move_away(std::uint32_t bucket, unsigned entry) noexcept {
  FlowBucket& from = buckets_[bucket];
  const std::uint16_t tag = from.tags[entry];
  const std::uint32_t target = other_of(bucket, tag);
  const auto bit = static_cast<std::uint16_t>(1U << entry);
  const bool was_stranger = (from.strangers & bit) != 0;
  if (target == bucket || !put(target, tag, from.slots[entry], !was_stranger)) return false;
  if (was_stranger) {
    --buckets_[target].overflow;
  } else {
    ++from.overflow;
  }
  from.tags[entry] = 0;
  from.strangers = static_cast<std::uint16_t>(from.strangers & ~bit);
  return true;
}

bool FlowTable::move_any_away(std::uint32_t bucket) noexcept {
  for (unsigned entry = 0; entry < kBucketSlots; ++entry) {
    if (move_away(bucket, entry)) return true;
  }
  return false;
}

// Frees an entry of a full bucket by one move, or by two in a row.
bool FlowTable::make_room(std::uint32_t bucket) noexcept {
  if (move_any_away(bucket)) [[likely]]
    return true;
  for (unsigned entry = 0; entry < kBucketSlots; ++entry) {
    const std::uint32_t target = other_of(bucket, buckets_[bucket].tags[entry]);
    if (target != bucket && move_any_away(target) && move_away(bucket, entry)) return true;
  }
  return false;
}

bool FlowTable::unfile(std::uint32_t bucket, std::uint16_t tag, std::uint32_t slot) noexcept {
  FlowBucket& from = buckets_[bucket];
  for (std::uint32_t left = detail::matches(from, tag); left != 0;
       left = detail::without_first(left)) {
    const unsigned entry = detail::first_entry(left);
    if (from.slots[entry] != slot) continue;
    from.tags[entry] = 0;
    from.strangers = static_cast<std::uint16_t>(from.strangers & ~(1U << entry));
    return true;
  }
  return false;
}

std::uint32_t FlowTable::take_slot() noexcept {
  std::uint32_t slot = free_head_;
  if (slot != kNoSlot) {
    free_head_ = pairs_[slot].hot.source_slot;
    if (free_head_ != kNoSlot) {
      prefetch_slot(free_head_);
      __builtin_prefetch(&cold_[free_head_]);
    }
    return slot;
  }
  return fresh_ < capacity_ ? fresh_++ : kNoSlot;
}

void FlowTable::give_back(std::uint32_t slot) noexcept {
  Flow& flow = pairs_[slot].hot;
  flow.id = {};
  flow.source_slot = free_head_;
  free_head_ = slot;
}

}  // namespace sluice
