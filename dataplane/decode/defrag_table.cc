#include "dataplane/decode/defrag_table.h"

#include <algorithm>
#include <bit>

namespace sluice {

Result<FragmentTable> FragmentTable::create(std::uint32_t sets, std::uint32_t pieces,
                                            MemoryArena& arena) {
  FragmentTable table;
  auto set_memory = arena.allocate_array<FragmentSet>(sets);
  if (!set_memory) return tl::unexpected<Error>(set_memory.error());
  auto piece_memory = arena.allocate_array<FragmentPiece>(pieces);
  if (!piece_memory) return tl::unexpected<Error>(piece_memory.error());
  auto bucket_memory = arena.allocate_array<std::uint32_t>(std::bit_ceil(sets) * std::size_t{2});
  if (!bucket_memory) return tl::unexpected<Error>(bucket_memory.error());
  table.sets_ = *set_memory;
  table.pieces_ = *piece_memory;
  table.buckets_ = *bucket_memory;
  std::fill(table.buckets_.begin(), table.buckets_.end(), kNone);
  for (std::uint32_t i = sets; i-- > 0;) {
    table.sets_[i].next_in_bucket = table.free_set_;
    table.free_set_ = i;
  }
  for (std::uint32_t i = pieces; i-- > 0;) {
    table.pieces_[i].next = table.free_piece_;
    table.free_piece_ = i;
  }
  return table;
}

FragmentSet* FragmentTable::find(const Hash128& key) noexcept {
  std::uint32_t index = bucket_of(key);
  while (index != kNone && !(sets_[index].key == key)) index = sets_[index].next_in_bucket;
  return at(index);
}

FragmentSet* FragmentTable::open(const Hash128& key) noexcept {
  if (free_set_ == kNone) return nullptr;
  const std::uint32_t index = free_set_;
  FragmentSet& set = sets_[index];
  free_set_ = set.next_in_bucket;
  std::uint32_t& bucket = bucket_of(key);
  set = {};
  set.key = key;
  set.next_in_bucket = bucket;
  bucket = index;
  set.first_piece = set.last_piece = kNone;
  set.newer = kNone;
  set.older = youngest_;
  (youngest_ == kNone ? oldest_ : sets_[youngest_].newer) = index;
  youngest_ = index;
  ++alive_;
  return &set;
}

void FragmentTable::retire(FragmentSet& set) noexcept {
  const std::uint32_t index = index_of(set);
  std::uint32_t* link = &bucket_of(set.key);
  while (*link != index) link = &sets_[*link].next_in_bucket;
  *link = set.next_in_bucket;
  (set.older == kNone ? oldest_ : sets_[set.older].newer) = set.newer;
  (set.newer == kNone ? youngest_ : sets_[set.newer].older) = set.older;
  if (set.last_piece != kNone) {
    pieces_[set.last_piece].next = free_piece_;
    free_piece_ = set.first_piece;
  }
  set.first_piece = set.last_piece = kNone;
  --alive_;
}

void FragmentTable::append_dead(FragmentSet& set) noexcept {
  const std::uint32_t index = index_of(set);
  set.newer = kNone;
  (last_dead_ == kNone ? first_dead_ : sets_[last_dead_].newer) = index;
  last_dead_ = index;
  ++dead_;
}

void FragmentTable::drop_first_dead() noexcept {
  FragmentSet& set = sets_[first_dead_];
  first_dead_ = set.newer;
  if (first_dead_ == kNone) last_dead_ = kNone;
  --dead_;
  release(set);
}

void FragmentTable::release(FragmentSet& set) noexcept {
  set.next_in_bucket = free_set_;
  free_set_ = index_of(set);
}

FragmentPiece& FragmentTable::insert_piece(FragmentSet& set, std::uint32_t previous) noexcept {
  const std::uint32_t index = free_piece_;
  FragmentPiece& piece = pieces_[index];
  free_piece_ = piece.next;
  std::uint32_t& link = previous == kNone ? set.first_piece : pieces_[previous].next;
  piece.next = link;
  link = index;
  if (piece.next == kNone) set.last_piece = index;
  return piece;
}

Result<DecidedIds> DecidedIds::create(std::uint32_t ids, MemoryArena& arena) {
  DecidedIds decided;
  auto memory = arena.allocate_array<DecidedId>(std::max<std::size_t>(std::bit_ceil(ids), kWays));
  if (!memory) return tl::unexpected<Error>(memory.error());
  decided.ids_ = *memory;
  return decided;
}

const DecidedId* DecidedIds::find(const Hash128& key, TimeNs now) const noexcept {
  if (now >= last_until_) return nullptr;
  for (const DecidedId& id : bucket_of(key)) {
    if (id.until > now && id.key == key) return &id;
  }
  return nullptr;
}

void DecidedIds::remember(const DecidedId& decided) noexcept {
  auto bucket = bucket_of(decided.key);
  const auto same = [&](const DecidedId& id) { return id.key == decided.key; };
  const auto ends_first = [](const DecidedId& a, const DecidedId& b) { return a.until < b.until; };
  auto slot = std::find_if(bucket.begin(), bucket.end(), same);
  if (slot == bucket.end()) slot = std::min_element(bucket.begin(), bucket.end(), ends_first);
  *slot = decided;
  last_until_ = std::max(last_until_, decided.until);
}

}  // namespace sluice
