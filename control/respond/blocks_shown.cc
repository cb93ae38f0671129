// What is shown of blocks: pages of them, and how often each has refused something.
#include <algorithm>

#include "control/respond/blocks.h"

namespace sluice {
namespace {

/// Of which a page shows some.
constexpr std::size_t kLookedAtPerPage = 4096;
/// A million blocks are looked at every two minutes; in that time no slot's count goes round.
constexpr std::size_t kHitsPerTurn = 512;

/// A journal that was lost begins with id 1 again.
bool is_note_of(const BlockNote& note, const BlockSet::Entry& entry) noexcept {
  return note.id == entry.id && note.created == entry.created;
}

/// Whoever ends in between leaves no note.
void write_note(BlockNote& note, const BlockSet::Entry& entry) noexcept {
  note.id = 0;
  note.created = entry.created;
  note.hits = entry.hits;
  note.base = entry.hits_seen - static_cast<std::uint32_t>(entry.hits);
  note.id = entry.id;
}

}  // namespace

BlockNote* Blocks::note_at(std::uint32_t slot) const noexcept {
  return slot < options_.notes.size() ? &options_.notes[slot] : nullptr;
}

// What a slot counted for blocks before this one is not this one's; what it counted for this one
// under another control process is.
void Blocks::watch_slot(BlockSet::Entry& entry, std::uint32_t slot) const {
  count_hits(entry);
  entry.slot = slot;
  if (!options_.hits) return;
  BlockNote* note = note_at(slot);
  if (note != nullptr && is_note_of(*note, entry)) {
    entry.hits = note->hits;
    entry.hits_seen = static_cast<std::uint32_t>(note->base + entry.hits);
    return count_hits(entry);
  }
  entry.hits_seen = static_cast<std::uint32_t>(options_.hits(slot));
  if (note != nullptr) write_note(*note, entry);
}

void Blocks::count_hits(BlockSet::Entry& entry) const {
  if (!options_.hits || entry.slot == BlockSet::kNoSlot) return;
  const auto seen = static_cast<std::uint32_t>(options_.hits(entry.slot));
  entry.hits += static_cast<std::uint32_t>(seen - entry.hits_seen);
  entry.hits_seen = seen;
  if (BlockNote* note = note_at(entry.slot); note != nullptr && is_note_of(*note, entry)) {
    note->hits = entry.hits;
  }
}

void Blocks::look_at_hits() {
  auto& entries = set_.places();
  for (std::size_t i = std::min(kHitsPerTurn, entries.size()); i > 0; --i) {
    if (next_look_ >= entries.size()) next_look_ = 0;
    if (BlockSet::Entry& entry = entries[next_look_++]; entry.id != 0) count_hits(entry);
  }
}

BlockPage Blocks::list(const BlockQuery& query) const {
  BlockPage page;
  const TimeNs now = options_.clock.now();
  std::size_t looked_at = 0;
  std::uint64_t last = query.cursor;
  set_.walk(query.cursor, [&](const BlockSet::Entry& entry) {
    if (page.items.size() >= query.most || ++looked_at > kLookedAtPerPage) {
      page.next = last;
      return false;
    }
    last = entry.id;
    if (entry.until <= now || (query.touching && !touches(entry.target, *query.touching))) {
      return true;
    }
    BlockSet::Entry counted = entry;
    count_hits(counted);
    page.items.push_back({set_.block(entry), counted.hits});
    return true;
  });
  return page;
}

}  // namespace sluice
