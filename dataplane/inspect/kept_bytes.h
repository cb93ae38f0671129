// Scanned bytes of a stream, kept until their receiver acknowledged them, so that whatever comes
// again can be compared with them, and as the window that a confirming rule may look back at. The
// bytes that a look back needs stand in one piece, those of the newest chunk. Worker thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/inspect/chunk_pool.h"

namespace sluice {

/// What can be appended at once.
inline constexpr std::uint32_t kAppendBytesMax = 16 * 1024;
/// How far back a window can be asked to reach.
inline constexpr std::uint32_t kWindowBytesMax = 14 * 1024;

/// Head of a chunk; the bytes follow it. A chunk may begin with bytes that the one before ends
/// with.
struct KeptChunk {
  KeptChunk* next;         ///< newer
  std::uint32_t sequence;  ///< of its first byte
  std::uint32_t bytes;
  std::uint32_t capacity;
  std::uint32_t chunk_bytes;  ///< as taken from the pool

  [[nodiscard]] std::uint8_t* data() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
  [[nodiscard]] const std::uint8_t* data() const noexcept {
    return reinterpret_cast<const std::uint8_t*>(this + 1);
  }
};
static_assert(sizeof(KeptChunk) == 24);

/// Of one direction. The kept range is contiguous, and where there is one it ends with the last
/// byte appended.
struct KeptBytes {
  KeptChunk* oldest;
  KeptChunk* newest;
  std::uint32_t chunk_bytes;  ///< of all its chunks
};

/// What must stay when bytes are appended.
struct KeptNeed {
  std::uint32_t sequence;         ///< where the new bytes stand, right behind the kept ones
  std::uint32_t acknowledged_to;  ///< at or before `sequence`; bytes before it are compared no more
  std::uint32_t window_bytes;     ///< at most kWindowBytesMax
  std::uint32_t chunk_bytes_max;  ///< of this direction
};

enum class KeptMatch : std::uint8_t { same, different, unknown };

/// The kept bytes of all streams of a worker.
class KeptStore {
 public:
  KeptStore(ChunkPool& pool, std::size_t chunk_bytes_max) noexcept
      : pool_(&pool), chunk_bytes_max_(chunk_bytes_max) {}
  void limit_to(std::size_t chunk_bytes_max) noexcept { chunk_bytes_max_ = chunk_bytes_max; }

  /// Copies 1 to kAppendBytesMax bytes and returns the copy, in one piece with up to
  /// `need.window_bytes` in front of it. Where memory lacks, the oldest bytes go first; null: not
  /// even the new ones could be kept, and nothing is.
  [[nodiscard]] const std::uint8_t* append(KeptBytes& kept, const KeptNeed& need,
                                           std::span<const std::uint8_t> bytes) noexcept;

  /// Lets go of what is acknowledged and out of the window's reach.
  void release_acknowledged(KeptBytes& kept, const KeptNeed& need) noexcept;
  void release_all(KeptBytes& kept) noexcept;

  /// Compares with what is kept at `sequence`; unknown where a byte is not kept and none differs.
  [[nodiscard]] static KeptMatch compare(const KeptBytes& kept, std::uint32_t sequence,
                                         std::span<const std::uint8_t> bytes) noexcept;

  [[nodiscard]] std::size_t chunk_bytes() const noexcept { return chunk_bytes_; }
  /// How often unacknowledged bytes were let go, or not kept at all, for want of memory.
  [[nodiscard]] std::uint64_t shortages() const noexcept { return shortages_; }

 private:
  [[nodiscard]] KeptChunk* make_room(KeptBytes& kept, const KeptNeed& need,
                                     std::uint32_t bytes) noexcept;
  [[nodiscard]] KeptChunk* add_chunk(KeptBytes& kept, const KeptNeed& need,
                                     std::uint32_t chunk_bytes) noexcept;
  [[nodiscard]] KeptChunk* squeeze(KeptBytes& kept, const KeptNeed& need, std::uint32_t carried,
                                   std::uint32_t bytes) noexcept;
  void release_oldest(KeptBytes& kept) noexcept;

  ChunkPool* pool_;
  std::size_t chunk_bytes_max_;
  std::size_t chunk_bytes_ = 0;
  std::uint64_t shortages_ = 0;
};

}  // namespace sluice
