// Copies of segments that came before the bytes in front of them, in order of their place in the
// stream. Such a segment is forwarded at once; its copy waits here until the gap closes. Worker
// thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/inspect/chunk_pool.h"

namespace sluice {

struct ReorderPiece {
  std::uint8_t* data;
  std::uint32_t sequence;
  std::uint16_t bytes;
  std::uint16_t capacity;

  [[nodiscard]] std::uint32_t end() const noexcept { return sequence + bytes; }
  [[nodiscard]] std::span<const std::uint8_t> view() const noexcept { return {data, bytes}; }
};
static_assert(sizeof(ReorderPiece) == 16);

/// Head of a chunk; the pieces follow it, ascending and without overlap.
struct ReorderList {
  std::uint32_t chunk_bytes;  ///< of the pieces and of this list
  std::uint32_t list_bytes;
  std::uint16_t count;
  std::uint16_t capacity;
  std::uint32_t reserved_;

  [[nodiscard]] std::span<ReorderPiece> pieces() noexcept {
    return {reinterpret_cast<ReorderPiece*>(this + 1), count};
  }
};
static_assert(sizeof(ReorderList) == 16);

/// Pieces of one direction, at most: whoever makes more holes than this is refused.
inline constexpr std::uint16_t kReorderPiecesMax = 255;

/// The waiting copies of all streams of a worker. A direction's list is null while nothing waits.
class ReorderStore {
 public:
  ReorderStore(ChunkPool& pool, std::size_t chunk_bytes_max) noexcept
      : pool_(&pool), chunk_bytes_max_(chunk_bytes_max) {}
  void limit_to(std::size_t chunk_bytes_max) noexcept { chunk_bytes_max_ = chunk_bytes_max; }

  /// True if a waiting copy differs from `bytes` where they overlap.
  [[nodiscard]] static bool is_conflicting(ReorderList* list, std::uint32_t sequence,
                                           std::span<const std::uint8_t> bytes) noexcept;

  /// Copies those of the bytes of which no copy waits yet. False: a budget is spent, the
  /// direction's `chunk_bytes_max` or the store's; what did fit stays.
  [[nodiscard]] bool insert(ReorderList*& list, std::uint32_t sequence,
                            std::span<const std::uint8_t> bytes,
                            std::uint32_t chunk_bytes_max) noexcept;

  /// The piece that stands first, or null.
  [[nodiscard]] static const ReorderPiece* first(ReorderList* list) noexcept {
    return list == nullptr ? nullptr : list->pieces().data();
  }
  [[nodiscard]] static const ReorderPiece* last(ReorderList* list) noexcept {
    return list == nullptr ? nullptr : &list->pieces().back();
  }
  void remove_first(ReorderList*& list) noexcept;
  void release_all(ReorderList*& list) noexcept;

  [[nodiscard]] std::size_t chunk_bytes() const noexcept { return chunk_bytes_; }

 private:
  [[nodiscard]] bool add(ReorderList*& list, std::size_t place, std::uint32_t sequence,
                         std::span<const std::uint8_t> bytes,
                         std::uint32_t chunk_bytes_max) noexcept;
  [[nodiscard]] bool make_place(ReorderList*& list, std::uint32_t chunk_bytes_max) noexcept;
  [[nodiscard]] void* take(std::uint32_t held, std::size_t bytes,
                           std::uint32_t chunk_bytes_max) noexcept;
  void give(void* chunk, std::size_t bytes) noexcept;

  ChunkPool* pool_;
  std::size_t chunk_bytes_max_;
  std::size_t chunk_bytes_ = 0;
};

}  // namespace sluice
