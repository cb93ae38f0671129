// Every step is O(log n) at most but one: ids that are gone leave `order_` when they are more than
// half of it, which is 4 ms at a million blocks and 0.2 ms at the 65,536 that there are unless
// configured. Memory for the capacity is reserved and touched only where there are blocks.
#include "control/respond/block_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <random>

namespace sluice {
namespace {

constexpr std::size_t kGoneMin = 1024;

SipKey random_key() {
  std::random_device source;
  const auto word = [&source] { return std::uint64_t{source()} << 32 | source(); };
  return {word(), word()};
}

}  // namespace

// --- texts --------------------------------------------------------------------------------------

std::uint32_t SharedTexts::take(const std::string& text) {
  const auto [found, is_new] = numbers_.try_emplace(text);
  Use& use = found->second;
  ++use.count;
  if (!is_new) return use.number;
  if (free_.empty()) {
    use.number = static_cast<std::uint32_t>(texts_.size());
    texts_.push_back(&found->first);
    return use.number;
  }
  use.number = free_.back();
  free_.pop_back();
  texts_[use.number] = &found->first;
  return use.number;
}

void SharedTexts::release(std::uint32_t number) {
  const auto found = numbers_.find(*texts_[number]);
  if (--found->second.count != 0) return;
  texts_[number] = nullptr;
  free_.push_back(number);
  numbers_.erase(found);
}

void SharedTexts::clear() {
  numbers_.clear();
  texts_.clear();
  free_.clear();
}

// --- blocks -------------------------------------------------------------------------------------

bool is_network(const BlockTarget& target) noexcept {
  return target.kind == BlockKind::source && target.length < (target.version == 4 ? 32 : 128);
}

BlockSet::BlockSet(std::uint32_t capacity)
    : capacity_(capacity), key_(random_key()), cells_(std::bit_ceil(2 * std::size_t{capacity})) {
  entries_.reserve(capacity);
  heap_.reserve(capacity);
  order_.reserve(2 * std::size_t{capacity} + kGoneMin + 1);
}

std::size_t BlockSet::home_of(const BlockTarget& target) const noexcept {
  return siphash13(key_, std::bit_cast<std::array<std::uint64_t, 5>>(target)) & (cells_.size() - 1);
}

/// The cell of a block for `target`, or the empty one where it would stand.
std::size_t BlockSet::cell_of(const BlockTarget& target) const noexcept {
  std::size_t cell = home_of(target);
  while (cells_[cell] != 0 && entries_[cells_[cell] - 1].target != target) {
    cell = (cell + 1) & (cells_.size() - 1);
  }
  return cell;
}

std::vector<BlockSet::Ordered>::const_iterator BlockSet::from(std::uint64_t id) const noexcept {
  return std::ranges::lower_bound(order_, id, {}, &Ordered::id);
}

bool BlockSet::insert(const Block& block) {
  if (block.id <= last_id_) return false;
  if (const Entry* older = find(block.target)) remove(older->id);
  if (size() >= capacity_ || !has_room_for_length(block.target)) return false;
  if (is_network(block.target)) ++count_of_length(block.target);
  auto place = static_cast<std::uint32_t>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  Entry& entry = entries_[place];
  entry.target = block.target;
  entry.id = last_id_ = block.id;
  entry.until = block.until;
  entry.created = block.created;
  entry.owner = texts_.take(block.owner);
  entry.reason = texts_.take(block.reason);
  cells_[cell_of(block.target)] = place + 1;
  order_.push_back({block.id, place});
  heap_.push_back(place);
  sift_up(static_cast<std::uint32_t>(heap_.size() - 1));
  return true;
}

BlockSet::Entry* BlockSet::find(std::uint64_t id) noexcept {
  const auto found = from(id);
  if (found == order_.end() || found->id != id) return nullptr;
  Entry& entry = entries_[found->place];
  return entry.id == id ? &entry : nullptr;
}

const BlockSet::Entry* BlockSet::find(const BlockTarget& target) const noexcept {
  const std::uint32_t number = cells_[cell_of(target)];
  return number == 0 ? nullptr : &entries_[number - 1];
}

bool BlockSet::remove(std::uint64_t id) {
  const Entry* entry = find(id);
  if (entry == nullptr) return false;
  remove_place(static_cast<std::uint32_t>(entry - entries_.data()));
  return true;
}

void BlockSet::remove_place(std::uint32_t place) {
  Entry& entry = entries_[place];
  unfile(entry.target);
  if (is_network(entry.target)) --count_of_length(entry.target);
  leave_heap(entry.heap_place);
  texts_.release(entry.owner);
  texts_.release(entry.reason);
  entry = {};
  free_.push_back(place);
  if (order_.size() <= 2 * size() + kGoneMin) return;
  std::erase_if(order_, [this](const Ordered& o) { return entries_[o.place].id != o.id; });
}

// Those behind the hole move up where they would not be found beyond it.
void BlockSet::unfile(const BlockTarget& target) noexcept {
  const std::size_t mask = cells_.size() - 1;
  std::size_t hole = cell_of(target);
  for (std::size_t cell = (hole + 1) & mask; cells_[cell] != 0; cell = (cell + 1) & mask) {
    const std::size_t home = home_of(entries_[cells_[cell] - 1].target);
    if (((cell - home) & mask) < ((cell - hole) & mask)) continue;
    cells_[hole] = cells_[cell];
    hole = cell;
  }
  cells_[hole] = 0;
}

void BlockSet::clear() {
  entries_.clear();
  free_.clear();
  order_.clear();
  heap_.clear();
  texts_.clear();
  networks_ = {};
  std::ranges::fill(cells_, 0);
}

BlockLengths BlockSet::lengths(std::uint8_t version) const noexcept {
  BlockLengths used;
  const auto& counts = networks_[version == 4 ? 0 : 1];
  for (std::size_t length = 0; length < counts.size(); ++length) used[length] = counts[length] != 0;
  return used;
}

bool BlockSet::has_room_for_length(const BlockTarget& target) const noexcept {
  if (!is_network(target)) return true;
  const BlockLengths used = lengths(target.version);
  return used[target.length] || used.count() < kBlockLengthsMax;
}

std::size_t BlockSet::expire(TimeNs now, std::size_t most) {
  std::size_t expired = 0;
  while (expired < most && !heap_.empty() && until_at(0) <= now) {
    remove_place(heap_[0]);
    ++expired;
  }
  return expired;
}

void BlockSet::walk(std::uint64_t id, const std::function<bool(const Entry&)>& each) const {
  for (auto at = from(id + 1); at != order_.end(); ++at) {
    const Entry& entry = entries_[at->place];
    if (entry.id == at->id && !each(entry)) return;
  }
}

Block BlockSet::block(const Entry& entry) const {
  return {.id = entry.id,
          .target = entry.target,
          .until = entry.until,
          .created = entry.created,
          .owner = texts_.at(entry.owner),
          .reason = texts_.at(entry.reason)};
}

// --- what ends first ----------------------------------------------------------------------------

void BlockSet::put_in_heap(std::uint32_t place, std::uint32_t heap_place) noexcept {
  heap_[heap_place] = place;
  entries_[place].heap_place = heap_place;
}

void BlockSet::sift_up(std::uint32_t heap_place) noexcept {
  const std::uint32_t place = heap_[heap_place];
  while (heap_place > 0) {
    const std::uint32_t parent = (heap_place - 1) / 2;
    if (until_at(parent) <= entries_[place].until) break;
    put_in_heap(heap_[parent], heap_place);
    heap_place = parent;
  }
  put_in_heap(place, heap_place);
}

void BlockSet::sift_down(std::uint32_t heap_place) noexcept {
  const std::uint32_t place = heap_[heap_place];
  const auto count = static_cast<std::uint32_t>(heap_.size());
  for (std::uint32_t child = 2 * heap_place + 1; child < count; child = 2 * heap_place + 1) {
    if (child + 1 < count && until_at(child + 1) < until_at(child)) ++child;
    if (entries_[place].until <= until_at(child)) break;
    put_in_heap(heap_[child], heap_place);
    heap_place = child;
  }
  put_in_heap(place, heap_place);
}

void BlockSet::leave_heap(std::uint32_t heap_place) noexcept {
  const std::uint32_t last = heap_.back();
  heap_.pop_back();
  if (heap_place == heap_.size()) return;
  put_in_heap(last, heap_place);
  sift_up(heap_place);
  sift_down(entries_[last].heap_place);
}

}  // namespace sluice
