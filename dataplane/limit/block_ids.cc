#include "dataplane/limit/block_ids.h"

#include <cstddef>

namespace sluice {

// Ids count up: a multiplication spreads neighbours. They come from the control process, which
// could make this slow for itself and for nobody else.
std::size_t BlockIds::home_of(std::uint64_t id) const noexcept {
  return static_cast<std::size_t>(id * 0x9e3779b97f4a7c15ULL >> 32) & (cells_.size() - 1);
}

std::size_t BlockIds::find(std::uint64_t id) const noexcept {
  std::size_t at = home_of(id);
  while (cells_[at].id != 0 && cells_[at].id != id) at = (at + 1) & (cells_.size() - 1);
  return at;
}

std::uint32_t BlockIds::slot_of(std::uint64_t id) const noexcept {
  const Cell& cell = cells_[find(id)];
  return cell.id != 0 ? cell.slot : kNone;
}

void BlockIds::put(std::uint64_t id, std::uint32_t slot) noexcept { cells_[find(id)] = {id, slot}; }

// What stands behind the hole moves into it, unless it would stand before its home.
void BlockIds::erase(std::uint64_t id, std::uint32_t slot) noexcept {
  const std::size_t mask = cells_.size() - 1;
  std::size_t hole = find(id);
  if (cells_[hole].id == 0 || cells_[hole].slot != slot) return;
  for (std::size_t at = (hole + 1) & mask; cells_[at].id != 0; at = (at + 1) & mask) {
    const std::size_t from_home = (at - home_of(cells_[at].id)) & mask;
    if (from_home < ((at - hole) & mask)) continue;
    cells_[hole] = cells_[at];
    hole = at;
  }
  cells_[hole] = {};
}

}  // namespace sluice
