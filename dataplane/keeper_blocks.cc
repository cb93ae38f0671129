#include "dataplane/keeper_blocks.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice {
namespace {

constexpr std::size_t kWaitingMax = 64;

bool is_well_formed(const BlockEntry& entry) noexcept {
  return entry.kind == BlockKind::flow || entry.prefix.covers(entry.prefix.address);
}

}  // namespace

Status KeeperBlocks::take(Message request) {
  if (waiting_.size() >= kWaitingMax) {
    return fail(ErrorKind::limit, fmt::format("blocks: {} changes wait already", kWaitingMax));
  }
  waiting_.push_back(std::move(request));
  return {};
}

void KeeperBlocks::forget() {
  waiting_.clear();
  is_answered_ = false;
}

std::optional<KeeperBlocks::Answer> KeeperBlocks::turn(TimeNs now, std::uint32_t steps) {
  if (step_ == Step::none && waiting_.empty()) {
    expired_ += table_.expire(now, steps);
    return std::nullopt;
  }
  if (step_ == Step::none) {
    if (auto begun = begin(); !begun) return end(tl::unexpected<Error>(begun.error()));
  }
  for (std::uint32_t left = steps; step_ != Step::done;) {
    if (place_ >= length_of(step_)) {
      if (auto entered = enter_next(); !entered) return end(tl::unexpected<Error>(entered.error()));
      continue;
    }
    if (left-- == 0) return std::nullopt;
    look_at(place_++, now);
  }
  return end(BlockReceipt{.active = table_.active(), .slots = std::move(slots_)});
}

Status KeeperBlocks::begin() {
  const Message request = std::move(waiting_.front());
  waiting_.pop_front();
  is_answered_ = true;
  number_ = request.generation;
  const auto body = body_of(request);
  if (!body) return tl::unexpected<Error>(body.error());
  auto changes = decode_as<BlockChanges>(body->bytes());
  if (!changes) return tl::unexpected<Error>(changes.error());
  if (!std::ranges::all_of(changes->added, is_well_formed)) {
    return fail(ErrorKind::invalid, "blocks: a prefix has bits set behind its length");
  }
  changes_ = std::move(*changes);
  slots_.assign(changes_.added.size(), BlockTable::kNone);
  std::fill(is_kept_.begin(), is_kept_.end(), false);
  missing_ = leaving_ = 0;
  place_ = 0;
  step_ = Step::expire;
  return {};
}

/// How many places a step looks at.
std::size_t KeeperBlocks::length_of(Step step) const noexcept {
  const std::size_t added = changes_.added.size();
  const std::size_t removed = changes_.removed.size();
  switch (step) {
    case Step::expire:
      return table_.room() < added ? table_.capacity() : 0;
    case Step::count:
      return changes_.replaces_all ? 0 : added + removed;
    case Step::renew:
    case Step::insert:
      return added;
    case Step::remove:
      return changes_.replaces_all ? table_.capacity() : removed;
    case Step::none:
    case Step::done:
      break;
  }
  return 0;
}

// Nothing has been changed before `renew`: until then the whole may be refused.
Status KeeperBlocks::enter_next() {
  place_ = 0;
  step_ = static_cast<Step>(static_cast<std::uint8_t>(step_) + 1);
  if (step_ != Step::renew) return {};
  const std::uint64_t needed = changes_.replaces_all ? changes_.added.size() : missing_;
  const std::uint64_t room = changes_.replaces_all ? table_.capacity() : table_.room() + leaving_;
  if (needed <= room) return {};
  return fail(ErrorKind::limit,
              fmt::format("blocks: {} more do not fit, there is room for {} of blocks.capacity {}",
                          needed, room, table_.capacity()));
}

void KeeperBlocks::look_at(std::size_t place, TimeNs now) {
  switch (step_) {
    case Step::expire:
      expired_ += table_.expire(now, 1);
      return;
    case Step::count:
      return count(place);
    case Step::renew:
      return renew(place);
    case Step::remove:
      return remove(place);
    case Step::insert:
      return insert(place);
    case Step::none:
    case Step::done:
      return;
  }
}

void KeeperBlocks::count(std::size_t place) {
  const std::size_t added = changes_.added.size();
  const bool is_added = place < added;
  const std::uint32_t slot = is_added ? table_.find(block_key(changes_.added[place]))
                                      : table_.slot_of(changes_.removed[place - added]);
  if (slot == BlockTable::kNone) {
    missing_ += is_added ? 1 : 0;
    return;
  }
  leaving_ += !is_added && !is_kept_[slot] ? 1 : 0;
  is_kept_[slot] = true;
}

void KeeperBlocks::renew(std::size_t place) {
  const BlockEntry& entry = changes_.added[place];
  const std::uint32_t slot = table_.find(block_key(entry));
  if (slot == BlockTable::kNone) return;
  table_.renew(slot, entry.id, entry.until);
  slots_[place] = slot;
  is_kept_[slot] = true;
}

void KeeperBlocks::remove(std::size_t place) {
  if (changes_.replaces_all) {
    const auto slot = static_cast<std::uint32_t>(place);
    if (table_.is_taken(slot) && !is_kept_[slot]) table_.remove(slot);
    return;
  }
  const std::uint32_t slot = table_.slot_of(changes_.removed[place]);
  if (slot != BlockTable::kNone) table_.remove(slot);
}

// One that is named twice is there since its first time.
void KeeperBlocks::insert(std::size_t place) {
  if (slots_[place] != BlockTable::kNone) return;
  const BlockEntry& entry = changes_.added[place];
  const BlockKey key = block_key(entry);
  const std::uint32_t slot = table_.find(key);
  if (slot != BlockTable::kNone) table_.renew(slot, entry.id, entry.until);
  slots_[place] = slot != BlockTable::kNone ? slot : table_.insert(key, entry.id, entry.until);
}

std::optional<KeeperBlocks::Answer> KeeperBlocks::end(Result<BlockReceipt> receipt) {
  step_ = Step::none;
  is_told_ |= changes_.replaces_all && receipt.has_value();
  changes_ = {};
  slots_ = {};
  if (!is_answered_) return std::nullopt;
  return Answer{number_, std::move(receipt)};
}

}  // namespace sluice
