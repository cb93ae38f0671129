#include "dataplane/inspect/set_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "config/set_entry.h"
#include "config/set_memory.h"

namespace sluice {
namespace {

constexpr TimeNs kForever = ~TimeNs{0};

constexpr std::uint8_t lower(std::uint8_t byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte | 0x20) : byte;
}

[[nodiscard]] TimeNs end_of(const SetEntry& entry) noexcept {
  return entry.until == 0 ? kForever : entry.until;
}

[[nodiscard]] std::uint16_t tag_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint16_t>(hash >> 48);
}

[[nodiscard]] std::span<const std::uint8_t> bytes_of(const std::string& key) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(key.data()), key.size()};
}

template <class T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string& out, std::string_view text) {
  append(out, text.size());
  out += text;
}

[[nodiscard]] Hash128 digest_of(const SetContents& contents, const SipKey& key) {
  std::string all;
  append_text(all, contents.set.name);
  append(all, contents.set.kind);
  append(all, contents.set.nocase);
  for (const SetEntry& entry : contents.entries) {
    append_text(all, entry.key);
    append(all, entry.until);
  }
  return siphash128<1, 3>(key, all.data(), all.size());
}

/// Keyed, so that nobody makes two lists that pass for each other.
[[nodiscard]] Hash128 digest_of(std::span<const SetContents> contents, const SipKey& key) {
  std::string all;
  for (const SetContents& one : contents) append(all, digest_of(one, key));
  return siphash128<1, 3>(key, all.data(), all.size());
}

/// Behind the first dot; empty where there is none.
[[nodiscard]] std::span<const std::uint8_t> behind_dot(
    std::span<const std::uint8_t> name) noexcept {
  const auto dot = std::ranges::find(name, std::uint8_t{'.'});
  if (dot == name.end()) return {};
  return name.subspan(static_cast<std::size_t>(dot - name.begin()) + 1);
}

[[nodiscard]] bool has_prefix_of(const SetTable* table, const IpAddress& address,
                                 TimeNs now) noexcept {
  return table != nullptr &&
         std::ranges::any_of(table->lengths(address.version), [&](std::uint8_t length) {
           return table->contains(address_key(address, length).span(), now);
         });
}

}  // namespace

// A table of n entries has the next power of two above 2 n slots: up to 4 for each.
SetTable::SetTable(std::span<const SetEntry> entries, const SipKey& key, bool holds_addresses)
    : key_(key) {
  static_assert(4 * sizeof(Slot) == kSetSlotBytes);
  std::size_t bytes = 0;
  for (const SetEntry& entry : entries) bytes += entry.key.size();
  bytes_.reserve(bytes);
  slots_.resize(std::bit_ceil(entries.size() * 2 + 1));
  for (const SetEntry& entry : entries) {
    insert(entry);
    if (holds_addresses) note_length(entry);
  }
}

void SetTable::insert(const SetEntry& entry) {
  const auto key = bytes_of(entry.key);
  if (key.empty() || key.size() > kSetKeyBytesMax) return;
  const std::uint64_t hash = siphash<1, 3>(key_, key.data(), key.size());
  std::size_t place = hash & (slots_.size() - 1);
  while (slots_[place].bytes != 0) {
    if (is_key(slots_[place], key, tag_of(hash))) {
      slots_[place].until = std::max(slots_[place].until, end_of(entry));
      return;
    }
    place = (place + 1) & (slots_.size() - 1);
  }
  slots_[place] = {end_of(entry), static_cast<std::uint32_t>(bytes_.size()),
                   static_cast<std::uint16_t>(key.size()), tag_of(hash)};
  bytes_.insert(bytes_.end(), key.begin(), key.end());
  longest_ = std::max(longest_, key.size());
  ++size_;
}

void SetTable::note_length(const SetEntry& entry) {
  if (!is_address_key(entry.key)) return;
  auto& lengths = entry.key[0] == 4 ? lengths_v4_ : lengths_v6_;
  const auto length = static_cast<std::uint8_t>(entry.key[1]);
  if (std::ranges::find(lengths, length) == lengths.end()) lengths.push_back(length);
}

bool SetTable::is_key(const Slot& slot, std::span<const std::uint8_t> key,
                      std::uint16_t tag) const noexcept {
  return slot.tag == tag && slot.bytes == key.size() &&
         std::memcmp(bytes_.data() + slot.begin, key.data(), key.size()) == 0;
}

bool SetTable::contains(std::span<const std::uint8_t> key, TimeNs now) const noexcept {
  if (key.empty() || key.size() > longest_) return false;
  const std::uint64_t hash = siphash<1, 3>(key_, key.data(), key.size());
  std::size_t place = hash & (slots_.size() - 1);
  for (; slots_[place].bytes != 0; place = (place + 1) & (slots_.size() - 1)) {
    if (is_key(slots_[place], key, tag_of(hash))) return now < slots_[place].until;
  }
  return false;
}

SetTables::SetTables(std::span<const SetContents> contents, Hash128 digest, const SipKey& key)
    : digest_(digest) {
  tables_.reserve(contents.size());
  for (const SetContents& set : contents) {
    sets_.push_back(set.set);
    tables_.emplace_back(set.entries, key, set.set.kind == SetKind::address);
  }
}

const SetTable* SetTables::find(const NamedSet& set) const noexcept {
  const auto same = std::ranges::find(sets_, set);
  return same == sets_.end() ? nullptr : &tables_[static_cast<std::size_t>(same - sets_.begin())];
}

std::size_t SetTables::memory_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const SetTable& table : tables_) bytes += table.memory_bytes();
  return bytes;
}

std::shared_ptr<const SetTables> make_set_tables(std::span<const SetContents> contents,
                                                 const SipKey& key,
                                                 const std::shared_ptr<const SetTables>& previous) {
  if (contents.empty()) return nullptr;
  const Hash128 digest = digest_of(contents, key);
  if (previous != nullptr && previous->digest() == digest) return previous;
  return std::make_shared<const SetTables>(contents, digest, key);
}

RuleSets::RuleSets(std::span<const NamedSet> names, std::shared_ptr<const SetTables> file,
                   std::shared_ptr<const SetTables> live, std::uint32_t epoch)
    : file_(std::move(file)), live_(std::move(live)), epoch_(epoch) {
  for (const NamedSet& name : names) {
    One one;
    one.kind = name.kind;
    one.nocase = name.nocase;
    one.file = file_ == nullptr ? nullptr : file_->find(name);
    one.live = live_ == nullptr ? nullptr : live_->find(name);
    sets_.push_back(one);
  }
}

bool RuleSets::has_key(const One& set, std::span<const std::uint8_t> key, TimeNs now) noexcept {
  return (set.file != nullptr && set.file->contains(key, now)) ||
         (set.live != nullptr && set.live->contains(key, now));
}

// What is longer than every entry is hashed by none of the tables.
bool RuleSets::has_domain_of(const One& set, std::span<const std::uint8_t> folded,
                             TimeNs now) noexcept {
  for (; !folded.empty(); folded = behind_dot(folded)) {
    if (has_key(set, folded, now)) return true;
  }
  return false;
}

bool RuleSets::contains(std::uint32_t set, std::span<const std::uint8_t> bytes,
                        TimeNs now) const noexcept {
  if (set >= sets_.size() || bytes.empty()) return false;
  const One& one = sets_[set];
  const bool folds = one.kind == SetKind::domain || one.nocase;
  if (!folds) return has_key(one, bytes, now);
  std::array<std::uint8_t, kSetKeyBytesMax + 1> room;
  if (bytes.size() > room.size()) {
    if (one.kind != SetKind::domain) return false;
    // No name of this length is in a set; names that it ends with may be.
    bytes = behind_dot(bytes.last(room.size()));
    if (bytes.empty()) return false;
  }
  std::ranges::transform(bytes, room.begin(), lower);
  auto folded = std::span<const std::uint8_t>(room).first(bytes.size());
  if (one.kind != SetKind::domain) return has_key(one, folded, now);
  if (folded.back() == '.') folded = folded.first(folded.size() - 1);
  return has_domain_of(one, folded, now);
}

bool RuleSets::contains(std::uint32_t set, const IpAddress& address, TimeNs now) const noexcept {
  if (set >= sets_.size()) return false;
  const One& one = sets_[set];
  return has_prefix_of(one.file, address, now) || has_prefix_of(one.live, address, now);
}

}  // namespace sluice
