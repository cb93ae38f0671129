// Bytes are appended to the newest chunk. When it is full, what is still needed of it, the
// unacknowledged bytes and the window, moves to the front of it or of a larger chunk. Room is made
// for as many bytes as were moved, so a byte is copied about twice however long it stays. When more
// is unacknowledged than half of the largest chunk, only the window moves and the full chunk stays
// behind as an older one. Rejected: a ring, whose window comes in two pieces, and digests instead
// of bytes, which senders that cut their segments anew would never match.
#include "dataplane/inspect/kept_bytes.h"

#include <algorithm>
#include <cstring>

#include "dataplane/flow/tcp_state.h"

namespace sluice {
namespace {

using detail::ahead;

constexpr std::uint32_t kHead = sizeof(KeptChunk);
constexpr std::uint32_t kLongChunk = kChunkBytesMax - kHead;
static_assert(2 * (kWindowBytesMax + kAppendBytesMax) + kHead <= kChunkBytesMax);

[[nodiscard]] std::uint32_t unacknowledged(const KeptChunk& chunk, const KeptNeed& need) noexcept {
  const std::uint32_t end = chunk.sequence + chunk.bytes;
  const std::int32_t behind = ahead(end, need.acknowledged_to);
  return behind <= 0 ? 0 : std::min(chunk.bytes, static_cast<std::uint32_t>(behind));
}

void slide(KeptChunk& chunk, std::uint32_t carried) noexcept {
  const std::uint32_t gone = chunk.bytes - carried;
  std::memmove(chunk.data(), chunk.data() + gone, carried);
  chunk.sequence += gone;
  chunk.bytes = carried;
}

void carry(const KeptChunk& from, std::uint32_t carried, KeptChunk& to) noexcept {
  const std::uint32_t gone = from.bytes - carried;
  std::memcpy(to.data(), from.data() + gone, carried);
  to.sequence = from.sequence + gone;
  to.bytes = carried;
}

}  // namespace

const std::uint8_t* KeptStore::append(KeptBytes& kept, const KeptNeed& need,
                                      std::span<const std::uint8_t> bytes) noexcept {
  const auto count = static_cast<std::uint32_t>(bytes.size());
  KeptChunk* chunk = kept.newest;
  if (chunk == nullptr || chunk->capacity - chunk->bytes < count) [[unlikely]] {
    chunk = make_room(kept, need, count);
    if (chunk == nullptr) return nullptr;
  }
  std::uint8_t* copy = chunk->data() + chunk->bytes;
  std::memcpy(copy, bytes.data(), count);
  chunk->bytes += count;
  return copy;
}

KeptChunk* KeptStore::make_room(KeptBytes& kept, const KeptNeed& need,
                                std::uint32_t bytes) noexcept {
  KeptChunk* full = kept.newest;
  const std::uint32_t needed = full == nullptr ? 0 : unacknowledged(*full, need);
  const std::uint32_t window = full == nullptr ? 0 : std::min(full->bytes, need.window_bytes);
  std::uint32_t carried = std::max(needed, window);
  const bool stays = carried + bytes > kLongChunk / 2;
  if (stays) carried = window;
  std::uint32_t wanted = std::min(kHead + 2 * (carried + bytes), std::uint32_t{kChunkBytesMax});
  if (stays && full != nullptr) wanted = std::max(wanted, full->chunk_bytes);
  wanted = static_cast<std::uint32_t>(ChunkPool::chunk_bytes(wanted));
  const bool is_roomy = full != nullptr && !stays && wanted <= full->chunk_bytes;
  if (is_roomy && wanted > full->chunk_bytes / 4) {
    slide(*full, carried);
    return full;
  }
  KeptChunk* chunk = add_chunk(kept, need, wanted);
  if (chunk == nullptr) return squeeze(kept, need, std::max(carried, needed), bytes);
  if (full == nullptr) return chunk;
  carry(*full, carried, *chunk);
  if (!stays && kept.oldest == full) release_oldest(kept);
  return chunk;
}

/// An empty chunk behind the newest, where both budgets allow it; the direction's own is kept by
/// letting the oldest bytes go.
KeptChunk* KeptStore::add_chunk(KeptBytes& kept, const KeptNeed& need,
                                std::uint32_t chunk_bytes) noexcept {
  while (kept.chunk_bytes + chunk_bytes > need.chunk_bytes_max && kept.oldest != kept.newest) {
    if (unacknowledged(*kept.oldest, need) > 0) ++shortages_;
    release_oldest(kept);
  }
  if (kept.chunk_bytes + chunk_bytes > need.chunk_bytes_max) return nullptr;
  if (chunk_bytes_ + chunk_bytes > chunk_bytes_max_) return nullptr;
  auto* chunk = static_cast<KeptChunk*>(pool_->take(chunk_bytes));
  if (chunk == nullptr) return nullptr;
  *chunk = {nullptr, need.sequence, 0, chunk_bytes - kHead, chunk_bytes};
  if (kept.newest == nullptr) {
    kept.oldest = chunk;
  } else {
    kept.newest->next = chunk;
  }
  kept.newest = chunk;
  kept.chunk_bytes += chunk_bytes;
  chunk_bytes_ += chunk_bytes;
  return chunk;
}

/// Without more memory: the newest chunk alone, at most half of it old bytes, so that the next call
/// is not right behind this one.
KeptChunk* KeptStore::squeeze(KeptBytes& kept, const KeptNeed& need, std::uint32_t carried,
                              std::uint32_t bytes) noexcept {
  while (kept.oldest != kept.newest) {
    if (unacknowledged(*kept.oldest, need) > 0) ++shortages_;
    release_oldest(kept);
  }
  KeptChunk* chunk = kept.newest;
  if (chunk == nullptr || chunk->capacity < bytes) {
    ++shortages_;
    release_all(kept);
    return nullptr;
  }
  carried = std::min({carried, chunk->capacity / 2, chunk->capacity - bytes});
  if (carried < unacknowledged(*chunk, need)) ++shortages_;
  slide(*chunk, carried);
  return chunk;
}

void KeptStore::release_oldest(KeptBytes& kept) noexcept {
  KeptChunk* chunk = kept.oldest;
  kept.oldest = chunk->next;
  if (kept.oldest == nullptr) kept.newest = nullptr;
  kept.chunk_bytes -= chunk->chunk_bytes;
  chunk_bytes_ -= chunk->chunk_bytes;
  pool_->give(chunk, chunk->chunk_bytes);
}

void KeptStore::release_acknowledged(KeptBytes& kept, const KeptNeed& need) noexcept {
  while (kept.oldest != kept.newest && unacknowledged(*kept.oldest, need) == 0) {
    release_oldest(kept);
  }
  if (need.window_bytes == 0 && need.acknowledged_to == need.sequence) release_all(kept);
}

void KeptStore::release_all(KeptBytes& kept) noexcept {
  while (kept.oldest != nullptr) release_oldest(kept);
}

KeptMatch KeptStore::compare(const KeptBytes& kept, std::uint32_t sequence,
                             std::span<const std::uint8_t> bytes) noexcept {
  KeptMatch match = KeptMatch::same;
  for (const KeptChunk* chunk = kept.oldest; chunk != nullptr && !bytes.empty();
       chunk = chunk->next) {
    const std::int32_t before = ahead(chunk->sequence, sequence);
    if (before > 0) {
      match = KeptMatch::unknown;
      const std::size_t skipped =
          std::min<std::size_t>(bytes.size(), static_cast<std::uint32_t>(before));
      sequence += static_cast<std::uint32_t>(skipped);
      bytes = bytes.subspan(skipped);
    }
    const std::uint32_t place = sequence - chunk->sequence;
    if (place >= chunk->bytes) continue;
    const std::size_t count = std::min<std::size_t>(bytes.size(), chunk->bytes - place);
    if (std::memcmp(chunk->data() + place, bytes.data(), count) != 0) return KeptMatch::different;
    sequence += static_cast<std::uint32_t>(count);
    bytes = bytes.subspan(count);
  }
  return bytes.empty() ? match : KeptMatch::unknown;
}

}  // namespace sluice
