// Every step is O(log n) at most. Ids that are gone leave `order_` when they are more than half of
// it, a few with each change, so that no change pays for all: what is still there moves to the
// front, and in between a gap grows that readers pass over. Memory for the capacity is reserved and
// touched only where there are blocks.
#include "control/respond/block_set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <random>

namespace sluice {
namespace {

constexpr std::size_t kGoneMin = 1024;
constexpr std::size_t kTidiedPerChange = 8;
constexpr std::size_t kTextShards = 1024;
constexpr std::size_t kTextsPerBlock = 2;
/// Zeroing so many cells takes as long as forgetting a text.
constexpr std::size_t kCellsPerText = 64;

SipKey random_key() {
  std::random_device source;
  const auto word = [&source] { return std::uint64_t{source()} << 32 | source(); };
  return {word(), word()};
}

}  // namespace

// --- texts --------------------------------------------------------------------------------------

SharedTexts::SharedTexts(std::size_t most) : shards_(kTextShards) {
  texts_.reserve(most);
  free_.reserve(most);
}

SharedTexts::Shard& SharedTexts::shard_of(const std::string& text) noexcept {
  return shards_[std::hash<std::string>{}(text) % kTextShards];
}

std::uint32_t SharedTexts::take(const std::string& text) {
  const auto [found, is_new] = shard_of(text).try_emplace(text);
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
  Shard& shard = shard_of(*texts_[number]);
  const auto found = shard.find(*texts_[number]);
  if (--found->second.count != 0) return;
  texts_[number] = nullptr;
  free_.push_back(number);
  shard.erase(found);
}

bool SharedTexts::forget(std::size_t most) {
  for (; next_forgotten_ < shards_.size(); ++next_forgotten_) {
    Shard& shard = shards_[next_forgotten_];
    for (; !shard.empty(); shard.erase(shard.begin())) {
      if (most-- == 0) return false;
    }
  }
  next_forgotten_ = 0;
  texts_.clear();
  free_.clear();
  return true;
}

// --- blocks -------------------------------------------------------------------------------------

bool is_network(const BlockTarget& target) noexcept {
  return target.kind == BlockKind::source && target.length < (target.version == 4 ? 32 : 128);
}

BlockSet::BlockSet(std::uint32_t capacity)
    : capacity_(capacity),
      key_(random_key()),
      cells_(std::bit_ceil(2 * std::size_t{capacity})),
      texts_(kTextsPerBlock * std::size_t{capacity}) {
  entries_.reserve(capacity);
  free_.reserve(capacity);
  heap_.reserve(capacity);
  // While it is tidied it grows by one in kTidiedPerChange at most.
  order_.reserve(5 * std::size_t{capacity} / 2 + 2 * kGoneMin);
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

/// The place in `order_` of the first id that is not below `id`.
std::size_t BlockSet::from(std::uint64_t id) const noexcept {
  const auto tidied = order_.begin() + static_cast<std::ptrdiff_t>(tidied_);
  auto found = std::ranges::lower_bound(order_.begin(), tidied, id, {}, &Ordered::id);
  if (found == tidied) {
    const auto untidied = order_.begin() + static_cast<std::ptrdiff_t>(untidied_);
    found = std::ranges::lower_bound(untidied, order_.end(), id, {}, &Ordered::id);
  }
  return static_cast<std::size_t>(found - order_.begin());
}

void BlockSet::tidy_order() noexcept {
  if (untidied_ == 0 && order_.size() <= 2 * size() + kGoneMin) return;
  for (std::size_t i = 0; i < kTidiedPerChange && untidied_ < order_.size(); ++i) {
    const Ordered next = order_[untidied_++];
    if (entries_[next.place].id == next.id) order_[tidied_++] = next;
  }
  if (untidied_ < order_.size()) return;
  order_.resize(tidied_);
  tidied_ = untidied_ = 0;
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
  tidy_order();
  return true;
}

BlockSet::Entry* BlockSet::find(std::uint64_t id) noexcept {
  const std::size_t found = from(id);
  if (found == order_.size() || order_[found].id != id) return nullptr;
  Entry& entry = entries_[order_[found].place];
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
  tidy_order();
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
  while (!clear_some(capacity_)) {
  }
}

bool BlockSet::clear_some(std::size_t most) {
  entries_.clear();  // plain values: no time at all
  free_.clear();
  order_.clear();
  heap_.clear();
  networks_ = {};
  tidied_ = untidied_ = 0;
  const std::size_t count = std::min(cells_.size() - next_cleared_, most * kCellsPerText);
  std::fill_n(cells_.begin() + static_cast<std::ptrdiff_t>(next_cleared_), count, 0);
  next_cleared_ += count;
  if (next_cleared_ < cells_.size() || !texts_.forget(most)) return false;
  next_cleared_ = 0;
  return true;
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
  for (std::size_t at = from(id + 1); at < order_.size(); ++at) {
    if (at == tidied_) at = untidied_;
    const Entry& entry = entries_[order_[at].place];
    if (entry.id == order_[at].id && !each(entry)) return;
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
