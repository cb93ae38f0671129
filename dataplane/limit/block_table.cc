// A hash index of cache-line buckets over slots of a line each, at most half full. A bucket holds
// four index words, 0 where there is none, and beside each when its block ends. The word of an IPv4
// source is its whole key and the number of the slot, so that the bucket alone answers; that of any
// other block is 41 bits of the hash and the number, and its slot is compared. A key that finds its
// bucket full goes to the next one, so that a reader goes on until it meets a bucket with a free
// word.
//
// Blocks never move. Whoever was passed by may therefore not show a free word before the last that
// passed it is gone: until then a removal leaves a tombstone, which takes new blocks and does not
// end a search.
//
// A worker may meet a cell or a slot that is being given to another block: it reads the index word,
// then the slot, then the end, then the index word again. The keeper takes the word away before it
// writes into a slot or a cell, and all of these are ordered; an unchanged word means that what was
// read is the block of that word. Nothing has to wait until workers are quiet, and both can be used
// again at once.
//
// Cost of a burst: its keys are hashed and their buckets prefetched; slots, and the lines in which
// the caller counts hits, are fetched only where the word agrees. Prefixes cost one look-up for
// each length in use.
//
// Sources are hashed by two keyed multiplications, flows by SipHash, as the flow table does.
//
// Rejected: eight words a bucket and the end in the slot (three lines for a blocked IPv4 source
// where two are enough); SipHash of sources; the matching cell found without branches. Figures:
// docs/performance.md.
#include "dataplane/limit/block_table.h"

#include <algorithm>
#include <bit>

#include "dataplane/decode/siphash_x4.h"

namespace sluice {
namespace {

constexpr std::uint64_t kSlotMask = (1U << 21) - 1;
// Set in every word of a block, so that no block looks like a tombstone.
constexpr std::uint64_t kTaken = kSlotMask + 1;
constexpr std::uint64_t kTombstone = 1;
constexpr std::size_t kHashedAtOnce = 8;
constexpr std::size_t kCellsPerBucket = 4;
static_assert(kBlocksMax <= kSlotMask);

// Set in the words of IPv4 sources, which hold the whole key in place of a hash.
constexpr std::uint64_t kExact = 2 * kTaken;
constexpr unsigned kLengthShift = 23;
constexpr unsigned kAddressShift = 32;
static_assert(kExact == 1U << 22);

constexpr std::uint64_t hashed_tag(std::uint64_t hash) noexcept {
  return (hash & ~(kSlotMask | kExact)) | kTaken;
}
constexpr std::uint64_t exact_tag(std::uint64_t address, unsigned length) noexcept {
  return address << kAddressShift | std::uint64_t{length} << kLengthShift | kExact | kTaken;
}
constexpr std::uint64_t tag_of(const BlockKey& key, std::uint64_t hash) noexcept {
  return key.kind == BlockKeyKind::source_v4 ? exact_tag(key.words[0], key.length)
                                             : hashed_tag(hash);
}
constexpr bool has_tag(std::uint64_t word, std::uint64_t tag) noexcept {
  return (word ^ tag) <= kSlotMask;
}
constexpr std::uint32_t slot_in(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(word & kSlotMask) - 1;
}

std::size_t buckets_for(std::uint32_t capacity) noexcept {
  return std::bit_ceil(std::max<std::size_t>(2 * std::size_t{capacity} / kCellsPerBucket, 8));
}
std::size_t id_cells_for(std::uint32_t capacity) noexcept {
  return std::bit_ceil(2 * std::size_t{capacity});
}

constexpr std::uint32_t v4_mask(unsigned length) noexcept {
  return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
}

}  // namespace

template <std::size_t N>
struct BlockTable::Batch {
  alignas(32) std::array<std::array<std::uint64_t, kBlockBatchMax>, N> words;
  std::size_t count = 0;

  /// Whole groups are hashed: what is behind the last key is defined, and nobody looks at it.
  void fill_up() noexcept {
    const std::size_t end = (count + kHashedAtOnce - 1) / kHashedAtOnce * kHashedAtOnce;
    for (auto& lane : words) std::fill(lane.begin() + count, lane.begin() + end, 0);
  }
  [[nodiscard]] LaneWords<N> from(std::size_t first) const noexcept {
    LaneWords<N> lanes;
    for (std::size_t i = 0; i < N; ++i) lanes[i] = words[i].data() + first;
    return lanes;
  }
};

// --- workers ------------------------------------------------------------------------------------

/// The first word with this tag, whatever stands behind it.
BlockTable::Candidate BlockTable::candidate(std::uint64_t hash, std::uint64_t tag) const noexcept {
  std::size_t at = hash & (buckets_.size() - 1);
  for (std::size_t left = buckets_.size(); left > 0; --left) {
    const Bucket& bucket = buckets_[at];
    bool has_free = false;
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      const std::uint64_t word = bucket.words[cell].load(std::memory_order_acquire);
      if (has_tag(word, tag)) return {word, &bucket, cell};
      has_free |= word == 0;
    }
    if (has_free) [[likely]]
      return {};
    at = (at + 1) & (buckets_.size() - 1);
  }
  return {};
}

/// Asked last: an unchanged word means that all that was read since is of its block.
bool BlockTable::is_in_force(const Candidate& found, TimeNs now) noexcept {
  return found.bucket->untils[found.cell].load(std::memory_order_acquire) > now &&
         load(found.bucket->words[found.cell]) == found.word;
}

template <std::size_t N>
bool BlockTable::is_key_in(const Slot& slot, const Batch<N>& batch,
                           std::size_t place) const noexcept {
  std::uint64_t differs = 0;
  for (std::size_t i = 0; i < slot.words.size(); ++i) {
    const std::uint64_t wanted = i < N ? batch.words[i][place] : 0;
    differs |= slot.words[i].load(std::memory_order_acquire) ^ wanted;
  }
  return differs == 0;
}

template <std::size_t N>
std::uint32_t BlockTable::search(std::uint64_t hash, const Batch<N>& batch, std::size_t place,
                                 TimeNs now) const noexcept {
  const std::uint64_t tag = hashed_tag(hash);
  std::size_t at = hash & (buckets_.size() - 1);
  for (std::size_t left = buckets_.size(); left > 0; --left) {
    const Bucket& bucket = buckets_[at];
    bool has_free = false;
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      const std::uint64_t word = bucket.words[cell].load(std::memory_order_acquire);
      has_free |= word == 0;
      if (!has_tag(word, tag)) continue;
      const bool is_found =
          is_key_in(slots_[slot_in(word)], batch, place) && is_in_force({word, &bucket, cell}, now);
      if (is_found) return slot_in(word);
    }
    if (has_free) return kNone;
    at = (at + 1) & (buckets_.size() - 1);
  }
  return kNone;
}

void BlockTable::prefetch(std::uint64_t hash) const noexcept {
  __builtin_prefetch(&buckets_[hash & (buckets_.size() - 1)]);
}

template <std::size_t N>
void BlockTable::hash_flows(Batch<N>& batch, Hashes& hashes) const noexcept {
  batch.fill_up();
  for (std::size_t i = 0; i < batch.count; i += kHashedAtOnce) {
    const auto lanes = siphash13_lanes<kHashedAtOnce / 4>(key_, batch.from(i));
    std::copy(lanes.begin(), lanes.end(), hashes.begin() + static_cast<std::ptrdiff_t>(i));
    for (const std::uint64_t hash : lanes) prefetch(hash);
  }
}

template <std::size_t N>
std::uint32_t BlockTable::find_all(const Batch<N>& batch, const Hashes& hashes, Times now,
                                   BlockSlots& slots, BlockHits hits) const noexcept {
  std::array<Candidate, kBlockBatchMax> candidates;
  std::uint32_t likely = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    candidates[i] = candidate(hashes[i], hashed_tag(hashes[i]));
    if (candidates[i].word == 0) continue;
    const std::uint32_t slot = slot_in(candidates[i].word);
    __builtin_prefetch(&slots_[slot]);
    if (!hits.empty()) __builtin_prefetch(&hits[slot], 1);
    likely |= 1U << i;
  }
  std::uint32_t found = 0;
  for (; likely != 0; likely &= likely - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(likely));
    const Candidate& first = candidates[i];
    std::uint32_t slot = slot_in(first.word);
    const bool is_first = is_key_in(slots_[slot], batch, i) && is_in_force(first, now[i]);
    if (!is_first) slot = search(hashes[i], batch, i, now[i]);
    if (slot == kNone) continue;
    slots[i] = slot;
    found |= 1U << i;
  }
  return found;
}

std::uint32_t BlockTable::find_sources_v4(std::span<const std::uint32_t> addresses, Times now,
                                          BlockSlots& slots, BlockHits hits) const noexcept {
  Hashes hashes;
  std::uint32_t found = 0;
  for (std::uint64_t lengths = load(lengths_v4_); lengths != 0; lengths &= lengths - 1) {
    const auto length = static_cast<unsigned>(std::countr_zero(lengths));
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      hashes[i] = source_hash_.v4(addresses[i] & v4_mask(length), length);
      prefetch(hashes[i]);
    }
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const Candidate one = candidate(hashes[i], exact_tag(addresses[i] & v4_mask(length), length));
      if (one.word == 0 || !is_in_force(one, now[i])) continue;
      slots[i] = slot_in(one.word);
      if (!hits.empty()) __builtin_prefetch(&hits[slots[i]], 1);
      found |= 1U << i;
    }
  }
  return found;
}

std::uint32_t BlockTable::find_sources_v6(std::span<const V6Address> addresses, Times now,
                                          BlockSlots& slots, BlockHits hits) const noexcept {
  Batch<3> batch;
  Hashes hashes;
  batch.count = addresses.size();
  std::uint32_t found = 0;
  for (unsigned word = 0; word < lengths_v6_.size(); ++word) {
    for (std::uint64_t left = load(lengths_v6_[word]); left != 0; left &= left - 1) {
      const unsigned length = 64 * word + static_cast<unsigned>(std::countr_zero(left));
      const V6Address mask = v6_mask(length);
      const std::uint64_t tail = source_tail(BlockKeyKind::source_v6, length);
      for (std::size_t i = 0; i < addresses.size(); ++i) {
        batch.words[0][i] = addresses[i].high & mask.high;
        batch.words[1][i] = addresses[i].low & mask.low;
        batch.words[2][i] = tail;
        hashes[i] = source_hash_.v6(batch.words[0][i], batch.words[1][i]);
        prefetch(hashes[i]);
      }
      found |= find_all(batch, hashes, now, slots, hits);
    }
  }
  return found;
}

std::uint32_t BlockTable::find_flows_v4(std::span<const std::array<std::uint64_t, 2>> flows,
                                        Times now, BlockSlots& slots) const noexcept {
  Batch<2> batch;
  batch.count = flows.size();
  for (std::size_t i = 0; i < flows.size(); ++i) {
    for (std::size_t word = 0; word < 2; ++word) batch.words[word][i] = flows[i][word];
  }
  Hashes hashes;
  hash_flows(batch, hashes);
  return find_all(batch, hashes, now, slots, {});
}

std::uint32_t BlockTable::find_flows_v6(std::span<const std::array<std::uint64_t, 5>> flows,
                                        Times now, BlockSlots& slots) const noexcept {
  Batch<5> batch;
  batch.count = flows.size();
  for (std::size_t i = 0; i < flows.size(); ++i) {
    for (std::size_t word = 0; word < 5; ++word) batch.words[word][i] = flows[i][word];
  }
  Hashes hashes;
  hash_flows(batch, hashes);
  return find_all(batch, hashes, now, slots, {});
}

// --- the keeper ---------------------------------------------------------------------------------

Result<std::unique_ptr<BlockTable>> BlockTable::create(std::uint32_t capacity, const SipKey& key,
                                                       MemoryArena& arena) {
  if (capacity == 0 || capacity > kBlocksMax) {
    return fail(ErrorKind::invalid, "blocks: a capacity out of its range");
  }
  std::unique_ptr<BlockTable> table(new BlockTable);
  table->key_ = key;
  table->source_hash_ = SourceHash(key);
  if (auto done = table->allocate(capacity, arena); !done) {
    return tl::unexpected<Error>(done.error());
  }
  return table;
}

Status BlockTable::allocate(std::uint32_t capacity, MemoryArena& arena) {
  static_assert(kCells == kCellsPerBucket);
  auto slots = arena.allocate_array<Slot>(capacity);
  if (!slots) return tl::unexpected<Error>(slots.error());
  auto buckets = arena.allocate_array<Bucket>(buckets_for(capacity));
  if (!buckets) return tl::unexpected<Error>(buckets.error());
  auto passed_by = arena.allocate_array<std::uint32_t>(buckets->size());
  if (!passed_by) return tl::unexpected<Error>(passed_by.error());
  auto free = arena.allocate_array<std::uint32_t>(capacity);
  if (!free) return tl::unexpected<Error>(free.error());
  auto ids = arena.allocate_array<BlockIds::Cell>(id_cells_for(capacity));
  if (!ids) return tl::unexpected<Error>(ids.error());
  slots_ = *slots;
  buckets_ = *buckets;
  passed_by_ = *passed_by;
  free_ = *free;
  ids_ = BlockIds(*ids);
  free_count_ = capacity;
  for (std::uint32_t i = 0; i < capacity; ++i) free_[i] = capacity - 1 - i;
  return {};
}

std::uint64_t BlockTable::bytes_per_block(std::uint32_t capacity) noexcept {
  const std::size_t buckets = buckets_for(capacity);
  const std::size_t bytes = capacity * (sizeof(Slot) + sizeof(std::uint32_t)) +
                            buckets * (sizeof(Bucket) + sizeof(std::uint32_t)) +
                            id_cells_for(capacity) * sizeof(BlockIds::Cell);
  return (bytes + capacity - 1) / capacity;
}

std::uint64_t BlockTable::hash_of(const BlockKey& key) const noexcept {
  switch (key.kind) {
    case BlockKeyKind::source_v4:
      return source_hash_.v4(key.words[0], key.length);
    case BlockKeyKind::source_v6:
      return source_hash_.v6(key.words[0], key.words[1]);
    case BlockKeyKind::flow_v4:
    case BlockKeyKind::flow_v6:
      break;
  }
  return hash_flow(key_, key);
}

std::uint32_t BlockTable::find(const BlockKey& key) const noexcept {
  Batch<5> wanted;  // shorter keys end in zeros
  for (std::size_t i = 0; i < key.words.size(); ++i) wanted.words[i][0] = key.words[i];
  const std::uint64_t hash = hash_of(key);
  const std::uint64_t tag = tag_of(key, hash);
  std::size_t at = hash & (buckets_.size() - 1);
  for (std::size_t left = buckets_.size(); left > 0; --left) {
    bool has_free = false;
    for (const auto& cell : buckets_[at].words) {
      const std::uint64_t word = load(cell);
      has_free |= word == 0;
      if (has_tag(word, tag) && is_key_in(slots_[slot_in(word)], wanted, 0)) return slot_in(word);
    }
    if (has_free) return kNone;
    at = (at + 1) & (buckets_.size() - 1);
  }
  return kNone;
}

std::uint32_t BlockTable::insert(const BlockKey& key, std::uint64_t id, TimeNs until) noexcept {
  if (free_count_ == 0) return kNone;
  const std::uint32_t number = free_[--free_count_];
  Slot& slot = slots_[number];
  for (std::size_t i = 0; i < key.words.size(); ++i) {
    slot.words[i].store(key.words[i], std::memory_order_release);
  }
  slot.until = until;
  slot.id = id;
  slot.kind = key.kind;
  slot.length = key.length;
  ids_.put(id, number);
  const std::uint64_t hash = hash_of(key);
  file(hash, tag_of(key, hash) | (number + 1), until);
  count(slot, true);
  return number;
}

void BlockTable::renew(std::uint32_t number, std::uint64_t id, TimeNs until) noexcept {
  Slot& slot = slots_[number];
  slot.until = until;
  const BlockKey key = key_in(number);
  const std::uint64_t hash = hash_of(key);
  until_of(tag_of(key, hash) | (number + 1), hash).store(until, std::memory_order_release);
  if (slot.id == id) return;
  ids_.erase(slot.id, number);
  ids_.put(id, number);
  slot.id = id;
}

void BlockTable::remove(std::uint32_t number) noexcept {
  Slot& slot = slots_[number];
  const BlockKey key = key_in(number);
  const std::uint64_t hash = hash_of(key);
  unfile(hash, tag_of(key, hash) | (number + 1));
  count(slot, false);
  ids_.erase(slot.id, number);
  slot.id = 0;
  free_[free_count_++] = number;
}

std::uint32_t BlockTable::expire(TimeNs now, std::uint32_t slots) noexcept {
  if (is_empty()) return 0;
  std::uint32_t removed = 0;
  for (slots = std::min(slots, capacity()); slots > 0; --slots) {
    const std::uint32_t number = next_expiry_;
    next_expiry_ = number + 1 == capacity() ? 0 : number + 1;
    if (!is_taken(number) || slots_[number].until > now) continue;
    remove(number);
    ++removed;
  }
  return removed;
}

BlockKey BlockTable::key_in(std::uint32_t number) const noexcept {
  const Slot& slot = slots_[number];
  BlockKey key;
  for (std::size_t i = 0; i < key.words.size(); ++i) key.words[i] = load(slot.words[i]);
  key.kind = slot.kind;
  key.length = slot.length;
  return key;
}

// A worker that finds the word finds its end beside it.
void BlockTable::file(std::uint64_t hash, std::uint64_t word, TimeNs until) noexcept {
  for (std::size_t at = hash & (buckets_.size() - 1);; at = (at + 1) & (buckets_.size() - 1)) {
    Bucket& bucket = buckets_[at];
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      if (load(bucket.words[cell]) > kTombstone) continue;
      bucket.untils[cell].store(until, std::memory_order_release);
      bucket.words[cell].store(word, std::memory_order_release);
      return;
    }
    ++passed_by_[at];
  }
}

/// Only of a word that is filed.
std::atomic<TimeNs>& BlockTable::until_of(std::uint64_t word, std::uint64_t hash) noexcept {
  for (std::size_t at = hash & (buckets_.size() - 1);; at = (at + 1) & (buckets_.size() - 1)) {
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      if (load(buckets_[at].words[cell]) == word) return buckets_[at].untils[cell];
    }
  }
}

// The word goes before anything else may be written into the slot.
void BlockTable::unfile(std::uint64_t hash, std::uint64_t word) noexcept {
  for (std::size_t at = hash & (buckets_.size() - 1);; at = (at + 1) & (buckets_.size() - 1)) {
    for (auto& cell : buckets_[at].words) {
      if (load(cell) != word) continue;
      cell.store(passed_by_[at] != 0 ? kTombstone : 0, std::memory_order_release);
      return;
    }
    if (--passed_by_[at] == 0) clear_tombstones(buckets_[at]);
  }
}

void BlockTable::clear_tombstones(Bucket& bucket) noexcept {
  for (auto& cell : bucket.words) {
    if (load(cell) == kTombstone) cell.store(0, std::memory_order_release);
  }
}

void BlockTable::count(const Slot& slot, bool is_added) noexcept {
  const auto step = [is_added](std::uint32_t& counted) {
    return is_added ? counted++ == 0 : --counted == 0;
  };
  const auto move = [is_added](std::atomic<std::uint32_t>& counter) {
    counter.store(is_added ? load(counter) + 1 : load(counter) - 1, std::memory_order_release);
  };
  const auto flip = [](std::atomic<std::uint64_t>& lengths, unsigned bit) {
    lengths.store(load(lengths) ^ std::uint64_t{1} << bit, std::memory_order_release);
  };
  switch (slot.kind) {
    case BlockKeyKind::source_v4:
      if (step(of_length_v4_[slot.length])) flip(lengths_v4_, slot.length);
      break;
    case BlockKeyKind::source_v6:
      if (step(of_length_v6_[slot.length])) flip(lengths_v6_[slot.length / 64], slot.length % 64);
      break;
    case BlockKeyKind::flow_v4:
      move(flows_v4_);
      break;
    case BlockKeyKind::flow_v6:
      move(flows_v6_);
      break;
  }
  move(active_);
}

}  // namespace sluice
