// Room for what a message's head becomes: buffers that cannot point into the bytes as they were
// sent. Chunks of the pool in a list, given back together. Worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/inspect/chunk_pool.h"

namespace sluice {

class HttpRoom {
 public:
  /// Behind what `take` returns as many bytes may be written and mean nothing, so that copies can
  /// go in whole blocks.
  static constexpr std::size_t kSlack = 32;

  /// At least `bytes`, or null where the pool has none.
  [[nodiscard]] std::uint8_t* take(ChunkPool& pool, std::size_t bytes) noexcept;
  /// The last `take` needed only so many.
  void shrink(const std::uint8_t* taken, std::size_t bytes) noexcept;
  void release(ChunkPool& pool) noexcept;

 private:
  struct Chunk {
    Chunk* next;
    std::uint32_t bytes;
    std::uint32_t used;
  };
  static constexpr std::size_t kChunkBytes = 2048;

  Chunk* first_ = nullptr;
};

}  // namespace sluice
