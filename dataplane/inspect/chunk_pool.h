// Memory for the state of inspected flows: chunks of some twenty sizes out of one fixed span, for
// stream state, kept bytes, parsers and Hyperscan streams alike. One per worker, used by nobody
// else; nothing here allocates after `create`, and every call is O(1).
//
// The span is cut into slabs of 64 KiB. A slab serves one size at a time and goes back to the
// common store when its last chunk is given back, so no size can keep memory from the others for
// longer than its chunks live.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "dataplane/memory_arena.h"

namespace sluice {

inline constexpr std::size_t kChunkBytesMin = 64;
inline constexpr std::size_t kChunkBytesMax = 64 * 1024;

struct ChunkPoolCounters {
  std::uint64_t bytes_in_use = 0;    ///< gauge, each chunk as large as its size class
  std::uint64_t bytes_in_slabs = 0;  ///< gauge, slabs taken from the common store
  std::uint64_t high_water = 0;      ///< most bytes_in_use ever
  std::uint64_t refusals = 0;        ///< `take` had nothing to give
};

class ChunkPool {
 public:
  /// Uses `bytes` of the arena, rounded down to whole slabs; invalid where that is none. The arena
  /// outlives the pool.
  [[nodiscard]] static Result<std::unique_ptr<ChunkPool>> create(std::size_t bytes,
                                                                 MemoryArena& arena);
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  /// A chunk of at least `bytes`, contents undefined, aligned to 32 bytes, and to 64 where its size
  /// is a multiple of 64. Null when the budget is spent or `bytes` is above kChunkBytesMax.
  [[nodiscard]] void* take(std::size_t bytes) noexcept;
  /// Gives back what `take(bytes)` returned.
  void give(void* chunk, std::size_t bytes) noexcept;
  /// The same for callers that are not told the size (Hyperscan's allocator).
  void give(void* chunk) noexcept;

  /// How large the chunk for `bytes` is.
  [[nodiscard]] static constexpr std::size_t chunk_bytes(std::size_t bytes) noexcept {
    return size_of(class_of(bytes));
  }

  /// A chunk whose size is a multiple of 64 can be named by 32 bits, below kNoSlot.
  [[nodiscard]] std::uint32_t slot_of(const void* chunk) const noexcept {
    return static_cast<std::uint32_t>(offset_of(chunk) / kChunkBytesMin);
  }
  [[nodiscard]] void* at(std::uint32_t slot) const noexcept {
    return memory_.data() + std::size_t{slot} * kChunkBytesMin;
  }

  [[nodiscard]] const ChunkPoolCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return memory_.size(); }

 private:
  static constexpr std::size_t kSlabBytes = kChunkBytesMax;
  static constexpr std::uint32_t kNoSlab = 0xffffffff;
  static constexpr std::uint16_t kNoChunk = 0xffff;
  static constexpr std::size_t kPlaceBytes = 32;  // unit of places within a slab
  static constexpr std::size_t kClasses = 21;     // 64, 96, 128, 192, ... 49,152, 65,536

  struct Slab {
    std::uint32_t next;        ///< of its class's slabs with room, or of the common store
    std::uint32_t previous;    ///< meaningful among those of a class only
    std::uint16_t first_free;  ///< chunks given back, linked through their first two bytes
    std::uint16_t never_used;  ///< from this place on nothing was handed out yet
    std::uint16_t in_use;
    std::uint8_t size_class;
    std::uint8_t reserved_;
  };
  static_assert(sizeof(Slab) == 16);

  ChunkPool() = default;

  /// Even classes are powers of two, odd ones half as large again as the class before.
  [[nodiscard]] static constexpr std::size_t class_of(std::size_t bytes) noexcept {
    if (bytes <= kChunkBytesMin) return 0;
    const auto exponent = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 6;  // 2^ >= bytes
    const std::size_t half_step = kChunkBytesMin / 4 * 3 << exponent;
    return bytes <= half_step ? 2 * exponent - 1 : 2 * exponent;
  }
  [[nodiscard]] static constexpr std::size_t size_of(std::size_t size_class) noexcept {
    const std::size_t power = kChunkBytesMin << (size_class / 2);
    return size_class % 2 == 0 ? power : power + power / 2;
  }
  [[nodiscard]] std::size_t offset_of(const void* chunk) const noexcept {
    return static_cast<std::size_t>(static_cast<const std::uint8_t*>(chunk) - memory_.data());
  }
  [[nodiscard]] static bool has_room(const Slab& slab) noexcept {
    return slab.first_free != kNoChunk ||
           slab.never_used * kPlaceBytes + size_of(slab.size_class) <= kSlabBytes;
  }
  [[nodiscard]] bool open_slab(std::size_t size_class) noexcept;
  void close_slab(std::uint32_t index) noexcept;
  void list(std::uint32_t index) noexcept;
  void unlist(std::uint32_t index) noexcept;
  void give_to(std::uint32_t index, std::uint8_t* chunk) noexcept;

  std::span<std::uint8_t> memory_;
  std::span<Slab> slabs_;
  std::array<std::uint32_t, kClasses> with_room_{};  ///< first slab of the class that has room
  std::uint32_t store_ = kNoSlab;                    ///< first slab of the common store
  ChunkPoolCounters counters_;
};

}  // namespace sluice
