#include "dataplane/inspect/http_room.h"

#include <algorithm>

namespace sluice {

std::uint8_t* HttpRoom::take(ChunkPool& pool, std::size_t bytes) noexcept {
  bytes += kSlack;
  if (first_ == nullptr || first_->bytes - first_->used < bytes) {
    const std::size_t wanted = std::max(kChunkBytes, sizeof(Chunk) + bytes);
    auto* chunk = static_cast<Chunk*>(pool.take(wanted));
    if (chunk == nullptr) return nullptr;
    *chunk = {first_, static_cast<std::uint32_t>(wanted), sizeof(Chunk)};
    first_ = chunk;
  }
  std::uint8_t* taken = reinterpret_cast<std::uint8_t*>(first_) + first_->used;
  first_->used += static_cast<std::uint32_t>(bytes);
  return taken;
}

void HttpRoom::shrink(const std::uint8_t* taken, std::size_t bytes) noexcept {
  first_->used = static_cast<std::uint32_t>(
      static_cast<std::size_t>(taken - reinterpret_cast<const std::uint8_t*>(first_)) + bytes);
}

void HttpRoom::release(ChunkPool& pool) noexcept {
  while (first_ != nullptr) {
    Chunk* chunk = first_;
    first_ = chunk->next;
    pool.give(chunk, chunk->bytes);
  }
}

}  // namespace sluice
