// Which slot of the block table holds the block with a given id. Open addressing in fixed memory,
// at most half full. Keeper thread only.
#pragma once

#include <cstdint>
#include <span>

namespace sluice {

class BlockIds {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Cell {
    std::uint64_t id = 0;  ///< 0 = free
    std::uint32_t slot = 0;
  };

  BlockIds() = default;
  /// `cells` is zeroed and a power of two long, twice what it will hold at least.
  explicit BlockIds(std::span<Cell> cells) noexcept : cells_(cells) {}

  [[nodiscard]] std::uint32_t slot_of(std::uint64_t id) const noexcept;
  /// `id` is not 0; one that is there moves to the new slot.
  void put(std::uint64_t id, std::uint32_t slot) noexcept;
  /// Nothing happens where the id stands for another slot.
  void erase(std::uint64_t id, std::uint32_t slot) noexcept;

 private:
  [[nodiscard]] std::size_t home_of(std::uint64_t id) const noexcept;
  [[nodiscard]] std::size_t find(std::uint64_t id) const noexcept;

  std::span<Cell> cells_;
};

}  // namespace sluice
