#include "dataplane/inspect/chunk_pool.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLUICE_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_HAS_ASAN 1
#endif
#endif
#ifdef SLUICE_HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace sluice {
namespace {

/// Chunks that nobody holds must not be touched: under ASan a use after `give` is reported.
void forbid([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef SLUICE_HAS_ASAN
  __asan_poison_memory_region(memory, bytes);
#endif
}
void allow([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef SLUICE_HAS_ASAN
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

constexpr std::size_t kLinkBytes = sizeof(std::uint16_t);

}  // namespace

Result<std::unique_ptr<ChunkPool>> ChunkPool::create(std::size_t bytes, MemoryArena& arena) {
  const std::size_t count = bytes / kSlabBytes;
  if (count == 0 || count >= kNoSlab / (kSlabBytes / kChunkBytesMin)) {
    return fail(ErrorKind::invalid,
                fmt::format("chunk pool: {} bytes: at least {} and below 256 GiB would be right",
                            bytes, kSlabBytes));
  }
  auto slabs = arena.allocate_array<Slab>(count);
  if (!slabs) return tl::unexpected<Error>(slabs.error());
  auto memory = arena.allocate_array<std::uint8_t>(count * kSlabBytes);
  if (!memory) return tl::unexpected<Error>(memory.error());
  std::unique_ptr<ChunkPool> pool(new ChunkPool);
  pool->slabs_ = *slabs;
  pool->memory_ = *memory;
  pool->with_room_.fill(kNoSlab);
  for (std::uint32_t i = 0; i < count; ++i) {
    pool->slabs_[i].next = i + 1 < count ? i + 1 : kNoSlab;
  }
  pool->store_ = 0;
  forbid(pool->memory_.data(), pool->memory_.size());
  return pool;
}

// The mapping's next owner must not find its memory poisoned.
ChunkPool::~ChunkPool() { allow(memory_.data(), memory_.size()); }

void* ChunkPool::take(std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  if (size_class >= kClasses || (with_room_[size_class] == kNoSlab && !open_slab(size_class)))
      [[unlikely]] {
    ++counters_.refusals;
    return nullptr;
  }
  const std::uint32_t index = with_room_[size_class];
  Slab& slab = slabs_[index];
  const std::size_t size = size_of(size_class);
  const bool is_reused = slab.first_free != kNoChunk;
  const std::size_t place = is_reused ? slab.first_free : slab.never_used;
  std::uint8_t* chunk = memory_.data() + index * kSlabBytes + place * kPlaceBytes;
  allow(chunk, size);
  if (is_reused) {
    std::memcpy(&slab.first_free, chunk, kLinkBytes);
  } else {
    slab.never_used = static_cast<std::uint16_t>(place + size / kPlaceBytes);
  }
  ++slab.in_use;
  if (!has_room(slab)) unlist(index);
  counters_.bytes_in_use += size;
  counters_.high_water = std::max(counters_.high_water, counters_.bytes_in_use);
  return chunk;
}

void ChunkPool::give(void* chunk, std::size_t bytes) noexcept {
  const auto index = static_cast<std::uint32_t>(offset_of(chunk) / kSlabBytes);
  SLUICE_CHECK(index < slabs_.size() && slabs_[index].size_class == class_of(bytes),
               "a chunk goes back with the size it was taken for");
  give_to(index, static_cast<std::uint8_t*>(chunk));
}

void ChunkPool::give(void* chunk) noexcept {
  const auto index = static_cast<std::uint32_t>(offset_of(chunk) / kSlabBytes);
  SLUICE_CHECK(index < slabs_.size(), "the chunk is of this pool");
  give_to(index, static_cast<std::uint8_t*>(chunk));
}

void ChunkPool::give_to(std::uint32_t index, std::uint8_t* chunk) noexcept {
  Slab& slab = slabs_[index];
  SLUICE_CHECK(slab.in_use > 0, "a chunk is given back once");
  const std::size_t size = size_of(slab.size_class);
  const bool was_full = !has_room(slab);
  std::memcpy(chunk, &slab.first_free, kLinkBytes);
  slab.first_free = static_cast<std::uint16_t>(offset_of(chunk) % kSlabBytes / kPlaceBytes);
  --slab.in_use;
  counters_.bytes_in_use -= size;
  forbid(chunk, size);
  if (was_full) list(index);
  if (slab.in_use == 0) close_slab(index);
}

bool ChunkPool::open_slab(std::size_t size_class) noexcept {
  if (store_ == kNoSlab) return false;
  const std::uint32_t index = store_;
  Slab& slab = slabs_[index];
  store_ = slab.next;
  slab.first_free = kNoChunk;
  slab.never_used = 0;
  slab.in_use = 0;
  slab.size_class = static_cast<std::uint8_t>(size_class);
  list(index);
  counters_.bytes_in_slabs += kSlabBytes;
  return true;
}

void ChunkPool::close_slab(std::uint32_t index) noexcept {
  unlist(index);
  slabs_[index].next = store_;
  store_ = index;
  counters_.bytes_in_slabs -= kSlabBytes;
}

void ChunkPool::list(std::uint32_t index) noexcept {
  Slab& slab = slabs_[index];
  std::uint32_t& first = with_room_[slab.size_class];
  slab.next = first;
  slab.previous = kNoSlab;
  if (first != kNoSlab) slabs_[first].previous = index;
  first = index;
}

void ChunkPool::unlist(std::uint32_t index) noexcept {
  const Slab& slab = slabs_[index];
  if (slab.next != kNoSlab) slabs_[slab.next].previous = slab.previous;
  if (slab.previous != kNoSlab) {
    slabs_[slab.previous].next = slab.next;
  } else {
    with_room_[slab.size_class] = slab.next;
  }
}

}  // namespace sluice
